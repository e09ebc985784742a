"""The streams of a process: one thread, one event loop, one connection that listens, however many pages are open.

What the database tells is kept for a second and told once. Each telling has a position, so whoever was away for a
moment is told what he missed. Where something may have been missed, everybody is told to read everything again.
"""

import asyncio
import contextlib
import logging
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterable
from functools import partial
from socket import socket
from typing import Any, Final

from django.conf import settings
from psycopg import Error

from dashboard.live.subscriptions import Subscription, event, framed, heard
from dashboard.live.tellings import Telling, Tellings
from probes.policy.changes import ALL, Change, changes
from probes.selectors import listening

TOLD_EVERY_SECONDS: Final = 1.0
BEAT_SECONDS: Final = 10.0
_SETTLE_SECONDS: Final = 0.05  # what is committed together is told together
_LARGEST_BACKLOG: Final = 65_536
_AGAIN_SECONDS: Final = (0.5, 1.0, 2.0, 5.0)
_LONGEST_NUMBER: Final = 15
_AT_ONCE_MS: Final = (20, 250)

_log = logging.getLogger(__name__)


class Outlet(asyncio.Protocol):
    """One stream. `who` is counted; `since` is the position from which on something may have been missed."""

    transport: asyncio.Transport

    def __init__(self, hub: "Hub", subscription: Subscription, *, who: str, since: str, chunked: bool) -> None:
        self.hub, self.subscription, self.who, self.since, self.chunked = hub, subscription, who, since, chunked

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a socket there is no other
        self.transport = transport
        self.hub.welcome(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.hub.forget(self)

    def send(self, part: bytes) -> None:
        """Write a part of the stream, unless it has ended. Who does not read it is let go: he comes again."""
        if self.transport.is_closing():
            return
        if self.transport.get_write_buffer_size() > _LARGEST_BACKLOG:
            self.transport.abort()
        else:
            self.transport.write(framed(part, chunked=self.chunked))

    def expire(self) -> None:
        """End the stream as its time is over: who reads it comes again at once, and shows again who he is."""
        self.send(f"retry: {random.randint(*_AT_ONCE_MS)}\n\n".encode())
        self.end()

    def end(self) -> None:
        """End the stream in good order; who reads it comes again, when its head told him to."""
        if not self.transport.is_closing():
            if self.chunked:
                self.transport.write(b"0\r\n\r\n")
            self.transport.close()


class Hub:
    """Everything above. Its thread starts with it and ends with `stop`."""

    def __init__(self) -> None:
        self._outlets: set[Outlet] = set()
        self._admitted: set[Outlet] = set()
        self._count: Counter[str] = Counter()  # of them, by whose they are
        self._lock = threading.Lock()  # of these two
        self._place = ("", 0)  # whose epoch is empty while nobody listens; read and written as one, by any thread
        self._tellings = Tellings()
        self._pending: list[Change] = []
        self._told_at = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._thread.start()

    # --- asked from any thread ---

    def admit(self, outlet: Outlet) -> bool:
        """Count one more stream, until it ends or is dismissed; False where there may be no other, or none of his."""
        with self._lock:
            is_full = len(self._admitted) >= settings.KAIROS_LIVE_STREAMS
            if is_full or self._count[outlet.who] >= settings.KAIROS_LIVE_STREAMS_EACH:
                return False
            self._admitted.add(outlet)
            self._count[outlet.who] += 1
            return True

    def dismiss(self, outlet: Outlet) -> None:
        """Count a stream no longer; nothing happens where it is not counted."""
        with self._lock:
            if outlet in self._admitted:
                self._admitted.remove(outlet)
                self._count[outlet.who] -= 1
                self._count += Counter()  # leaves out whoever has none

    def adopt(self, connection: socket, outlet: Outlet) -> None:
        """Take a connection on which the head of a response has been sent, for a stream that was admitted."""
        try:
            connection.setblocking(False)
            self._loop.call_soon_threadsafe(self._take, connection, outlet)
        except (RuntimeError, OSError):  # the loop has ended, and the process will; or the connection has
            connection.close()
            self.dismiss(outlet)

    @property
    def position(self) -> str:
        """What has been told by now; empty while nobody listens."""
        epoch, number = self._place
        return f"{epoch}-{number}" if epoch else ""

    def position_before(self, seconds: float) -> str:
        """Return the position of some time ago: of what was read since then, nothing is older."""
        epoch, number = self._place
        if not epoch:
            return ""
        return f"{epoch}-{self._tellings.number_at(time.monotonic() - seconds, number)}"

    def is_past(self, position: str) -> bool:
        """Tell whether all up to a position has been told by now, so that whoever reads now sees it."""
        return is_at_least(self.position, position)

    def is_untold(self, topics: Iterable[str], since: str) -> bool:
        """Tell whether none of these was told after a position; False where that is not known."""
        if not (self.is_past(since) and self._tellings.is_untold(topics, int(since.rpartition("-")[2]))):
            return False
        # Or else it was of tellings that began anew meanwhile, which know nothing of what was before them.
        return self.is_past(since)

    def stop(self) -> None:
        """End all streams at once. Callable from a signal's handler, and more than once."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end)

    # --- on the loop ---

    def welcome(self, outlet: Outlet) -> None:
        """Tell a stream what it missed, and from now on what happens."""
        self._outlets.add(outlet)
        life = settings.KAIROS_LIVE_STREAM_SECONDS
        self._loop.call_later(random.uniform(0.75 * life, life), outlet.expire)
        if not self._is_listening:
            return  # all are told when somebody listens again
        missed = self._since(outlet.since)
        if missed is None:
            outlet.send(event("refresh", ALL, self.position))
        elif topics := outlet.subscription.of_these(heard(missed, outlet.subscription.reach)):
            outlet.send(event("change", " ".join(topics), self.position))
        else:
            outlet.send(event("beat", "-", self.position))

    def forget(self, outlet: Outlet) -> None:
        self._outlets.discard(outlet)
        self.dismiss(outlet)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        tasks = [self._loop.create_task(self._listen()), self._loop.create_task(self._beat())]
        self._loop.run_forever()
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    @property
    def _is_listening(self) -> bool:
        return bool(self._place[0])

    def _take(self, connection: socket, outlet: Outlet) -> None:
        task = self._loop.create_task(self._loop.connect_accepted_socket(lambda: outlet, connection))
        task.add_done_callback(partial(self._taken, connection, outlet))

    def _taken(self, connection: socket, outlet: Outlet, task: "asyncio.Task[Any]") -> None:
        if task.cancelled() or task.exception():  # it may be gone before it is adopted
            connection.close()
            self.dismiss(outlet)

    def _end(self) -> None:
        for outlet in tuple(self._outlets):
            outlet.end()
        self._loop.call_soon(self._loop.stop)

    def _since(self, position: str) -> list[Change] | None:
        """Return what was told since then; None where that is not known."""
        if not self.is_past(position):
            return None
        return self._tellings.since(int(position.rpartition("-")[2]))

    async def _listen(self) -> None:
        failures = 0
        while True:
            try:
                async for payload in listening.payloads(listening=self._begin):
                    failures = 0
                    self._note(changes(payload))
            except (Error, OSError, TimeoutError) as error:
                if failures == 0:
                    _log.warning("changes are not told to pages: %s", type(error).__name__)
            self._place = ("", 0)
            await asyncio.sleep(_AGAIN_SECONDS[min(failures, len(_AGAIN_SECONDS) - 1)])
            failures += 1

    def _begin(self) -> None:
        """From here on nothing is missed; what was before, nobody knows."""
        self._tellings.clear()
        self._place = (secrets.token_hex(4), 0)
        self._pending.clear()
        self._tell_each(event("refresh", ALL, self.position))

    def _note(self, found: Iterable[Change]) -> None:
        if not self._pending:
            wait = max(_SETTLE_SECONDS, self._told_at + TOLD_EVERY_SECONDS - self._loop.time())
            self._loop.call_later(wait, self._tell)
        self._pending.extend(found)

    def _tell(self) -> None:
        told, self._pending = tuple(self._pending), []
        if not told:
            return
        epoch, number = self._place
        self._told_at = self._loop.time()
        self._tellings.add(Telling(number + 1, time.monotonic(), told))
        self._place = (epoch, number + 1)
        by_reach: dict[Any, frozenset[str]] = {}
        said: dict[Subscription, bytes] = {}
        for outlet in tuple(self._outlets):
            wanted = outlet.subscription
            if wanted not in said:
                if wanted.reach not in by_reach:
                    by_reach[wanted.reach] = heard(told, wanted.reach)
                topics = wanted.of_these(by_reach[wanted.reach])
                said[wanted] = event("change", " ".join(topics), self.position) if topics else b""
            if said[wanted]:
                outlet.send(said[wanted])

    async def _beat(self) -> None:
        """Let everybody hear something, as long as we would hear of changes ourselves."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if self._is_listening:
                self._tell_each(event("beat", "-", self.position))

    def _tell_each(self, part: bytes) -> None:
        for outlet in tuple(self._outlets):
            outlet.send(part)


_lock = threading.Lock()
_hub: Hub | None = None
_is_over = False


def hub() -> Hub | None:
    """Return that of this process, which the first who asks for it starts; None once the process is to end."""
    global _hub  # noqa: PLW0603 - one for the process
    with _lock:
        if _hub is None and not _is_over:
            _hub = Hub()
        return None if _is_over else _hub


def is_at_least(position: str, other: str) -> bool:
    """Tell whether one position is another or after it."""
    (epoch, _, number), (other_epoch, _, other_number) = position.rpartition("-"), other.rpartition("-")
    is_known = bool(epoch) and epoch == other_epoch and number.isdecimal() and other_number.isdecimal()
    # What is too long for a number of ours is of nobody's telling, and would take long to read.
    return is_known and len(other_number) <= _LONGEST_NUMBER and int(number) >= int(other_number)


def running() -> Hub | None:
    """Return that of this process if there is one."""
    return None if _is_over else _hub


def position() -> str:
    """Return what has been told by now in this process, empty while nobody listens: what is read later is as new."""
    found = running()
    return found.position if found else ""


def stop() -> None:
    """End all streams of this process; there are none from now on. It takes no lock: a signal's handler calls it."""
    global _is_over  # noqa: PLW0603 - of the process
    _is_over = True
    if _hub is not None:
        _hub.stop()
