"""Ranges of time, as figures are asked for."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from api.fields import InstantField
from api.strict import StrictSerializer
from probes.policy.intervals import Interval
from probes.policy.rollup import whole_hours
from probes.policy.uptime import WINDOWS

DEFAULT_RANGE: Final = "30d"
_LONGEST_TEXT: Final = 100


class UptimeQuery(StrictSerializer):
    range = serializers.CharField(
        default=DEFAULT_RANGE,
        max_length=_LONGEST_TEXT,
        help_text=f"{', '.join(f'`{name}`' for name in WINDOWS)}, or two RFC 3339 times with `..` between them. "
        "Read in whole hours: `since` and `until` of the answer say what it is about.",
    )


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
