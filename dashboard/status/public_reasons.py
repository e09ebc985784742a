"""Why something cannot be had, in words for those who use it and know nothing of how it is served. PURE.

They are told what it means to them. Which login we show, whose certificate it is and what a registry answered is for
those who see to it: of that these words say nothing, and reasons that are alike to whoever pulls have the same.
"""

from collections.abc import Iterable
from typing import Final

from probes.policy.scopes import NO_SERVICE
from probes.protocol.taxonomy import Reason

OTHERWISE: Final = "it does not work as it should"
"""Of a cause that is known to no version of these words."""

_WORDS: Final = {
    "what is pulled is not there": (
        Reason.REPOSITORY_NOT_FOUND,
        Reason.TAG_NOT_FOUND,
        Reason.DIGEST_NOT_FOUND,
        Reason.NOT_FOUND,
        Reason.TAG_EXPIRED,
    ),
    "parts of what is pulled are missing": (
        Reason.CHILD_MANIFEST_MISSING,
        Reason.CONFIG_MISSING,
        Reason.LAYER_MISSING,
        Reason.INDEX_EMPTY,
        Reason.MANIFEST_EMPTY,
    ),
    "it is missing for some platforms": (Reason.PLATFORM_MISSING,),
    "what is pulled is damaged or cannot be used": (
        Reason.TAG_DIGEST_INCONSISTENT,
        Reason.INDEX_TOO_DEEP,
        Reason.SIZE_MISMATCH,
        Reason.DIGEST_MISMATCH,
        Reason.MANIFEST_MALFORMED,
        Reason.MANIFEST_TYPE_CONFLICT,
        Reason.MANIFEST_TYPE_UNSUPPORTED,
        Reason.MANIFEST_ENCODING_UNSUPPORTED,
        Reason.MANIFEST_TOO_LARGE,
        Reason.LEGACY_SCHEMA1,
    ),
    "access is refused": (
        Reason.AUTH_REQUIRED,
        Reason.AUTH_REQUIRED_OR_MISSING,
        Reason.AUTH_BAD_CREDENTIALS,
        Reason.AUTH_EXPIRED,
        Reason.AUTH_INSUFFICIENT_SCOPE,
        Reason.AUTH_DENIED,
        Reason.AUTH_DENIED_OR_MISSING,
        Reason.IP_NOT_ALLOWED,
        Reason.POLICY_BLOCKED,
        Reason.LEGAL_BLOCK,
        Reason.QUOTA_OR_BILLING,
        Reason.BLOB_DENIED,
        Reason.ENDPOINT_DENIED,
    ),
    "logging in does not work": (
        Reason.AUTH_CHALLENGE_MISSING,
        Reason.AUTH_CHALLENGE_MALFORMED,
        Reason.AUTH_SCHEME_UNSUPPORTED,
        Reason.AUTH_ENDPOINT_MISSING,
        Reason.AUTH_REALM_UNTRUSTED,
        Reason.AUTH_REALM_FORBIDDEN,
        Reason.AUTH_REDIRECT,
    ),
    "it leads to where it cannot be had": (
        Reason.REDIRECT_FORBIDDEN,
        Reason.REDIRECT_INSECURE,
        Reason.REDIRECT_AUTH_REQUIRED,
    ),
    "no secure connection can be made": (
        Reason.TLS_UNTRUSTED,
        Reason.TLS_EXPIRED,
        Reason.TLS_HOSTNAME,
        Reason.TLS_PROTOCOL,
    ),
    "the server does not answer as it should": (NO_SERVICE,),
    "the server answers something else than it should": (
        Reason.ENDPOINT_STATUS,
        Reason.ENDPOINT_CONTENT,
        Reason.ENDPOINT_JSON,
        Reason.ENDPOINT_TOO_LARGE,
    ),
    "it is slower than it should be": (Reason.ENDPOINT_SLOW,),
    "a certificate is about to expire": (Reason.CERTIFICATE_EXPIRING,),
}
_BY_CAUSE: Final = {str(cause): said for said, causes in _WORDS.items() for cause in causes}


def told(causes: Iterable[str]) -> list[str]:
    """Return what causes of incidents (`policy.scopes.cause_of`) mean to whoever uses it, each once."""
    return list(dict.fromkeys(_BY_CAUSE.get(cause, OTHERWISE) for cause in causes))
