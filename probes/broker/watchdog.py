"""Telling a consumer that is stuck from one that is idle or busy.

A link to Redis that breaks at the wrong moment can leave a Celery worker alive, connected, and consuming nothing
for ever; only a restart helps. Such a worker should leave, so that its supervisor starts another.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Watchdog:
    """Compares "the queue holds messages" with "none was taken", over times of the monotonic clock in seconds."""

    patience_seconds: float
    _popped: int = field(default=-1, init=False)
    _since_seconds: float | None = field(default=None, init=False)

    def is_stuck(self, now_seconds: float, *, queue_length: int | None, popped: int, has_room: bool) -> bool:
        """Take one reading; tell whether messages have waited for `patience_seconds` while none was taken.

        `queue_length` is None when the broker did not answer: then nobody can consume, and the wait starts anew.
        So it does while `has_room` is false: a worker with its hands full leaves messages where they are.
        """
        if not queue_length or not has_room or popped != self._popped:
            self._popped = popped
            self._since_seconds = None
            return False
        if self._since_seconds is None:
            self._since_seconds = now_seconds
        return now_seconds - self._since_seconds >= self.patience_seconds
