"""Regions, and what happened to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet

from probes.models import Region, RegionEvent
from probes.protocol.egress import CanaryRound

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
    """What a region's card tells besides its row: its last canaries, and its last changes, newest first."""

    last_round: CanaryRound | None = None
    events: Sequence[RegionEvent] = ()


NO_VITALS: Final = Vitals()


def regions() -> QuerySet[Region]:
    """All regions, retired ones too, in the order of their slugs."""
    return Region.objects.order_by("slug")


def workers(region: Region) -> Sequence[dict[str, Any]]:
    """Return the last heartbeat of each worker as `actions.regions` keeps it, newest first.

    One that an earlier version stored lacks what came later.
    """
    heard = region.heartbeat.get("workers", {}).values()
    return sorted(heard, key=lambda worker: str(worker["received_at"]), reverse=True)


def last_round(region: Region) -> CanaryRound | None:
    """Return the canaries that one of its workers asked last; None where none was asked."""
    return None if region.canaries is None else CanaryRound.from_json(region.canaries)


def events(region: Region) -> QuerySet[RegionEvent]:
    """The changes of a region's condition, newest first."""
    return RegionEvent.objects.filter(region=region).order_by("-id")


def vitals_of(region_ids: Iterable[int]) -> Mapping[int, Vitals]:
    """Return of each region what its card tells besides its row. Two queries."""
    ids = list(region_ids)
    rounds = Region.objects.filter(pk__in=ids).values_list("pk", "canaries")
    changes: dict[int, list[RegionEvent]] = {region_id: [] for region_id in ids}
    for event in RegionEvent.objects.raw(_LAST_EVENTS, {"regions": ids, "count": EVENTS_ON_A_CARD}):
        changes[event.region_id].append(event)
    return {pk: Vitals(CanaryRound.from_json(told) if told else None, changes[pk]) for pk, told in rounds}
