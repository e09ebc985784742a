"""How one resource stands from each region, in full."""

from collections.abc import Sequence

from probes.models import Region, RegionState, Resource
from probes.policy.terms import Terms
from probes.selectors.overview import Cell
from probes.selectors.regions import UNREAD
from probes.selectors.subscriptions import regions_of


def cells(resource: Resource, terms: Terms) -> Sequence[Cell]:
    """Return one cell for each region that checks `resource`, or has checked it, in the order of their slugs.

    Each state has its last whole document. Three queries, four where a region no longer checks it.
    """
    states = {state.region_id: state for state in RegionState.objects.filter(resource=resource).order_by()}
    regions = {region.pk: region for region in regions_of([resource.pk])[resource.pk]}
    former = states.keys() - regions.keys()
    regions.update(Region.objects.defer(*UNREAD).in_bulk(former) if former else {})
    ordered = sorted(regions.values(), key=lambda region: region.slug)
    return [Cell(region, region.condition, states.get(region.pk), terms) for region in ordered]
