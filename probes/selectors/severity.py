"""What is worst first, and how many there are of each kind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Lower, NullIf

from probes.models import MaintenanceOccurrence, Resource, ResourceKind
from probes.policy.access import EVERYTHING, Reach
from probes.policy.verdict import VerdictState
from probes.selectors import visible
from probes.selectors.maintenance import worked_on


class Group(StrEnum):
    """What a resource counts as, the worst first: its verdict, unless there is none or something is shown over it."""

    UNAVAILABLE = "unavailable"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    UNCHECKED = "unchecked"
    MAINTENANCE = "maintenance"
    AVAILABLE = "available"
    PAUSED = "paused"


BY_RANK: Final = tuple(Group)
RANKS: Final[Mapping[Group, int]] = {group: place for place, group in enumerate(Group)}


def worst_first(
    *,
    group: Group | None = None,
    search: str = "",
    work: Iterable[MaintenanceOccurrence] = (),
    reach: Reach = EVERYTHING,
) -> "QuerySet[Resource]":
    """Return resources by severity and then by name; of one group, or with `search` in name or reference.

    Those that are retired are left out. `work` is what is on now of all that is planned (`maintenance.on`).
    """
    found = visible.among(Resource.objects.filter(retired_at=None), reach).annotate(rank=rank(work))
    if group is not None:
        found = found.filter(rank=RANKS[group])
    if search:
        found = found.filter(Q(name__icontains=search) | Q(reference__icontains=search))
    return found.order_by("rank", Lower(Coalesce(NullIf("name", Value("")), "reference")), "pk")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many resources there are of each group, and whether some of them are endpoints."""

    groups: Mapping[Group, int]
    has_endpoints: bool


def tally(work: Iterable[MaintenanceOccurrence] = (), reach: Reach = EVERYTHING) -> Tally:
    """Count resources within reach that are not retired, `work` being on. One query."""
    counted = (
        visible.among(Resource.objects.filter(retired_at=None), reach)
        .annotate(rank=rank(work))
        .order_by()
        .values("rank")
        .annotate(count=Count("pk"), endpoints=Count("pk", filter=Q(kind=ResourceKind.ENDPOINT)))
    )
    found = {item["rank"]: item for item in counted}
    return Tally(
        {group: found[place]["count"] if place in found else 0 for group, place in RANKS.items()},
        has_endpoints=any(item["endpoints"] for item in found.values()),
    )


def rank(work: Iterable[MaintenanceOccurrence]) -> Case:
    """Give each resource the place of its group. A verdict that was never computed from anything is none."""
    return Case(
        When(paused_at__isnull=False, then=RANKS[Group.PAUSED]),
        *(When(worked_on(item), then=RANKS[Group.MAINTENANCE]) for item in work),
        When(verdict=None, then=RANKS[Group.UNCHECKED]),
        *(When(verdict__state=state, then=RANKS[Group(state)]) for state in VerdictState),
        default=Value(RANKS[Group.UNKNOWN]),
        output_field=IntegerField(),
    )
