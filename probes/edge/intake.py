"""From an envelope to a batch that is to be run: the last gate before a region acts on a message."""

import threading
from collections.abc import Callable
from datetime import datetime

from probes.protocol.batch import MAX_BATCH_BYTES, Batch
from probes.trust.envelope import CONTROL, Kind, open_envelope
from probes.trust.keys import RegionKeys
from probes.trust.refusal import RefusalCause, Refused


class Intake:
    """Admits each batch that the control plane signed for this region, in time and once. Safe between threads."""

    def __init__(self, keys: RegionKeys, now: Callable[[], datetime]) -> None:
        self._region = keys.region
        self._verify_keys = {CONTROL: keys.control_verify_key}
        self._now = now
        self._seen: dict[str, datetime] = {}  # batch → when it expires, after which expiry guards it
        self._lock = threading.Lock()

    def open(self, envelope: object) -> Batch:
        """Return the batch. Raises `Refused` when it must not be run."""
        opened = open_envelope(
            envelope,
            kind=Kind.BATCH,
            recipient=self._region,
            verify_key_of=self._verify_keys.get,
            max_bytes=MAX_BATCH_BYTES,
        )
        try:
            batch = Batch.from_json(opened.body)
        except ValueError as error:
            raise Refused(RefusalCause.MALFORMED, str(error)[:200]) from None
        if batch.region != self._region:
            raise Refused(RefusalCause.WRONG_RECIPIENT, "the batch names another region than its envelope")
        now = self._now()
        if batch.is_expired(now):
            raise Refused(RefusalCause.EXPIRED, f"batch {batch.id}")
        with self._lock:
            self._seen = {known: expiry for known, expiry in self._seen.items() if expiry > now}
            if batch.id in self._seen:
                raise Refused(RefusalCause.REPLAYED, f"batch {batch.id}")
            self._seen[batch.id] = batch.expires_at
        return batch
