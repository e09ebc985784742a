"""What a worker has done since it began, for its heartbeats."""

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from probes.edge.intake import Taken
from probes.trust.refusal import RefusalCause


class Tally:
    """Counts and the batches in hand. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: Counter[str] = Counter()
        self._in_hand: dict[str, float] = {}  # batch → when it expires, monotonic
        self.batches_run = 0
        self.checks_run = 0

    def refuse(self, queue: str, cause: RefusalCause, detail: str) -> None:  # noqa: ARG002 - the guard's callback
        with self._lock:
            self._refused[cause.value] += 1

    @property
    def refused(self) -> dict[str, int]:
        with self._lock:
            return dict(self._refused)

    @property
    def batches_in_hand(self) -> int:
        return len(self._in_hand)

    @contextmanager
    def running(self, taken: Taken) -> Iterator[None]:
        """Have a batch in hand until the block ends, and count it if it ends well."""
        batch = taken.batch
        with self._lock:
            self._in_hand[batch.id] = taken.expires
        try:
            yield
            with self._lock:
                self.batches_run += 1
                self.checks_run += len(batch.plans)
        finally:
            with self._lock:
                del self._in_hand[batch.id]

    def overdue_seconds(self) -> float:
        """Return how long ago the first of the batches in hand expired; 0 where none has."""
        with self._lock:
            first = min(self._in_hand.values(), default=math.inf)
        return max(0.0, time.monotonic() - first)
