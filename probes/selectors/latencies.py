"""How long checks took over time, from roll-ups. What is not rolled up yet, the last hour or so, is left out."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from probes.models import Resource
from probes.policy.access import EVERYTHING, Reach
from probes.policy.grid import Grid, instant
from probes.policy.intervals import Interval
from probes.policy.latency import Histogram
from probes.policy.rollup import DAY, HOUR, floor
from probes.selectors.ahead import Answer, sent

_HOUR: Final = HOUR // timedelta(seconds=1)
_DAY: Final = DAY // timedelta(seconds=1)

# About thirty points: up to so long a window, one of that length.
_POINTS: Final = (
    (timedelta(hours=49), HOUR),
    (timedelta(days=8), 6 * HOUR),
    (timedelta(days=32), DAY),
    (timedelta(days=100), 3 * DAY),
    (timedelta(days=400), 12 * DAY),
)
_LONGEST: Final = 24 * DAY

# Of the whole check, the first thing that is timed: entries below a hundred. The median is the first bucket up to
# which half of all are counted; only that is sent. Resource, point and bucket are one number: three took a third
# longer to be sorted and sent.
_MEDIANS: Final = """
SELECT key FROM (
    SELECT key, count, sum(count) OVER (PARTITION BY key / 100 ORDER BY key ROWS UNBOUNDED PRECEDING) AS so_far,
        sum(count) OVER (PARTITION BY key / 100) AS total
    FROM (
        SELECT sum(item / 1000)::integer AS count,
            resource_id * {resource} + width_bucket(starts_at, %(points)s::timestamptz[]) * 100 + item %% 1000 AS key
        FROM {table} CROSS JOIN LATERAL unnest(latency) AS item
        WHERE resource_id = ANY(%(resources)s) AND {regions} AND starts_at >= %(start)s AND starts_at < %(end)s
            AND item %% 1000 < 100
        GROUP BY key
    ) AS bucket
) AS counted WHERE so_far * 2 >= total AND (so_far - count) * 2 < total
"""
_RESOURCE: Final = 1_000_000


@cache
def _usual_ms(number: int) -> float | None:
    """Return how long a check took that was counted in the bucket of this number, of which there are a hundred."""
    return Histogram({number: 1}).percentile_ms(50)


@dataclass(frozen=True, slots=True)
class Begun:
    """Median durations that have been asked for: so many `points` of each of these resources."""

    resources: Sequence[Resource]
    points: int = 0
    answer: Answer = field(default_factory=Answer)

    def medians(self) -> Mapping[int, Sequence[float | None]]:
        """Return them by its id, in ms, oldest first; None where nothing was timed. No query."""
        found: dict[int, list[float | None]] = {resource.pk: [None] * self.points for resource in self.resources}
        for (key,) in self.answer.rows:
            resource_id, of_it = divmod(key, _RESOURCE)
            place, number = divmod(of_it, 100)
            found[resource_id][place - 1] = _usual_ms(number)
        return found


@contextmanager
def begun(
    resources: Sequence[Resource], window: Interval, *, now: datetime, reach: Reach = EVERYTHING
) -> Iterator[Begun]:
    """Ask for the median durations of whole checks of each resource. The block runs meanwhile (`ahead.sent`).

    There are about thirty points. All regions within reach are counted together. One query, or none.
    """
    start, end = floor(window.start, HOUR), floor(min(window.end, now), HOUR)
    if not resources or start >= end:
        yield Begun(resources)
        return
    grid = Grid.of(Interval(start, end), _length_for(end - start))
    statement = _MEDIANS.format(
        resource=_RESOURCE,
        table="probes_dayrollup" if grid.length >= _DAY else "probes_hourrollup",
        regions="region_id > 0" if reach.regions is None else "region_id = ANY(%(regions)s)",
    )
    asked: dict[str, Any] = {
        "resources": [resource.pk for resource in resources],
        "regions": list(reach.regions or ()),
        "start": floor(start, DAY) if grid.length >= _DAY else start,
        "end": end,
        "points": [instant(grid.bounds(place)[0]) for place in range(grid.count)],
    }
    with sent(statement, asked) as answer:
        yield Begun(resources, grid.count, answer)


def _length_for(span: timedelta) -> timedelta:
    return next((length for longest, length in _POINTS if span <= longest), _LONGEST)
