"""How long checks and their steps took, slot by slot: of a resource, a registry, a group, or a region.

What is read are hours or days of the window and nothing else, so nothing grows with the history before it, or with
how many resources belong to something (`selectors.sums`). What is not rolled up yet, the last hour or so, is left
out. Of a registry or a group all that belong to it is added up: whoever asks has reach over all of it.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from probes.policy.grid import Grid
from probes.policy.intervals import Interval
from probes.policy.latency import Histogram, Timed
from probes.policy.rollup import DAY, HOUR, Pieces, floor, pieces
from probes.selectors.sums import Source
from probes.selectors.uptime import RolledUntil, both_rolled_until

MOST_SLOTS: Final = 48
PERCENTS: Final = (50, 95, 99)
_LENGTHS: Final = (*(number * HOUR for number in (1, 2, 4, 8, 12)), *(number * DAY for number in (1, 2, 4, 8, 16)))

_PLACE: Final = "(extract(epoch FROM starts_at)::bigint - %(origin)s) / %(length)s"
_PIECE: Final = (
    "SELECT starts_at, region_id, latency FROM {table} WHERE {key} AND region_id = ANY(%(regions)s) AND ({ranges})"
)
_DURATIONS: Final = f"""
WITH piece AS ({{pieces}})
SELECT {_PLACE} AS place, CASE item %% 1000 / 100 WHEN {Timed.CHECK.value} THEN region_id END AS region,
       item %% 1000 AS key, sum(item / 1000)::bigint
FROM piece CROSS JOIN LATERAL unnest(latency) AS item GROUP BY place, region, key
"""  # noqa: S608 - made of the constants above


@dataclass(frozen=True, slots=True)
class Durations:
    """Of what was timed by percent the durations in ms, slot by slot; None where nothing was timed.

    `whole` has those of the whole window, and how many were timed. `regions` has those of whole checks by region id.
    """

    grid: Grid
    lines: Mapping[Timed, Mapping[int, Sequence[float | None]]]
    whole: Mapping[Timed, tuple[Mapping[int, float | None], int]]
    regions: Mapping[int, Mapping[int, Sequence[float | None]]]


def durations(
    source: Source,
    region_ids: Collection[int],
    window: Interval,
    *,
    now: datetime,
    until: RolledUntil | None = None,
) -> Durations:
    """Return how long checks and their steps took, of those regions together. Two queries, or one with `until`.

    That is what `both_rolled_until` says. Raises `ValueError` where no whole hour of the window has passed.
    """
    grid, read, asked = _pieces(source, region_ids, window, now, until)
    counts: dict[Timed, dict[int, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    checks: dict[int, dict[int, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    for place, region_id, key, count in _rows(_DURATIONS, read, asked):
        timed, number = divmod(key, 100)
        counts[Timed(timed)][place][number] += count
        if region_id is not None:
            checks[region_id][place][number] += count
    lines, whole = {}, {}
    for timed in sorted(counts):
        every = Histogram(sum(counts[timed].values(), Counter()))
        lines[timed] = _lines(counts[timed], grid)
        whole[timed] = ({percent: every.percentile_ms(percent) for percent in PERCENTS}, every.total)
    return Durations(grid, lines, whole, {region_id: _lines(found, grid) for region_id, found in checks.items()})


def _lines(counts: Mapping[int, Counter[int]], grid: Grid) -> Mapping[int, Sequence[float | None]]:
    """Return by percent the durations of each slot."""
    found = {place: Histogram(numbers) for place, numbers in counts.items()}
    nothing = Histogram()
    return {
        percent: [found.get(place, nothing).percentile_ms(percent) for place in range(grid.count)]
        for percent in PERCENTS
    }


def _pieces(
    source: Source, region_ids: Collection[int], window: Interval, now: datetime, until: RolledUntil | None
) -> tuple[Grid, Sequence[str], dict[str, Any]]:
    """Return the slots, and the statements that read what was rolled up of them with what they ask for."""
    over = Interval(floor(window.start, HOUR), floor(min(window.end, now), HOUR))
    span = over.end - over.start
    length = next((item for item in _LENGTHS if span <= MOST_SLOTS * item), _LENGTHS[-1])
    grid = Grid.of(over, length)
    hours_until, days_until = until or both_rolled_until()
    taken = pieces(over, hours_until=hours_until or over.start, days_until=days_until or over.start)
    asked: dict[str, Any] = {
        **source.key,
        "regions": list(region_ids),
        "origin": grid.origin,
        "length": grid.length,
    }
    if length < DAY:
        hours = [item for item in (taken.days, *taken.hours) if item]
        taken = Pieces(days=None, hours=tuple(hours), ends=taken.ends)
    ranges = [(source.days, "day", [taken.days] if taken.days else []), (source.hours, "hour", list(taken.hours))]
    key = " AND ".join(f"{column} = %({column})s" for column in source.key)
    statements = []
    for table, name, intervals in ranges:
        parts = []
        for number, item in enumerate(intervals):
            asked[f"{name}_{number}_start"], asked[f"{name}_{number}_end"] = item.start, item.end
            parts.append(f"starts_at >= %({name}_{number}_start)s AND starts_at < %({name}_{number}_end)s")
        if parts:
            statements.append(_PIECE.format(table=table, key=key, ranges=" OR ".join(parts)))
    return grid, statements, asked


def _rows(statement: str, read: Sequence[str], asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    if not read or not asked["regions"]:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement.format(pieces=" UNION ALL ".join(read)), asked)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
