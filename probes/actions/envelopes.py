"""Opening what a region sent: the one gate for reports and heartbeats."""

from typing import Any

from nacl.signing import VerifyKey

from probes.models import Region
from probes.trust.envelope import CONTROL, Kind, open_envelope
from probes.trust.keys import decode_key
from probes.trust.refusal import RefusalCause, Refused


def opened(envelope: object, kind: Kind, *, max_bytes: int) -> tuple[Region, Any]:
    """Return the region that signed the envelope, and its body. Raises `Refused`."""
    found: dict[str, Region] = {}

    def verify_key_of(slug: str) -> VerifyKey | None:
        region = Region.objects.filter(slug=slug, retired_at=None).exclude(verify_key="").first()
        if region is None:
            return None
        found[slug] = region
        return VerifyKey(decode_key(region.verify_key))

    message = open_envelope(envelope, kind=kind, recipient=CONTROL, verify_key_of=verify_key_of, max_bytes=max_bytes)
    if not isinstance(message.body, dict):
        raise Refused(RefusalCause.MALFORMED, "the body is not an object")
    return found[message.sender], message.body
