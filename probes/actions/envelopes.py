"""Opening what a region sent: the one gate for reports and heartbeats."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nacl.signing import VerifyKey

from probes.actions import region_keys
from probes.models import Region
from probes.trust.envelope import CONTROL, Kind, open_envelope
from probes.trust.refusal import RefusalCause, Refused


@dataclass(frozen=True, slots=True)
class Signed:
    """What a region sent, and which of its keys it signed with."""

    region: Region
    body: dict[str, Any]
    key: VerifyKey


def opened(envelope: object, kind: Kind, *, max_bytes: int, now: datetime) -> Signed:
    """Return what a region that is not retired signed with a key that counts. Raises `Refused`."""
    found: dict[str, Region] = {}

    def verify_keys_of(slug: str) -> list[VerifyKey]:
        region, keys = region_keys.verify_keys(slug, now=now)
        if region is not None:
            found[slug] = region
        return keys

    message = open_envelope(
        envelope, kind=kind, recipient=CONTROL, verify_keys_of=verify_keys_of, max_bytes=max_bytes
    )
    if not isinstance(message.body, dict):
        raise Refused(RefusalCause.MALFORMED, "the body is not an object")
    return Signed(found[message.sender], message.body, message.verify_key)
