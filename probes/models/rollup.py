"""Roll-ups: sums of an hour or a day for each resource, from each region and over all of them (ADR 27)."""

from typing import ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from probes.models.resource import Resource

ALL_REGIONS: Final = 0
"""Stands in `region_id` for the verdict over all regions."""


def _count() -> "models.IntegerField[int | None, int | None]":
    return models.IntegerField(null=True)


class RollUp(models.Model):
    """What `policy.rollup.Rolled` holds, of the unit that begins at `starts_at`. Null is nothing: it takes no room.

    `latency` lists one number for each bucket that is not empty (`policy.latency.entry`): a thousand times the count,
    a hundred times what was timed, and the bucket. So 12323 says of 12 checks that their manifest was in bucket 23.

    There are no foreign keys in the database, as there are none on outcomes. Partitioned by month.
    """

    pk = models.CompositePrimaryKey("resource_id", "region_id", "starts_at")
    resource_id = models.BigIntegerField()
    region_id = models.BigIntegerField()
    starts_at = models.DateTimeField()
    outcomes_available = _count()
    outcomes_unavailable = _count()
    outcomes_degraded = _count()
    outcomes_indeterminate = _count()
    outcomes_config_error = _count()
    without_egress = _count()
    seconds_available = _count()
    seconds_degraded = _count()
    seconds_unavailable = _count()
    seconds_unknown = _count()
    seconds_maintenance = _count()
    seconds_paused = _count()
    latency = ArrayField(models.IntegerField(), null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.resource_id} from {self.region_id or 'all'}, {self.starts_at:%Y-%m-%d %H:%M}"


class HourRollUp(RollUp):
    """An hour of UTC.

    The row over all regions notes the registry and the group that the resource belonged to when it was made: what was
    added to their sums (`Sum`) can be taken out again, also after the resource has moved. Null in rows of regions.
    """

    registry_id = models.BigIntegerField(null=True)
    group_id = models.BigIntegerField(null=True)


class DayRollUp(RollUp):
    """A day of UTC: the sum of its hours."""


class RollUpProgress(models.Model):
    """How far an hour or a day has been rolled up.

    States of a row: in work while `finished_at` is null, done up to and with `resource_id`; finished afterwards.
    """

    class Unit(models.TextChoices):
        HOUR = "hour"
        DAY = "day"

    unit = models.CharField(max_length=4, choices=Unit)
    starts_at = models.DateTimeField()
    resource_id = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["unit", "starts_at"], name="rollup_progress_is_one_per_unit"),
            models.CheckConstraint(condition=Q(unit__in=["hour", "day"]), name="rollup_progress_unit_is_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["starts_at"], condition=Q(finished_at=None), name="rollup_progress_open"),
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.starts_at:%Y-%m-%d %H:%M}"


class LateOutcome(models.Model):
    """An hour of a resource that is to be rolled up again: an outcome for it came after it may have been."""

    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, db_index=False, related_name="+")
    starts_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource", "starts_at"], name="late_outcome_is_noted_once"),
        ]

    def __str__(self) -> str:
        return f"{self.resource_id} at {self.starts_at:%Y-%m-%d %H:%M}"
