"""Bars of timelines, for a page of resources or for the regions of one: what was shown when, bucket by bucket.

Short windows are laid out of what is written down as it happens. Long ones are read from roll-ups, and what is not
rolled up yet as the short ones are: so a bar has the seconds that uptime has of the same range (`selectors.uptime`),
and costs the same however long the history before it is.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from django.db import connection

from probes.models import ALL_REGIONS, MaintenanceOccurrence, Region, Resource
from probes.policy.buckets import (
    FACES,
    Bar,
    Bucket,
    Cause,
    Face,
    Grid,
    Part,
    cut,
    instant,
    length_for,
    parts_of,
    second,
)
from probes.policy.intervals import Interval
from probes.policy.rollup import DAY, HOUR, floor, whole_hours
from probes.policy.terms import Terms
from probes.policy.uptime import Said, Shown, timeline
from probes.protocol.taxonomy import Status
from probes.selectors import maintenance, timelines

_Key = tuple[int, int]
"""Of a resource, and of a region or `ALL_REGIONS`."""

MOST_CAUSES: Final = 200
"""So many incidents of a resource are looked through for why it was bad, the newest first."""

_HOUR: Final = HOUR // timedelta(seconds=1)
_DAY: Final = DAY // timedelta(seconds=1)
_CHECKS: Final = " + ".join(f"coalesce(outcomes_{status}, 0)" for status in Status)
_SECONDS: Final = tuple(f"seconds_{state}" for state in Shown)
# Not the histograms, which would be carried along.
_READ: Final = ", ".join(
    (
        "resource_id, region_id, starts_at",
        *(f"coalesce({column}, 0) AS {column}" for column in _SECONDS),
        f"{_CHECKS} AS checks",
    )
)
# In the order of faces; of what nobody told there is no column.
_OF_FACES: Final = tuple("0" if face is Face.NO_DATA else f"seconds_{face}" for face in FACES)
_SUMS: Final = ", ".join(f"sum({column})::bigint" for column in _OF_FACES)

# What each resource was said to be, when it was paused, and why it was bad: one row for each, in order.
_WRITTEN: Final = """
SELECT wanted.id, told.kind, told.at, told.until, told.word
FROM unnest(%(resources)s::bigint[]) AS wanted (id) CROSS JOIN LATERAL (
    (SELECT 'said' AS kind, at, NULL::timestamptz AS until, state AS word, id AS place FROM probes_verdictchange
     WHERE resource_id = wanted.id AND at < %(live)s ORDER BY at DESC, id DESC LIMIT 1)
    UNION ALL
    (SELECT 'said', at, NULL, state, id FROM probes_verdictchange
     WHERE resource_id = wanted.id AND at >= %(live)s AND at < %(end)s)
    UNION ALL
    (SELECT 'paused', starts_at, ends_at, '', id FROM probes_pause
     WHERE resource_id = wanted.id AND starts_at < %(end)s
         AND (ends_at IS NULL OR ends_at > %(live)s AND ends_at > starts_at))
    UNION ALL
    (SELECT 'bad', began_at, resolved_at, failure, id FROM probes_incident
     WHERE resource_id = wanted.id AND opened_at < %(end)s AND (resolved_at IS NULL OR resolved_at > %(start)s)
     ORDER BY opened_at DESC LIMIT %(most)s)
) AS told ORDER BY told.at, told.place
"""

# How far roll-ups reach is told by their progress; a day whose state never changed needs none of its hours. The hours
# of a bucket are added up here: of what is down each day a month has seven hundred, and a page shows fifty of these.
# Of a day that was nothing but up and down, only hours that were down are read, by the index that holds no others, as
# long as they are all there. Such days of a resource come in one row, with the slots in which it was down, be that on
# other days. Slots shorter than a day divide it. Days in a row in which all was well come as one.
_ROLLED: Final = f"""
WITH until AS MATERIALIZED (
    SELECT date_trunc('hour', least(%(end)s, coalesce(
        (SELECT min(starts_at) FROM probes_rollupprogress WHERE unit = 'hour' AND finished_at IS NULL),
        (SELECT max(starts_at) + interval '1 h' FROM probes_rollupprogress WHERE unit = 'hour'),
        %(start)s
    )), 'UTC') AS hours, coalesce(
        (SELECT min(starts_at) FROM probes_rollupprogress WHERE unit = 'day' AND finished_at IS NULL),
        (SELECT max(starts_at) + interval '1 day' FROM probes_rollupprogress WHERE unit = 'day'),
        %(start)s
    ) AS days
), day AS MATERIALIZED (
    SELECT {_READ} FROM probes_dayrollup WHERE resource_id = ANY(%(resources)s) AND region_id = ANY(%(regions)s)
        AND %(in_days)s AND starts_at >= %(first_day)s AND starts_at < date_trunc('day', (
            SELECT least(days, hours) FROM until
        ), 'UTC')
), down AS MATERIALIZED (
    SELECT resource_id, date_bin(%(length)s, starts_at, %(origin)s) AS slot,
        sum(seconds_unavailable)::integer AS seconds
    FROM probes_hourrollup WHERE %(are_verdicts)s AND NOT %(days_suffice)s AND resource_id = ANY(%(resources)s)
        AND region_id = {ALL_REGIONS} AND seconds_unavailable IS NOT NULL
        AND starts_at >= %(first_day)s AND starts_at < %(end)s
    GROUP BY resource_id, slot
), judged AS MATERIALIZED (
    SELECT day.*, %(days_suffice)s OR {_DAY} IN ({", ".join(_SECONDS)}) AS suffices, seconds IS NOT NULL AS is_told
    FROM day LEFT JOIN (
        SELECT resource_id, date_bin('1 day', slot, 'epoch') AS starts_at, sum(seconds) AS seconds
        FROM down GROUP BY 1, 2
    ) AS told ON told.resource_id = day.resource_id AND told.starts_at = day.starts_at
        AND seconds = seconds_unavailable AND seconds_available + seconds_unavailable = {_DAY}
), divided AS (
    SELECT resource_id, region_id, starts_at FROM judged WHERE NOT suffices AND NOT is_told
), hour AS (
    SELECT {_READ} FROM probes_hourrollup WHERE resource_id = ANY(%(resources)s) AND region_id = ANY(%(regions)s)
        AND starts_at >= %(start)s AND starts_at < (
            SELECT CASE WHEN %(in_days)s THEN least(%(first_day)s, hours) ELSE hours END FROM until
        )
    UNION ALL
    SELECT {_READ} FROM probes_hourrollup WHERE resource_id = ANY(%(resources)s) AND region_id = ANY(%(regions)s)
        AND %(in_days)s AND starts_at >= (
            SELECT greatest(%(first_day)s, date_trunc('day', least(days, hours), 'UTC')) FROM until
        ) AND starts_at < (SELECT hours FROM until)
    UNION ALL
    SELECT one.* FROM divided JOIN (SELECT {_READ} FROM probes_hourrollup) AS one
        ON one.resource_id = divided.resource_id AND one.region_id = divided.region_id
        AND one.starts_at >= divided.starts_at AND one.starts_at < divided.starts_at + interval '1 day'
)
SELECT extract(epoch FROM until.hours)::bigint, piece.* FROM until LEFT JOIN (
    SELECT resource_id, region_id, extract(epoch FROM starts_at)::bigint, {_DAY}, {", ".join(_OF_FACES)}, checks,
        NULL::bigint[], NULL::bigint[], NULL::integer[]
    FROM judged WHERE suffices AND NOT (%(are_verdicts)s AND seconds_available = {_DAY}) AND NOT is_told
    UNION ALL
    SELECT resource_id, {ALL_REGIONS}, 0, 0, {", ".join("0" for _ in FACES)}, 0, days, slots, downs
    FROM (
        SELECT resource_id, array_agg(extract(epoch FROM starts_at)::bigint) AS days
        FROM judged WHERE is_told GROUP BY 1
    ) AS told JOIN (
        SELECT resource_id, array_agg(extract(epoch FROM slot)::bigint) AS slots, array_agg(seconds) AS downs
        FROM down GROUP BY 1
    ) AS spoilt USING (resource_id)
    UNION ALL
    SELECT resource_id, {ALL_REGIONS}, extract(epoch FROM min(starts_at))::bigint, count(*) * {_DAY},
        {", ".join(f"count(*) * {_DAY}" if face is Face.AVAILABLE else "0" for face in FACES)}, 0,
        NULL, NULL, NULL
    FROM (
        SELECT resource_id, starts_at, starts_at - {_DAY} * interval '1 s'
            * row_number() OVER (PARTITION BY resource_id ORDER BY starts_at) AS run
        FROM day WHERE %(are_verdicts)s AND seconds_available = {_DAY}
    ) AS well GROUP BY resource_id, run
    UNION ALL
    SELECT resource_id, region_id, extract(epoch FROM min(starts_at))::bigint,
        extract(epoch FROM max(starts_at) - min(starts_at))::bigint + {_HOUR}, {_SUMS}, sum(checks)::bigint,
        NULL, NULL, NULL
    FROM hour GROUP BY resource_id, region_id, date_bin(%(length)s, starts_at, %(origin)s)
) AS piece ON true
"""  # noqa: S608 - made of the constants above


def verdict_bars(resources: Sequence[Resource], window: Interval, *, now: datetime) -> Mapping[int, Bar]:
    """Return by its id the bar of each resource, by the verdicts over all regions. Three queries at most.

    The window is read in whole hours, to `now` at the latest (`whole_hours`); it raises `ValueError` where all of it
    is still to come. A reason is the failure of the incident of that time. That of an image over which somebody has
    no reach is not asked for here: the resources are those that may be shown.
    """
    if not resources:
        return {}
    grid = Grid.of(whole_hours(window, now=now))
    ids = [resource.pk for resource in resources]
    rolled = _rolled(ids, [ALL_REGIONS], window, grid, now)
    written = _Written.read(ids, over=rolled.over, live=rolled.live)
    planned = maintenance.during(resources, rolled.live) if rolled.live else []
    bars: dict[int, Bar] = {}
    for resource in resources:
        parts = list(rolled.parts[resource.pk, ALL_REGIONS])
        if rolled.live:
            parts += written.parts(resource, rolled.live, planned)
        causes = written.causes[resource.pk]
        filled = rolled.filled.get((resource.pk, ALL_REGIONS))
        bars[resource.pk] = cut(grid, parts, filled=filled, born=second(resource.created_at), causes=causes)
    return bars


@dataclass(frozen=True, slots=True)
class Course:
    """A resource's bar by the verdicts over all regions, and by its id that of each region: of the same slots."""

    verdict: Bar
    lanes: Mapping[int, Bar]


