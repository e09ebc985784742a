"""What a registry's refusal means: from a status, its headers and its body to a reason.

Source: behaviour rows E1 to E17, B7 to B14, M7 to M10, T23 to T28. The status decides the class and the code
refines it; the exceptions to that rule are the registries that answer 400 or 500 for what is a login matter.
"""

import html
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from probes.protocol.exchange import ERROR_BODY_LIMIT_BYTES, Headers, Reply
from probes.protocol.json_members import read_json
from probes.protocol.manifest import looks_like_html
from probes.protocol.outcome import RateLimit
from probes.protocol.taxonomy import Reason

SHOWN_TEXT: Final = 200
_READ_TEXT: Final = 4096
MAX_RETRY_AFTER_SECONDS: Final = 3600
TRANSIENT_STATUSES: Final = frozenset({408, 425, 499, 500, 502, 503, 504, *range(520, 527)})  # row E16

_GATEWAY_STATUSES: Final = frozenset({502, 504, *range(520, 527)})
_POLICY: Final = re.compile(
    r"vulnerab|xray|quarantin|blocking policy|prevented|not signed|content trust", re.IGNORECASE
)
_ADDRESS: Final = re.compile(r"not allowed access|firewall|ip address|client with ip", re.IGNORECASE)
_EXPIRED_LOGIN: Final = re.compile(
    r"token has expired|token is expired|expired token|credential.{0,20}expired", re.IGNORECASE
)
_EXPIRED_TAG: Final = re.compile(r"deleted or has expired|time machine", re.IGNORECASE)
_EXPIRED_SIGNATURE: Final = re.compile(r"expired|signaturedoesnotmatch|signature", re.IGNORECASE)
_MAY_NOT_EXIST: Final = re.compile(r"may not exist", re.IGNORECASE)
_BILLING: Final = re.compile(r"quota|billing|payment|subscription", re.IGNORECASE)
_SCOPE: Final = re.compile(r"insufficient.scope", re.IGNORECASE)
_DATA_LIMIT: Final = re.compile(r"data limit", re.IGNORECASE)
_RATE_EXCEEDED: Final = re.compile(r"rate exceeded", re.IGNORECASE)
_PULL_QUOTA: Final = re.compile(r"pull rate limit|https?://", re.IGNORECASE)
_PULL_QUOTA_BY_NAME: Final = re.compile(r"pull rate limit", re.IGNORECASE)
_DOUBLE_AUTH: Final = re.compile(rb"only one auth mechanism", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RegistryError:
    """What an error body says: its codes in upper case, and one cleaned text."""

    codes: tuple[str, ...] = ()
    text: str = ""  # long enough to be read for what it means; `shown` is what goes out
    is_html: bool = False
    is_plain: bool = False  # text that no registry's error format holds: it may be anybody's
    upstream: Reason | None = None  # what a mirror's 500 or 502 says of its own upstream (row E2)

    def shown(self, status: int, *, by_stranger: bool = False) -> str:
        """Return the text as it may be shown, or the status that came without one.

        Of a host that the registry chose, plain text is not: it would be the banner of whatever service it
        pointed us to (threat S22).
        """
        text = "" if by_stranger and self.is_plain else clean_text(self.text)
        return text or f"HTTP {status}"


def clean_text(text: str, limit: int = SHOWN_TEXT) -> str:
    """Return foreign text fit to show: one line, no control or direction characters, at most `limit` (S20)."""
    read = text[: limit * 8]
    if not read.isprintable():  # nearly all is, and letter by letter takes twenty times as long
        kept = (" " if letter.isspace() else letter for letter in read)
        read = "".join(letter for letter in kept if unicodedata.category(letter)[0] != "C")
    line = " ".join(read.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def read_error(body: bytes) -> RegistryError:
    """Return what an error body says, in any of the shapes that registries use (row E1). Never raises."""
    if not body:
        return RegistryError()
    if looks_like_html(body):
        return RegistryError(text="an HTML page", is_html=True)
    body = body[:ERROR_BODY_LIMIT_BYTES]  # a 2xx that is no 200 may come with a document's length
    try:
        document = read_json(body)
    except ValueError:
        try:
            document = read_json(html.unescape(body.decode("utf-8", "replace")).encode())
        except ValueError:
            text = clean_text(body[:_READ_TEXT].decode("utf-8", "replace"), _READ_TEXT)
            return RegistryError(text=text, is_plain=True)
    return _from_document(document)


def _from_document(document: Any) -> RegistryError:
    errors = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(errors, list):
        errors = [document]
    codes: list[str] = []
    texts: list[str] = []
    upstream = None
    for error in errors[:8]:
        if not isinstance(error, dict):
            continue
        code = error.get("code")
        if isinstance(code, str):
            codes.append(code.upper()[:64])
        texts += [error[name] for name in ("message", "details", "error_description", "detail", "error")
                  if isinstance(error.get(name), str)]  # fmt: skip
        upstream = upstream or _upstream(error.get("detail"))
    return RegistryError(tuple(codes), clean_text("; ".join(dict.fromkeys(texts)), _READ_TEXT), upstream=upstream)


def _upstream(detail: object) -> Reason | None:
    """Return what a pull-through mirror met at its upstream, where it wraps that in the `detail` of an error.

    The shapes are those of distribution 2.8, whose proxy puts its client's error there as it is: one or several
    registry errors, a status, a reply that it could not read, or Go's `url.Error` with the cause of a failed request.
    """
    unclear = None
    while isinstance(detail, dict) and detail.keys() >= {"Op", "URL", "Err"}:
        detail, unclear = detail["Err"], Reason.MIRROR_UPSTREAM_ERROR
    wrapped = detail.get("errors", [detail]) if isinstance(detail, dict) else detail
    if not isinstance(wrapped, list):
        return unclear
    meanings = [_meaning_upstream(item) for item in wrapped[:8] if isinstance(item, dict)]
    return next((reason for reason in _UPSTREAM_REASONS if reason in meanings), unclear)


def _meaning_upstream(wrapped: dict[str, Any]) -> Reason | None:
    code, status, line = wrapped.get("code"), wrapped.get("StatusCode"), wrapped.get("Status")
    if isinstance(code, str) and _REGISTRY_CODE.fullmatch(code):
        return _UPSTREAM_CODES.get(code, Reason.MIRROR_UPSTREAM_ERROR)
    if isinstance(line, str) and _STATUS_LINE.match(line):
        status = int(line[:3])
    if type(status) is int:
        return _UPSTREAM_STATUSES.get(status, Reason.MIRROR_UPSTREAM_ERROR)
    return None


_REGISTRY_CODE: Final = re.compile(r"[A-Z_]{3,40}")
_STATUS_LINE: Final = re.compile(r"[1-5][0-9]{2}(?: |$)", re.ASCII)
_UPSTREAM_CODES: Final = {
    "DENIED": Reason.MIRROR_UPSTREAM_AUTH,
    "UNAUTHORIZED": Reason.MIRROR_UPSTREAM_AUTH,
    "TOOMANYREQUESTS": Reason.RATE_LIMITED_UPSTREAM,
}
_UPSTREAM_STATUSES: Final = {
    401: Reason.MIRROR_UPSTREAM_AUTH,
    403: Reason.MIRROR_UPSTREAM_AUTH,
    429: Reason.RATE_LIMITED_UPSTREAM,
}
_UPSTREAM_REASONS: Final = (
    Reason.MIRROR_UPSTREAM_AUTH,
    Reason.RATE_LIMITED_UPSTREAM,
    Reason.MIRROR_UPSTREAM_ERROR,
)


def manifest_refusal(reply: Reply, error: RegistryError, *, by_digest: bool, has_login: bool) -> Reason:
    """Return why a manifest request was refused, for every status that is not 200."""
    text = error.text
    if reply.status == 404:
        if _EXPIRED_TAG.search(text):
            return Reason.TAG_EXPIRED
        if "NAME_UNKNOWN" in error.codes:
            return Reason.REPOSITORY_NOT_FOUND
        if "MANIFEST_UNKNOWN" in error.codes:
            return Reason.DIGEST_NOT_FOUND if by_digest else Reason.TAG_NOT_FOUND
        return Reason.NOT_A_REGISTRY if error.is_html else Reason.NOT_FOUND
    if reply.status == 403:
        return _forbidden(text)
    if reply.status == 412:
        is_policy = "PROJECTPOLICYVIOLATION" in error.codes or _POLICY.search(text)
        return Reason.POLICY_BLOCKED if is_policy else Reason.UNEXPECTED_STATUS
    if reply.status == 400:
        return _bad_request(error, has_login=has_login)
    return common_refusal(reply, error)


def blob_refusal(reply: Reply, error: RegistryError, *, missing: Reason) -> Reason:
    """Return why a blob request was refused; `missing` is the reason for a 404 (config or layer)."""
    if reply.status == 404:
        return missing
    if reply.status in (401, 403, 412):
        return Reason.POLICY_BLOCKED if _POLICY.search(error.text) else Reason.BLOB_DENIED
    if reply.status == 416:
        return Reason.SIZE_MISMATCH
    return common_refusal(reply, error)


def token_refusal(reply: Reply, error: RegistryError, *, has_login: bool) -> Reason:
    """Return why the token service gave no token, for every status that is not 200 (rows T23 to T28)."""
    if reply.status in (400, 401) and has_login:
        if _SCOPE.search(error.text):
            return Reason.AUTH_INSUFFICIENT_SCOPE
        return Reason.AUTH_EXPIRED if _EXPIRED_LOGIN.search(error.text) else Reason.AUTH_BAD_CREDENTIALS
    if reply.status == 401:
        return Reason.AUTH_REQUIRED_OR_MISSING
    if reply.status == 403:
        return Reason.AUTH_DENIED
    if reply.status == 404:
        return Reason.AUTH_ENDPOINT_MISSING
    if reply.status == 407:
        return Reason.PROXY_AUTH
    return Reason.RATE_LIMITED_AUTH if reply.status == 429 else Reason.AUTH_SERVICE_ERROR


def common_refusal(reply: Reply, error: RegistryError) -> Reason:
    """Return the reason for a status that means the same whatever was asked for."""
    status = reply.status
    if status == 429:
        return Reason.RATE_LIMITED_UPSTREAM if "upstream" in error.text.lower() else Reason.RATE_LIMITED
    if status in (500, 502) and error.upstream:
        return error.upstream
    if status in _GATEWAY_STATUSES:
        return Reason.GATEWAY_ERROR
    if status in TRANSIENT_STATUSES:
        return Reason.REGISTRY_ERROR
    return _FIXED.get(status, Reason.UNEXPECTED_STATUS)


_FIXED: Final = {
    206: Reason.PROTOCOL_ERROR,  # row M30
    304: Reason.PROTOCOL_ERROR,  # row M29: no condition was sent
    402: Reason.QUOTA_OR_BILLING,
    407: Reason.PROXY_AUTH,
    451: Reason.LEGAL_BLOCK,
}


def _forbidden(text: str) -> Reason:
    """Rows E7, E8, T31: what a 403 means is in its text."""
    for pattern, reason in (
        (_ADDRESS, Reason.IP_NOT_ALLOWED),
        (_POLICY, Reason.POLICY_BLOCKED),
        (_EXPIRED_LOGIN, Reason.AUTH_EXPIRED),
        (_MAY_NOT_EXIST, Reason.AUTH_DENIED_OR_MISSING),
        (_BILLING, Reason.QUOTA_OR_BILLING),
    ):
        if pattern.search(text):
            return reason
    return Reason.AUTH_DENIED


def _bad_request(error: RegistryError, *, has_login: bool) -> Reason:
    if {"NAME_INVALID", "TAG_INVALID", "DIGEST_INVALID"}.intersection(error.codes):
        return Reason.REF_REJECTED
    if _EXPIRED_LOGIN.search(error.text):
        return Reason.AUTH_EXPIRED
    if "UNAUTHORIZED" in error.codes:
        return Reason.AUTH_BAD_CREDENTIALS if has_login else Reason.AUTH_REQUIRED
    return Reason.UNEXPECTED_STATUS


def is_stale_signature(error: RegistryError, body: bytes) -> bool:
    """Tell a signed storage URL that has run out from a real refusal (row B14); storage answers in XML."""
    return bool(_EXPIRED_SIGNATURE.search(error.text) or _EXPIRED_SIGNATURE.search(body[:1024].decode("latin-1")))


def is_double_auth(reply: Reply) -> bool:
    """Tell whether storage met a login of ours beside its own signature: a bug of ours (row B12)."""
    return reply.status == 400 and _DOUBLE_AUTH.search(reply.body[:_READ_TEXT]) is not None


def throttling(reply: Reply, error: RegistryError, *, is_head: bool) -> str:
    """Return which limit a 429 is of (row E13), or nothing where it does not say; a HEAD's has no words."""
    if reply.status != 429:
        return ""
    for pattern, kind in (
        (_DATA_LIMIT, "data_limit"),
        (_RATE_EXCEEDED, "rate_exceeded"),
        (_PULL_QUOTA, "pull_quota"),
    ):
        if pattern.search(error.text):
            return kind
    quota = read_rate_limit(reply.headers)
    if quota and quota.remaining == 0:
        return "pull_quota"
    return "" if is_head or error.codes else "abuse"


def is_pull_quota(error: RegistryError) -> bool:
    """Tell whether the words of a 429 name Docker Hub's pull quota, which HEAD does not count against (E.3).

    Narrower than `throttling`: by a link alone, or a count of nothing left, registries throttle every request.
    """
    return _PULL_QUOTA_BY_NAME.search(error.text) is not None


def retry_at(reply: Reply) -> datetime | None:
    """Return when a 429 or 503 will have us back, by Retry-After, from 1 second to an hour (rows E13, E16)."""
    if reply.status not in (429, 503):
        return None
    value = reply.headers.get("retry-after").strip()
    if value.isascii() and value.isdigit():
        seconds = float(min(int(value[:9]), MAX_RETRY_AFTER_SECONDS))
    else:
        try:
            instant = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        # HTTP's dates are in UTC, and its oldest form does not say so.
        seconds = (instant.replace(tzinfo=instant.tzinfo or UTC) - reply.received_at).total_seconds()
    return reply.received_at + timedelta(seconds=min(max(seconds, 1), MAX_RETRY_AFTER_SECONDS))


def pause_seconds(reply: Reply) -> float:
    """Return how long the registry asks us to wait before we ask again; 0 where it does not say."""
    instant = retry_at(reply)
    return (instant - reply.received_at).total_seconds() if instant else 0.0


def read_rate_limit(headers: Headers) -> RateLimit | None:
    """Return the quota that a reply tells of, in the form Docker Hub uses: `100;w=21600`."""
    if "ratelimit-limit" not in headers and "ratelimit-remaining" not in headers:
        return None
    limit, window = _quota(headers.get("ratelimit-limit"))
    remaining, remaining_window = _quota(headers.get("ratelimit-remaining"))
    source = clean_text(headers.get("docker-ratelimit-source"), 64) or None
    return RateLimit(limit=limit, remaining=remaining, window_seconds=window or remaining_window, source=source)


def _quota(value: str) -> tuple[int | None, int | None]:
    amount, *parameters = (part.strip() for part in value.split(";")[:8])
    window = next((part[2:] for part in parameters if part.startswith("w=")), "")
    return _number(amount), _number(window)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
