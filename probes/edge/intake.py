"""From an envelope to a batch that is to be run: the last gate before a region acts on a message."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from probes.edge.clock import ControlClock
from probes.edge.pulse_route import PulseRoute
from probes.edge.waits import Waits
from probes.protocol.batch import MAX_BATCH_BYTES, Batch
from probes.protocol.versions import VersionUnknown
from probes.trust.envelope import CONTROL, Kind, open_envelope
from probes.trust.keys import RegionKeys
from probes.trust.refusal import RefusalCause, Refused

_REMEMBERED_SECONDS: Final = 600.0
"""For so long beyond its expiry a batch's id is kept: what is known of the clocks may change meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A batch that is to be run, and when it came and when it expires by the monotonic clock of this process.

    From here on no clock that somebody sets has a say.
    """

    batch: Batch
    came: float
    expires: float


class Intake:
    """Admits each batch that the control plane signed for this region, in time and once. Safe between threads.

    `waits` is told the age of every one of them, also of those that came too late, and `route` what they say.
    """

    def __init__(
        self,
        keys: RegionKeys,
        clock: ControlClock,
        waits: Waits,
        route: PulseRoute,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._region = keys.region
        self._verify_keys = {CONTROL: [keys.control_verify_key]}
        self._clock = clock
        self._waits = waits
        self._route = route
        self._monotonic = monotonic
        self._seen: dict[str, float] = {}  # batch → when it is forgotten; expiry guards it then
        self._lock = threading.Lock()

    def open(self, envelope: object) -> Taken:
        """Return the batch. Raises `Refused` when it must not be run."""
        opened = open_envelope(
            envelope,
            kind=Kind.BATCH,
            recipient=self._region,
            verify_keys_of=self._verify_keys.get,
            max_bytes=MAX_BATCH_BYTES,
        )
        try:
            batch = Batch.from_json(opened.body)
        except VersionUnknown as error:
            raise Refused(RefusalCause.VERSION, f"a batch of {error}") from None
        except ValueError as error:
            raise Refused(RefusalCause.MALFORMED, str(error)[:200]) from None
        if batch.region != self._region:
            raise Refused(RefusalCause.WRONG_RECIPIENT, "the batch names another region than its envelope")
        self._waits.took(self._clock.hear(batch))
        self._route.hear(batch)
        now, came = self._clock.now(), self._monotonic()
        if batch.is_expired(now):
            raise Refused(RefusalCause.EXPIRED, f"batch {batch.id}")
        expires = came + (batch.expires_at - now).total_seconds()
        with self._lock:
            self._seen = {known: until for known, until in self._seen.items() if until > came}
            if batch.id in self._seen:
                raise Refused(RefusalCause.REPLAYED, f"batch {batch.id}")
            self._seen[batch.id] = expires + _REMEMBERED_SECONDS
        return Taken(batch=batch, came=came, expires=expires)
