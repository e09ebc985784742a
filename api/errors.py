"""What the API answers when it does not answer: always JSON."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import APIException


class Conflict(APIException):
    """What it is about is not in a condition for this. Nothing was changed."""

    status_code = 409
    default_detail = "It is not in a condition for this."
    default_code = "conflict"


class ProblemSerializer(serializers.Serializer[Any]):
    """Why a request was refused as a whole."""

    detail = serializers.CharField()


_MISTAKES: Final = {
    "type": "object",
    "description": "What is wrong with each parameter or field, by its name.",
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
}

BAD_REQUEST: Final = OpenApiResponse(
    _MISTAKES,
    description="A parameter that is not known, or whose value cannot be.",
    examples=[
        OpenApiExample("An unknown status", value={"status": ["Select a valid choice. up is not one of them."]}),
    ],
)
UNAUTHENTICATED: Final = OpenApiResponse(
    ProblemSerializer,
    description="No token, or one that is not valid.",
    examples=[OpenApiExample("No token", value={"detail": "Authentication credentials were not provided."})],
)
FORBIDDEN: Final = OpenApiResponse(
    ProblemSerializer,
    description="The token's user may not do this.",
    examples=[
        OpenApiExample("Not permitted", value={"detail": "You do not have permission to perform this action."})
    ],
)
NOT_FOUND: Final = OpenApiResponse(
    ProblemSerializer,
    description="There is none with this id.",
    examples=[OpenApiExample("None", value={"detail": "No Outcome matches the given query."})],
)
UNDELIVERED: Final = OpenApiResponse(
    ProblemSerializer,
    description="The broker does not answer. Nothing was checked; ask again.",
    examples=[OpenApiExample("No broker", value={"detail": "The broker does not answer: the check was not sent."})],
)
CONFLICT: Final = OpenApiResponse(
    ProblemSerializer,
    description="It is not in a condition for this. Nothing was changed.",
    examples=[OpenApiExample("Not enrolled", value={"detail": "region berlin is not enrolled: …"})],
)
UNEQUIPPED: Final = OpenApiResponse(
    ProblemSerializer,
    description="The control plane lacks a key that this takes. Nothing was changed.",
    examples=[OpenApiExample("No key", value={"detail": "control-key.json: cannot read the key file: …"})],
)
