"""Values as the API speaks them."""

import re
from datetime import UTC, datetime, time
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from api.access import reach_in
from probes.models import Credential, Region, Resource, ResourceGroup
from probes.policy import names
from probes.policy.access import Role
from probes.protocol.outcome import rfc3339
from probes.selectors import visible
from probes.selectors.regions import UNREAD

MOST_NAMES = 1_000
"""Rows that one field may name."""

TIME_OF_DAY = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$"
_LONGEST_NUMBER = 19

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


@extend_schema_field({"type": "string", "pattern": TIME_OF_DAY})
class TimeOfDayField(serializers.TimeField):
    """A time by the clock on a wall: `14:00`, or `14:00:30`. One with a zone is refused, since it has none."""

    def to_internal_value(self, value: Any) -> time:
        if not re.fullmatch(TIME_OF_DAY, str(value), re.ASCII):
            self.fail("invalid", format="hh:mm[:ss]")
        return super().to_internal_value(value)


class _WithinReach(serializers.RelatedField[Any, Any, Any]):
    """Another row, among those that are within reach: of the others it is not told that they are there."""

    def get_queryset(self) -> Any:
        found = super().get_queryset()
        if found is None:
            return None
        # To have a login shown somewhere takes more than to see what it was given to.
        role = Role.EDITOR if found.model is Credential else Role.VIEWER
        return visible.among(found, reach_in(self.context, role))

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Refuse an empty text, which DRF takes for null: a script's variable that is not set names nothing."""
        if data == "":
            raise ValidationError("It is empty. Write a name, or null for none.", "blank")
        return super().run_validation(data)


class RowField(_WithinReach, serializers.PrimaryKeyRelatedField[RowT]):
    """A row by its number."""


class NamedRowField(_WithinReach, serializers.SlugRelatedField[RowT]):
    """A row by the name that people give it."""

    default_error_messages: ClassVar = {"does_not_exist": "There is none called {value}."}

    def to_internal_value(self, data: Any) -> RowT:
        if not isinstance(data, str) or "\0" in data:  # no name holds one, and PostgreSQL takes none
            self.fail("invalid")
        return super().to_internal_value(data)


class _KnownField(_WithinReach):
    """A row by any of the names that it has, of which the first that is somebody's counts."""

    named_by: ClassVar[tuple[str, ...]]
    default_error_messages: ClassVar = {"does_not_exist": "There is none called {value}.", "invalid": "Write a name."}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, bool) or not isinstance(data, (str, int)) or "\0" in (text := str(data)):
            self.fail("invalid")
        for name in self.named_by:
            if name == "pk" and not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
                continue
            if (found := self.get_queryset().filter(**{name: text}).first()) is not None:
                return found
        message = self.error_messages["does_not_exist"].format(value=text[:60])
        raise ValidationError(message, "does_not_exist")

    def to_representation(self, value: Any) -> Any:
        return value.pk


@extend_schema_field({"anyOf": [{"type": "integer"}, {"type": "string"}]})
class ResourceField(_KnownField):
    """A resource by its number or by its stable name."""

    named_by = ("pk", "slug")

    def __init__(self, **options: Any) -> None:
        options.setdefault("queryset", Resource.objects.select_related("group", "registry"))
        super().__init__(**options)


@extend_schema_field({"type": "string"})
class GroupField(_KnownField):
    """A group by its stable name, or by the name that people give it."""

    named_by = ("slug", "name")

    def __init__(self, **options: Any) -> None:
        super().__init__(queryset=ResourceGroup.objects.all(), **options)


class RegionsField(serializers.ListField):
    """Regions by their slugs: repeated, or with commas between them. One query."""

    child = serializers.CharField()
    most: ClassVar = 100

    def get_value(self, dictionary: Any) -> Any:
        given = super().get_value(dictionary)
        return [slug for item in given for slug in str(item).split(",")] if isinstance(given, list) else given

    def to_internal_value(self, data: Any) -> list[Region]:
        slugs = list(dict.fromkeys(super().to_internal_value(data)))
        if len(slugs) > self.most:
            raise ValidationError(f"Name at most {self.most}.", "max_length")
        reach = reach_in(self.context)
        known = {
            region.slug: region
            for region in visible.among(Region.objects.defer(*UNREAD).filter(slug__in=slugs), reach)
        }
        for slug in slugs:
            if slug not in known:
                raise ValidationError(f"There is none called {slug[:60]}.", "does_not_exist")
        return [known[slug] for slug in slugs]


class NamedRowsField(serializers.ListField):
    """Several rows within reach by the names that are stable, in their order. One query for all of them."""

    child = serializers.CharField(max_length=260)
    default_error_messages: ClassVar = {"does_not_exist": "There is none called {value}."}

    def __init__(self, *, queryset: QuerySet[Any], named_by: str = "slug", **options: Any) -> None:
        self.queryset, self.named_by = queryset, named_by
        super().__init__(**{"max_length": MOST_NAMES, **options})

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the rows. Raises `ValidationError` by index for names of none."""
        asked: list[str] = list(dict.fromkeys(super().to_internal_value(data)))
        found = {}
        if asked:
            within = visible.among(self.queryset.all(), reach_in(self.context))
            rows = within.filter(**{f"{self.named_by}__in": asked})
            found = {getattr(row, self.named_by): row for row in rows}
        message = self.error_messages["does_not_exist"]
        missing: Any = {
            index: [ErrorDetail(message.format(value=name), "does_not_exist")]
            for index, name in enumerate(data)
            if name.strip() not in found
        }
        if missing:
            raise ValidationError(missing)
        return [found[name] for name in asked]

    def to_representation(self, data: Any) -> list[Any]:
        return [getattr(row, self.named_by) for row in data.all()]


def slug_field() -> serializers.CharField:
    """Return the field of a stable name (ADR 35): where it is left out it is made once, and then stays."""
    return serializers.CharField(
        required=False,
        max_length=names.LONGEST,
        help_text="Its stable name: small letters, digits, dots, dashes, underscores. Made of the name if left out.",
    )


def managed_by_field() -> serializers.CharField:
    """Return the field of who manages a row."""
    return serializers.CharField(
        source="managed_by.slug",
        allow_null=True,
        read_only=True,
        help_text="The slug of the source that makes and changes it; null where that is done by hand.",
    )
