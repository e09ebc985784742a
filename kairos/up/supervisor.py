"""Children under Circus, embedded: its arbiter and watchers on our event loop, no daemon and no open endpoint.

Circus starts, reaps, signals and kills. Added here is what it lacks: a growing pause between restarts, a line for
every death, an order of stopping, and signals that are never lost (its own handler drops one that arrives while
another of its commands runs). Its control and event endpoints are `inproc://`: nobody outside can reach them.
See docs/adr/0002.
"""

import asyncio
import contextlib
import os
import select
import shlex
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import zmq
from circus.arbiter import Arbiter
from circus.exc import ConflictError
from circus.process import DEAD_OR_ZOMBIE, UNEXISTING
from circus.watcher import Watcher
from tornado import gen
from tornado.ioloop import IOLoop

from kairos.child import Child
from kairos.up import Refused
from kairos.up.backoff import BackOff
from kairos.up.console import Console, Lines

LOOK_SECONDS: Final = 0.25


class _Watcher(Watcher):  # type: ignore[misc]  # Circus is untyped
    """One child, one process. `exit_status` is that of the last one: negative for a signal, None before."""

    def __init__(self, child: Child, console: Console) -> None:
        self.child = child
        self.exit_status: int | None = None
        self.ended = asyncio.Event()  # a child that runs once has ended
        self._console = console
        self._lines = Lines(console, child.name)
        self._back_off = BackOff()
        self._next_start_at = 0.0
        account = child.account
        super().__init__(
            child.name,
            shlex.quote(child.argv[0]),
            args=list(child.argv[1:]),
            env=dict(child.environment),
            working_dir=str(child.directory),
            uid=account.uid if account else None,
            gid=account.gid if account else None,
            stop_signal=child.stop_signal,
            graceful_timeout=child.stop_seconds,
            respawn=not child.once,
            stdout_stream={"stream": self._lines},
            stderr_stream={"stream": self._lines},
            singleton=True,
            autostart=False,
            max_retry=1,
        )

    @gen.coroutine
    def manage_processes(self) -> Iterator[Any]:
        """Restart what died, after its pause. Circus's own method forgets some deaths without telling the hooks."""
        if self.is_stopped() or self.is_stopping():
            return
        for process in list(self.processes.values()):
            if process.status in (DEAD_OR_ZOMBIE, UNEXISTING):
                self.reap_process(process.pid)
        if self.processes or time.monotonic() < self._next_start_at:
            return
        if self.respawn:
            yield self.spawn_processes()
        else:
            yield self._stop()

    def reap_process(self, pid: int, status: int | None = None) -> None:
        """Read the last words, reap, and end the whole process group: a worker of a dead master serves nobody."""
        process = self.processes.get(pid)
        if process is None:
            return
        self._drain(process)
        if self.stream_redirector:
            # Circus would close the pipes while its loop still watches them.
            self.stream_redirector.remove_redirections(process)
        if status is None:
            with contextlib.suppress(ChildProcessError):  # Circus itself has waited for one that it stopped
                status = os.waitpid(pid, 0)[1]
        super().reap_process(pid, status)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        self.exit_status = os.waitstatus_to_exitcode(status) if status is not None else None
        if self.child.once:
            self.ended.set()
        elif not self.is_stopping():
            self._plan_restart(describe_exit(self.exit_status), time.time() - process.started)

    @gen.coroutine
    def spawn_processes(self) -> Iterator[Any]:
        """Start the process. Circus gives a child up that cannot be started again; here it is tried later."""
        started = self.spawn_process()
        if started is False and self.is_active():
            self._plan_restart("cannot be started", 0.0)
        yield gen.sleep(0)

    def _plan_restart(self, cause: str, lived_seconds: float) -> None:
        self._back_off = self._back_off.after_death(lived_seconds=lived_seconds)
        self._next_start_at = time.monotonic() + self._back_off.seconds
        where = f" (see {self.child.log})" if self.child.log else ""
        self._console.say(f"{self.name} {cause}{where}; starting it again in {self._back_off.seconds:.0f} s")

    def _drain(self, process: Any) -> None:
        for pipe in (process.stdout, process.stderr):
            with contextlib.suppress(OSError, ValueError):
                while select.select([pipe], [], [], 0)[0] and (data := os.read(pipe.fileno(), 65536)):
                    self._lines({"data": data})
        self._lines.flush()


class _Arbiter(Arbiter):  # type: ignore[misc]  # Circus is untyped
    @gen.coroutine
    def manage_watchers(self) -> Iterator[Any]:
        """Look after the children. A look while a child is being started or stopped is left out."""
        with contextlib.suppress(ConflictError):
            yield super().manage_watchers()

    def reap_processes(self) -> None:
        """Leave reaping to the watchers: `waitpid(-1)` would steal the status of other children of this process."""


class Supervisor:
    """Runs children until told to stop. Use it inside a running event loop, once."""

    def __init__(self, children: Sequence[Child], console: Console) -> None:
        self._watchers = {child.name: _Watcher(child, console) for child in children}
        self._context = zmq.Context()
        self._arbiter = _Arbiter(
            list(self._watchers.values()),
            "inproc://kairos-control",
            "inproc://kairos-events",
            check_delay=LOOK_SECONDS,
            loop=IOLoop.current(),
            context=self._context,
            proc_name="kairos up",
        )

    async def open(self) -> None:
        """Begin to look after children; none is started yet."""
        await self._arbiter.start()

    async def start(self, name: str) -> None:
        """Start a child. Raises `Refused` when the system cannot run it."""
        watcher = self._watchers[name]
        await _until_free(watcher.start)
        if watcher.is_stopped() and not watcher.ended.is_set():
            raise Refused(f"{name} cannot be run: {watcher.child.argv[0]}")

    async def finish(self, name: str) -> int | None:
        """Run a child that ends by itself; return its exit status. Raises `Refused` as `start` does."""
        watcher = self._watchers[name]
        await self.start(name)
        await watcher.ended.wait()
        return watcher.exit_status

    async def stop(self, *phases: Sequence[str]) -> None:
        """Stop children, one phase after the other and all of a phase at once, then stop looking after them.

        Each has its `stop_seconds` before it is killed with all of its own children.
        """
        self._arbiter.ctrl.caller.stop()
        for names in phases:
            await _until_free(partial(self._arbiter.stop_watchers, watcher_iter_func=self._only(names)))
        await _until_free(self._arbiter.stop)
        await asyncio.sleep(0)  # Circus closes its sockets in the loop's next turn
        self._context.destroy(linger=0)

    def _only(self, names: Sequence[str]) -> Callable[..., list[_Watcher]]:
        return lambda **_: [self._watchers[name] for name in names]

    def kill(self) -> None:
        """End all children now."""
        for watcher in self._watchers.values():
            for pid in list(watcher.processes):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)


def describe_exit(status: int | None) -> str:
    if status is None:
        return "ended"
    if status >= 0:
        return f"ended with status {status}"
    named = -status in {number.value for number in signal.Signals}
    return f"was ended by {signal.Signals(-status).name if named else f'signal {-status}'}"


async def _until_free(command: Callable[[], Awaitable[Any]]) -> None:
    """Give Circus a command; it takes one at a time and refuses the others."""
    while True:
        try:
            await command()
        except ConflictError:
            await asyncio.sleep(0.01)
        else:
            return
