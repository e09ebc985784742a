"""How long checks took over time, from roll-ups. What is not rolled up yet, the last hour or so, is left out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from django.db import connection

from probes.models import Resource
from probes.policy.access import EVERYTHING, Reach
from probes.policy.buckets import Grid, instant
from probes.policy.intervals import Interval
from probes.policy.latency import Histogram
from probes.policy.rollup import DAY, HOUR, floor

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
# which half of all are counted; only that is sent.
_MEDIANS: Final = """
WITH bucket AS (
    SELECT resource_id, date_bin(%(length)s, starts_at, %(origin)s) AS start,
        item %% 1000 AS number, sum(item / 1000)::integer AS count
    FROM {table} CROSS JOIN LATERAL unnest(latency) AS item
    WHERE resource_id = ANY(%(resources)s) AND {regions} AND starts_at >= %(start)s AND starts_at < %(end)s
        AND item %% 1000 < 100
    GROUP BY 1, 2, 3
), counted AS (
    SELECT resource_id, start, number, sum(count) OVER (PARTITION BY resource_id, start ORDER BY number) AS so_far,
        sum(count) OVER (PARTITION BY resource_id, start) AS total
    FROM bucket
)
SELECT resource_id, extract(epoch FROM start)::bigint, min(number) FROM counted WHERE so_far * 2 >= total
GROUP BY resource_id, start
"""


@cache
def _usual_ms(number: int) -> float | None:
    """Return how long a check took that was counted in the bucket of this number, of which there are a hundred."""
    return Histogram({number: 1}).percentile_ms(50)


def latencies(
    resources: Sequence[Resource], window: Interval, *, now: datetime, reach: Reach = EVERYTHING
) -> Mapping[int, Sequence[float | None]]:
    """Return by its id the median durations of whole checks of each resource in ms, oldest first. One query.

    About thirty points; None where nothing was timed. All regions within reach are counted together.
    """
    start, end = floor(window.start, HOUR), floor(min(window.end, now), HOUR)
    if not resources or start >= end:
        return {resource.pk: [] for resource in resources}
    grid = Grid.of(Interval(start, end), _length_for(end - start))
    statement = _MEDIANS.format(
        table="probes_dayrollup" if grid.length >= _DAY else "probes_hourrollup",
        regions="region_id > 0" if reach.regions is None else "region_id = ANY(%(regions)s)",
    )
    asked: dict[str, Any] = {
        "resources": [resource.pk for resource in resources],
        "regions": list(reach.regions or ()),
        "start": floor(start, DAY) if grid.length >= _DAY else start,
        "end": end,
        "origin": instant(grid.origin),
        "length": timedelta(seconds=grid.length),
    }
    points: dict[int, list[float | None]] = {resource.pk: [None] * grid.count for resource in resources}
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        for resource_id, at, number in cursor.fetchall():
            points[resource_id][grid.place(at)] = _usual_ms(number)
    return points


def _length_for(span: timedelta) -> timedelta:
    return next((length for longest, length in _POINTS if span <= longest), _LONGEST)
