"""Rolling up a day of 100,000 resources seen from three regions.

    python -m tests.bench rollup

The database makes an hour of outcomes, one every five minutes, in the order in which they arrive and with the columns
that taking in fills: one that is available is narrow, one that failed has its document. The real actions roll it up.
Copies of that hour's rows stand for the day's other 23, and all are summed up into the day. So an hour and the sum
are measured, and what a whole day takes is reckoned from them: making its 86 million outcomes alone would take longer
than a benchmark may. Each figure says which it is.

Each resource belongs to a registry and to one of fifty groups, for which sums are kept: the time in the statements
that make these is told apart, of all that the hour or the day takes.

CPU is that of this process and of its connection to the database, whose memory and whose time in statements are told
as well. Making outcomes is in none of the figures.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psutil

from tests.bench.census import most_mib
from tests.bench.database import own_database
from tests.bench.figures import Figure

RESOURCES: Final = 100_000
REGIONS: Final = ("ap-south", "eu-west", "us-east")
HOURS: Final = 24
GROUPS: Final = 50
FAILING: Final = 50
"""One resource of so many fails, and its verdict changes once an hour."""

_RESOURCES: Final = """
INSERT INTO probes_resource (name, reference, registry_id, repository, tag, digest, platforms, strict_platform,
    manifest_cadence_seconds, blobs_cadence_seconds, sample_blobs, check_tag, interval_seconds, severity, labels,
    next_due_at, reference_since, created_at, updated_at, group_id)
SELECT '', 'registry.test/bench/' || number || ':1', %(registry)s, 'bench/' || number, '1', '', '{linux/amd64}',
    false, 3600, 86400, false, false, 300, '', '{}', now(), %(start)s, now(), now(), grp.id
FROM generate_series(1, %(count)s) AS number
JOIN probes_resourcegroup AS grp ON grp.name = 'group ' || number %% %(groups)s ORDER BY number
"""

# In the order of slots, and within one those of a region together, as they arrive; put into it while rows are narrow.
# The first of each holds when the hour begins.
_OUTCOMES: Final = """
INSERT INTO probes_outcome (resource_id, region_id, slot, checked_at, batch, duration_ms, status, reason, stage, host,
    confidence, depth, digest, document, latency)
SELECT resource_id, region_id, slot, slot + interval '1 s', gen_random_uuid(), 100,
    CASE WHEN fails THEN 'unavailable' ELSE 'available' END, CASE WHEN fails THEN 'tag_not_found' ELSE 'ok' END,
    CASE WHEN fails THEN 'manifest' END, CASE WHEN fails THEN 'registry.test' END, 'definite',
    CASE WHEN NOT fails THEN 'resolve' END, CASE WHEN NOT fails THEN 'sha256:' || repeat('0', 64) END,
    CASE WHEN fails THEN jsonb_build_object('steps', (
        SELECT string_agg(md5(resource_id || '/' || part), '') FROM generate_series(1, 60) AS part
    )) END,
    set_byte('\\x1bffff17', 3, (20 + (resource_id + number) %% 9)::integer)
