"""Reasons in words, as they stand in sentences: on pages, and in what explains a verdict."""

from typing import Final

_ACRONYMS: Final = {"dns": "DNS", "tls": "TLS", "http": "HTTP", "ip": "IP", "nxdomain": "name does not exist"}

# Where the code alone would puzzle somebody who is looking for the cause.
_WORDS: Final = {
    "ok": "all answered",
    "auth_required": "login needed",
    "auth_required_or_missing": "private or missing",
    "auth_bad_credentials": "login refused",
    "auth_expired": "login expired",
    "auth_insufficient_scope": "login lacks pull scope",
    "auth_denied": "login may not pull",
    "auth_denied_or_missing": "login may not pull, or missing",
    "blob_denied": "layers denied",
    "connect_refused": "connection refused",
    "connect_timeout": "connection timed out",
    "connect_unreachable": "network unreachable",
    "dns_nxdomain": "host name does not exist",
    "dns_temporary": "our DNS failed",
    "legacy_schema1": "Docker schema 1",
    "probe_aborted": "check was cut short",
    "probe_overloaded": "check waited too long",
    "endpoint_content": "another content than expected",
    "endpoint_denied": "login needed or refused",
    "endpoint_error": "server error",
    "endpoint_invalid": "check is set up wrong",
    "endpoint_json": "another JSON than expected",
    "endpoint_slow": "slower than it may be",
    "endpoint_status": "another status than expected",
    "endpoint_throttled": "throttled",
    "endpoint_too_large": "answer too large to read",
    "internal_error": "fault of Kairos",
    "rate_limited": "throttled",
    "rate_limited_auth": "login throttled",
    "rate_limited_upstream": "upstream throttled us",
    "ref_ambiguous_host": "names no repository",
    "ref_bad_digest": "malformed digest",
    "ref_bad_tag": "malformed tag",
    "ref_invalid": "malformed reference",
    "ref_looks_like_id": "an image ID, not a name",
    "ref_rejected": "registry refuses this name",
    "ref_too_long": "repository name too long",
    "ref_uppercase": "uppercase in the name",
    "target_forbidden": "address not allowed",
    "timeout_body": "timed out while reading",
    "timeout_headers": "no answer in time",
    "timeout_total": "check ran out of time",
    "tls_expired": "certificate expired",
    "tls_hostname": "certificate is for another name",
    "tls_protocol": "TLS not spoken",
    "tls_untrusted": "certificate not trusted",
}


def told(code: str) -> str:
    """Return a reason's code in words. Also of a code that this version does not know."""
    return _WORDS.get(code) or " ".join(_ACRONYMS.get(word, word) for word in code.split("_"))
