"""The matrix: what is checked, times where from, and how each stands."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Generic, NamedTuple, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet, Subquery

from probes.models import ControlBeat, MaintenanceOccurrence, Region, RegionState, Resource, Verdict
from probes.models.among import written
from probes.policy.access import EVERYTHING, Reach
from probes.policy.liveness import RegionCondition
from probes.policy.terms import USUAL, Terms
from probes.policy.verdict import VerdictState
from probes.selectors import maintenance, registries, visible
from probes.selectors.prepared import MOST, Blank, Prepared
from probes.selectors.regions import UNREAD
from probes.selectors.terms import terms_of

_IDS: Final = Blank("ids")
_REGIONS: Final = Blank("regions")


class LastSeen(NamedTuple):
    """What a cell shows of a `RegionState`, by the names that fields have there.

    There are hundreds on a page, and as rows of the model they take three times as long.
    """

    resource_id: int
    region_id: int
    status: str
    reason: str
    stage: str | None
    host: str | None
    digest: str | None
    since: datetime
    last_slot: datetime
    checked_at: datetime
    duration_ms: int | None
    warnings: Sequence[str]
    ballot: str | None
    stance: str
    egress_down: bool


StateT = TypeVar("StateT", LastSeen, RegionState)


@dataclass(frozen=True, slots=True)
class Cell(Generic[StateT]):
    """A resource from one region, judged on its `terms`. `state` is None before its first outcome from there."""

    region: Region
    condition: RegionCondition
    state: StateT | None
    terms: Terms = USUAL


@dataclass(frozen=True, slots=True)
class Row:
    """A resource, the verdict on it, and one cell for each column; None where it is not checked from there.

    `work` is what is planned for it and is on now.
    """

    resource: Resource
    verdict: Verdict | None
    cells: Sequence[Cell[LastSeen] | None]
    work: MaintenanceOccurrence | None = None

    @property
    def verdict_state(self) -> VerdictState:
        return VerdictState(self.verdict.state) if self.verdict else VerdictState.UNKNOWN


@dataclass(frozen=True, slots=True)
class Overview:
    """Columns in the order of their slugs, and rows in the order of the query.

    `ticked_at` is when checks were handed out last; None before the first time, and where there is no region.
    """

    regions: Sequence[Region]
    rows: Sequence[Row]
    ticked_at: datetime | None = None


def joined(resources: QuerySet[Resource]) -> QuerySet[Resource]:
    """Return resources with what the matrix shows of them."""
    named = Resource.regions.through.objects.filter(resource=OuterRef("pk")).order_by()
    return (
        resources.select_related("registry", "verdict", "group")
        .defer(*(f"registry__{name}" for name in registries.UNREAD), "verdict__inputs", "group__notes")
        .annotate(named_regions=ArraySubquery(named.values("region_id")))
    )


def columns(reach: Reach = EVERYTHING) -> list[Region]:
    """Return the regions in service that are within reach, enrolled and not retired, by their slugs. One query.

    Each comes with `ticked_at`, when checks were handed out last.
    """
    return _columns(reach).read()


@lru_cache(MOST)
def _columns(reach: Reach) -> Prepared[Region, Region]:
    ticked_at = Subquery(ControlBeat.objects.values("ticked_at")[:1])
    return Prepared(visible.among(Region.objects.in_service().defer(*UNREAD).annotate(ticked_at=ticked_at), reach))


def these(ids: Collection[int], reach: Reach = EVERYTHING) -> list[Resource]:
    """Read those of the resources that are within reach, as `joined` has them. One query, none for none."""
    return _these(reach).read({_IDS: written(ids)}) if ids else []


@lru_cache(MOST)
def _these(reach: Reach) -> Prepared[Resource, Resource]:
    return Prepared(joined(visible.among(Resource.objects.filter(pk__among=_IDS), reach)))


def overview(
    resources: QuerySet[Resource] | Sequence[Resource] | None = None,
    *,
    regions: Sequence[Region] | None = None,
    work: Sequence[MaintenanceOccurrence] = (),
    reach: Reach = EVERYTHING,
) -> Overview:
    """Return the matrix of these resources (all by default; slice them for a page). Four queries, whatever it holds.

    One less for what is read as `joined` already, and where the `columns` are given that are within reach. One more
    where some of them take a policy. `work` is what is on now of all that is planned (`maintenance.on`).

    Verdicts come without their inputs. Whether the resources are within reach is for the caller to ask.
    """
    chosen = Resource.objects.all() if resources is None else resources
    found = list(joined(chosen)) if isinstance(chosen, QuerySet) else chosen
    regions = columns(reach) if regions is None else regions
    heads = {region.pk: (region, region.condition) for region in regions}
    states = _states([resource.pk for resource in found], heads)
    terms, worked_on = terms_of(found), maintenance.shown_over(found, work)
    rows: list[Row] = []
    for resource in found:
        key, named = resource.pk, getattr(resource, "named_regions", ()) or heads
        cells = [
            Cell(region, condition, states.get((key, pk)), terms[key]) if pk in named else None
            for pk, (region, condition) in heads.items()
        ]
        rows.append(Row(resource, getattr(resource, "verdict", None), cells, worked_on.get(key)))
    return Overview(regions, rows, getattr(regions[0], "ticked_at", None) if regions else None)


def _states(resource_ids: Collection[int], region_ids: Collection[int]) -> Mapping[tuple[int, int], LastSeen]:
    if not resource_ids:
        return {}
    rows = _seen().read({_IDS: written(resource_ids), _REGIONS: written(region_ids)})
    return {(state.resource_id, state.region_id): state for state in map(LastSeen._make, rows)}


@lru_cache
def _seen() -> Prepared[RegionState, tuple[Any, ...]]:
    there = RegionState.objects.filter(resource__among=_IDS, region__among=_REGIONS).order_by()
    return Prepared(there.values_list(*LastSeen._fields))


def rows(resources: QuerySet[Resource] | None = None) -> Sequence[Row]:
    """Return the rows of the matrix alone."""
    return overview(resources).rows
