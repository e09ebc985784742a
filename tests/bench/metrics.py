"""What a scrape of `/metrics` takes with 10,000 images that are checked from three regions.

    python -m tests.bench metrics

The web server is the real one, with a real database beside it, and the scraper reads what comes and keeps none of it.
The rows are made by the database. It is scraped as plain text, and packed, as Prometheus asks for it. CPU is that of
the web server and the database. Memory is what the web process had at most, beyond what it had at most for 1,000.
"""

import http.client
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import django
import psutil
from django.core.management import call_command

from kairos.child import Child, common_environment
from kairos.embedded import free_port
from tests.bench.census import Census, most_mib
from tests.bench.figures import Figure, at_most
from tests.servers import SessionServers, running

RESOURCES: Final = 10_000
FEW: Final = 1_000
REGIONS: Final = ("ap-south", "eu-west", "us-east")
REGISTRIES: Final = 20
SCRAPES: Final = 7
BAR_SECONDS: Final = 2.0
BAR_MIB: Final = 5.0
TOKEN: Final = "for-the-benchmark-only"
ROOT: Final = Path(__file__).parents[2]
_MIB: Final = 1024 * 1024
CODINGS: Final = ("identity", "gzip")
T = TypeVar("T")

_FILL: Final = (
    """
    INSERT INTO probes_resource (name, reference, registry_id, repository, tag, digest, platforms, strict_platform,
        manifest_cadence_seconds, blobs_cadence_seconds, sample_blobs, check_tag, interval_seconds, labels,
        next_due_at, reference_since, created_at, updated_at, severity, group_id)
    SELECT '', registry.host || '/bench/' || number || ':1', registry.id, 'bench/' || number, '1', '',
        '{linux/amd64}', false, 3600, 86400, false, false, 300, '{}', now() + interval '1 day',
        now(), now(), now(), '', (SELECT id FROM probes_resourcegroup)
    FROM generate_series(%(first)s, %(last)s) AS number
    JOIN probes_registry AS registry ON registry.host = 'registry-' || number %% %(registries)s || '.test'
    """,
    """
    INSERT INTO probes_verdict (resource_id, state, since, computed_at, inputs)
    SELECT id, CASE WHEN id %% 50 = 0 THEN 'unavailable' ELSE 'available' END, now(), now(),
        jsonb_build_object('votes', repeat('x', 1000))
    FROM probes_resource ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO probes_regionstate (resource_id, region_id, status, reason, since, last_slot, checked_at, warnings,
        consecutive_failures, consecutive_successes, run_since, ballot, ballot_slot, bad_run_since, stance,
        stance_since, success_slot, document)
    SELECT resource.id, region.id, 'available', 'ok', now(), now(), now(), '{}', 0, 9, now(), 'good', now(), now(),
        'good', now(), now(), jsonb_build_object('steps', repeat(md5(resource.id::text), 60))
    FROM probes_resource AS resource CROSS JOIN probes_region AS region ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO probes_counter (counted, key, region_id, registry_id, counts, seconds)
    SELECT 'durations', step, region.id, registry.id, array_fill(1000000000, ARRAY[18]), 123456.789
    FROM unnest('{check,challenge,token,manifest,index,child,config,layer}'::text[]) AS step
    CROSS JOIN probes_region AS region CROSS JOIN probes_registry AS registry
    UNION ALL SELECT 'outcomes', status, region.id, registry.id, '{1000000000}', 0
    FROM unnest('{available,unavailable,degraded,indeterminate}'::text[]) AS status
    CROSS JOIN probes_region AS region CROSS JOIN probes_registry AS registry ON CONFLICT DO NOTHING
    """,
    "ANALYZE",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrapes:
    """What scrapes in one coding took: seconds of each, CPU seconds of one by program, and the bytes of one."""

    seconds: list[float]
    cpu: Census
    size: int

    def __str__(self) -> str:
        each = ", ".join(f"{item:.2f}" for item in self.seconds)
        cpu = ", ".join(f"{name} {seconds / SCRAPES:.2f}" for name, seconds in self.cpu.programs.items())
        return f"{SCRAPES} scrapes of {self.size / _MIB:.1f} MiB: {each} s; CPU seconds of one: {cpu}"


def measured() -> list[Figure]:
    """Run it. Takes about a minute."""
    servers = SessionServers()
    servers.make_keys()
    servers.postgres.prepare()
    try:
        with running(servers.postgres.child(), is_ready=servers.postgres.is_ready) as postgres:
            os.environ.update(servers.environment, DJANGO_SETTINGS_MODULE="kairos.settings")
            django.setup()
            call_command("migrate", verbosity=0)
            return _run(servers.environment["KAIROS_STATE_DIR"], postgres.pid)
    finally:
        servers.remove()


def _run(state: str, postgres: int) -> list[Figure]:
    _fill(1, FEW)
    _, few_mib = _scraped(state, postgres)
    _fill(FEW + 1, RESOURCES)
    (plain, packed), mib = _scraped(state, postgres)
    print(plain, packed, sep="\n")
    print(f"the web process at most: {few_mib:.1f} MiB with {FEW:,} images, {mib:.1f} MiB with {RESOURCES:,}")
    what = f"/metrics for {RESOURCES:,} images from {len(REGIONS)} regions"
    return [
        at_most(what, statistics.median(plain.seconds), BAR_SECONDS, "s"),
        at_most(f"{what}, packed with gzip", statistics.median(packed.seconds), BAR_SECONDS, "s"),
        Figure("CPU of one, web server and database", f"{plain.cpu.total / SCRAPES:.2f} s"),
        Figure("CPU of one that is packed", f"{packed.cpu.total / SCRAPES:.2f} s"),
        at_most(f"memory that it takes beyond that for {FEW:,}", mib - few_mib, BAR_MIB, "MiB"),
        Figure("its size", f"{plain.size / _MIB:.1f} MiB, packed {packed.size / _MIB:.1f} MiB"),
    ]


def _fill(first: int, last: int) -> None:
    from django.db import connection  # noqa: PLC0415 - once Django is set up

    from probes.models import Region, Registry, ResourceGroup  # noqa: PLC0415 - imports models

    if first == 1:
        Registry.objects.bulk_create(Registry(host=f"registry-{number}.test") for number in range(REGISTRIES))
        ResourceGroup.objects.create(name="bench")
        Region.objects.bulk_create(
            Region(slug=slug, name=slug, verify_key="k", box_public_key="k") for slug in REGIONS
        )
    with connection.cursor() as cursor:
        for statement in _FILL:
            cursor.execute(statement, {"first": first, "last": last, "registries": REGISTRIES})


def _scraped(state: str, postgres: int) -> tuple[list[Scrapes], float]:
    """Start the web server and scrape it in each coding; return that, and the most MiB it had."""
    port = free_port()
    gunicorn = ("-m", "gunicorn", "kairos.wsgi", "--bind", f"127.0.0.1:{port}", "--no-control-socket")
    child = Child(
        name="web",
        argv=(sys.executable, *gunicorn, "--worker-class", "gthread", "--threads", "8", "--log-level", "error"),
        environment={
            **common_environment(),
            **{name: os.environ[name] for name in ("DATABASE_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE")},
            "KAIROS_STATE_DIR": state,
            "KAIROS_METRICS_TOKEN": TOKEN,
        },
        directory=ROOT,
    )
    with running(child, is_ready=lambda: _answers(port)) as process:
        (worker,) = psutil.Process(process.pid).children()
        _scrape(port, CODINGS[0])  # the first one imports and connects
        pids = {"web": process.pid, "database": postgres}
        return [_scrapes(port, coding, pids) for coding in CODINGS], most_mib(worker.pid)


def _scrapes(port: int, coding: str, pids: dict[str, int]) -> Scrapes:
    before = Census.of(pids)
    seconds, sizes = zip(*(_scrape(port, coding) for _ in range(SCRAPES)), strict=True)
    return Scrapes(seconds=list(seconds), cpu=Census.of(pids).since(before), size=max(sizes))


def _answers(port: int) -> bool:
    try:
        return _get(port, "/healthz", lambda response: response.status == 200)
    except OSError:
        return False


def _scrape(port: int, coding: str) -> tuple[float, int]:
    began = time.monotonic()
    size = _get(port, "/metrics", _read, coding)
    return time.monotonic() - began, size


def _read(response: http.client.HTTPResponse) -> int:
    assert response.status == 200, response.status
    size = 0
    while chunk := response.read(65_536):
        size += len(chunk)
    return size


def _get(port: int, path: str, read: Callable[[http.client.HTTPResponse], T], coding: str = CODINGS[0]) -> T:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": coding}
        connection.request("GET", path, headers=headers)
        return read(connection.getresponse())
    finally:
        connection.close()
