"""How the API describes itself where the library does not: every operation names the problems that it may answer."""

from collections.abc import Mapping
from typing import Any, Final

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

from api import errors
from api.access import need_of
from api.codes import MEDIA_TYPE
from api.schema_texts import ABOUT, ANSWERS, HEADERS, PARAMETERS, TAGS
from probes.policy.access import Need

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
    def get_operation_id(self) -> str:
        """Name an operation by its noun and what it does: an action is no `create` for being a POST."""
        name: str = super().get_operation_id()
        action = getattr(self.view, getattr(self.view, "action", None) or "", None)
        return name.removesuffix("_create") if hasattr(action, "mapping") else name

    def get_operation(self, *args: Any) -> dict[str, Any] | None:
        """Say of each operation what it takes, as the door asks for it."""
        operation: dict[str, Any] | None = super().get_operation(*args)
        if operation and operation.get("security"):
            told = operation.get("description", "")
            taken = "Takes no token." if {} in operation["security"] else _taken(need_of(self.view))
            operation["description"] = f"{told}\n\n{taken}".strip()
        return operation

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
        if name := _NAMES.get(id(serializer)):
            return {"$ref": f"#/components/responses/{name}"}
        described["description"] = described["description"] or ANSWERS.get(status_code, "")
        return described

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


def _taken(need: Need) -> str:
    scopes = " or ".join(f"`{scope}`" for scope in sorted(need.scopes))
    return f"Takes the scope {scopes} and the role {need.role}{' over everything' if need.over_all else ''}."


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add what all operations have in common, and say that bodies have no other fields."""
    result["info"]["description"] = ABOUT
    components = result["components"]
    for name, schema in components["schemas"].items():
        if name.endswith(_SENT) and "properties" in schema:
            schema["additionalProperties"] = False
        if name.startswith(_PATCHED):  # what is left out stays: a client that sends what is said here would reset it
            for described in schema["properties"].values():
                described.pop("default", None)
    components["responses"] = {name: _shared(name, response) for name, response in sorted(_SHARED.items())}
    operations = [operation for path in result["paths"].values() for operation in path.values()]
    enumerations: dict[frozenset[Any], dict[str, str]] = {}
    for name, schema in components["schemas"].items():
        if "enum" in schema:  # what is left where two have the same values is to say them, as neither is meant
            key = frozenset(schema["enum"])
            enumerations[key] = {} if key in enumerations else {"$ref": f"#/components/schemas/{name}"}
    for parameter in (parameter for operation in operations for parameter in operation.get("parameters", ())):
        if said := PARAMETERS.get(parameter["name"]):
            parameter.setdefault("description", said)
        parameter["schema"] = _by_name(parameter["schema"], enumerations)
    used = {tag for operation in operations for tag in operation["tags"]}
    # A tag that the table does not know comes last, and without a word: a test asks for one.
    result["tags"] = [{"name": tag, "description": said} for tag, said in TAGS.items() if tag in used]
    return result


def _by_name(schema: dict[str, Any], enumerations: Mapping[frozenset[Any], dict[str, str]]) -> dict[str, Any]:
    """Return the schema of a parameter with the name of its values in their place, where bodies have them too."""
    if "items" in schema:
        return {**schema, "items": _by_name(schema["items"], enumerations)}
    name = enumerations.get(frozenset(schema.get("enum", ())))
    if not name:
        return schema
    return {"allOf": [name], "default": schema["default"]} if "default" in schema else name


def _shared(name: str, response: OpenApiResponse) -> dict[str, Any]:
    serializer: Any = response.response
    described: dict[str, Any] = {
        "description": response.description,
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": f"#/components/schemas/{serializer.__name__.removesuffix('Serializer')}"},
                "examples": {
                    example.value["code"]: {"value": example.value, "summary": example.name}
                    for example in response.examples
                },
            }
        },
    }
    if headers := HEADERS.get(name):
        described["headers"] = {
            header: {"schema": {"type": "string"}, "description": said} for header, said in headers.items()
        }
    return described