def lanes(resource: Resource, regions: Sequence[Region], window: Interval, *, now: datetime) -> Mapping[int, Bar]:
    """Return by its id the bar of each region, as `course` has them."""
    return course(resource, regions, window, now=now).lanes if regions else {}


def course(
    resource: Resource,
    regions: Sequence[Region],
    window: Interval,
    *,
    now: datetime,
    terms: Terms | None = None,
    planned: Sequence[MaintenanceOccurrence] | None = None,
) -> Course:
    """Return the bars of a resource: by its verdicts, and as each region saw it for itself, with its checks.

    `window` is read as by `verdict_bars`. The resource comes with its group; what is given of the terms in force, and
    of the work that was `planned` over the window, is not read again. Reasons are those of outcomes, where these are
    still kept whole; of what is read from roll-ups they are not told. Five queries at most.
    """
    over = whole_hours(window, now=now)
    grid = Grid.of(over, _length_of_lanes(over, now))
    rolled = _rolled([resource.pk], [ALL_REGIONS, *(region.pk for region in regions)], window, grid, now)
    live = rolled.live
    written = _Written.read([resource.pk], over=over, live=live)
    if planned is None:
        planned = maintenance.during([resource], live) if live else []
    known = {resource.pk: terms} if terms else None
    outcomes = timelines.outcomes([resource], live, regions, terms=known) if live and regions else []
    born = second(resource.created_at)
    parts = list(rolled.parts[resource.pk, ALL_REGIONS])
    if live:
        parts += written.parts(resource, live, planned)
    seen: dict[int, Bar] = {}
    for region in regions:
        own = [item for item in outcomes if item.region_id == region.pk]
        theirs, checks = list(rolled.parts[resource.pk, region.pk]), rolled.checks[resource.pk, region.pk].copy()
        if live:
            work = [Interval(item.starts_at, item.ends_at) for item in planned if item.concerns(resource, region.pk)]
            said = [item.said for item in own]
            shown = timeline(said, over=live, maintenance=work, paused=written.paused[resource.pk])
            theirs += parts_of(shown, said, live)
            checks.update(grid.place(second(item.said.at)) for item in own if item.said.at in live)
        causes = _causes(own, live) if live else []
        seen[region.pk] = cut(grid, theirs, born=born, causes=causes, checks=checks)
    filled = rolled.filled.get((resource.pk, ALL_REGIONS))
    return Course(cut(grid, parts, filled=filled, born=born, causes=written.causes[resource.pk]), seen)


