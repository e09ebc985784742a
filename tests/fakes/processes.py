"""Programs that a test runs, watches and kills, each a `Child` with a log of its own."""

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import psutil

from kairos.child import Child
from tests.servers import spawn

RESTART_SECONDS: Final = 1.0
TAIL_LINES: Final = 200
TELLING: Final = {"PYTHONFAULTHANDLER": "1"}
"""What a Python program needs in its environment for `tell_what_they_do`."""


class Processes:
    """Programs by name. What a test kills stays dead until it starts it; what dies by itself is started again.

    That is what `manage.py up` does, with its first pause. `deaths` names what died by itself, and how, with the
    last lines of its log.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: dict[str, Child] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._restart_at: dict[str, float] = {}
        self.deaths: list[str] = []
        logs.mkdir()

    def start(self, child: Child) -> None:
        self._children[child.name] = child
        with self._log(child.name).open("ab") as log:
            self._running[child.name] = spawn(child, log)

    def start_again(self, name: str) -> None:
        assert name not in self._running, f"{name} runs"
        self.start(self._children[name])

    def start_another(self, name: str, other: str, **environment: str) -> None:
        """Start a program like `name` and with these variables, to go by the name `other`."""
        child = self._children[name]
        self.start(replace(child, name=other, environment={**child.environment, **environment}))

    def kill(self, name: str) -> None:
        """End a program, with every process that it has started, as a power cut would."""
        family = self._family(name)
        process = self._running.pop(name)
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait()
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive, alive

    def run(self, child: Child) -> None:
        """Run a program to its end, which must be a good one."""
        self.start(child)
        status = self._running.pop(child.name).wait(60)
        assert status == 0, f"{child.name} ended with status {status}:\n{self.log(child.name)}"

    def look_after(self) -> None:
        """Start again what died by itself a moment ago."""
        now = time.monotonic()
        for name, process in list(self._running.items()):
            if process.poll() is not None:
                del self._running[name]
                self.deaths.append(f"{name} ended with status {process.returncode}\n{self._tail(name)}")
                self._restart_at[name] = now + RESTART_SECONDS
        for name, restart_at in list(self._restart_at.items()):
            if now >= restart_at:
                del self._restart_at[name]
                self.start_again(name)

    def stop(self, names: Iterable[str], seconds: float) -> list[str]:
        """Ask programs to end, all at once; return the names of those that had to be killed after `seconds`."""
        deadline = time.monotonic() + seconds
        stopping = {name: self._running[name] for name in names if name in self._running}
        for name, process in stopping.items():
            process.send_signal(self._children[name].stop_signal)
        stubborn = []
        for name, process in stopping.items():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
                del self._running[name]
            except subprocess.TimeoutExpired:
                stubborn.append(name)
                self.kill(name)
        return stubborn

    def tell_what_they_do(self, names: Iterable[str]) -> None:
        """Have Python programs write to their logs where each of their threads is, which is the end of them."""
        families = [member for name in names for member in self._family(name)]
        for member in families:
            with suppress(psutil.NoSuchProcess):
                member.send_signal(signal.SIGABRT)
        psutil.wait_procs(families, timeout=5)

    @property
    def names(self) -> list[str]:
        """The programs that run, in the order they were started."""
        return list(self._running)

    @property
    def pids(self) -> Mapping[str, int]:
        return {name: process.pid for name, process in self._running.items()}

    @property
    def states(self) -> list[str]:
        """How each program fares, in some words: how often it died, and the CPU time that it took in this life."""
        died = Counter(death.partition(" ")[0] for death in self.deaths)
        return [
            f"{name} {f'died {died[name]} times, ' if died[name] else ''}{self._effort(name)}"
            for name in (*self._running, *self._restart_at)
        ]

    def log(self, name: str) -> str:
        return self._log(name).read_text(encoding="utf-8", errors="replace")

    @property
    def last_lines(self) -> Mapping[str, str]:
        """The end of each program's log, for a test that failed."""
        return {name: self._tail(name) for name in self._children}

    def _tail(self, name: str) -> str:
        return "\n".join(self.log(name).splitlines()[-TAIL_LINES:])

    def _family(self, name: str) -> list[psutil.Process]:
        # Not by process group: PostgreSQL gives each of its backends one of its own.
        process = psutil.Process(self._running[name].pid)
        try:
            return [*process.children(recursive=True), process]
        except psutil.NoSuchProcess:
            return [process]

    def _effort(self, name: str) -> str:
        if name not in self._running:
            return "does not run"
        seconds = 0.0
        for process in self._family(name):
            with suppress(psutil.Error):
                times = process.cpu_times()
                seconds += times.user + times.system
        return f"took {seconds:.1f} s of CPU"

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"
