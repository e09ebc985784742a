"""Sending reports from a thread of its own, so that a broker that is away, or full, never holds up a batch."""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from probes.broker.queues import RESULTS
from probes.edge.app import INGEST
from probes.edge.link import Link, LinkDown, QueueFull
from probes.edge.spool import Parcel, Spool

_FIRST_DELAY_SECONDS: Final = 0.5
_LONGEST_DELAY_SECONDS: Final = 15.0
_HASTY_DELAY_SECONDS: Final = 0.2
_log = logging.getLogger(__name__)


class Publisher:
    """Sends reports in order, each until it is sent or dropped. `put` and the counts are safe between threads."""

    def __init__(self, link: Link, spool: Spool, jitter: Callable[[], float] = random.random) -> None:
        self._link = link
        self._spool = spool
        self._jitter = jitter
        self._changed = threading.Condition()
        self._give_up_at: float | None = None  # by the monotonic clock; set when the worker stops
        self._thread = threading.Thread(target=self._work, name="publisher", daemon=True)
        self.dropped = 0

    @property
    def spooled(self) -> int:
        return len(self._spool)

    def start(self) -> None:
        self._thread.start()

    def put(self, envelope: dict[str, Any]) -> None:
        """Take a signed report to be sent; returns at once."""
        parcel = Parcel(envelope, len(envelope["body"]))
        with self._changed:
            dropped = self._spool.put(parcel)
            self.dropped += dropped
            self._changed.notify()
        if dropped:
            _log.error("no room for more reports while none is taken: dropped the %d oldest", dropped)

    def stop(self, within_seconds: float) -> int:
        """Send what is left for so long and end the thread; return how many reports are lost."""
        with self._changed:
            self._give_up_at = time.monotonic() + within_seconds
            self._changed.notify()
        self._thread.join(within_seconds + _HASTY_DELAY_SECONDS)
        lost = len(self._spool)
        if lost:
            _log.error("stopped with %d reports unsent", lost)
        return lost

    def _work(self) -> None:
        failures = 0
        while parcel := self._next():
            try:
                self._link.send(INGEST, parcel.envelope, queue=RESULTS)
            except LinkDown as down:
                failures += 1
                if failures == 1:
                    why = "nobody takes them" if isinstance(down, QueueFull) else "the broker is away"
                    _log.warning("%s, reports wait: %s", why, down)
                self._pause(failures)
                continue
            if failures:
                _log.info("reports are sent again, after %d tries", failures)
                failures = 0
            with self._changed:
                self._spool.sent(parcel)
        self._link.close()

    def _next(self) -> Parcel | None:
        """Wait for a report; None when there is nothing more to do."""
        with self._changed:
            while True:
                parcel = self._spool.first()
                if self._give_up_at is not None and (parcel is None or time.monotonic() >= self._give_up_at):
                    return None
                if parcel is not None:
                    return parcel
                self._changed.wait()

    def _pause(self, failures: int) -> None:
        longest = min(_FIRST_DELAY_SECONDS * 2 ** min(failures - 1, 10), _LONGEST_DELAY_SECONDS)
        # Between half and all of it, so that the regions do not all come back at the same instant.
        until = time.monotonic() + longest * (0.5 + self._jitter() / 2)
        with self._changed:
            while (left := until - time.monotonic()) > 0:
                if self._give_up_at is not None:
                    self._changed.wait(min(left, _HASTY_DELAY_SECONDS))
                    return
                self._changed.wait(left)
