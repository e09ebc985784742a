"""How one resource stands from each region, in full."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final

from django.db.models import Exists, OuterRef, Q

from probes.models import Region, RegionState, Resource
from probes.policy.terms import Terms
from probes.selectors.overview import Cell
from probes.selectors.prepared import Blank, Prepared, number
from probes.selectors.regions import UNREAD

_RESOURCE: Final = Blank("resource")


def cells(resource: Resource, terms: Terms, *, read: Collection[str] = ()) -> Sequence[Cell[RegionState]]:
    """Return one cell for each region that checks `resource`, or has checked it, in the order of their slugs.

    Each state has its last whole document. Regions come without what weighs, but for the fields to be `read`. Two
    queries.
    """
    given = {_RESOURCE: str(resource.pk)}
    states = {state.region_id: state for state in _states().read(given)}
    regions = sorted(_regions(frozenset(read)).read(given), key=lambda region: region.slug)
    return [Cell(region, region.condition, states.get(region.pk), terms) for region in regions]


@lru_cache
def _states() -> Prepared[RegionState, RegionState]:
    return Prepared(RegionState.objects.filter(resource=number(_RESOURCE)).order_by())


@lru_cache
def _regions(read: frozenset[str]) -> Prepared[Region, Region]:
    chosen = Resource.regions.through.objects.filter(resource=number(_RESOURCE))
    # As `subscriptions.regions_of` has it: those chosen for it, or all where none were.
    checking = Q(Exists(chosen.filter(region=OuterRef("pk")))) | ~Q(Exists(chosen))
    in_service = Q(pk__in=Region.objects.in_service().order_by().values("pk"))
    has_checked = Q(pk__in=RegionState.objects.filter(resource=number(_RESOURCE)).order_by().values("region"))
    regions = Region.objects.filter(has_checked | in_service & checking)
    return Prepared(regions.defer(*(name for name in UNREAD if name not in read)).order_by())
