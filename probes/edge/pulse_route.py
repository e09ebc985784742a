"""Where this worker's heartbeats go: the control plane says so in its batches."""

import threading
from datetime import UTC, datetime

from probes.broker.queues import HEARTBEATS, RESULTS
from probes.protocol.batch import Batch


class PulseRoute:
    """The queue that the control plane takes heartbeats from, by its newest batch. Safe between threads.

    A control plane of the version before reads them from among the reports, and this one still does. So they go there
    until a batch says otherwise, and again when it is set back to that version.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest = datetime.min.replace(tzinfo=UTC)
        self._queue = RESULTS

    def hear(self, batch: Batch) -> None:
        """Learn from a batch that the control plane signed."""
        with self._lock:
            if batch.issued_at >= self._newest:
                self._newest = batch.issued_at
                self._queue = HEARTBEATS if batch.heartbeats_apart else RESULTS

    @property
    def queue(self) -> str:
        return self._queue