def _length_of_lanes(over: Interval, now: datetime) -> timedelta:
    """Return how long the buckets of lanes are. Older than outcomes are kept there are whole hours alone."""
    kept = now - timedelta(days=settings.KAIROS_RETENTION_DAYS)
    return length_for(over.end - over.start, at_least=HOUR if over.start < kept else timedelta.resolution)


def _causes(outcomes: Sequence[timelines.Told], live: Interval) -> list[Cause]:
    """Return why a region could not have it: each outcome that was bad, until the next or until it lapsed."""
    ends = [*(item.said.at for item in outcomes[1:]), live.end]
    return [
        Cause(second(item.said.at), second(min(end, item.said.lapses_at or end)) + 1, item.reason)
        for item, end in zip(outcomes, ends, strict=False)
        if item.said.state in (Shown.UNAVAILABLE, Shown.DEGRADED)
    ]


@dataclass(frozen=True, slots=True)
class _Rolled:
    """What was rolled up of a range, and what was not: `live` is None where all was.

    Of verdicts, `filled` has by their numbers the buckets that were nothing but up and down.
    """

    over: Interval
    live: Interval | None
    parts: Mapping[_Key, list[Part]]
    filled: Mapping[_Key, Mapping[int, Bucket]]
    checks: Mapping[_Key, "Counter[int]"]


