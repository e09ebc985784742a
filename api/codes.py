"""The codes of problems. Programs go by them, so none is ever renamed or given to something else (ADR 34).

The table is published as `docs/reference/problems.md`; a test holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:kairos:problem:"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a code stands for: the HTTP status that it comes with, and a title that is the same each time."""

    status: int
    title: str


PROBLEMS: Final[Mapping[str, Kind]] = {
    "invalid": Kind(status=400, title="A value cannot be"),
    "malformed_body": Kind(status=400, title="The body cannot be read"),
    "malformed_request": Kind(status=400, title="The request cannot be read"),
    "not_authenticated": Kind(status=401, title="Nobody is named"),
    "authentication_failed": Kind(status=401, title="The login is not valid"),
    "invalid_token": Kind(status=401, title="The token is not in force"),
    "missing_scope": Kind(status=403, title="The token has not the scope"),
    "missing_role": Kind(status=403, title="The user has not the role"),
    "beyond_reach": Kind(status=403, title="It concerns what the token does not reach"),
    "permission_denied": Kind(status=403, title="Not permitted"),
    "csrf_failed": Kind(status=403, title="The session's request has no valid CSRF token"),
    "not_found": Kind(status=404, title="There is none"),
    "no_such_address": Kind(status=404, title="There is nothing at this address"),
    "method_not_allowed": Kind(status=405, title="The address does not take this method"),
    "not_acceptable": Kind(status=406, title="No such representation"),
    "conflict": Kind(status=409, title="Not in a condition for this"),
    "in_use": Kind(status=409, title="Others stand on it"),
    "bulk_failed": Kind(status=409, title="Not all of it can be done, so nothing was"),
    "in_progress": Kind(status=409, title="The same is just being done"),
    "precondition_failed": Kind(status=412, title="It was changed meanwhile"),
    "body_too_large": Kind(status=413, title="The body is too large"),
    "unsupported_media_type": Kind(status=415, title="The body's media type is not taken"),
    "documents_refused": Kind(status=422, title="The documents cannot be applied"),
    "key_reused": Kind(status=422, title="The idempotency key was used for something else"),
    "throttled": Kind(status=429, title="Too many requests"),
    "internal_error": Kind(status=500, title="A fault of Kairos"),
    "undelivered": Kind(status=503, title="The broker does not answer"),
    "unequipped": Kind(status=503, title="The control plane lacks a key"),
    "unavailable": Kind(status=503, title="The database does not answer"),
}

USUAL: Final = {
    400: "malformed_request",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    412: "precondition_failed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "key_reused",
    429: "throttled",
    503: "unavailable",
}
"""The code of an error whose own is not in the table, by its status."""
