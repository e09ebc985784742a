"""Regions, and what happened to them."""

from typing import Final

from django.db.models import QuerySet

from probes.models import Region, RegionEvent

UNREAD: Final = ("heartbeat", "liveness")
"""Fields of a region that only its own page reads, and that weigh."""

UNREAD_JOINED: Final = tuple(f"region__{name}" for name in UNREAD)
"""The same of a row that a region is joined to."""


def regions() -> QuerySet[Region]:
    """All regions, retired ones too, in the order of their slugs."""
    return Region.objects.order_by("slug")


def events(region: Region) -> QuerySet[RegionEvent]:
    """The changes of a region's condition, newest first."""
    return RegionEvent.objects.filter(region=region).order_by("-id")
