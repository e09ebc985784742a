"""Timelines of many resources at once, laid out of what is written down: verdicts, outcomes, work and pauses."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Q

from probes.models import ALL_REGIONS, Region, Resource
from probes.policy.intervals import Interval
from probes.policy.terms import Terms
from probes.policy.uptime import Said, Shown, Stretch, shown, timeline
from probes.policy.verdict import fresh_for
from probes.protocol.taxonomy import Status
from probes.selectors import maintenance
from probes.selectors.terms import terms_of

_Key = tuple[int, int]
"""Of a resource, and of a region or `ALL_REGIONS`."""


class Told(NamedTuple):
    """What a region said of a resource, by one outcome, and why."""

    resource_id: int
    region_id: int
    said: Said
    reason: str


# One that was resumed at once took no time.
_PAUSES: Final = """
SELECT resource_id, starts_at, ends_at FROM probes_pause
WHERE resource_id = ANY(%(resources)s::bigint[]) AND starts_at < %(end)s
AND (ends_at IS NULL OR ends_at > %(start)s AND ends_at > starts_at)
"""

# Of each resource what changed, and the last that was said before.
_VERDICTS: Final = """
SELECT wanted.resource_id, told.at, told.state FROM unnest(%(resources)s::bigint[]) AS wanted (resource_id)
CROSS JOIN LATERAL (
    (SELECT id, at, state FROM probes_verdictchange
     WHERE resource_id = wanted.resource_id AND at < %(start)s ORDER BY at DESC, id DESC LIMIT 1)
    UNION ALL
    (SELECT id, at, state FROM probes_verdictchange
     WHERE resource_id = wanted.resource_id AND at >= %(start)s AND at < %(end)s)
) AS told
ORDER BY told.at, told.id
"""

# The same of each resource and region; what was said before counts as long as it is fresh.
_OUTCOMES: Final = """
SELECT wanted.resource_id, wanted.region_id, told.slot, told.status, told.reason
FROM unnest(%(resources)s::bigint[], %(regions)s::bigint[], %(kept)s::timestamptz[])
    AS wanted (resource_id, region_id, kept)
CROSS JOIN LATERAL (
    (SELECT slot, status, reason FROM probes_outcome
     WHERE resource_id = wanted.resource_id AND region_id = wanted.region_id AND NOT egress_down
         AND slot >= wanted.kept AND slot < %(start)s
         -- Said with a value too: of days that nobody asks for the planner opens no partition.
         AND slot >= %(kept_since)s
     ORDER BY slot DESC LIMIT 1)
    UNION ALL
    (SELECT slot, status, reason FROM probes_outcome
     WHERE resource_id = wanted.resource_id AND region_id = wanted.region_id AND NOT egress_down
         AND slot >= %(start)s AND slot < %(end)s)
) AS told
"""


def of(
    resources: Sequence[Resource],
    over: Interval,
    viewpoints: Sequence[Region | None],
    *,
    terms: Mapping[int, Terms] | None = None,
) -> Mapping[_Key, list[Stretch]]:
    """Return the timeline of each resource from each viewpoint, None being the verdict over all regions.

    Keyed by the ids of resource and region, `ALL_REGIONS` for the verdict. Resources come with their group where they
    are looked at from regions. Three queries, five where they are, or four if their `terms` in force are given.
    """
    regions = [region for region in viewpoints if region]
    said: dict[_Key, list[Said]] = defaultdict(list)
    if None in viewpoints:
        _add_verdicts(said, resources, over)
    if regions:
        _add_outcomes(said, resources, over, regions, terms)
    planned, paused = maintenance.during(resources, over), pauses(resources, over)
    return {
        (resource.pk, key): timeline(
            said[resource.pk, key],
            over=over,
            maintenance=[Interval(item.starts_at, item.ends_at) for item in planned if item.concerns(resource, key)],
            paused=paused[resource.pk],
        )
        for resource in resources
        for key in (region.pk if region else ALL_REGIONS for region in viewpoints)
    }


def within(field: str, intervals: Iterable[Interval]) -> Q:
    """Return what holds for rows whose instant lies in any of the intervals, of which there is one at least."""
    return reduce(
        or_, (Q(**{f"{field}__gte": item.start, f"{field}__lt": item.end}) for item in dict.fromkeys(intervals))
    )


def _add_verdicts(said: dict[_Key, list[Said]], resources: Sequence[Resource], over: Interval) -> None:
    asked = {"resources": [resource.pk for resource in resources], "start": over.start, "end": over.end}
    for pk, at, state in _rows(_VERDICTS, asked):
        said[pk, ALL_REGIONS].append(Said(at, Shown(state)))


def _add_outcomes(
    said: dict[_Key, list[Said]],
    resources: Sequence[Resource],
    over: Interval,
    regions: Sequence[Region],
    terms: Mapping[int, Terms] | None,
) -> None:
    for item in outcomes(resources, over, regions, terms=terms):
        said[item.resource_id, item.region_id].append(item.said)


def outcomes(
    resources: Sequence[Resource],
    over: Interval,
    regions: Sequence[Region],
    *,
    terms: Mapping[int, Terms] | None = None,
) -> list[Told]:
    """Return what was told from those regions over the range, and the last before it where that is still fresh.

    Of each region in the order of its slots. Resources come with their group, and their terms in force are read where
    they are not given. Two queries at most.
    """
    terms = terms or terms_of(resources)
    holds = {
        (resource.pk, region.pk): fresh_for(resource.every_seconds, region.stride, terms[resource.pk].fresh_intervals)
        for resource in resources
        for region in regions
    }
    longest = timedelta(days=settings.KAIROS_RETENTION_DAYS)
    kept = [over.start - min(span, longest) for span in holds.values()]
    asked = {
        "resources": [resource_id for resource_id, _ in holds],
        "regions": [region_id for _, region_id in holds],
        "kept": kept,
        "kept_since": min(kept, default=over.start),
        "start": over.start,
        "end": over.end,
    }
    found = [
        Told(
            resource_id,
            region_id,
            Said(slot, shown(Status(status), reason), lapses_at=slot + holds[resource_id, region_id]),
            reason,
        )
        for resource_id, region_id, slot, status, reason in _rows(_OUTCOMES, asked)
    ]
    return sorted(found, key=lambda item: item.said.at)


def pauses(resources: Sequence[Resource], over: Interval) -> Mapping[int, list[Interval]]:
    """Return when each resource was paused within the range; one that is, to its end. One query."""
    paused: dict[int, list[Interval]] = defaultdict(list)
    asked = {"resources": [resource.pk for resource in resources], "start": over.start, "end": over.end}
    for pk, start, end in _rows(_PAUSES, asked):
        paused[pk].append(Interval(start, end or over.end))
    return paused


def _rows(statement: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
