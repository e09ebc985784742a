"""When checks are due: an interval or a crontab with a name, which resources may share."""

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from probes.models import validation
from probes.models.audited import audited
from probes.models.named import Named
from probes.models.source import Managed
from probes.policy.crontab import LONGEST_TEXT, Crontab, CrontabRefused, parse_crontab


@audited(told=("slug", "name", "interval_seconds", "crontab", "zone", "managed_by"))
class Schedule(Named, Managed):
    """When the resources that take it are due (ADR 36).

    States of a row:
    - an interval: `interval_seconds` is set, and `crontab` is empty; each resource has a phase of its own;
    - a crontab: `crontab` is set, by the clock of `zone`; each resource has a second of its own within its minutes.

    While something takes it, it cannot be deleted.
    """

    name = models.CharField(max_length=100, unique=True)
    interval_seconds = models.PositiveIntegerField(
        null=True, blank=True, validators=[validation.interval_seconds], help_text="So many seconds. Or a crontab."
    )
    crontab = models.CharField(
        max_length=LONGEST_TEXT,
        blank=True,
        help_text="Minute, hour, day of the month, month, weekday: 0 7-19 * * mon-fri. Or an interval.",
    )
    zone = models.CharField(
        "time zone",
        max_length=60,
        default="UTC",
        validators=[validation.time_zone],
        help_text="Of the crontab: Europe/Berlin, say. What its clock skips is skipped, what it shows twice is once.",
    )

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            *Named.Meta.constraints,
            models.CheckConstraint(
                condition=Q(crontab="", interval_seconds__range=(1, validation.LONGEST_INTERVAL_SECONDS))
                | ~Q(crontab="") & Q(interval_seconds=None),
                name="schedule_is_an_interval_or_a_crontab",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def named_after(self) -> str:
        return self.name

    @property
    def calendar(self) -> Crontab | None:
        """When its crontab comes round; None of an interval. Raises `CrontabRefused`."""
        return parse_crontab(self.crontab, self.zone) if self.crontab else None

    def clean(self) -> None:
        """Check that it is one of the two, and that the crontab is one. Raises `ValidationError` by field."""
        super().clean()
        if self.crontab and self.interval_seconds:
            raise ValidationError({"crontab": "An interval or a crontab, not both."})
        if not self.crontab:
            if not self.interval_seconds:
                raise ValidationError({"interval_seconds": "Say an interval, or a crontab."})
            return
        try:
            validation.time_zone(self.zone)
        except ValidationError:
            return  # its own field has told
        try:
            calendar = parse_crontab(self.crontab, self.zone)
        except CrontabRefused as refused:
            raise ValidationError({"crontab": f"Not a crontab: {refused}."}) from None
        floor = settings.KAIROS_INTERVAL_FLOOR_SECONDS
        if calendar.shortest_gap < timedelta(seconds=floor):
            raise ValidationError({"crontab": f"Checks are {floor} seconds apart at least."})
