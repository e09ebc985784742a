"""Values as the API speaks them."""

from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from django.db.models import Model
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from probes.protocol.outcome import rfc3339

RowT = TypeVar("RowT", bound=Model)


class InstantField(serializers.DateTimeField):
    """An aware instant: of a model's row, of a stored document, or as somebody typed it into a URL.

    It is shown by RFC 3339 in UTC, with milliseconds and a `Z`, and taken in any zone.
    """

    def to_representation(self, value: datetime | str) -> str:
        return rfc3339(datetime.fromisoformat(value) if isinstance(value, str) else value)

    def to_internal_value(self, value: object) -> datetime:
        """Return the instant in UTC. One without its zone is refused, never guessed."""
        try:
            instant = datetime.fromisoformat(str(value))
            if instant.tzinfo is not None:
                return instant.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise ValidationError(
            "Write an RFC 3339 time with its zone, such as 2026-11-23T14:00:00Z (in a URL, + is %2B).", "instant"
        )


class NamedRowField(serializers.SlugRelatedField[RowT]):
    """A row by the name that people give it."""

    default_error_messages: ClassVar = {"does_not_exist": "There is none called {value}."}

    def to_internal_value(self, data: Any) -> RowT:
        if not isinstance(data, str) or "\0" in data:  # no name holds one, and PostgreSQL takes none
            self.fail("invalid")
        return super().to_internal_value(data)
