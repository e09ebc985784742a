"""How long batches wait in the region's queue, as one worker can tell."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The waits since the last reading that was sent, as a heartbeat tells them."""

    shortest_seconds: float | None = None
    longest_seconds: float | None = None
    head_seconds: float = 0.0


class Waits:
    """Notes the age of each batch that is taken. Safe between threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        # Of each the shortest and the longest: what came since the last reading, and what was read and not sent yet.
        self._unread: list[float] = []
        self._unsent: list[float] = []
        self._stands_since: float | None = None  # since when messages were seen to wait and none was taken

    def took(self, wait_seconds: float) -> None:
        """Note a batch that was taken so long after it was issued, by two clocks."""
        with self._lock:
            self._unread = _ends([*self._unread, wait_seconds])
            self._stands_since = None

    def read(self, queue_length: int) -> Reading:
        """Return the waits; they are kept until `sent`."""
        now = self._monotonic()
        with self._lock:
            if not queue_length:
                self._stands_since = None
            elif self._stands_since is None:
                self._stands_since = now
            self._unsent, self._unread = _ends([*self._unsent, *self._unread]), []
            return Reading(
                shortest_seconds=min(self._unsent, default=None),
                longest_seconds=max(self._unsent, default=None),
                head_seconds=0.0 if self._stands_since is None else now - self._stands_since,
            )

    def sent(self) -> None:
        """Begin anew: what was read is on its way. What came meanwhile, and that may be long, is in the next."""
        with self._lock:
            self._unsent = []


def _ends(waits: list[float]) -> list[float]:
    """Return the shortest and the longest, if there are any."""
    return [min(waits), max(waits)] if waits else []
