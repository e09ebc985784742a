"""How one resource stands from each region, in full."""

from collections.abc import Collection, Sequence

from django.db.models import Exists, OuterRef, Q

from probes.models import Region, RegionState, Resource
from probes.policy.terms import Terms
from probes.selectors.overview import Cell
from probes.selectors.regions import UNREAD


def cells(resource: Resource, terms: Terms, *, read: Collection[str] = ()) -> Sequence[Cell[RegionState]]:
    """Return one cell for each region that checks `resource`, or has checked it, in the order of their slugs.

    Each state has its last whole document. Regions come without what weighs, but for the fields to be `read`. Two
    queries.
    """
    states = {state.region_id: state for state in RegionState.objects.filter(resource=resource).order_by()}
    chosen = Resource.regions.through.objects.filter(resource=resource.pk)
    # As `subscriptions.regions_of` has it: those chosen for it, or all where none were.
    checking = Q(Exists(chosen.filter(region=OuterRef("pk")))) | ~Q(Exists(chosen))
    in_service = Q(pk__in=Region.objects.in_service().order_by().values("pk"))
    regions = Region.objects.filter(Q(pk__in=list(states)) | in_service & checking)
    ordered = sorted(
        regions.defer(*(name for name in UNREAD if name not in read)).order_by(), key=lambda region: region.slug
    )
    return [Cell(region, region.condition, states.get(region.pk), terms) for region in ordered]
