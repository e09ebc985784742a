"""What was rolled up of resources, as bars are laid out of it: how it is asked for, and how its rows are read."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from probes.models import ALL_REGIONS
from probes.policy.buckets import FACES, Bucket, Face, Part
from probes.policy.grid import Grid, instant, second
from probes.policy.intervals import Interval
from probes.policy.rollup import DAY, HOUR, floor
from probes.policy.uptime import Shown
from probes.protocol.taxonomy import Status

Key = tuple[int, int]
"""Of a resource, and of a region or `ALL_REGIONS`."""

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

# How far roll-ups reach is told by their progress; a day whose state never changed needs none of its hours. The hours
# of a bucket are added up here: of what is down each day a month has seven hundred, and a page shows fifty of these.
# Of a day that was nothing but up and down, only hours that were down are read, by the index that holds no others, as
# long as they are all there. Such days of a resource come in one row, with the slots in which it was down, be that on
# other days. Slots shorter than a day divide it. Days in a row in which all was well come as one.
ROLLED: Final = f"""
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


@dataclass(frozen=True, slots=True)
class Rolled:
    """What was rolled up of a range, and what was not: `live` is None where all was.

    Of verdicts, `filled` has by their numbers the buckets that were nothing but up and down.
    """

    live: Interval | None
    parts: Mapping[Key, list[Part]]
    filled: Mapping[Key, Mapping[int, Bucket]]
    checks: Mapping[Key, "Counter[int]"]

    @classmethod
    def of(cls, rows: Sequence[tuple[Any, ...]], over: Interval, grid: Grid) -> "Rolled":
        """Take the rows of `ROLLED`; there are none where it was not asked."""
        parts: dict[Key, list[Part]] = defaultdict(list)
        filled: dict[Key, Mapping[int, Bucket]] = {}
        checks: dict[Key, Counter[int]] = defaultdict(Counter)
        until = second(over.start)
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
        rolled_until = instant(until) if rows else over.start
        return cls(Interval(rolled_until, over.end) if rolled_until < over.end else None, parts, filled, checks)


def question(
    resource_ids: Sequence[int], region_ids: Sequence[int], over: Interval, grid: Grid
) -> Mapping[str, Any] | None:
    """Return what `ROLLED` is asked with; None where buckets are shorter than what is rolled up."""
    if grid.length < _HOUR:
        return None
    are_verdicts = set(region_ids) == {ALL_REGIONS}
    return {
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
