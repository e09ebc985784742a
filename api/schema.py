"""How the API describes itself where the library does not: every operation names the problems that it may answer."""

from collections.abc import Mapping
from typing import Any, Final

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

from api import errors
from api.codes import MEDIA_TYPE

_SHARED: Final[Mapping[str, OpenApiResponse]] = {
    "BadRequest": errors.BAD_REQUEST,
    "Unauthenticated": errors.UNAUTHENTICATED,
    "Forbidden": errors.FORBIDDEN,
    "NotFound": errors.NOT_FOUND,
    "NotAcceptable": errors.NOT_ACCEPTABLE,
    "Conflict": errors.CONFLICT,
    "PreconditionFailed": errors.PRECONDITION_FAILED,
    "InProgress": errors.IN_PROGRESS,
    "KeyReused": errors.KEY_REUSED,
    "BodyTooLarge": errors.BODY_TOO_LARGE,
    "UnsupportedMediaType": errors.UNSUPPORTED,
    "Throttled": errors.THROTTLED,
    "InternalError": errors.FAULT,
    "Undelivered": errors.UNDELIVERED,
    "Unequipped": errors.UNEQUIPPED,
    "Unavailable": errors.UNAVAILABLE,
}
"""Told once, and referred to wherever they may be."""

_NAMES: Final = {id(response): name for name, response in _SHARED.items()}
_SENT: Final = "Request"
"""How the library ends the names of what is sent. All of these are `StrictBody`."""
_PATCHED: Final = "Patched"
"""And how it begins those of a PATCH."""
_ERROR: Final = "4"
"""The first digit of the lowest status that is an error."""


class ProblemSchema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        """Add what a view has by its kind (`NounViewSet.conventions`)."""
        added: list[Any] = super().get_override_parameters()
        conventions = getattr(self.view, "conventions", None)
        return [*added, *conventions()] if conventions else added

    def _get_response_bodies(self, *args: Any, **named: Any) -> Any:
        bodies: dict[str, Any] = super()._get_response_bodies(*args, **named)
        for status, response in self._always().items():
            if status not in bodies:
                bodies[status] = self._get_response_for_code(response, status)
        return dict(sorted(bodies.items()))

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: Any = None, direction: Any = "response"
    ) -> Any:
        is_error = status_code >= _ERROR
        described = super()._get_response_for_code(  # type: ignore[no-untyped-call]  # the library has no types
            serializer, status_code, [MEDIA_TYPE] if is_error else media_types, direction
        )
        # The call above has made their schemas known.
        return {"$ref": f"#/components/responses/{name}"} if (name := _NAMES.get(id(serializer))) else described

    def _always(self) -> dict[str, OpenApiResponse]:
        """Return what any operation may answer, whatever it does."""
        always = {
            "400": errors.BAD_REQUEST,
            "401": errors.UNAUTHENTICATED,
            "403": errors.FORBIDDEN,
            "406": errors.NOT_ACCEPTABLE,
            "429": errors.THROTTLED,
            "500": errors.FAULT,
            "503": errors.UNAVAILABLE,
        }
        if "{" in self.path:
            always["404"] = errors.NOT_FOUND
        if self.method not in {"GET", "DELETE"}:
            always |= {"413": errors.BODY_TOO_LARGE, "415": errors.UNSUPPORTED}
        return always


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say that bodies have no other fields, and add the responses that operations refer to."""
    components = result["components"]
    for name, schema in components["schemas"].items():
        if name.endswith(_SENT) and "properties" in schema:
            schema["additionalProperties"] = False
        if name.startswith(_PATCHED):  # what is left out stays: a client that sends what is said here would reset it
            for described in schema["properties"].values():
                described.pop("default", None)
    components["responses"] = {
        name: {
            "description": response.description,
            "content": {
                MEDIA_TYPE: {
                    "schema": {
                        "$ref": f"#/components/schemas/{response.response.__name__.removesuffix('Serializer')}"
                    },
                    "examples": {
                        example.name: {"value": example.value, "summary": example.name}
                        for example in response.examples
                    },
                }
            },
        }
        for name, response in sorted(_SHARED.items())
    }
    return result
