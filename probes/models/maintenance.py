"""Planned work: what people plan, and what came of it."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from probes.models import validation
from probes.models.audited import audited
from probes.models.group import ResourceGroup
from probes.models.named import Named
from probes.models.region import Region
from probes.models.registry import Registry
from probes.models.resource import Resource
from probes.models.source import Managed
from probes.policy.maintenance import LONGEST, Window, WindowRefused
from probes.policy.recurrence import LONGEST_RULE, Recurrence, RuleRefused

_FIELDS = {"starts_local": "starts_on", "lasts": "duration_minutes", "rule": "rule"}


@audited(
    told=("slug", "name", "starts_on", "starts_at", "zone", "duration_minutes", "rule", "managed_by"),
    unwatched=("is_of_everything", "is_from_everywhere", "planned_until"),
    many=("resources", "groups", "registries", "regions"),
)
class MaintenanceWindow(Named, Managed):
    """Work that is planned, once or again and again, by the clock on the wall of its time zone.

    It concerns what was chosen as `resources`, what belongs to the `groups` and what is at the `registries`; where
    `regions` were chosen as well, only as seen from there. Regions alone concern whatever is seen from there. A
    resource's verdict over all regions is concerned by a window without regions only: elsewhere work goes on.

    What was planned is written down as `MaintenanceOccurrence`, up to `planned_until`. When all that was chosen has
    been deleted it concerns nothing: `is_of_everything` and `is_from_everywhere` remember what was meant.
    """

    name = models.CharField(max_length=200)
    starts_on = models.DateField(help_text="By the clock of the time zone below.")
    starts_at = models.TimeField()
    zone = models.CharField(
        "time zone", max_length=60, default="UTC", validators=[validation.time_zone], help_text="Europe/Berlin, say."
    )
    duration_minutes = models.PositiveIntegerField(help_text="Whole days of it are days of the calendar.")
    rule = models.CharField(
        max_length=LONGEST_RULE,
        blank=True,
        help_text="When it happens again, as in RFC 5545: FREQ=WEEKLY;BYDAY=SU, or FREQ=MONTHLY;BYDAY=2TU. "
        "Empty is once. The time of day is that above.",
    )
    resources = models.ManyToManyField(Resource, blank=True, related_name="maintenance_windows")
    groups = models.ManyToManyField(ResourceGroup, blank=True, related_name="maintenance_windows")
    registries = models.ManyToManyField(Registry, blank=True, related_name="maintenance_windows")
    regions = models.ManyToManyField(
        Region,
        blank=True,
        related_name="maintenance_windows",
        help_text="Only as seen from there. None chosen means from everywhere.",
    )
    is_of_everything = models.BooleanField(
        default=False, editable=False, help_text="No resource, group or registry was chosen: regions alone decide."
    )
    is_from_everywhere = models.BooleanField(default=True, editable=False, help_text="No region was chosen.")
    planned_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["name", "id"]
        constraints: ClassVar = [
            *Named.Meta.constraints,
            models.CheckConstraint(
                condition=Q(duration_minutes__range=(1, LONGEST // timedelta(minutes=1))),
                name="maintenance_duration_in_range",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def named_after(self) -> str:
        return self.name

    @property
    def window(self) -> Window:
        """The window that the fields describe. Raises `RuleRefused` or `WindowRefused`."""
        return Window(
            starts_local=datetime.combine(self.starts_on, self.starts_at),
            zone=ZoneInfo(self.zone),
            lasts=timedelta(minutes=self.duration_minutes),
            rule=Recurrence.parse(self.rule) if self.rule else None,
        )

    def clean(self) -> None:
        """Check what the fields say together. Raises `ValidationError` by field."""
        super().clean()
        if None in (self.starts_on, self.starts_at, self.duration_minutes):
            return  # their own fields have told
        try:
            validation.time_zone(self.zone)
        except ValidationError:
            return
        try:
            _ = self.window
        except RuleRefused as refused:
            raise ValidationError({"rule": str(refused)}) from None
        except WindowRefused as refused:
            raise ValidationError({_FIELDS[refused.part]: refused.message}) from None

    def upcoming(self, *, after: datetime, count: int) -> list[tuple[datetime, datetime]]:
        """Return the next starts and ends, the one that is on included, by the clock of its zone."""
        zone = ZoneInfo(self.zone)
        found = zip(range(count), self.window.occurrences(after=after), strict=False)
        return [(item.start.astimezone(zone), item.end.astimezone(zone)) for _, item in found]


class MaintenanceOccurrence(models.Model):
    """One time at which a window happens, and whom it concerns, as it was planned when it began.

    What has begun is history: when its window is changed it ends there and then, and is never moved otherwise. So a
    figure of the past does not change with what somebody plans today.

    Empty `resource_ids`, `group_ids` and `registry_ids` together mean whatever is seen from the regions.
    """

    window = models.ForeignKey(MaintenanceWindow, on_delete=models.SET_NULL, null=True, related_name="occurrences")
    name = models.CharField(max_length=200)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    resource_ids = ArrayField(models.BigIntegerField(), default=list)
    group_ids = ArrayField(models.BigIntegerField(), default=list)
    registry_ids = ArrayField(models.BigIntegerField(), default=list)
    region_ids = ArrayField(models.BigIntegerField(), default=list)

    class Meta:
        ordering = ["starts_at", "id"]
        indexes: ClassVar = [models.Index(fields=["ends_at", "starts_at"], name="occurrence_times")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["window", "starts_at"], name="occurrence_is_one_per_start"),
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="occurrence_ends_after_it_starts"),
            models.CheckConstraint(
                condition=~Q(resource_ids=[], group_ids=[], registry_ids=[], region_ids=[]),
                name="occurrence_concerns_something",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.starts_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    def concerns(self, resource: Resource, region_id: int = 0) -> bool:
        """Tell whether it concerns the resource as seen from a region, or with 0 its verdict over all of them."""
        if self.region_ids and region_id not in self.region_ids:
            return False
        if not (self.resource_ids or self.group_ids or self.registry_ids):
            return True
        return (
            resource.pk in self.resource_ids
            or resource.group_id in self.group_ids
            or resource.registry_id in self.registry_ids
        )
