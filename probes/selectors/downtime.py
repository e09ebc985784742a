"""For how many seconds each resource was down, of all that were: few of many, so all of them are found at once."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from probes.policy.intervals import Interval
from probes.policy.rollup import DAY, HOUR, floor, whole_hours

# Days and hours by the indexes of those alone that tell of downtime. What is not rolled up yet is laid out as
# `policy.uptime.timeline` does: pauses and work, as seen from everywhere, hide what was said. Only resources that are
# down, or that something turned since, are looked at there.
_DOWNTIME: Final = """
WITH rolled AS MATERIALIZED (
    SELECT greatest(%(start)s, date_trunc('hour', least(%(end)s, coalesce(
        (SELECT min(starts_at) FROM probes_rollupprogress WHERE unit = 'hour' AND finished_at IS NULL),
        (SELECT max(starts_at) + interval '1 h' FROM probes_rollupprogress WHERE unit = 'hour'),
        %(start)s
    )), 'UTC')) AS hours, coalesce(
        (SELECT min(starts_at) FROM probes_rollupprogress WHERE unit = 'day' AND finished_at IS NULL),
        (SELECT max(starts_at) + interval '1 day' FROM probes_rollupprogress WHERE unit = 'day'),
        %(start)s
    ) AS days
), until AS MATERIALIZED (
    SELECT hours, greatest(%(first_day)s, date_trunc('day', least(days, hours), 'UTC')) AS days FROM rolled
), live AS MATERIALIZED (
    SELECT hours AS start FROM until WHERE hours < %(end)s
), turned AS MATERIALIZED (
    SELECT resource_id FROM live JOIN probes_verdictchange ON at >= live.start
    WHERE 'unavailable' IN (before, state)
    UNION
    SELECT resource_id FROM live CROSS JOIN probes_verdict WHERE state = 'unavailable'
), said AS (
    SELECT turned.resource_id, told.state, greatest(told.at, live.start) AS at,
        lead(told.at, 1, %(end)s) OVER (PARTITION BY turned.resource_id ORDER BY told.at, told.id) AS until
    FROM turned CROSS JOIN live CROSS JOIN LATERAL (
        (SELECT id, at, state FROM probes_verdictchange
         WHERE resource_id = turned.resource_id AND at < live.start ORDER BY at DESC, id DESC LIMIT 1)
        UNION ALL
        (SELECT id, at, state FROM probes_verdictchange
         WHERE resource_id = turned.resource_id AND at >= live.start AND at < %(end)s)
    ) AS told
), down AS (
    SELECT resource_id, range_agg(tstzrange(at, until)) AS spans FROM said WHERE state = 'unavailable'
    GROUP BY resource_id
), shown AS (
    SELECT down.resource_id, unnest(down.spans - coalesce(paused.spans, '{}') - coalesce(planned.spans, '{}')) AS span
    FROM down JOIN probes_resource AS resource ON resource.id = down.resource_id
    CROSS JOIN LATERAL (
        SELECT range_agg(tstzrange(starts_at, ends_at)) AS spans FROM probes_pause
        WHERE resource_id = down.resource_id AND (ends_at IS NULL OR ends_at > (SELECT start FROM live))
    ) AS paused
    CROSS JOIN LATERAL (
        SELECT range_agg(tstzrange(starts_at, ends_at)) AS spans FROM probes_maintenanceoccurrence
        WHERE ends_at > (SELECT start FROM live) AND starts_at < %(end)s AND region_ids = '{}' AND (
            resource.id = ANY(resource_ids) OR resource.group_id = ANY(group_ids)
            OR resource.registry_id = ANY(registry_ids)
        )
    ) AS planned
)
SELECT resource_id, sum(seconds)::bigint FROM (
    SELECT resource_id, seconds_unavailable AS seconds FROM probes_dayrollup
    WHERE region_id = 0 AND seconds_unavailable IS NOT NULL
        AND starts_at >= %(first_day)s AND starts_at < (SELECT days FROM until)
    UNION ALL
    SELECT resource_id, seconds_unavailable FROM probes_hourrollup
    WHERE region_id = 0 AND seconds_unavailable IS NOT NULL
        AND starts_at >= %(start)s AND starts_at < (SELECT least(hours, %(first_day)s) FROM until)
    UNION ALL
    SELECT resource_id, seconds_unavailable FROM probes_hourrollup
    WHERE region_id = 0 AND seconds_unavailable IS NOT NULL
        AND starts_at >= (SELECT days FROM until) AND starts_at < (SELECT hours FROM until)
    UNION ALL
    SELECT resource_id, floor(extract(epoch FROM upper(span))) - floor(extract(epoch FROM lower(span))) FROM shown
) AS piece GROUP BY resource_id
"""


def downtime(window: Interval, *, now: datetime) -> Mapping[int, int]:
    """Return by their ids the seconds in which resources were down; one that never was may be left out. One query.

    They are those that bars and uptime have of the same window, which is read in whole hours, to `now` at the latest
    (`whole_hours`); it raises `ValueError` where all of it is still to come. All resources are told of, whoever asks.
    """
    over = whole_hours(window, now=now)
    first_day = floor(over.start - timedelta.resolution, DAY) + DAY
    asked = {"start": over.start, "end": over.end, "first_day": min(first_day, floor(over.end, HOUR))}
    with connection.cursor() as cursor:
        cursor.execute(_DOWNTIME, asked)
        return dict(cursor.fetchall())
