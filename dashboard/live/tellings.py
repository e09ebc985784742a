"""What was told lately: who was away hears what he missed, and who keeps something knows whether it is still so.

PURE. One thread adds, any thread asks: a lock keeps whoever asks from what is half added or half forgotten.
"""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from probes.policy.changes import Change

KEPT_SECONDS: Final = 90.0
MOST_KEPT: Final = 20_000
"""Changes, of all that is kept."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What was told at once: tellings are numbered from one, and `at` is of a clock that only goes on."""

    number: int
    at: float
    changes: tuple[Change, ...]


class Tellings:
    """The last of them, of so many seconds and so many changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Telling] = deque()
        self._changes = 0  # of all that is kept
        self._forgotten = 0  # the last that is not kept any more
        self._last: dict[str, int] = {}  # of those that are: which was the last to tell of a topic

    def add(self, telling: Telling) -> None:
        """Keep one more, and forget what is too old or too much."""
        with self._lock:
            self._kept.append(telling)
            self._changes += len(telling.changes)
            for change in telling.changes:
                self._last |= dict.fromkeys(change.topics, telling.number)
            oldest = telling.at - KEPT_SECONDS
            while self._kept and (self._kept[0].at < oldest or self._changes > MOST_KEPT):
                self._forget(self._kept.popleft())

    def clear(self) -> None:
        """Forget everything, and begin to count anew."""
        with self._lock:
            self._kept.clear()
            self._last.clear()
            self._changes = self._forgotten = 0

    def since(self, number: int) -> list[Change] | None:
        """Return what was told after that telling; None where that is not known."""
        with self._lock:
            if number < self._forgotten:
                return None
            return [change for one in self._kept if one.number > number for change in one.changes]

    def is_untold(self, topics: Iterable[str], since: int) -> bool:
        """Tell whether none of these was told after that telling; False where that is not known."""
        with self._lock:
            return since >= self._forgotten and all(self._last.get(topic, 0) <= since for topic in topics)

    def number_at(self, at: float, latest: int) -> int:
        """Return up to which telling all had been told at a moment; `latest` is the last there is."""
        with self._lock:
            for one in reversed(self._kept):
                if one.at < at:
                    break
                latest = one.number - 1
            return latest

    def _forget(self, gone: Telling) -> None:
        self._forgotten = gone.number
        self._changes -= len(gone.changes)
        for topic in {topic for change in gone.changes for topic in change.topics}:
            if self._last[topic] == gone.number:
                del self._last[topic]
