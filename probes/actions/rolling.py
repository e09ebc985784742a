"""The statements that sum up an hour or a day of some resources: `policy.uptime` and `policy.rollup`, in sets.

They replace whatever was there, so they may run again at any time. Whatever is said of a resource is cut to whole
seconds, lasts until the next is said or until it lapses, and is hidden by maintenance and by pauses.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection

from probes.models import ALL_REGIONS
from probes.policy.latency import NOT_TIMED, Timed, entry
from probes.policy.rollup import DAY, HOUR
from probes.policy.uptime import Shown, shown
from probes.protocol.taxonomy import Reason, Status
from probes.selectors.terms import FRESH_FOR, SETTLED_BY

_OUTCOMES: Final = tuple(f"outcomes_{status}" for status in Status)
_SECONDS: Final = tuple(f"seconds_{state}" for state in Shown)
_SUMS: Final = (*_OUTCOMES, "without_egress", *_SECONDS)
_COLUMNS: Final = (*_SUMS, "latency")
_OWNERS: Final = ("registry_id", "group_id")
_SAID: Final = tuple(state for state in Shown if state not in (Shown.MAINTENANCE, Shown.PAUSED, Shown.UNKNOWN))
_SHOWN: Final = " ".join(
    (
        *(
            f"WHEN reason = '{reason}' THEN '{shown(reason.status, reason)}'"
            for reason in Reason
            if reason.meaning.only_impairs
        ),
        *(f"WHEN status = '{status}' THEN '{shown(status)}'" for status in Status),
    )
)
_ENTRY: Final = entry(Timed.CHECK, 0, 1)
_ENTRY_TIMED: Final = entry(Timed(1), 0, 0)


def _counts(status: Status) -> str:
    return f"status = '{status}' AND NOT egress_down"


def _replace(columns: Sequence[str]) -> str:
    return f"""
