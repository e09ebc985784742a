"""Whether what an endpoint answered is what was expected, and if not, what that is called.

What makes it unfit for use comes first: its status, then its content. Only then is told what merely impairs it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.json import decode

from probes.protocol.endpoint.json_path import is_same, parse_json_path, read_scalar
from probes.protocol.endpoint.pattern import is_found
from probes.protocol.endpoint.plan import Expectation
from probes.protocol.endpoint.statuses import read_statuses
from probes.protocol.errors import clean_text
from probes.protocol.exchange import Reply
from probes.protocol.manifest import ManifestInvalid, decode_body
from probes.protocol.redaction import scrub
from probes.protocol.taxonomy import Reason

_SHOWN_VALUE: Final = 100
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Fallen:
    """An expectation that was not met. `host` is whom it is about, where that is not who answered."""

    reason: Reason
    detail: str
    host: str = ""


@dataclass(frozen=True, slots=True)
class Shortest:
    """The certificate on the way that expires first."""

    host: str
    not_after: datetime


def judge_status(expect: Expectation, reply: Reply, *, by_stranger: bool) -> Fallen | None:
    """Hold the status against those expected. `by_stranger` tells that a redirect led to whoever answered."""
    if reply.status in read_statuses(expect.statuses):
        return None
    return Fallen(_refusal(reply.status, by_stranger=by_stranger), f"HTTP {reply.status}, not {expect.statuses}")


def judge_content(
    expect: Expectation, reply: Reply, limit_bytes: int, *, secrets: tuple[str, ...] = ()
) -> Fallen | None:
    """Hold the body against what is expected of it. None of `secrets` is told, should the endpoint echo one."""
    if not expect.is_of_body:
        return None
    body = _plain(reply, limit_bytes)
    if isinstance(body, Fallen):
        return body
    return _judge_text(expect, body) or _judge_json(expect, body, secrets)


def judge_rest(expect: Expectation, *, at: datetime, shortest: Shortest | None, elapsed_ms: float) -> Fallen | None:
    """Hold certificates and time against what is expected of an answer that is otherwise good."""
    if expect.certificate_days and shortest is not None:
        left = shortest.not_after - at
        if left < timedelta(days=expect.certificate_days):
            detail = f"{max(left.days, 0)} days left, not {expect.certificate_days}"
            return Fallen(Reason.CERTIFICATE_EXPIRING, detail, shortest.host)
    if expect.latency_ms and elapsed_ms > expect.latency_ms:
        return Fallen(Reason.ENDPOINT_SLOW, f"{elapsed_ms:.0f} ms, where {expect.latency_ms} ms are allowed")
    return None


def _refusal(status: int, *, by_stranger: bool) -> Reason:
    if status == 429:
        return Reason.ENDPOINT_THROTTLED
    if status in (401, 403):
        return Reason.REDIRECT_AUTH_REQUIRED if by_stranger else Reason.ENDPOINT_DENIED
    return Reason.ENDPOINT_ERROR if status >= 500 else Reason.ENDPOINT_STATUS


def _plain(reply: Reply, limit_bytes: int) -> bytes | Fallen:
    """Return the body as it reads once it is decompressed; we ask for it as it is, and some do not listen."""
    if reply.is_cut:
        return Fallen(Reason.ENDPOINT_TOO_LARGE, f"more than {limit_bytes} bytes")
    try:
        return decode_body(reply.body, reply.headers.get("content-encoding"), limit_bytes)
    except ManifestInvalid as error:
        if error.reason is Reason.MANIFEST_TOO_LARGE:
            return Fallen(Reason.ENDPOINT_TOO_LARGE, f"more than {limit_bytes} bytes once it is decompressed")
        return Fallen(Reason.ENDPOINT_CONTENT, error.detail)


def _judge_text(expect: Expectation, body: bytes) -> Fallen | None:
    if not (expect.contains or expect.matches):
        return None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    if expect.contains not in text:
        return Fallen(Reason.ENDPOINT_CONTENT, "the expected text is not in it")
    if expect.matches and not is_found(expect.matches, text):
        return Fallen(Reason.ENDPOINT_CONTENT, "the pattern is not found in it")
    return None


def _judge_json(expect: Expectation, body: bytes, secrets: tuple[str, ...]) -> Fallen | None:
    if not expect.json_path:
        return None
    try:
        document = decode(body.removeprefix(_BYTE_ORDER_MARK))
    except (ValueError, RecursionError):  # msgspec's own errors are values', and so are those of letters
        return Fallen(Reason.ENDPOINT_JSON, "it is no JSON")
    values = parse_json_path(expect.json_path).select(document)
    if not values:
        return Fallen(Reason.ENDPOINT_JSON, f"nothing is at {expect.json_path}")
    if expect.json_equals:
        wanted = read_scalar(expect.json_equals)
        for found in values:
            if not is_same(found, wanted):
                detail = f"{_shown(found, secrets)} is at {expect.json_path}, not {expect.json_equals}"
                return Fallen(Reason.ENDPOINT_JSON, detail)
    return None


def _shown(found: Any, secrets: tuple[str, ...]) -> str:
    match found:
        case dict():
            return "an object"
        case list():
            return "an array"
        case None:
            return "null"
        case bool():
            return str(found).lower()
        case str():
            # Scrubbed as soon as it is cut: with more behind the cut, nobody would know a secret's beginning.
            return f'"{scrub(clean_text(found, _SHOWN_VALUE), secrets)}"'
        case _:
            return clean_text(str(found), _SHOWN_VALUE)
