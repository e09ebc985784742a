"""Ranges of time, as figures are asked for."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from api.fields import GroupField, InstantField, NamedRowField, RegionsField, ResourceField
from api.strict import StrictSerializer
from probes.models import Region, Registry, RollUpProgress
from probes.policy.intervals import Interval
from probes.policy.rollup import DAY, HOUR, whole_hours
from probes.policy.uptime import WINDOWS

DEFAULT_RANGE: Final = "30d"
USUAL_LENGTH: Final = timedelta(days=1)
LONGEST_HOURS: Final = timedelta(days=31)
"""Of so long a range hours are listed, as it is asked for: to whole hours it may be lengthened."""

_LONGEST_TEXT: Final = 100


class UptimeQuery(StrictSerializer):
    range = serializers.CharField(
        default=DEFAULT_RANGE,
        max_length=_LONGEST_TEXT,
        help_text=f"{', '.join(f'`{name}`' for name in WINDOWS)}, or two RFC 3339 times with `..` between them. "
        "Read in whole hours: `since` and `until` of the answer say what it is about.",
    )


class CompareQuery(StrictSerializer):
    """What is compared, from where, and over which time. The context has `now`."""

    resource = ResourceField(required=False, help_text="A resource's id or stable name.")
    registry = NamedRowField[Registry](
        slug_field="host", queryset=Registry.objects.all(), required=False, help_text="Or a registry's host."
    )
    group = GroupField(required=False, help_text="Or a group's stable name, or its name.")
    regions = RegionsField(
        required=False, help_text="The slugs of regions, repeated or with commas. Else all that are in service."
    )
    since = InstantField(
        required=False, help_text="From the full hour in which this lies; a day before `until` unless given."
    )
    until = InstantField(required=False, help_text="To the end of the hour before this; now unless given.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = [name for name in ("resource", "registry", "group") if name in attrs]
        if len(named) != 1:
            message = "Name one of resource, registry and group."
            raise ValidationError({name: [message] for name in named or ("resource",)})
        attrs["kind"] = named[0]
        attrs["over"] = between(attrs, now=self.context["now"], usual=USUAL_LENGTH)
        return attrs

    @property
    def subject(self) -> tuple[str, Any, Interval]:
        """What kind it is, its row, and the range in whole hours."""
        kind = self.validated_data["kind"]
        return kind, self.validated_data[kind], self.validated_data["over"]

    def narrowed(self, regions: Sequence[Region]) -> Sequence[Region]:
        """Return those of the regions that are asked for; raises `ValidationError` for one that is none of them."""
        wanted = self.validated_data.get("regions")
        if wanted is None:
            return regions
        known = {region.pk: region for region in regions}
        if strange := [region.slug for region in wanted if region.pk not in known]:
            raise ValidationError({"regions": [f"It is not checked from {strange[0]}."]})
        return sorted((known[region.pk] for region in wanted), key=lambda region: region.slug)


class RegionRollUpQuery(StrictSerializer):
    """Which hours or days. The context has `now`."""

    unit = serializers.ChoiceField(
        choices=RollUpProgress.Unit.choices,
        default=RollUpProgress.Unit.HOUR.value,
        help_text=f"Hours, of at most {LONGEST_HOURS.days} days, or days.",
    )
    since = InstantField(required=False, help_text="A day before `until` unless given; of days, 30 days.")
    until = InstantField(required=False, help_text="Those that begin before this time; now unless given.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        is_of_days = attrs["unit"] == RollUpProgress.Unit.DAY
        usual = timedelta(days=30) if is_of_days else USUAL_LENGTH
        now = self.context["now"]
        attrs["over"] = between(attrs, now=now, usual=usual)
        if not is_of_days and "since" in attrs and min(attrs.get("until", now), now) - attrs["since"] > LONGEST_HOURS:
            raise ValidationError(
                {"since": [f"Hours are listed for {LONGEST_HOURS.days} days at most; ask for days."]}
            )
        return attrs

    @property
    def length(self) -> timedelta:
        return DAY if self.validated_data["unit"] == RollUpProgress.Unit.DAY else HOUR

    @property
    def over(self) -> Interval:
        over: Interval = self.validated_data["over"]
        return over


class RollUpQuery(RegionRollUpQuery):
    region = NamedRowField[Region](
        slug_field="slug",
        queryset=Region.objects.all(),
        required=False,
        help_text="As this one sees it; by the verdict over all regions unless given.",
    )


def between(asked: Mapping[str, Any], *, now: datetime, usual: timedelta) -> Interval:
    """Return the range from `since` to `until` in whole hours; of what is left out, the `usual` length up to now.

    Raises `ValidationError` by field for what is none, lies ahead, or is older than what is kept.
    """
    kept = timedelta(days=settings.KAIROS_ROLLUP_RETENTION_DAYS)
    over = ends_of(asked, now=now, usual=usual, kept=kept, too_old=f"Figures are kept for {kept.days} days.")
    return whole_hours(over, now=now)


def ends_of(asked: Mapping[str, Any], *, now: datetime, usual: timedelta, kept: timedelta, too_old: str) -> Interval:
    """Return the range from `since` to `until`, not past now; what is left out is the `usual` length before it.

    Raises `ValidationError` by field for what is none, lies ahead, or is older than is `kept`: `too_old` says so.
    """
    end = min(asked.get("until", now), now)
    if "since" not in asked and end < now - kept:  # there is no day before the first of all
        raise ValidationError({"until": [too_old]})
    start = asked["since"] if "since" in asked else end - usual
    if start >= end:
        raise ValidationError({"since": ["A range starts before it ends, and before now."]})
    if start < now - kept:
        raise ValidationError({"since": [too_old]})
    return Interval(start, end)


def asked(parameters: Any, *, now: datetime) -> tuple[str, Interval]:
    """Return the range that is asked for, as it was written and as it is read.

    Raises `ValidationError` by field for what is none, lies ahead, or is older than what is kept.
    """
    query = UptimeQuery(data=parameters)
    query.is_valid(raise_exception=True)
    text: str = query.validated_data["range"]
    try:
        return text, whole_hours(_interval(text, now), now=now)
    except ValidationError as error:
        raise ValidationError({"range": error.detail}) from None


def _interval(text: str, now: datetime) -> Interval:
    if text in WINDOWS:
        return Interval(now - WINDOWS[text], now)
    start_text, dots, end_text = text.partition("..")
    if not dots:
        raise ValidationError(f"Write {', '.join(WINDOWS)}, or two times with .. between them.")
    instant = InstantField()
    start, end = instant.to_internal_value(start_text), min(instant.to_internal_value(end_text), now)
    if start >= end:
        raise ValidationError("A range ends after it starts, and starts before now.")
    if start < now - timedelta(days=settings.KAIROS_ROLLUP_RETENTION_DAYS):
        raise ValidationError(f"Figures are kept for {settings.KAIROS_ROLLUP_RETENTION_DAYS} days.")
    return Interval(start, end)
