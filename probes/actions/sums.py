"""The statements that add up what belongs to a registry or a group (ADR 40).

Of an hour that is rolled up, a piece is taken out of the sums as it was before and put in as it is now: so no sum is
made of more rows than the piece has, however many resources its owner has, and an hour may be rolled up again. Days
are made anew of their hours, of which there are 24 for each owner and region.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import connection

from probes.models import ALL_REGIONS, OwnerKind
from probes.policy.latency import Timed, entry
from probes.policy.rollup import DAY
from probes.policy.uptime import Shown
from probes.protocol.taxonomy import Status

COLUMNS: Final = (
    *(f"outcomes_{status}" for status in Status),
    "without_egress",
    *(f"seconds_{state}" for state in Shown),
)
_ENTRY: Final = entry(Timed.CHECK, 0, 1)

_OWNERS: Final = f"""
CROSS JOIN LATERAL (
    VALUES ('{OwnerKind.REGISTRY}', row.registry_id), ('{OwnerKind.GROUP}', row.group_id)
) AS owner (owner_kind, owner_id)
"""

# What is taken out has counts below zero: an entry of a latency is then still its count, times `_ENTRY`, and its key.
_ADD: Final = f"""
WITH part AS MATERIALIZED (
    SELECT owner_kind, owner_id, rolled.* FROM probes_hourrollup AS row {_OWNERS}
    JOIN probes_hourrollup AS rolled ON rolled.resource_id = row.resource_id AND rolled.starts_at = row.starts_at
    WHERE row.resource_id = ANY(%(ids)s) AND row.region_id = {ALL_REGIONS} AND row.starts_at = %(start)s
        AND owner_id IS NOT NULL
), summed AS (
    SELECT owner_kind, owner_id, region_id, %(sign)s * count(*) AS resources,
        {", ".join(f"%(sign)s * sum({column}) AS {column}" for column in COLUMNS)}
    FROM part GROUP BY owner_kind, owner_id, region_id
), timed AS (
    SELECT owner_kind, owner_id, region_id, array_agg(%(sign)s * count * {_ENTRY} + key ORDER BY key) AS latency
    FROM (
        SELECT owner_kind, owner_id, region_id, item %% {_ENTRY} AS key, sum(item / {_ENTRY}) AS count
        FROM part CROSS JOIN LATERAL unnest(latency) AS item GROUP BY 1, 2, 3, 4
    ) AS bucket GROUP BY owner_kind, owner_id, region_id
)
INSERT INTO probes_hoursum AS known
    (owner_kind, owner_id, region_id, starts_at, resources, {", ".join(COLUMNS)}, latency)
SELECT owner_kind, owner_id, region_id, %(start)s, resources,
    {", ".join(COLUMNS)}, latency
FROM summed LEFT JOIN timed USING (owner_kind, owner_id, region_id)
ORDER BY owner_kind, owner_id, region_id -- whoever adds at the same time waits, and neither for the other
ON CONFLICT (owner_kind, owner_id, region_id, starts_at) DO UPDATE SET
    resources = known.resources + excluded.resources,
    {
    ", ".join(
        f"{column} = nullif(coalesce(known.{column}, 0) + coalesce(excluded.{column}, 0), 0)" for column in COLUMNS
    )
},
    latency = (
        SELECT array_agg(count * {_ENTRY} + key ORDER BY key) FROM (
            SELECT item - {_ENTRY} * floor(item / {_ENTRY}.0)::bigint AS key,
                sum(floor(item / {_ENTRY}.0)::bigint)::bigint AS count
            FROM unnest(array_cat(known.latency, excluded.latency)) AS item GROUP BY 1
        ) AS bucket WHERE count <> 0
    )
"""  # noqa: S608 - made of the constants above

_DAY: Final = f"""
WITH wanted AS (
    SELECT DISTINCT owner_kind, owner_id FROM probes_hoursum
    WHERE starts_at >= %(start)s AND starts_at < %(end)s AND %(ids)s::bigint[] IS NULL
    UNION
    SELECT owner_kind, owner_id FROM probes_hourrollup AS row {_OWNERS}
    WHERE row.resource_id = ANY(%(ids)s::bigint[]) AND row.region_id = {ALL_REGIONS}
        AND row.starts_at >= %(start)s AND row.starts_at < %(end)s AND owner_id IS NOT NULL
), hour AS MATERIALIZED (
    SELECT probes_hoursum.* FROM wanted JOIN probes_hoursum USING (owner_kind, owner_id)
    WHERE starts_at >= %(start)s AND starts_at < %(end)s
), summed AS (
    SELECT owner_kind, owner_id, region_id, max(resources) AS resources,
        {", ".join(f"sum({column}) AS {column}" for column in COLUMNS)}
    FROM hour GROUP BY owner_kind, owner_id, region_id
), timed AS (
    SELECT owner_kind, owner_id, region_id, array_agg(count * {_ENTRY} + key ORDER BY key)::bigint[] AS latency
    FROM (
        SELECT owner_kind, owner_id, region_id, item %% {_ENTRY} AS key, sum(item / {_ENTRY}) AS count
        FROM hour CROSS JOIN LATERAL unnest(latency) AS item GROUP BY 1, 2, 3, 4
    ) AS bucket GROUP BY owner_kind, owner_id, region_id
)
INSERT INTO probes_daysum (owner_kind, owner_id, region_id, starts_at, resources, {", ".join(COLUMNS)}, latency)
SELECT owner_kind, owner_id, region_id, %(start)s, resources, {", ".join(COLUMNS)}, latency
FROM summed LEFT JOIN timed USING (owner_kind, owner_id, region_id)
ORDER BY owner_kind, owner_id, region_id
ON CONFLICT (owner_kind, owner_id, region_id, starts_at) DO UPDATE SET (resources, {", ".join(COLUMNS)}, latency) = (
    excluded.resources, {", ".join(f"excluded.{column}" for column in COLUMNS)}, excluded.latency
)
"""  # noqa: S608 - made of the constants above


def take_out(resource_ids: Collection[int], start: datetime) -> None:
    """Take the hour of these resources, as it is rolled up, out of the sums: it is to be rolled up again."""
    _add(resource_ids, start, -1)


def put_in(resource_ids: Collection[int], start: datetime) -> None:
    """Add the hour of these resources, as it is rolled up, to the sums of what they belong to."""
    _add(resource_ids, start, 1)


def sum_day(start: datetime, resource_ids: Collection[int] | None = None) -> None:
    """Make the sums of a day anew, of every owner or of those that these resources belonged to."""
    ids = None if resource_ids is None else list(resource_ids)
    with connection.cursor() as cursor:
        cursor.execute(_DAY, {"ids": ids, "start": start, "end": start + DAY})


def _add(resource_ids: Collection[int], start: datetime, sign: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_ADD, {"ids": list(resource_ids), "start": start, "sign": sign})
