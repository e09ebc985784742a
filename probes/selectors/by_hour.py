"""What regions saw hour by hour, or day by day, and why it failed: of one resource, or of all that belong somewhere.

Nothing here grows with the history: hours and days are read from what is rolled up, and of what failed the newest.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Q, QuerySet, Value

from probes.models import DayRollUp, DaySum, HourRollUp, HourSum, OwnerKind
from probes.policy.intervals import Interval
from probes.policy.rollup import DAY, HOUR, floor
from probes.policy.uptime import Shown, Tally

MOST_OF_A_REGION: Final = 500
"""So many of the failures of a resource are looked through for each region, the newest first."""

MOST_OF_ALL: Final = 2000
"""So many failures are looked through for those of a registry or a group, the newest of everything first."""

HOURS_UP_TO: Final = timedelta(days=8)
"""A longer range is told by days."""

_SECONDS: Final = tuple(f"seconds_{state}" for state in Shown)

_OF_RESOURCE: Final = """
SELECT region_id, reason, count(*), max(slot), sum(count(*)) OVER of_region, min(min(slot)) OVER of_region FROM (
    SELECT wanted.region_id, failure.reason, failure.slot FROM unnest(%(regions)s::bigint[]) AS wanted (region_id)
    CROSS JOIN LATERAL (
        SELECT reason, slot FROM probes_outcome
        WHERE resource_id = %(key)s AND region_id = wanted.region_id AND status <> 'available' AND NOT egress_down
            AND slot >= %(start)s AND slot < %(end)s
        ORDER BY slot DESC LIMIT %(most)s
    ) AS failure
) AS found GROUP BY region_id, reason WINDOW of_region AS (PARTITION BY region_id)
ORDER BY region_id, count(*) DESC, reason
"""

_OF_OWNER: Final = """
WITH failure AS MATERIALIZED (
    SELECT region_id, resource_id, reason, slot, egress_down FROM probes_outcome
    WHERE status <> 'available' AND slot >= %(start)s AND slot < %(end)s
    ORDER BY slot DESC, id DESC LIMIT %(most)s
), theirs AS (
    SELECT region_id, reason, count(*) AS count, max(slot) AS slot
    FROM failure JOIN probes_resource AS resource ON resource.id = failure.resource_id
    WHERE resource.{owned} = %(key)s AND region_id = ANY(%(regions)s) AND NOT egress_down
    GROUP BY region_id, reason
)
SELECT region_id, reason, theirs.count, slot, read.count, read.oldest
FROM (SELECT count(*), min(slot) FROM failure) AS read (count, oldest) LEFT JOIN theirs ON true
ORDER BY region_id, theirs.count DESC, reason
"""

_OWNED: Final = {OwnerKind.REGISTRY: "registry_id", OwnerKind.GROUP: "group_id"}


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason for which checks failed, how often among what was looked through, and when the last time."""

    reason: str
    count: int
    last_slot: datetime


@dataclass(frozen=True, slots=True)
class Causes:
    """By region why it failed, what was most frequent first.

    Where there was more to look through than `most`, `since` says from when on they are complete. Of regions that
    differ in this it is the latest: of the others there may be older ones among what is counted.
    """

    regions: Mapping[int, Sequence[Cause]]
    most: int
    since: datetime | None


def unit_of(over: Interval) -> timedelta:
    """Return whether a range is told by hours or by days."""
    return HOUR if over.end - over.start <= HOURS_UP_TO else DAY


def of_resource(
    resource_id: int, over: Interval, region_ids: Collection[int]
) -> Mapping[int, Mapping[datetime, Tally]]:
    """Return by region the seconds that each hour of a range had, or each day of it. One query."""
    own = {"resource_id": resource_id}
    return _tallies(HourRollUp.objects.filter(**own), DayRollUp.objects.filter(**own), over, region_ids)


def of_owner(
    kind: OwnerKind, owner_id: int, over: Interval, region_ids: Collection[int]
) -> Mapping[int, Mapping[datetime, Tally]]:
    """Return the same of all that belong to a registry or a group: each of them counts its own seconds. One query."""
    own = {"owner_kind": kind, "owner_id": owner_id}
    return _tallies(HourSum.objects.filter(**own), DaySum.objects.filter(**own), over, region_ids)


def causes_of_resource(resource_id: int, over: Interval, region_ids: Collection[int]) -> Causes:
    """Return why a resource failed in a range: of each region the newest `MOST_OF_A_REGION` failures. One query."""
    return _causes(_OF_RESOURCE, resource_id, over, region_ids, MOST_OF_A_REGION)


def causes_of_owner(kind: OwnerKind, owner_id: int, over: Interval, region_ids: Collection[int]) -> Causes:
    """Return the same of all that belong to a registry or a group by now. One query.

    They are looked for among the newest `MOST_OF_ALL` failures of everything.
    """
    return _causes(_OF_OWNER.format(owned=_OWNED[kind]), owner_id, over, region_ids, MOST_OF_ALL)


def _tallies(
    hours: QuerySet[Any], days: QuerySet[Any], over: Interval, region_ids: Collection[int]
) -> Mapping[int, Mapping[datetime, Tally]]:
    """Read hours; or days, and for those of which a part alone lies in the range, or is rolled up, their hours."""
    unit = unit_of(over)
    found: dict[int, dict[datetime, Tally]] = {pk: {} for pk in region_ids}
    first, last = floor(over.start - timedelta.resolution, DAY) + DAY, floor(over.end, DAY)
    parts = Q(starts_at__lt=first) | Q(starts_at__gte=last - DAY) if unit == DAY else Q()
    columns = ("region_id", "starts_at", "unit", *_SECONDS)
    rows = _within(hours, over, region_ids).filter(parts).annotate(unit=Value("hour")).values_list(*columns)
    if unit == DAY:
        whole = _within(days, Interval(first, last), region_ids).annotate(unit=Value("day"))
        rows = rows.union(whole.values_list(*columns), all=True)
    read = list(rows)
    whole_days = {(region_id, starts_at) for region_id, starts_at, kind, *_ in read if kind == "day"}
    for region_id, starts_at, kind, *seconds in read:
        start = floor(starts_at, unit)
        if kind == "hour" and (region_id, start) in whole_days:
            continue  # a day that has been summed up by now has its hours in it
        counted = Tally(**{state.value: value or 0 for state, value in zip(Shown, seconds, strict=True)})
        found[region_id][start] = found[region_id].get(start, Tally()) + counted
    return found


def _within(rows: QuerySet[Any], over: Interval, region_ids: Collection[int]) -> QuerySet[Any]:
    return rows.filter(region_id__in=region_ids, starts_at__gte=over.start, starts_at__lt=over.end).order_by()


def _causes(statement: str, key: int, over: Interval, region_ids: Collection[int], most: int) -> Causes:
    asked: dict[str, Any] = {
        "key": key,
        "regions": list(region_ids),
        "start": over.start,
        "end": over.end,
        "most": most,
    }
    found: dict[int, list[Cause]] = defaultdict(list)
    since: datetime | None = None
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        for region_id, reason, count, last_slot, read, oldest in cursor.fetchall():
            if region_id is not None:
                found[region_id].append(Cause(reason, count, last_slot))
            if read >= most:
                since = max(since, oldest) if since else oldest
    return Causes(found, most, since)
