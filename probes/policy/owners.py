"""Who has to act on what a check found: of whom to ask that it be mended.

The status says so roughly (`protocol.taxonomy`); here it is said by the reason, and by whose host it was. A registry
sends its readers elsewhere: for logins to a token service, for layers to a storage. And what only some regions cannot
reach is rather the fault of their networks than of the host.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from probes.protocol.taxonomy import Reason, Stage, Status


class Owner(StrEnum):
    """Who has to act."""

    NOBODY = "nobody"
    IMAGE = "image"  # whoever builds and pushes it
    REGISTRY = "registry"  # whoever runs it
    TOKEN_SERVICE = "token_service"  # noqa: S105 - somebody, not a secret
    STORAGE = "storage"  # whoever runs the host to which the registry sends its readers for blobs
    LOGIN = "login"  # whoever keeps the login that is used, or gives it its rights
    POLICY = "policy"  # whoever set the rule by which the registry withholds the image
    ENDPOINT = "endpoint"  # whoever runs the service
    NETWORK = "network"  # whoever runs the region's network, its resolver or its proxy
    CHECK = "check"  # whoever set up the check
    KAIROS = "kairos"  # whoever runs us
    WAIT = "wait"  # nobody as long as it heals by itself


_BY_REASON: Final[Mapping[Reason, Owner]] = {
    **dict.fromkeys(
        (
            Reason.AUTH_REQUIRED,
            Reason.AUTH_REQUIRED_OR_MISSING,
            Reason.AUTH_BAD_CREDENTIALS,
            Reason.AUTH_EXPIRED,
            Reason.AUTH_INSUFFICIENT_SCOPE,
            Reason.AUTH_DENIED,
            Reason.AUTH_DENIED_OR_MISSING,
            Reason.ENDPOINT_DENIED,
        ),
        Owner.LOGIN,
    ),
    **dict.fromkeys((Reason.POLICY_BLOCKED, Reason.LEGAL_BLOCK, Reason.QUOTA_OR_BILLING), Owner.POLICY),
    **dict.fromkeys(
        (
            Reason.IP_NOT_ALLOWED,
            Reason.AUTH_CHALLENGE_MISSING,
            Reason.AUTH_CHALLENGE_MALFORMED,
            Reason.AUTH_SCHEME_UNSUPPORTED,
            Reason.AUTH_ENDPOINT_MISSING,
            Reason.AUTH_REALM_FORBIDDEN,
            Reason.AUTH_REDIRECT,
            Reason.REDIRECT_FORBIDDEN,
            Reason.REDIRECT_INSECURE,
            Reason.REDIRECT_AUTH_REQUIRED,
            Reason.BLOB_DENIED,
            Reason.TLS_UNTRUSTED,
            Reason.TLS_EXPIRED,
            Reason.TLS_HOSTNAME,
            Reason.TLS_PROTOCOL,
            Reason.MANIFEST_ENCODING_UNSUPPORTED,
        ),
        Owner.REGISTRY,
    ),
    # Whom the registry is to trust with logins is for the check's settings to say.
    Reason.AUTH_REALM_UNTRUSTED: Owner.CHECK,
    **dict.fromkeys(
        (
            Reason.RATE_LIMITED,
            Reason.RATE_LIMITED_AUTH,
            Reason.RATE_LIMITED_UPSTREAM,
            Reason.ENDPOINT_THROTTLED,
            Reason.PROBE_ABORTED,
        ),
        Owner.WAIT,
    ),
    **dict.fromkeys((Reason.DNS_TEMPORARY, Reason.PROXY_FAILED, Reason.PROXY_AUTH), Owner.NETWORK),
    Reason.BLOB_BACKEND_DENIED: Owner.STORAGE,
    **dict.fromkeys(
        (
            Reason.AUTH_SERVICE_ERROR,
            Reason.AUTH_SERVICE_TIMEOUT,
            Reason.AUTH_TOKEN_EMPTY,
            Reason.AUTH_TOKEN_INVALID,
            Reason.AUTH_TOKEN_NOT_JSON,
            Reason.AUTH_TOKEN_TOO_LARGE,
        ),
        Owner.TOKEN_SERVICE,
    ),
    **dict.fromkeys(
        (
            Reason.ENDPOINT_STATUS,
            Reason.ENDPOINT_CONTENT,
            Reason.ENDPOINT_JSON,
            Reason.ENDPOINT_TOO_LARGE,
            Reason.ENDPOINT_ERROR,
            Reason.ENDPOINT_SLOW,
            Reason.CERTIFICATE_EXPIRING,
        ),
        Owner.ENDPOINT,
    ),
}

_BY_STATUS: Final[Mapping[Status, Owner]] = {
    Status.AVAILABLE: Owner.NOBODY,
    Status.UNAVAILABLE: Owner.IMAGE,
    Status.DEGRADED: Owner.REGISTRY,
    Status.INDETERMINATE: Owner.KAIROS,
    Status.CONFIG_ERROR: Owner.CHECK,
}

_ON_THE_WAY: Final = frozenset(
    {
        Reason.DNS_NXDOMAIN,
        Reason.CONNECT_REFUSED,
        Reason.CONNECT_TIMEOUT,
        Reason.CONNECT_UNREACHABLE,
        Reason.CONNECTION_RESET,
        Reason.TIMEOUT_HEADERS,
        Reason.TIMEOUT_BODY,
        Reason.TIMEOUT_TOTAL,
        Reason.TLS_UNTRUSTED,
        Reason.TLS_HOSTNAME,
    }
)
"""What a network between may have done as well as the host. (Whose certificate has expired, has let it expire.)"""


def owner_of(
    reason: Reason,
    *,
    asked_for: Stage | None = None,
    is_elsewhere: bool = False,
    is_reached_by_others: bool = False,
    is_endpoint: bool = False,
) -> Owner:
    """Return who has to act on a reason.

    `asked_for` is the stage of the request that failed, and `is_elsewhere` tells that its host is not the registry's
    own. `is_reached_by_others` tells that the same host answers other regions properly at this time.
    """
    if reason in _ON_THE_WAY and is_reached_by_others:
        return Owner.NETWORK
    owner = _BY_REASON.get(reason) or _BY_STATUS[reason.status]
    if owner is not Owner.REGISTRY:
        return owner
    if is_endpoint:
        return Owner.ENDPOINT
    if is_elsewhere:
        return _ELSEWHERE.get(asked_for, Owner.REGISTRY)
    return owner


_ELSEWHERE: Final[Mapping[Stage | None, Owner]] = {
    Stage.TOKEN: Owner.TOKEN_SERVICE,
    Stage.CONFIG: Owner.STORAGE,
    Stage.LAYER: Owner.STORAGE,
}
