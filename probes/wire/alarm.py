"""One deadline at a time for a connection, at next to no cost per request.

A timer for every request would be made and cancelled thousands of times a second. Here a timer that stands too
early is left standing, and set again when it goes off.
"""

import asyncio
from collections.abc import Callable


class Alarm:
    """Calls `ring` once the time given to `set` has come, unless it was set anew or cleared before."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self, due: float) -> None:
        """Ring at `due` on the loop's clock."""
        self._due = due
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._went_off)

    def clear(self) -> None:
        """Ring no more for now."""
        self._due = None

    def stop(self) -> None:
        """Ring no more, and let go of the loop's timer."""
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _went_off(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._loop.time() < self._due:
            self.set(self._due)
        else:
            self._due = None
            self._ring()