ON CONFLICT (resource_id, region_id, starts_at) DO UPDATE SET ({", ".join(columns)}) = (
    {", ".join("excluded." + column for column in columns)}
)
"""


_HOUR: Final = f"""
WITH pair AS MATERIALIZED (
    SELECT resource.id AS resource_id, resource.registry_id, resource.group_id, region.id AS region_id,
        {FRESH_FOR} AS fresh_for
    FROM probes_resource AS resource {SETTLED_BY} CROSS JOIN probes_region AS region
    WHERE resource.id = ANY(%(ids)s)
), found AS MATERIALIZED (
    SELECT pair.resource_id, pair.region_id, outcome.slot, outcome.status, outcome.reason, outcome.egress_down,
        outcome.latency,
        outcome.slot + pair.fresh_for AS lapses_at
    FROM pair CROSS JOIN LATERAL (
        SELECT slot, status, reason, egress_down, latency FROM probes_outcome
        WHERE resource_id = pair.resource_id AND region_id = pair.region_id
          AND slot >= %(start)s AND slot < %(end)s
        OFFSET 0 -- else this is a join, for which the whole day of all resources is read for each part of them
    ) AS outcome
), said AS (
    SELECT resource_id, region_id, slot AS at, status, reason, lapses_at FROM found WHERE NOT egress_down
    UNION ALL
    SELECT pair.resource_id, pair.region_id, outcome.slot, outcome.status, outcome.reason,
        outcome.slot + pair.fresh_for
    FROM pair CROSS JOIN LATERAL (
        SELECT slot, status, reason FROM probes_outcome
        WHERE resource_id = pair.resource_id AND region_id = pair.region_id AND NOT egress_down
          AND slot < %(start)s AND slot >= greatest(%(start)s - pair.fresh_for, %(kept_since)s)
        ORDER BY slot DESC LIMIT 1
    ) AS outcome
), shown AS (
    SELECT resource_id, region_id, at, 0::bigint AS id, CASE {_SHOWN} END AS state, lapses_at
    FROM said
    UNION ALL
    SELECT resource_id, {ALL_REGIONS}, at, id, state, NULL FROM probes_verdictchange
    WHERE resource_id = ANY(%(ids)s) AND at >= %(start)s AND at < %(end)s
    UNION ALL
    SELECT given.id, {ALL_REGIONS}, change.at, change.id, change.state, NULL
    FROM unnest(%(ids)s::bigint[]) AS given (id) CROSS JOIN LATERAL (
        SELECT id, at, state FROM probes_verdictchange
        WHERE resource_id = given.id AND at < %(start)s ORDER BY at DESC, id DESC LIMIT 1
    ) AS change
), held AS (
    SELECT resource_id, region_id, state,
        date_trunc('second', greatest(at, %(start)s)) AS starts_at,
        date_trunc('second', least(lead(at) OVER in_order, lapses_at, %(end)s)) AS ends_at
    FROM shown WINDOW in_order AS (PARTITION BY resource_id, region_id ORDER BY at, id)
), everything AS (
    SELECT resource_id, registry_id, group_id, region_id FROM pair
    UNION ALL
    SELECT id, registry_id, group_id, {ALL_REGIONS} FROM probes_resource WHERE id = ANY(%(ids)s)
), paused AS (
    SELECT resource_id, range_agg(hidden) AS hidden FROM (
        SELECT resource_id, tstzrange(date_trunc('second', greatest(starts_at, %(start)s)),
            date_trunc('second', least(ends_at, %(end)s))) AS hidden
        FROM probes_pause WHERE resource_id = ANY(%(ids)s)
          AND starts_at < %(end)s AND (ends_at IS NULL OR ends_at > %(start)s)
    ) AS pause GROUP BY resource_id
), planned AS (
    SELECT everything.resource_id, everything.region_id, range_agg(
        tstzrange(date_trunc('second', greatest(work.starts_at, %(start)s)),
            date_trunc('second', least(work.ends_at, %(end)s)))
    ) AS hidden
    FROM probes_maintenanceoccurrence AS work JOIN everything ON (
            everything.resource_id = ANY(work.resource_ids) OR everything.registry_id = ANY(work.registry_ids)
            OR everything.group_id = ANY(work.group_ids)
            OR (work.resource_ids = '{{}}' AND work.registry_ids = '{{}}' AND work.group_ids = '{{}}')
        ) AND (work.region_ids = '{{}}' OR everything.region_id = ANY(work.region_ids))
    WHERE work.ends_at > %(start)s AND work.starts_at < %(end)s
    GROUP BY 1, 2
), mask AS (
    SELECT everything.resource_id, everything.region_id, coalesce(paused.hidden, '{{}}') AS paused,
        coalesce(planned.hidden, '{{}}') AS planned
    FROM everything
    LEFT JOIN paused USING (resource_id) LEFT JOIN planned USING (resource_id, region_id)
    WHERE paused.hidden IS NOT NULL OR planned.hidden IS NOT NULL
), seconds AS (
    SELECT resource_id, region_id,
        {", ".join(f"sum(length) FILTER (WHERE state = '{state}') AS {state}" for state in _SAID)}
    FROM (
        SELECT held.resource_id, held.region_id, held.state, CASE
            WHEN mask.resource_id IS NULL THEN extract(epoch FROM held.ends_at - held.starts_at)::integer
            ELSE (
                SELECT sum(extract(epoch FROM upper(part) - lower(part)))::integer FROM unnest(
                    tstzmultirange(tstzrange(held.starts_at, held.ends_at)) - mask.paused - mask.planned
                ) AS part
            )
        END AS length
        FROM held LEFT JOIN mask USING (resource_id, region_id)
        WHERE held.ends_at > held.starts_at
    ) AS part GROUP BY resource_id, region_id
), hidden AS (
    SELECT resource_id, region_id,
        (SELECT sum(extract(epoch FROM upper(part) - lower(part)))::integer FROM unnest(paused) AS part) AS paused,
        (SELECT sum(extract(epoch FROM upper(part) - lower(part)))::integer
            FROM unnest(planned - paused) AS part) AS maintenance
    FROM mask
), counted AS (
    SELECT resource_id, region_id,
        {", ".join(f"count(*) FILTER (WHERE {_counts(status)}) AS {status}" for status in Status)},
        count(*) FILTER (WHERE egress_down) AS without_egress
    FROM found GROUP BY resource_id, region_id
), timed AS (
    SELECT resource_id, region_id, array_agg(count * {_ENTRY} + key ORDER BY key)::integer[] AS latency FROM (
        SELECT resource_id, region_id, place * {_ENTRY_TIMED} + get_byte(latency, place) AS key, count(*) AS count
        FROM found CROSS JOIN LATERAL generate_series(0, length(latency) - 1) AS place
        WHERE NOT egress_down AND get_byte(latency, place) <> {NOT_TIMED}
        GROUP BY resource_id, region_id, key
    ) AS bucket GROUP BY resource_id, region_id
)
INSERT INTO probes_hourrollup (resource_id, region_id, starts_at, {", ".join((*_COLUMNS, *_OWNERS))})
SELECT resource_id, region_id, %(start)s,
    {", ".join(f"nullif(counted.{status}, 0)" for status in Status)}, nullif(counted.without_egress, 0),
    {", ".join(f"nullif(seconds.{state}, 0)" for state in _SAID)},
    nullif(3600 - coalesce(hidden.maintenance, 0) - coalesce(hidden.paused, 0)
        - {" - ".join(f"coalesce(seconds.{state}, 0)" for state in _SAID)}, 0),
    nullif(hidden.maintenance, 0), nullif(hidden.paused, 0), timed.latency,
    {", ".join(f"CASE WHEN region_id = {ALL_REGIONS} THEN {owner} END" for owner in _OWNERS)}
