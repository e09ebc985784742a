"""From which regions a resource is checked."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from probes.models import Region, Resource
from probes.selectors.regions import UNREAD


def regions_in_service() -> Sequence[Region]:
    """Return the enrolled regions, paused ones too, in the order of their slugs, without what weighs. One query."""
    return list(Region.objects.in_service().defer(*UNREAD).order_by("slug"))


def regions_of(resource_ids: Iterable[int], *, read: Collection[str] = ()) -> Mapping[int, Sequence[Region]]:
    """Return for each resource the enrolled regions it is for, paused ones too, in the order of their slugs.

    Those chosen for it, or all where none were chosen; retired ones are left out. They
    come without what weighs, but for the fields to be `read`. Two queries.
    """
    ids = list(resource_ids)
    regions = list(Region.objects.in_service().defer(*(name for name in UNREAD if name not in read)))
    chosen: dict[int, set[int]] = defaultdict(set)
    for resource_id, region_id in Resource.regions.through.objects.filter(resource__among=ids).values_list(
        "resource_id", "region_id"
    ):
        chosen[resource_id].add(region_id)
    return {
        resource_id: [region for region in regions if region.pk in chosen[resource_id]]
        if resource_id in chosen
        else regions
        for resource_id in ids
    }
