"""The errors of the API that DRF has none for, and how the API's description tells of errors."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import APIException

from api.codes import PROBLEMS, TYPE_PREFIX
from api.declaring import declared


class Refusal(APIException):
    """An error by its code, which says its status."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.status_code = PROBLEMS[cls.default_code].status


class MalformedRequest(Refusal):
    """What arrived is no request that can be read: its host, its query or its body."""

    default_detail = "The request cannot be read."
    default_code = "malformed_request"


class MalformedBody(Refusal):
    """The body is not the JSON that it has to be."""

    default_detail = "The body is not JSON."
    default_code = "malformed_body"


class Conflict(Refusal):
    """What it is about is not in a condition for this. Nothing was changed."""

    default_detail = "It is not in a condition for this."
    default_code = "conflict"


class InUse(Conflict):
    """Other rows stand on what was to be deleted."""

    default_detail = "It cannot be deleted: it is in use."
    default_code = "in_use"


class BulkFailed(Conflict):
    """Of what was to be done all together, something cannot be. `failed` are the results of that."""

    default_code = "bulk_failed"

    def __init__(self, failed: list[dict[str, Any]]) -> None:
        super().__init__(f"{len(failed)} of the items cannot be done, so nothing was.", self.default_code)
        self.members = {"results": failed}


class InProgress(Conflict):
    """Another request under the same idempotency key is not done."""

    default_detail = "A request with this Idempotency-Key is just being done. Ask again."
    default_code = "in_progress"


class ApplyInProgress(InProgress):
    """Somebody else applies documents at this moment. Nothing was changed."""

    default_detail = "Somebody else is just applying. Ask again."

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


class DocumentsRefused(Refusal):
    """What was sent to be applied has faults: the first of them, and how many there are. Nothing was changed."""

    default_code = "documents_refused"

    def __init__(self, sentence: str, errors: list[dict[str, Any]], count: int) -> None:
        super().__init__(sentence, self.default_code)
        self.members = {"errors": errors, "count": count}


class PreconditionFailed(Refusal):
    """It is not as `If-Match` says. Nothing was changed."""

    default_detail = "It was changed meanwhile. Read it again."
    default_code = "precondition_failed"


class KeyReused(Refusal):
    default_detail = "This Idempotency-Key was used for another request within the last day."
    default_code = "key_reused"


class BodyTooLarge(Refusal):
    default_detail = "The body is larger than is taken here."
    default_code = "body_too_large"


class Unavailable(Refusal):
    """The database is away, or somebody held a row for too long. Nothing was changed."""

    default_detail = "The database does not answer. Nothing was changed; ask again."
    default_code = "unavailable"
    wait: Final = 5


class Fault(Refusal):
    """What nobody foresaw. Its trace is in the log, and nowhere else."""

    default_detail = "Something went wrong in Kairos, and its log says what."
    default_code = "internal_error"


class ProblemSerializer(serializers.Serializer[Any]):
    """Why a request was refused: RFC 9457, as `application/problem+json`."""

    type = serializers.CharField(help_text="`urn:kairos:problem:` and the code.")
    title = serializers.CharField(help_text="What the code says, in a few words that are the same each time.")
    status = serializers.IntegerField(help_text="The HTTP status.")
    detail = serializers.CharField(help_text="What was wrong this time, in a sentence for people.")
    code = serializers.CharField(help_text="Stable; for programs. All of them are in docs/reference/problems.md.")
    instance = serializers.CharField(help_text="The path that was asked for.")


class MistakeSerializer(serializers.Serializer[Any]):
    """What is wrong with one field or parameter."""

    field = serializers.CharField(
        allow_blank=True, help_text="Its path, such as `items[3].slug`; empty for the request as a whole."
    )
    code = serializers.CharField(help_text="Stable, such as `required`, `unknown` or `invalid`.")
    message = serializers.CharField(help_text="For people.")


class InvalidProblemSerializer(ProblemSerializer):
    """Why a request was refused, field by field where its values cannot be."""

    errors = declared(MistakeSerializer(many=True, required=False, help_text="Only of `invalid`; at most 100."))