def _rolled(
    resource_ids: Collection[int], region_ids: Collection[int], window: Interval, grid: Grid, now: datetime
) -> _Rolled:
    """Read roll-ups where the buckets are of hours or longer. One query, or none."""
    over = whole_hours(window, now=now)
    parts: dict[_Key, list[Part]] = defaultdict(list)
    filled: dict[_Key, Mapping[int, Bucket]] = {}
    checks: dict[_Key, Counter[int]] = defaultdict(Counter)
    if grid.length < _HOUR:
        return _Rolled(over, over, parts, filled, checks)
    are_verdicts = set(region_ids) == {ALL_REGIONS}
    asked = {
        "resources": list(resource_ids),
        "regions": list(region_ids),
        "start": over.start,
        "end": over.end,
        "origin": instant(grid.origin),
        "length": timedelta(seconds=grid.length),
        "first_day": min(floor(over.start - timedelta.resolution, DAY) + DAY, floor(over.end, HOUR)),
        # The checks of a day cannot be shared out among its hours; a verdict has none.
        "are_verdicts": are_verdicts,
        "in_days": grid.length >= _DAY or are_verdicts,
        "days_suffice": grid.length >= _DAY,
    }
    until = second(over.start)
    rows = _rows(_ROLLED, asked)
    for until, resource_id, region_id, start, length, *seconds, count, days, slots, downs in rows:  # noqa: B007 - the last
        if resource_id is None:
            break
        key = resource_id, region_id
        if days is not None:
            filled[key] = _up_and_down(days, grid, dict(zip(slots, downs, strict=True)))
            continue
        parts[key].append(Part.filled(start, start + length, seconds))
        if count:
            checks[key][grid.place(start)] += count
    rolled_until = instant(until)
    live = Interval(rolled_until, over.end) if rolled_until < over.end else None
    return _Rolled(over, live, parts, filled, checks)


def _up_and_down(days: Iterable[int], grid: Grid, down: Mapping[int, int]) -> Mapping[int, Bucket]:
    """Return the buckets of days that were nothing but up and down, by the seconds of those in which it was down."""
    length = grid.length
    return {
        place: _bucket(down.get(at, 0), length)
        for day in days
        for place, at in enumerate(range(day, day + _DAY, length), grid.place(day))
    }


@lru_cache(1000)
def _bucket(down: int, length: int) -> Bucket:
    seconds = {Face.UNAVAILABLE: down, Face.AVAILABLE: length - down}
    return Bucket(tuple(seconds.get(face, 0) for face in FACES))


@dataclass(frozen=True, slots=True)
class _Written:
    """What is written down of each resource as it happens."""

    said: Mapping[int, list[Said]] = field(default_factory=lambda: defaultdict(list))
    paused: Mapping[int, list[Interval]] = field(default_factory=lambda: defaultdict(list))
    causes: Mapping[int, list[Cause]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def read(cls, resource_ids: Sequence[int], *, over: Interval, live: Interval | None) -> "_Written":
        """Read why they were bad over the whole range, and all else of what is not rolled up. One query."""
        found = cls()
        asked = {
            "resources": list(resource_ids),
            "start": over.start,
            "end": over.end,
            "live": live.start if live else over.end,
            "most": MOST_CAUSES,
        }
        for resource_id, kind, at, until, word in _rows(_WRITTEN, asked):
            if kind == "said":
                found.said[resource_id].append(Said(at, Shown(word)))
            elif kind == "paused":
                found.paused[resource_id].append(Interval(at, max(until or over.end, at + timedelta.resolution)))
            else:
                found.causes[resource_id].append(Cause(second(at), second(until or over.end) + 1, word))
        return found

    def parts(self, resource: Resource, live: Interval, planned: Sequence[MaintenanceOccurrence]) -> Iterable[Part]:
        said = self.said[resource.pk]
        work = [Interval(item.starts_at, item.ends_at) for item in planned if item.concerns(resource, ALL_REGIONS)]
        shown = timeline(said, over=live, maintenance=work, paused=self.paused[resource.pk])
        return parts_of(shown, said, live)


def _rows(statement: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
