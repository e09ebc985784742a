"""The worker's sign of life, and its check on itself."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from probes.broker.queues import RESULTS
from probes.broker.watchdog import Watchdog
from probes.edge.app import HEARTBEAT
from probes.edge.link import Link, LinkDown, NotAllowed
from probes.edge.pulse_route import PulseRoute
from probes.edge.settings import EdgeSettings
from probes.edge.waits import Waits
from probes.protocol.batch import Heartbeat
from probes.protocol.egress import UNTOLD, CanaryRound, Egress
from probes.trust.envelope import CONTROL, Kind, sign
from probes.version import VERSION

_OVERDUE_SECONDS: Final = 30.0
"""A batch is cut off when it expires; one that is in hand this long after has not been, and never will."""

_STOP_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """One reading of the worker. Counts are since it began; `popped` counts entries taken from its queue."""

    in_flight: int = 0
    starved: int = 0
    batches_in_hand: int = 0  # without those that were put aside
    overdue_seconds: float = 0.0  # since the first batch in hand expired
    batches_run: int = 0
    checks_run: int = 0
    spooled_reports: int = 0
    dropped_reports: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    popped: int = 0
    load_per_core: float | None = None
    egress: Egress = UNTOLD
    canaries: CanaryRound | None = None
    heard_issued_at: datetime | None = None


class Pulse:
    """Sends a signed heartbeat at intervals from a thread of its own, and tells `on_stuck` why it should end.

    Heartbeats are not spooled: an old one says nothing.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        link: Link,
        waits: Waits,
        route: PulseRoute,
        *,
        worker: str,
        take: Callable[[], Vitals],
        on_stuck: Callable[[str], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._link = link
        self._waits = waits
        self._route = route
        self._take = take
        self._on_stuck = on_stuck
        self._now = now
        self._watchdog = Watchdog(settings.stuck_seconds)
        self._worker = worker
        self._host = socket.gethostname()
        self._started_at = now()
        self._sequence = 0
        self._is_away = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(_STOP_SECONDS)

    def beat(self) -> None:
        """Take one reading, send it, and judge it."""
        vitals = self._take()
        queue_length = None
        try:
            queue_length = self._link.queue_length(self._settings.queue)
            self._send(vitals, queue_length)
            self._is_away = False
        except LinkDown as down:
            if not self._is_away:
                _log.warning("no heartbeat: %s", down)
            self._is_away = True
        if reason := self._stuck(vitals, queue_length):
            self._on_stuck(reason)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self.beat()
            except Exception:  # noqa: BLE001 - see below
                # Without heartbeats the region is taken for silent; one bad reading must not cause that.
                _log.exception("a heartbeat failed")
            self._stopping.wait(self._settings.heartbeat_seconds)
        self._link.close()

    def _send(self, vitals: Vitals, queue_length: int) -> None:
        self._sequence += 1
        region = self._settings.region
        waits = self._waits.read(queue_length)
        heartbeat = Heartbeat(
            region=region,
            worker=self._worker,
            version=VERSION,
            sequence=self._sequence,
            started_at=self._started_at,
            sent_at=self._now(),
            in_flight=vitals.in_flight,
            starved=vitals.starved,
            batches_run=vitals.batches_run,
            checks_run=vitals.checks_run,
            spooled_reports=vitals.spooled_reports,
            dropped_reports=vitals.dropped_reports,
            refused=vitals.refused,
            queue_length=queue_length,
            seats=self._settings.checks_in_flight,
            load_per_core=vitals.load_per_core,
            shortest_wait_seconds=waits.shortest_seconds,
            longest_wait_seconds=waits.longest_seconds,
            head_waits_seconds=waits.head_seconds,
            egress=vitals.egress,
            canaries=vitals.canaries,
            host=self._host,
            heard_issued_at=vitals.heard_issued_at,
        )
        key = self._settings.keys.signing_key
        self._post(sign(Kind.HEARTBEAT, region, CONTROL, heartbeat.to_json(), key))
        self._waits.sent()

    def _post(self, envelope: dict[str, Any]) -> None:
        queue = self._route.queue
        try:
            self._link.send(HEARTBEAT, envelope, queue=queue)
        except NotAllowed:
            if queue == RESULTS:
                raise
            # Our account is still that of the version before; in some seconds the control plane adds to it.
            self._link.send(HEARTBEAT, envelope, queue=RESULTS)

    def _stuck(self, vitals: Vitals, queue_length: int | None) -> str:
        """Return why the worker can do no more good, or nothing."""
        if vitals.overdue_seconds > _OVERDUE_SECONDS:
            return "a batch in hand was not cut off when it expired"
        if self._watchdog.is_stuck(
            time.monotonic(),
            queue_length=queue_length,
            popped=vitals.popped,
            has_room=vitals.batches_in_hand < self._settings.batches,
        ):
            return f"{queue_length} messages wait in {self._settings.queue} and none is taken"
        return ""
