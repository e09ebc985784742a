"""A notice as a signed POST: docs/reference/webhook.md describes body and signature for whoever receives them."""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Final

from probes.notify.post import Headers, post
from probes.policy.delivery import Destination, Parcel, Receipt
from probes.protocol.outcome import rfc3339
from probes.wire.transport import GuardedTransport

SIGNATURE: Final = "X-Kairos-Signature"
IDEMPOTENCY: Final = "Idempotency-Key"
VERSION: Final = 1


def body_of(parcel: Parcel) -> bytes:
    """Return the JSON of a notice. It is the same at each attempt."""
    told = parcel.announcement
    document = {
        "version": VERSION,
        "id": parcel.uid,
        "key": told.key,
        "topic": told.topic.value,
        "at": rfc3339(told.at),
        "severity": told.severity.value,
        "title": told.title,
        "text": told.text,
        "resource_id": told.resource_id,
        "incident_id": told.incident_id,
        "facts": dict(told.facts),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def signature_of(body: bytes, key: str, at: datetime) -> str:
    """Return `t=SECONDS,v1=HEX`: HMAC-SHA-256 over the seconds, a dot and the body."""
    seconds = int(at.timestamp())
    digest = hmac.new(key.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


async def send(transport: GuardedTransport, destination: Destination, parcel: Parcel, *, now: datetime) -> Receipt:
    """Deliver a notice; the receiver knows by its id what it has already."""
    body = body_of(parcel)
    headers: Headers = ((IDEMPOTENCY, parcel.uid),)
    if destination.signing_key:
        headers += ((SIGNATURE, signature_of(body, destination.signing_key, now)),)
    return await post(transport, destination, parcel.id, body, headers=headers)