FROM everything
LEFT JOIN seconds USING (resource_id, region_id) LEFT JOIN hidden USING (resource_id, region_id)
LEFT JOIN counted USING (resource_id, region_id) LEFT JOIN timed USING (resource_id, region_id)
WHERE region_id = {ALL_REGIONS} OR counted.resource_id IS NOT NULL OR seconds.resource_id IS NOT NULL
{_replace((*_COLUMNS, *_OWNERS))}
"""  # noqa: S608 - made of the constants above

_DAY: Final = f"""
WITH hour AS MATERIALIZED (
    SELECT * FROM probes_hourrollup
    WHERE resource_id = ANY(%(ids)s) AND starts_at >= %(start)s AND starts_at < %(end)s
), summed AS (
    SELECT resource_id, region_id, {", ".join(f"sum({column}) AS {column}" for column in _SUMS)}
    FROM hour GROUP BY resource_id, region_id
), timed AS (
    SELECT resource_id, region_id, array_agg(count * {_ENTRY} + key ORDER BY key)::integer[] AS latency FROM (
        SELECT resource_id, region_id, item %% {_ENTRY} AS key, sum(item / {_ENTRY}) AS count
        FROM hour CROSS JOIN LATERAL unnest(latency) AS item GROUP BY resource_id, region_id, key
    ) AS bucket GROUP BY resource_id, region_id
)
INSERT INTO probes_dayrollup (resource_id, region_id, starts_at, {", ".join(_COLUMNS)})
SELECT resource_id, region_id, %(start)s, {", ".join(_COLUMNS)}
FROM summed LEFT JOIN timed USING (resource_id, region_id)
{_replace(_COLUMNS)}
"""  # noqa: S608 - made of the constants above


def roll_hour(resource_ids: Collection[int], start: datetime) -> None:
    """Sum up the hour that begins at `start`, of those resources, from each region and over all of them.

    A region that said nothing in the hour, and of which nothing was still held, gets no row: that is an hour unknown.
    """
    kept_since = start - timedelta(days=settings.KAIROS_RETENTION_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(
            _HOUR, {"ids": list(resource_ids), "start": start, "end": start + HOUR, "kept_since": kept_since}
        )


def roll_day(resource_ids: Collection[int], start: datetime) -> None:
    """Sum up the hours of the day that begins at `start`, of those resources."""
    with connection.cursor() as cursor:
        cursor.execute(_DAY, {"ids": list(resource_ids), "start": start, "end": start + DAY})
