"""Regions, and what happened to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet

from probes.models import Region, RegionEvent
from probes.protocol.egress import CanaryRound
from probes.selectors import workers

UNREAD: Final = ("heartbeat", "liveness", "canaries")
"""Fields of a region that only its own page reads, and that weigh."""

UNREAD_JOINED: Final = tuple(f"region__{name}" for name in UNREAD)
"""The same of a row that a region is joined to."""

EVENTS_ON_A_CARD: Final = 5

_LAST_EVENTS: Final = """
SELECT event.* FROM unnest(%(regions)s::bigint[]) AS wanted (region_id)
CROSS JOIN LATERAL (
    SELECT * FROM probes_regionevent WHERE region_id = wanted.region_id ORDER BY id DESC LIMIT %(count)s
) AS event
"""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a region's card tells besides its row: its last canaries, its last changes, and its workers.

    Both are newest first. `are_more` tells that workers are heard for whom there is no place.
    """

    last_round: CanaryRound | None = None
    events: Sequence[RegionEvent] = ()
    workers: Sequence[Mapping[str, Any]] = ()
    are_more: bool = False


NO_VITALS: Final = Vitals()


def regions() -> QuerySet[Region]:
    """All regions, retired ones too, in the order of their slugs."""
    return Region.objects.order_by("slug")


def last_round(region: Region) -> CanaryRound | None:
    """Return the canaries that one of its workers asked last; None where none was asked."""
    return None if region.canaries is None else CanaryRound.from_json(region.canaries)


def events(region: Region) -> QuerySet[RegionEvent]:
    """The changes of a region's condition, newest first."""
    return RegionEvent.objects.filter(region=region).order_by("-id")


def vitals_of(region_ids: Iterable[int]) -> Mapping[int, Vitals]:
    """Return of each region what its card tells besides its row. Two queries."""
    return vitals(Region.objects.filter(pk__in=list(region_ids)).only("canaries", "heartbeat", "last_seen_at"))


def vitals(regions: Iterable[Region]) -> Mapping[int, Vitals]:
    """Return what `vitals_of` does, of regions that come with what weighs. One query."""
    regions = list(regions)
    changes: dict[int, list[RegionEvent]] = {region.pk: [] for region in regions}
    for event in RegionEvent.objects.raw(_LAST_EVENTS, {"regions": list(changes), "count": EVENTS_ON_A_CARD}):
        changes[event.region_id].append(event)
    return {
        region.pk: Vitals(
            last_round(region), changes[region.pk], workers.newest_first(region), workers.are_more(region)
        )
        for region in regions
    }