def problem(
    description: str,
    *details: tuple[str, str],
    serializer: Any = ProblemSerializer,
    members: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> OpenApiResponse:
    """Return how the description tells of the problems of one status.

    `details` are the codes that there may be, and what each says, as examples. `members` are what a problem of a code
    has besides, as `serializer` shows it.
    """
    examples = []
    for code, detail in details:
        kind = PROBLEMS[code]
        value: dict[str, Any] = {
            "type": f"{TYPE_PREFIX}{code}",
            "title": kind.title,
            "status": kind.status,
            "detail": detail,
            "code": code,
            "instance": "/api/v1/resources",
            **members.get(code, {}),
        }
        examples.append(OpenApiExample(kind.title, value=value))
    codes = ", ".join(f"`{code}`" for code, _ in details)
    return OpenApiResponse(
        serializer,
        description=f"{description} {'Codes' if len(details) > 1 else 'Code'}: {codes}.",
        examples=examples,
    )


BAD_REQUEST: Final = problem(
    "A parameter or a field that is not known, or whose value cannot be; or a request that cannot be read.",
    ("invalid", 'status: "up" is not a valid choice.'),
    ("malformed_body", MalformedBody.default_detail),
    ("malformed_request", MalformedRequest.default_detail),
    serializer=InvalidProblemSerializer,
    members={
        "invalid": {
            "errors": [{"field": "status", "code": "invalid_choice", "message": '"up" is not a valid choice.'}]
        }
    },
)
UNAUTHENTICATED: Final = problem(
    "No token and no session, or one that is not valid.",
    ("not_authenticated", "Authentication credentials were not provided."),
    ("invalid_token", "This token is not in force: it is unknown, expired or revoked."),
    ("authentication_failed", "Incorrect authentication credentials."),
)
FORBIDDEN: Final = problem(
    "Whoever asks may not do this.",
    ("missing_scope", "This takes a token with the scope `write`."),
    ("missing_role", "This takes the role editor."),
    ("beyond_reach", "This concerns what the token does not reach."),
    ("permission_denied", "You do not have permission to perform this action."),
    ("csrf_failed", "CSRF Failed: CSRF token missing."),
)
NOT_FOUND: Final = problem(
    "There is none of this name or id, or it is out of reach.",
    ("not_found", "No Outcome matches the given query."),
)
NOT_ACCEPTABLE: Final = problem(
    "No representation that is made is accepted.",
    ("not_acceptable", "Could not satisfy the request Accept header."),
)
NOT_DONE: Final = ("in_progress", InProgress.default_detail)
CONFLICT: Final = problem(
    "It is not in a condition for this, or others stand on it. Nothing was changed.",
    ("conflict", "region berlin is not enrolled: …"),
    ("in_use", "It cannot be deleted: in use by 3 resources."),
    NOT_DONE,
)
IN_PROGRESS: Final = problem(
    "Another request with this `Idempotency-Key` is not done. Nothing was done; ask again.", NOT_DONE
)
APPLY_IN_PROGRESS: Final = problem(
    "Somebody else applies at this moment; `Retry-After` says for how many seconds to wait. Nothing was changed.",
    ("in_progress", ApplyInProgress.default_detail),
)
PRECONDITION_FAILED: Final = problem(
    "`If-Match` names another state than it has. Nothing was changed.",
    ("precondition_failed", PreconditionFailed.default_detail),
)
KEY_REUSED: Final = problem(
    "The `Idempotency-Key` was used for another request within the last day.",
    ("key_reused", KeyReused.default_detail),
)
BODY_TOO_LARGE: Final = problem(
    "The body is larger than is taken here.",
    ("body_too_large", "The body is larger than is taken here: 1048576 bytes."),
)
UNSUPPORTED: Final = problem(
    "The body is not `application/json`.",
    ("unsupported_media_type", 'Unsupported media type "text/plain" in request.'),
)
THROTTLED: Final = problem(
    "Too many requests; `Retry-After` says for how many seconds to wait.",
    ("throttled", "Request was throttled. Expected available in 17 seconds."),
)
FAULT: Final = problem("A fault of Kairos.", ("internal_error", Fault.default_detail))
_AWAY: Final = ("unavailable", Unavailable.default_detail)
UNDELIVERED: Final = problem(
    "The broker or the database does not answer. Nothing was checked; ask again.",
    ("undelivered", "The broker does not answer: the check was not sent."),
    _AWAY,
)
UNEQUIPPED: Final = problem(
    "The control plane lacks a key that this takes, or the database does not answer. Nothing was changed.",
    ("unequipped", "control-key.json: cannot read the key file: …"),
    _AWAY,
)
UNAVAILABLE: Final = problem(
    "The database does not answer, or somebody held a row for too long. Nothing was changed; ask again.", _AWAY
)
