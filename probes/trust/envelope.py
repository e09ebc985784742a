"""The one form in which messages travel on the broker, in both directions.

    {"v": 1, "kind": "batch", "sender": "control", "recipient": "eu-west",
     "body": "<JSON text>", "signature": "<base64>"}

The signature is Ed25519 (RFC 8032) over a domain-separated, length-prefixed concatenation of the five fields
before it, so no two envelopes share signed bytes, and a signature made for one purpose serves no other. The
body stays text until the signature is known to be good. Other fields are ignored, for versions to come.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from probes.trust import strict_json
from probes.trust.refusal import RefusalCause, Refused

ENVELOPE_VERSION: Final = 1
CONTROL: Final = "control"
"""The control plane's name as a sender and recipient; no region may bear it."""

_DOMAIN: Final = b"kairos broker envelope"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)
_SIGNATURE_BYTES: Final = 64


class Kind(StrEnum):
    """What an envelope's body is."""

    BATCH = "batch"
    REPORT = "report"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class Opened:
    """A message that is what it says and from whom it says; `verify_key` is that of its keys that it signed with."""

    sender: str
    body: Any
    verify_key: VerifyKey


def is_name(text: str) -> bool:
    """Tell whether `text` can be a sender or recipient: a region's slug must, and must not be CONTROL."""
    return _NAME.fullmatch(text) is not None


def sign(kind: Kind, sender: str, recipient: str, body: Any, key: SigningKey) -> dict[str, Any]:
    """Return the signed envelope as JSON values. Raises `ValueError` when `body` is not plain, clean JSON."""
    text = strict_json.dumps(body)
    signed = _signed_bytes(kind.value, sender, recipient, text.encode())
    return {
        "v": ENVELOPE_VERSION,
        "kind": kind.value,
        "sender": sender,
        "recipient": recipient,
        "body": text,
        "signature": base64.b64encode(key.sign(signed).signature).decode(),
    }


def open_envelope(
    document: object,
    *,
    kind: Kind,
    recipient: str,
    verify_keys_of: Callable[[str], Sequence[VerifyKey] | None],
    max_bytes: int,
) -> Opened:
    """Return the sender and the parsed body of an envelope of this `kind` for this `recipient`.

    `verify_keys_of` is asked only for well-formed names; a sender has several keys while they are being changed, and
    none makes it unknown. Raises `Refused` with the cause, and nothing else,
    whatever `document` is; the body is parsed only under a good signature and up to `max_bytes` of UTF-8.
    """
    fields = _Fields.of(document)
    if len(fields.body) > max_bytes:
        raise Refused(RefusalCause.OVERSIZED, f"a body of {len(fields.body)} bytes or more")
    try:
        body = fields.body.encode()
    except UnicodeEncodeError:
        raise Refused(RefusalCause.MALFORMED, "a body that is not Unicode") from None
    if len(body) > max_bytes:
        raise Refused(RefusalCause.OVERSIZED, f"a body of {len(body)} bytes")
    if fields.kind != kind:
        raise Refused(RefusalCause.WRONG_KIND, f"a {fields.kind}" if is_name(fields.kind) else "")
    if fields.recipient != recipient:
        raise Refused(RefusalCause.WRONG_RECIPIENT, f"it is for {fields.recipient}")
    keys = verify_keys_of(fields.sender)
    if not keys:
        raise Refused(RefusalCause.UNKNOWN_SENDER, f"it names {fields.sender}")
    signed = _signed_bytes(fields.kind, fields.sender, fields.recipient, body)
    key = next((key for key in keys if _is_signed_with(key, signed, fields.signature)), None)
    if key is None:
        raise Refused(RefusalCause.BAD_SIGNATURE, f"it names {fields.sender}")
    try:
        return Opened(fields.sender, strict_json.loads(fields.body), key)
    except ValueError as error:
        raise Refused(RefusalCause.MALFORMED, f"the body: {error}") from None


def _is_signed_with(key: VerifyKey, signed: bytes, signature: bytes) -> bool:
    try:
        key.verify(signed, signature)
    except BadSignatureError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Fields:
    """The fields of an envelope, each of its type and none of them believed yet."""

    kind: str
    sender: str
    recipient: str
    body: str
    signature: bytes

    @classmethod
    def of(cls, document: object) -> "_Fields":
        if not isinstance(document, dict):
            raise Refused(RefusalCause.MALFORMED, "not an envelope")
        version = document.get("v")
        if type(version) is not int:
            raise Refused(RefusalCause.MALFORMED, "an envelope without a version")
        if version != ENVELOPE_VERSION:
            raise Refused(RefusalCause.VERSION, f"version {version}" if 0 <= version < 1000 else "")
        texts = [document.get(name) for name in ("kind", "sender", "recipient", "body")]
        kind, sender, recipient, body = (text if isinstance(text, str) else None for text in texts)
        if kind is None or sender is None or recipient is None or body is None:
            raise Refused(RefusalCause.MALFORMED, "an envelope with a field missing or of the wrong type")
        if not (is_name(sender) and is_name(recipient)):
            raise Refused(RefusalCause.MALFORMED, "a sender or recipient that is no name")
        return cls(kind, sender, recipient, body, _signature(document.get("signature")))


def _signature(value: object) -> bytes:
    if value is None or value == "":
        raise Refused(RefusalCause.UNSIGNED)
    try:
        if isinstance(value, str):
            signature = base64.b64decode(value, validate=True)
            if len(signature) == _SIGNATURE_BYTES:
                return signature
    except (binascii.Error, ValueError):
        pass
    raise Refused(RefusalCause.MALFORMED, "a signature that is not 64 bytes in base64")


def _signed_bytes(kind: str, sender: str, recipient: str, body: bytes) -> bytes:
    parts = (
        _DOMAIN,
        str(ENVELOPE_VERSION).encode(),
        kind.encode(errors="replace"),
        sender.encode(),
        recipient.encode(),
        body,
    )
    return b"".join(len(part).to_bytes(8) + part for part in parts)