FROM (
    SELECT resource.id AS resource_id, region.id AS region_id, number, resource.id %% %(failing)s = 0 AS fails,
        %(start)s + number * interval '5 min' + (resource.id %% 300) * interval '1 s' AS slot
    FROM generate_series(-1, 11) AS number
    CROSS JOIN probes_resource AS resource CROSS JOIN probes_region AS region
    ORDER BY slot, region.id, resource.id
) AS arrived
"""

_VERDICTS: Final = """
INSERT INTO probes_verdictchange (resource_id, at, before, state, explanation, inputs)
SELECT id, %(start)s - interval '1 h', 'unknown', 'available', '', '{}'::jsonb FROM probes_resource
UNION ALL
SELECT id, %(start)s + interval '10 min', 'available', 'unavailable', '', '{}' FROM probes_resource
WHERE id %% %(failing)s = 0
"""

_COPIES: Final = """
INSERT INTO probes_hourrollup ({columns}, starts_at)
SELECT {columns}, starts_at + number * interval '1 h'
FROM generate_series(1, 23) AS number CROSS JOIN probes_hourrollup WHERE starts_at = %s
"""

_SIZE: Final = """
SELECT (SELECT count(*) FROM probes_hourrollup), sum(pg_total_relation_size(inhrelid))
FROM pg_inherits WHERE inhparent = 'probes_hourrollup'::regclass
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What rolling something up took: seconds of each piece, of statements, of CPU here and there; memory at most.

    `sums` are the seconds of those statements that add up what belongs to a registry or a group.
    """

    pieces: list[float]
    statements: float
    sums: float
    here: float
    database: float
    mib: float

    @property
    def seconds(self) -> float:
        return sum(self.pieces)

    @property
    def cpu(self) -> float:
        return self.here + self.database

    def __str__(self) -> str:
        return (
            f"{self.seconds:.1f} s, {self.statements:.1f} of them in statements, {self.sums:.1f} in those"
            f" of sums; CPU {self.database:.1f} s of the"
            f" database and {self.here:.1f} s here; {len(self.pieces)} pieces, the longest {max(self.pieces):.2f} s"
        )


def measured() -> list[Figure]:
    """Run it. Takes some minutes, and two gigabytes."""
    with own_database():
        return _run()


def _run() -> list[Figure]:
    """Roll up the first hour of yesterday, and sum up the day."""
    start = (datetime.now(UTC) - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    _make_hour(start)
    hour = _rolled_up("hour", start)
    rows, size = _rows()
    assert rows == RESOURCES * (len(REGIONS) + 1), rows
    _copy_hour(start)
    day = _rolled_up("day", start)
    print(f"an hour, {rows:,} rows: {hour}", f"the day's sum: {day}", sep="\n")
    return [
        Figure(
            f"measured: an hour of {RESOURCES:,} resources from {len(REGIONS)} regions every 5 minutes rolled up",
            f"{hour.seconds:.1f} s, CPU {hour.cpu:.1f} s",
        ),
        Figure(
            f"measured: the day summed up, of {HOURS} copies of that hour",
            f"{day.seconds:.1f} s, CPU {day.cpu:.1f} s",
        ),
        Figure(
            f"reckoned, not measured: a whole day, {HOURS} times that hour and the sum",
            f"{HOURS * hour.seconds + day.seconds:.0f} s, CPU {HOURS * hour.cpu + day.cpu:.0f} s",
        ),
        Figure(
            "measured: of the hour, in the statements of sums by registry and group",
            f"{hour.sums:.1f} s",
        ),
        Figure("measured: the longest piece, a transaction", f"{max(hour.pieces + day.pieces):.2f} s"),
        Figure(
            "measured: memory of its connection at most, shared buffers included", f"{max(hour.mib, day.mib):.0f} MiB"
        ),
        Figure("measured: bytes per row of an hour, index included", f"{size / rows:.0f}"),
        Figure("rows of a day: of hours, and their sums", f"{HOURS * rows:,} and {rows:,}"),
    ]


def _make_hour(start: datetime) -> None:
    """Make what is checked, and the outcomes and verdicts of the hour."""
    from django.db import connection  # noqa: PLC0415 - once Django is set up

    from probes.models import Region, Registry, ResourceGroup  # noqa: PLC0415 - imports models

    ResourceGroup.objects.bulk_create(ResourceGroup(name=f"group {number}") for number in range(GROUPS))
    registry = Registry.objects.create(host="registry.test")
    Region.objects.bulk_create(Region(slug=slug, name=slug) for slug in REGIONS)
    given: dict[str, int | datetime] = {
        "registry": registry.pk,
        "start": start,
        "count": RESOURCES,
        "failing": FAILING,
        "groups": GROUPS,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET work_mem = '512MB'")
        # Row by row, the triggers of 100,000 resources take minutes.
        cursor.execute("SET session_replication_role = replica")
        for statement in (_RESOURCES, _OUTCOMES, _VERDICTS):
            cursor.execute(statement, given)
        cursor.execute("RESET session_replication_role")


def _copy_hour(start: datetime) -> None:
    from django.db import connection  # noqa: PLC0415 - once Django is set up

    from probes.models import HourRollUp  # noqa: PLC0415 - imports models

    columns = [field.attname for field in HourRollUp._meta.concrete_fields if field.attname != "starts_at"]  # noqa: SLF001 - Django's documented API
    with connection.cursor() as cursor:
        cursor.execute(_COPIES.format(columns=", ".join(columns)), [start])


def _rows() -> tuple[int, int]:
    """Return how many rows of hours there are, and the bytes that they take."""
    from django.db import connection  # noqa: PLC0415 - once Django is set up

    with connection.cursor() as cursor:
        cursor.execute(_SIZE)
        rows, size = cursor.fetchone()
    return rows, size


def _rolled_up(unit: str, start: datetime) -> Work:
    """Roll up the hour or the day that begins at `start`, over a connection that has done nothing else."""
    from django.db import connection  # noqa: PLC0415 - once Django is set up

    from probes.actions import rollups  # noqa: PLC0415 - imports models
    from probes.models import RollUpProgress  # noqa: PLC0415 - likewise

    RollUpProgress.objects.create(unit=unit, starts_at=start)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    connection.close()
    pieces: list[float] = []
    in_statements: list[float] = []
    in_sums: list[float] = []

    def timed(execute: Callable[..., Any], statement: Any, *given: Any) -> Any:
        began = time.monotonic()
        try:
            return execute(statement, *given)
        finally:
            in_statements.append(time.monotonic() - began)
            if any(table in str(statement) for table in ("probes_hoursum", "probes_daysum")):
                in_sums.append(in_statements[-1])

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    here, database = _cpu_seconds(os.getpid()), _cpu_seconds(backend)
    with connection.execute_wrapper(timed):
        began = time.monotonic()
        while rollups.advance(now=start + timedelta(days=1)):
            pieces.append(time.monotonic() - began)
            began = time.monotonic()
    return Work(
        pieces=pieces,
        statements=sum(in_statements),
        sums=sum(in_sums),
        here=_cpu_seconds(os.getpid()) - here,
        database=_cpu_seconds(backend) - database,
        mib=most_mib(backend),
    )


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
