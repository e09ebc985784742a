"""Regions and the state each is in."""

from enum import StrEnum

from django.db.models import QuerySet

from probes.models import Region


class RegionCondition(StrEnum):
    """The states of a region's row, in words. The order is that of precedence."""

    RETIRED = "retired"
    ANNOUNCED = "announced"
    PAUSED = "paused"
    SILENT = "silent"
    ACTIVE = "active"


def regions() -> QuerySet[Region]:
    """All regions, retired ones too, in the order of their slugs."""
    return Region.objects.order_by("slug")


def condition_of(region: Region) -> RegionCondition:
    if region.retired_at is not None:
        return RegionCondition.RETIRED
    if not region.is_enrolled:
        return RegionCondition.ANNOUNCED
    if region.paused_at is not None:
        return RegionCondition.PAUSED
    return RegionCondition.SILENT if region.silent_since is not None else RegionCondition.ACTIVE
