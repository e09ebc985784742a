"""What other terms would have made of the past of some resources, beside what was made of it.

Outcomes that are stored go through `policy.replay`. It is bounded: so many resources, so many outcomes, and no
further back than each outcome is kept; the answer says what was left out for that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from probes.models import ALL_REGIONS, Incident, MaintenanceOccurrence, Region, Resource
from probes.policy.incidents import Cause, Level
from probes.policy.intervals import Interval
from probes.policy.replay import Balance, Outage, Past, Work, balance, replay, warm_up
from probes.policy.standing import Seen
from probes.policy.terms import Layer, Terms
from probes.protocol.taxonomy import Stage, Status
from probes.selectors import maintenance, timelines
from probes.selectors.subscriptions import regions_of
from probes.selectors.terms import terms_of

MOST_RESOURCES: Final = 50
MOST_OUTCOMES: Final = 50_000
"""So many are taken in again for one answer: about two seconds of a processor."""

_OUTCOMES: Final = """
SELECT region_id, slot, status, reason, stage, host FROM probes_outcome
WHERE resource_id = %(resource)s AND region_id = ANY(%(regions)s) AND slot >= %(start)s AND slot < %(end)s
    AND NOT egress_down
ORDER BY slot LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A resource on other terms: the incidents that there would have been, those that were, and what they come to."""

    resource: Resource
    terms: Terms
    would_be: Sequence[Outage]
    was: Sequence[Outage]
    would_come_to: Balance
    came_to: Balance


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """All resources that were replayed; `is_complete` is false where there was no room for more of them."""

    over: Interval
    replayed: Sequence[Replayed]
    is_complete: bool
    outcomes: int

    @property
    def would_come_to(self) -> Balance:
        return sum((item.would_come_to for item in self.replayed), Balance())

    @property
    def came_to(self) -> Balance:
        return sum((item.came_to for item in self.replayed), Balance())


def dry_run(resources: Sequence[Resource], layer: Layer | None, over: Interval) -> DryRun:
    """Replay a range of the past of resources as if they took a policy that says this; None is their own terms.

    They come with their group; `MOST_RESOURCES` of them are looked at, in their order. Six queries, one for each of
    these, and one more where policies have a say.
    """
    given, resources = resources, resources[:MOST_RESOURCES]
    terms = terms_of(resources, policy=layer)
    regions = regions_of([resource.pk for resource in resources])
    was = _incidents(resources, over)
    room = MOST_OUTCOMES
    replayed: list[Replayed] = []
    starts = {item.pk: _start(item, regions[item.pk], terms[item.pk], over) for item in resources}
    whole = Interval(min([*starts.values(), over.start]), over.end)
    works = maintenance.during(resources, whole)
    pauses = timelines.pauses(resources, whole)
    for resource in resources:
        found = _outcomes(resource, regions[resource.pk], Interval(starts[resource.pk], over.end), most=room + 1)
        if len(found) > room:
            break
        room -= len(found)
        past = Past(
            interval_seconds=resource.every_seconds,
            strides={region.slug: region.stride for region in regions[resource.pk]},
            outcomes=found,
            works=_works(resource, regions[resource.pk], works),
            pauses=pauses[resource.pk],
        )
        would_be = replay(past, terms[resource.pk], over=over)
        replayed.append(
            Replayed(
                resource=resource,
                terms=terms[resource.pk],
                would_be=would_be,
                was=was[resource.pk],
                would_come_to=balance(would_be, over=over),
                came_to=balance(was[resource.pk], over=over),
            )
        )
    return DryRun(
        over=over, replayed=replayed, is_complete=len(replayed) == len(given), outcomes=MOST_OUTCOMES - room
    )


def _start(resource: Resource, regions: Iterable[Region], terms: Terms, over: Interval) -> datetime:
    """Return from when on outcomes are read: before the range, as far as they are of the image that is meant now."""
    before = warm_up(terms, interval_seconds=resource.every_seconds, strides=[region.stride for region in regions])
    return min(max(over.start - before, resource.reference_since), over.start)


def _outcomes(
    resource: Resource, regions: Sequence[Region], over: Interval, *, most: int
) -> Sequence[tuple[str, Seen]]:
    slugs = {region.pk: region.slug for region in regions}
    asked: dict[str, Any] = {
        "resource": resource.pk,
        "regions": list(slugs),
        "start": max(over.start, resource.reference_since),
        "end": over.end,
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(_OUTCOMES, asked)
        return [
            (
                slugs[region_id],
                Seen(
                    slot=slot,
                    checked_at=slot,
                    status=Status(status),
                    reason=reason,
                    stage=Stage(stage) if stage else None,
                    host=host,
                ),
            )
            for region_id, slot, status, reason, stage, host in cursor.fetchall()
        ]


def _works(resource: Resource, regions: Sequence[Region], works: Iterable[MaintenanceOccurrence]) -> Sequence[Work]:
    """Return the work on a resource: as seen from everywhere, or from those of its regions that it names."""
    found = []
    for item in works:
        interval = Interval(item.starts_at, item.ends_at)
        seen = frozenset(region.slug for region in regions if item.concerns(resource, region.pk))
        if item.concerns(resource, ALL_REGIONS):
            found.append(Work(interval))
        elif seen:
            found.append(Work(interval, seen))
    return found


def _incidents(resources: Sequence[Resource], over: Interval) -> Mapping[int, Sequence[Outage]]:
    """Return the incidents that were open at some time of the range. One query."""
    found: dict[int, list[Outage]] = {resource.pk: [] for resource in resources}
    rows = Incident.objects.filter(
        Q(resolved_at=None) | Q(resolved_at__gt=over.start), resource__in=resources, opened_at__lt=over.end
    )
    for row in rows.order_by("opened_at", "pk"):
        outage = Outage(
            worst=Level(row.worst),
            began_at=row.began_at,
            opened_at=row.opened_at,
            resolved_at=row.resolved_at,
            cause=Cause(row.cause) if row.cause else None,
        )
        if row.resource_id is not None:
            found[row.resource_id].append(outage)
    return found
