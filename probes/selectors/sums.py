"""What was rolled up of a range, added up by the database: of one resource, or of all that belong to something."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self

from django.db import connection

from probes.models import DayRollUp, DaySum, HourRollUp, HourSum, OwnerKind
from probes.policy.intervals import Interval
from probes.policy.latency import Timed, entry, histograms
from probes.policy.rollup import DAY, HOUR, Pieces, Rolled
from probes.policy.uptime import Shown, Tally
from probes.protocol.taxonomy import Status

_OUTCOMES: Final = tuple(f"outcomes_{status}" for status in Status)
_SECONDS: Final = tuple(f"seconds_{state}" for state in Shown)
_COLUMNS: Final = (*_OUTCOMES, "without_egress", *_SECONDS)
_FAILURES: Final = ", ".join(f"outcomes_{status}" for status in Status if status is not Status.AVAILABLE)
_ENTRY: Final = entry(Timed.CHECK, 0, 1)
_SECOND: Final = timedelta(seconds=1)

_READ: Final = """
WITH rolled AS MATERIALIZED ({pieces}), timed AS (
    SELECT region_id, array_agg(count * {entry} + key) AS latency FROM (
        SELECT region_id, item %% {entry} AS key, sum(item / {entry})::bigint AS count
        FROM rolled CROSS JOIN LATERAL unnest(latency) AS item WHERE %(timed)s GROUP BY region_id, key
    ) AS bucket GROUP BY region_id
), summed AS (
    SELECT region_id, {sums}, max(starts_at) FILTER (WHERE failed) AS failed_at
    FROM rolled GROUP BY region_id
)
SELECT region_id, {columns}, failed_at, latency FROM summed LEFT JOIN timed USING (region_id)
"""

_PIECE: Final = """
SELECT region_id, starts_at, {columns}, latency, coalesce({failures}) IS NOT NULL AS failed
FROM {table} WHERE {key} AND region_id = ANY(%(regions)s) AND ({ranges})
"""


# Of a region it is the registries' sums that are added up: each resource belongs to one.
_BUCKETS: Final = """
WITH rolled AS MATERIALIZED (
    SELECT * FROM {table} WHERE {key} AND region_id = %(region)s AND starts_at >= %(start)s AND starts_at < %(end)s
), timed AS (
    SELECT starts_at, array_agg(count * {entry} + key) AS latency FROM (
        SELECT starts_at, item %% {entry} AS key, sum(item / {entry})::bigint AS count
        FROM rolled CROSS JOIN LATERAL unnest(latency) AS item GROUP BY starts_at, key
    ) AS bucket GROUP BY starts_at
), summed AS (SELECT starts_at, {columns} FROM rolled GROUP BY starts_at)
SELECT starts_at, {names}, latency FROM summed LEFT JOIN timed USING (starts_at) ORDER BY starts_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What was rolled up of a range as seen from one viewpoint.

    `failed` is the last hour or day of it in which an outcome was not available, None where none was.
    """

    rolled: Rolled = field(default_factory=Rolled)
    failed: Interval | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows of something are: tables of days and of hours, and what its rows have in common."""

    days: str
    hours: str
    key: Mapping[str, int | str]

    @classmethod
    def of_resource(cls, resource_id: int) -> Self:
        return cls(_table(DayRollUp), _table(HourRollUp), {"resource_id": resource_id})

    @classmethod
    def of_region(cls) -> Self:
        """All that one region sees: the region is told when it is read."""
        return cls(_table(DaySum), _table(HourSum), {"owner_kind": OwnerKind.REGISTRY.value})

    @classmethod
    def of_owner(cls, kind: OwnerKind, owner_id: int) -> Self:
        return cls(_table(DaySum), _table(HourSum), {"owner_kind": kind.value, "owner_id": owner_id})


