"""Sums of many resources: of all that belong to a registry or a group, from each region and over all (ADR 40)."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class OwnerKind(models.TextChoices):
    """What resources belong to."""

    REGISTRY = "registry"
    GROUP = "group"


def _sum() -> "models.BigIntegerField[int | None, int | None]":
    return models.BigIntegerField(null=True)


class Sum(models.Model):
    """The roll-ups of `resources` resources that belonged to the owner then, added up. Null is nothing.

    The columns are those of `RollUp`, and wider: so many resources add up. `region_id` 0 is the verdict over all
    regions. A row of no resource is what is left where all of it was taken out again. Partitioned by month.
    """

    pk = models.CompositePrimaryKey("owner_kind", "owner_id", "region_id", "starts_at")
    owner_kind = models.CharField(max_length=8, choices=OwnerKind)
    owner_id = models.BigIntegerField()
    region_id = models.BigIntegerField()
    starts_at = models.DateTimeField()
    resources = models.BigIntegerField()
    outcomes_available = _sum()
    outcomes_unavailable = _sum()
    outcomes_degraded = _sum()
    outcomes_indeterminate = _sum()
    outcomes_config_error = _sum()
    without_egress = _sum()
    seconds_available = _sum()
    seconds_degraded = _sum()
    seconds_unavailable = _sum()
    seconds_unknown = _sum()
    seconds_maintenance = _sum()
    seconds_paused = _sum()
    latency = ArrayField(models.BigIntegerField(), null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        seen = f"{self.region_id or 'all'}, {self.starts_at:%Y-%m-%d %H:%M}"
        return f"{self.owner_kind} {self.owner_id} from {seen}"


class HourSum(Sum):
    """An hour of UTC."""

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(owner_kind__in=OwnerKind.values), name="hour_sum_owner_is_known"),
        ]


class DaySum(Sum):
    """A day of UTC: the sum of its hours. `resources` is the most of any of them."""

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(owner_kind__in=OwnerKind.values), name="day_sum_owner_is_known"),
        ]
