"""What the API answers when it does not answer: RFC 9457, for every error, with a code that stays (ADR 34).

Views raise what DRF, Django or `api.errors` have; `handle` alone turns it into a document.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import IntegrityError, InterfaceError, OperationalError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, JsonResponse, UnreadablePostError
from django.utils.encoding import escape_uri_path
from rest_framework.exceptions import APIException, ErrorDetail, NotFound, PermissionDenied, ValidationError
from rest_framework.fields import get_error_detail
from rest_framework.views import set_rollback

from api.codes import MEDIA_TYPE, PROBLEMS, TYPE_PREFIX, USUAL
from api.errors import BodyTooLarge, Conflict, InUse, MalformedRequest, Unavailable

MOST_ERRORS: Final = 100
"""Of one answer. Whoever sends more mistakes than this mends these first."""
_LONGEST_NAME: Final = 60
_LONGEST_PATH: Final = 500
_OVERTAKEN: Final = frozenset({"23503", "23505"})
"""PostgreSQL's foreign_key_violation and unique_violation: what was looked at before has changed since."""
_WHOLE: Final = frozenset({"non_field_errors", "__all__"})
"""Under which DRF and Django file what is wrong with no field alone."""


def handle(error: Exception, context: Mapping[str, Any]) -> JsonResponse | None:
    """Return the problem that an exception of a view is, or None for a fault of ours, which Django then logs."""
    found = known(error)
    if found is None:
        return None
    set_rollback()
    response = JsonResponse(
        document(found, instance=context["request"].path), status=found.status_code, content_type=MEDIA_TYPE
    )
    if header := getattr(found, "auth_header", None):
        response["WWW-Authenticate"] = header
    if wait := getattr(found, "wait", None):
        response["Retry-After"] = str(int(wait))
    return response


def document(error: APIException, *, instance: str, within: str = "") -> dict[str, Any]:
    """Return the members of the problem that an error is, which happened at the path `instance`.

    `within` is the path of the part of the body that the error is about.
    """
    code = _code(error)
    kind = PROBLEMS[code]
    problem: dict[str, Any] = {
        "type": f"{TYPE_PREFIX}{code}",
        "title": kind.title,
        "status": error.status_code,
        "detail": "",
        "code": code,
        "instance": escape_uri_path(instance[:_LONGEST_PATH]),
    }
    if isinstance(error, ValidationError):
        found = list(by_field(error.detail, within))
        problem["detail"] = _sentence(found)
        problem["errors"] = found[:MOST_ERRORS]
    else:
        problem["detail"] = str(error.detail)
    return {**problem, **getattr(error, "members", {})}


def by_field(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Yield what is wrong with each field, with its path such as `items[3].slug`; empty is the body as a whole."""
    if isinstance(detail, str):
        yield {"field": path, "code": getattr(detail, "code", None) or "invalid", "message": str(detail)}
    elif isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from by_field(inner, _joined(path, name))
    else:
        for index, inner in enumerate(detail):
            # A list of sentences is about the one field; a list of anything else is about its items.
            yield from by_field(inner, path if isinstance(inner, str) else f"{path}[{index}]")


def _joined(path: str, name: Any) -> str:
    if isinstance(name, int):
        return f"{path}[{name}]"
    if name in _WHOLE:
        return path
    name = str(name)[:_LONGEST_NAME]
    return f"{path}.{name}" if path else name


def _sentence(found: list[dict[str, str]]) -> str:
    if not found:
        return "A value cannot be."
    first = found[0]
    said = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    return said if len(found) == 1 else f"{said} And {len(found) - 1} more."


def _code(error: APIException) -> str:
    code = "invalid" if isinstance(error, ValidationError) else getattr(error.detail, "code", "")
    if code in PROBLEMS and PROBLEMS[code].status == error.status_code:
        return code
    return USUAL.get(error.status_code, "internal_error")


def known(error: Exception) -> APIException | None:
    """Return an error as one with a status and a sentence. What Django says of itself is not for those who ask."""
    match error:
        case PermissionDenied() if str(error.detail).startswith("CSRF Failed"):
            # The library tells it from others by these words alone.
            return PermissionDenied(str(error.detail), "csrf_failed")
        case APIException():
            return error
        case Http404():
            return NotFound(*error.args)
        case DjangoPermissionDenied():
            return PermissionDenied(*error.args)
        case ModelValidationError():
            return ValidationError(get_error_detail(error))
        case RequestDataTooBig():
            return BodyTooLarge()
        case SuspiciousOperation() | BadRequest() | UnreadablePostError():
            return MalformedRequest()
    return _of_the_database(error)


def _of_the_database(error: Exception) -> APIException | None:
    match error:
        case ProtectedError() | RestrictedError():
            return InUse(_protectors(error))
        case IntegrityError() if _sqlstate(error) in _OVERTAKEN:
            return Conflict("Something else was just stored or deleted that this does not go with. Ask again.")
        case OperationalError() | InterfaceError():
            return Unavailable()
    return None


def _sqlstate(error: IntegrityError) -> str:
    return str(getattr(error.__cause__, "sqlstate", ""))


def _protectors(error: ProtectedError | RestrictedError) -> ErrorDetail | None:
    rows = getattr(error, "protected_objects", None) or getattr(error, "restricted_objects", None) or ()
    counts: dict[str, int] = {}
    for row in rows:
        name = str(row._meta.verbose_name_plural)  # noqa: SLF001 - a model's public description
        counts[name] = counts.get(name, 0) + 1
    said = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return ErrorDetail(f"It cannot be deleted: in use by {said}.", InUse.default_code) if said else None
