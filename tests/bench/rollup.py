"""Rolling up a day of 100,000 resources seen from three regions.

    python -m tests.bench rollup

An hour of outcomes, one every five minutes, is made by the database and rolled up by the real actions; a day has 24
of them. The other hours of the day are copies of that hour's rows, from which the day is rolled up. CPU is that of
this process and of its connection to the database, whose memory and whose time in statements are told as well.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import django
import psutil
from django.core.management import call_command

from tests.bench.census import most_mib
from tests.bench.figures import Figure
from tests.servers import SessionServers, running

RESOURCES: Final = 100_000
REGIONS: Final = ("ap-south", "eu-west", "us-east")
FAILING: Final = 50
"""One resource of so many fails, and its verdict changes once an hour."""

_RESOURCES: Final = """
INSERT INTO probes_resource (name, reference, registry_id, repository, tag, digest, platforms, strict_platform,
    manifest_cadence_seconds, blobs_cadence_seconds, sample_blobs, check_tag, interval_seconds, severity, labels,
    next_due_at, reference_since, created_at, updated_at)
SELECT '', 'registry.test/bench/' || number || ':1', %(registry)s, 'bench/' || number, '1', '', '{linux/amd64}',
    false, 3600, 86400, false, false, 300, '', '{}', now(), %(start)s, now(), now()
FROM generate_series(1, %(count)s) AS number
"""

# In the order of slots, as they arrive; the first of them holds when the hour begins.
_OUTCOMES: Final = """
INSERT INTO probes_outcome (resource_id, region_id, slot, checked_at, batch, duration_ms, status, reason, confidence,
    depth, digest, latency)
SELECT resource.id, region.id, %(start)s + number * interval '5 min' + (resource.id %% 300) * interval '1 s',
    %(start)s, gen_random_uuid(), 100,
    CASE WHEN resource.id %% %(failing)s = 0 THEN 'unavailable' ELSE 'available' END, 'ok', 'definite', 'resolve',
    'sha256:' || repeat('0', 64),
    set_byte('\\x1bffff17', 3, (20 + (resource.id + number) %% 9)::integer)
FROM generate_series(-1, 11) AS number CROSS JOIN probes_resource AS resource CROSS JOIN probes_region AS region
ORDER BY 3
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What rolling something up took: seconds of each piece, of statements, of CPU here and there; memory at most."""

    pieces: list[float]
    statements: float
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
            f"{self.seconds:.1f} s, {self.statements:.1f} of them in statements; CPU {self.database:.1f} s of the"
            f" database and {self.here:.1f} s here; {len(self.pieces)} pieces, the longest {max(self.pieces):.2f} s"
        )


def measured() -> list[Figure]:
    """Run it. Takes some minutes, and two gigabytes."""
    servers = SessionServers()
    servers.make_keys()
    servers.postgres.prepare()
    try:
        with running(servers.postgres.child(), is_ready=servers.postgres.is_ready):
            os.environ.update(servers.environment, DJANGO_SETTINGS_MODULE="kairos.settings")
            django.setup()
            call_command("migrate", verbosity=0)
            return _run()
    finally:
        servers.remove()


def _run() -> list[Figure]:
    from django.db import connection  # noqa: PLC0415 - once Django is set up

    from probes.actions import rollups  # noqa: PLC0415 - imports models
    from probes.models import HourRollUp, RollUpProgress  # noqa: PLC0415 - likewise

    start = (datetime.now(UTC) - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    _fill(start)
    now = start + timedelta(hours=1) + rollups.ROLLED_AFTER
    RollUpProgress.objects.create(unit="hour", starts_at=start)
    connection.close()  # what filling took is not the work's
    hour = _done(now)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), sum(pg_total_relation_size(inhrelid)) FROM pg_inherits"
            " WHERE inhparent = 'probes_hourrollup'::regclass"
        )
        _, size = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM probes_hourrollup")
        (rows,) = cursor.fetchone()
        columns = [field.attname for field in HourRollUp._meta.concrete_fields if field.attname != "starts_at"]  # noqa: SLF001 - Django's documented API
        cursor.execute(_COPIES.format(columns=", ".join(columns)), [start])
        cursor.execute("ANALYZE probes_hourrollup")
    assert rows == RESOURCES * (len(REGIONS) + 1), rows
    RollUpProgress.objects.create(unit="day", starts_at=start)
    connection.close()
    day = _done(now)
    print(f"an hour, {rows:,} rows: {hour}", f"the day's sum: {day}", sep="\n")
    named = f"{RESOURCES:,} resources from {len(REGIONS)} regions every 5 minutes"
    return [
        Figure(f"an hour of {named} rolled up", f"{hour.seconds:.1f} s, CPU {hour.cpu:.1f} s"),
        Figure("the day of it summed from its hours", f"{day.seconds:.1f} s, CPU {day.cpu:.1f} s"),
        Figure(
            "a whole day rolled up: 24 hours and their sum",
            f"{24 * hour.seconds + day.seconds:.0f} s, CPU {24 * hour.cpu + day.cpu:.0f} s",
        ),
        Figure("the longest piece of it, a transaction", f"{max(hour.pieces + day.pieces):.2f} s"),
        Figure("memory of its connection at most, shared buffers included", f"{max(hour.mib, day.mib):.0f} MiB"),
        Figure("rows of a day: of hours, and their sums", f"{24 * rows:,} and {rows:,}"),
        Figure("bytes per row of an hour, index included", f"{size / rows:.0f}"),
    ]


def _fill(start: datetime) -> None:
    from django.db import connection  # noqa: PLC0415 - once Django is set up

    from probes.models import Region, Registry  # noqa: PLC0415 - imports models

    registry = Registry.objects.create(host="registry.test")
    Region.objects.bulk_create(Region(slug=slug, name=slug) for slug in REGIONS)
    given: dict[str, int | datetime] = {
        "registry": registry.pk,
        "start": start,
        "count": RESOURCES,
        "failing": FAILING,
    }
    with connection.cursor() as cursor:
        for statement in (_RESOURCES, _OUTCOMES, _VERDICTS):
            cursor.execute(statement, given)
        cursor.execute("ANALYZE")


def _done(now: datetime) -> Work:
    """Roll up all that is to be rolled up by `now`."""
    from django.db import connection  # noqa: PLC0415 - once Django is set up

    from probes.actions import rollups  # noqa: PLC0415 - imports models

    pieces: list[float] = []
    in_statements: list[float] = []

    def timed(execute: Callable[..., Any], *given: Any) -> Any:
        began = time.monotonic()
        try:
            return execute(*given)
        finally:
            in_statements.append(time.monotonic() - began)

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    here, database = _cpu_seconds(os.getpid()), _cpu_seconds(backend)
    with connection.execute_wrapper(timed):
        began = time.monotonic()
        while rollups.advance(now=now):
            pieces.append(time.monotonic() - began)
            began = time.monotonic()
    return Work(
        pieces=pieces,
        statements=sum(in_statements),
        here=_cpu_seconds(os.getpid()) - here,
        database=_cpu_seconds(backend) - database,
        mib=most_mib(backend),
    )


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
