"""What time it is at the control plane, by which batches expire, whatever the clock of this machine shows."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from probes.protocol.batch import Batch


class ControlClock:
    """This machine's clock, less how far it is ahead by the newest batch that tells. Safe between threads.

    A batch tells it for each worker that is known well enough; for whom it does not name, it tells the largest. So
    that one, whose clock may be another, runs rather what is too late than nothing.

    And never earlier than a batch that was issued: the control plane signed that, and time has passed since. So a
    clock that is behind does no harm before anything is known of it, nor does one that is set back.
    """

    def __init__(
        self,
        worker: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._worker = worker
        self._now = now
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._offset = timedelta(0)
        self._newest: tuple[datetime, float] | None = None  # when it was issued, and when it came, monotonic

    def hear(self, batch: Batch) -> float:
        """Learn from a batch that just came; return its age in seconds as this machine's clock shows it."""
        with self._lock:
            if self._newest is None or batch.issued_at >= self._newest[0]:
                self._newest = batch.issued_at, self._monotonic()
                offset_seconds = batch.clock_offsets.get(self._worker, batch.clock_offset_seconds)
                if offset_seconds is not None:
                    self._offset = timedelta(seconds=offset_seconds)
        return (self._now() - batch.issued_at).total_seconds()

    @property
    def heard_issued_at(self) -> datetime | None:
        """When the newest batch that came was issued; None before the first."""
        with self._lock:
            return self._newest[0] if self._newest else None

    def now(self) -> datetime:
        """Return the control plane's time."""
        with self._lock:
            shown = self._now() - self._offset
            if self._newest is None:
                return shown
            issued_at, came = self._newest
            return max(shown, issued_at + timedelta(seconds=self._monotonic() - came))