def of(source: Source, taken: Pieces, region_ids: Collection[int], *, timed: bool = True) -> Mapping[int, Sums]:
    """Return what was rolled up of a range by region id, `ALL_REGIONS` for the verdicts. One query, if any.

    Without `timed` no latencies are added up, which takes most of the time.
    """
    asked: dict[str, Any] = {**source.key, "regions": list(region_ids), "timed": timed}
    pieces = [
        *_piece(source, source.days, DAY, [taken.days] if taken.days else [], asked),
        *_piece(source, source.hours, HOUR, taken.hours, asked),
    ]
    if not pieces or not asked["regions"]:
        return {}
    statement = _READ.format(
        pieces=" UNION ALL ".join(pieces),
        entry=_ENTRY,
        sums=", ".join(f"sum({column})::bigint AS {column}" for column in _COLUMNS),
        columns=", ".join(_COLUMNS),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        return {region_id: _sums(columns, taken) for region_id, *columns in cursor.fetchall()}


def buckets(source: Source, unit: timedelta, over: Interval, region_id: int) -> Sequence[tuple[datetime, Rolled]]:
    """Return what was rolled up of each hour or day that begins in the range, oldest first. One query.

    Hours and days of which there is nothing are left out.
    """
    statement = _BUCKETS.format(
        columns=", ".join(f"sum({column})::bigint AS {column}" for column in _COLUMNS),
        names=", ".join(_COLUMNS),
        entry=_ENTRY,
        table=source.days if unit == DAY else source.hours,
        key=" AND ".join(f"{column} = %({column})s" for column in source.key),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, {**source.key, "region": region_id, "start": over.start, "end": over.end})
        return [(starts_at, _rolled(numbers, latency)) for starts_at, *numbers, latency in cursor.fetchall()]


def resources_of(
    kind: OwnerKind, owner_id: int, region_ids: Collection[int], *, until: datetime | None
) -> Mapping[int, int]:
    """Return how many resources of it each region saw in the last hour before `until`. One query, if any."""
    if until is None:
        return {}
    rows = HourSum.objects.filter(
        owner_kind=kind, owner_id=owner_id, region_id__in=region_ids, starts_at=until - HOUR
    )
    return dict(rows.values_list("region_id", "resources"))


def rolled_end(taken: Pieces) -> datetime | None:
    """Return the end of what was rolled up of a range, None where nothing was."""
    return max((item.end for item in (taken.days, *taken.hours) if item), default=None)


def length_seconds(taken: Pieces) -> int:
    """Return how many seconds of a range were rolled up."""
    whole = [*([taken.days] if taken.days else []), *taken.hours]
    return sum((item.end - item.start) // _SECOND for item in whole)


def _piece(
    source: Source, table: str, unit: timedelta, ranges: Collection[Interval], asked: dict[str, Any]
) -> list[str]:
    """Return the statement that reads those ranges from a table, and add what it asks for."""
    if not ranges:
        return []
    name = "day" if unit == DAY else "hour"
    parts = []
    for number, item in enumerate(ranges):
        asked[f"{name}_{number}_start"], asked[f"{name}_{number}_end"] = item.start, item.end
        parts.append(f"starts_at >= %({name}_{number}_start)s AND starts_at < %({name}_{number}_end)s")
    statement = _PIECE.format(
        columns=", ".join(_COLUMNS),
        failures=_FAILURES,
        table=table,
        key=" AND ".join(f"{column} = %({column})s" for column in source.key),
        ranges=" OR ".join(parts),
    )
    return [statement]


def _sums(columns: list[Any], taken: Pieces) -> Sums:
    *numbers, failed_at, latency = columns
    return Sums(rolled=_rolled(numbers, latency), failed=_failed(failed_at, taken))


def _rolled(numbers: Sequence[int | None], latency: Sequence[int] | None) -> Rolled:
    values = {name: value or 0 for name, value in zip(_COLUMNS, numbers, strict=True)}
    return Rolled(
        outcomes={status: count for status in Status if (count := values[f"outcomes_{status}"])},
        without_egress=values["without_egress"],
        seconds=Tally(**{state.value: values[f"seconds_{state}"] for state in Shown}),
        latency=histograms(latency or ()),
    )


def _failed(starts_at: datetime | None, taken: Pieces) -> Interval | None:
    if starts_at is None:
        return None
    is_day = taken.days is not None and starts_at in taken.days
    return Interval(starts_at, starts_at + (DAY if is_day else HOUR))


def _table(model: type[Any]) -> str:
    return str(model._meta.db_table)  # noqa: SLF001 - Django's documented API
