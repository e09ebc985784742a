"""What a scrape of `/metrics` takes with 10,000 images that are checked from three regions.

    python -m tests.bench metrics

The web server is the real one, with a real database beside it, and the scraper reads what comes and keeps none of it.
It is scraped as plain text, and packed, as Prometheus asks for it. CPU is that of the web server and the database.
Memory is what the web process had at most, beyond what it had at most for 1,000.

Beside the images is what two years leave: 80,200 incidents of which 200 are open, 40,400 notices of two channels,
90,000 batches, 80 accounts of quotas, 240 certificates, and four workers in each region. `tests.bench.inventory` says
why it is so many.
"""

import http.client
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import psutil

from kairos.child import Child, common_environment
from kairos.embedded import free_port
from tests.bench.census import Census, most_mib
from tests.bench.database import own_database
from tests.bench.figures import Figure, at_most
from tests.servers import is_served, running

RESOURCES: Final = 10_000
FEW: Final = 1_000
SCRAPES: Final = 7
BAR_SECONDS: Final = 2.0
BAR_MIB: Final = 5.0
TOKEN: Final = "for-the-benchmark-only"
ROOT: Final = Path(__file__).parents[2]
_MIB: Final = 1024 * 1024
CODINGS: Final = ("identity", "gzip")
T = TypeVar("T")


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
    with own_database() as postgres:
        return _run(os.environ["KAIROS_STATE_DIR"], postgres.pid)


def _run(state: str, postgres: int) -> list[Figure]:
    from tests.bench.inventory import REGIONS, Inventory  # noqa: PLC0415 - imports models

    inventory = Inventory()
    inventory.add_images(1, FEW)
    inventory.beat()
    _, few_mib = _scraped(state, postgres)
    inventory.add_images(FEW + 1, RESOURCES)
    inventory.beat()
    (plain, packed), mib = _scraped(state, postgres)
    print(inventory, plain, packed, sep="\n")
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
    with running(child, is_ready=partial(is_served, port)) as process:
        (worker,) = psutil.Process(process.pid).children()
        _scrape(port, CODINGS[0])  # the first one imports and connects
        pids = {"web": process.pid, "database": postgres}
        return [_scrapes(port, coding, pids) for coding in CODINGS], most_mib(worker.pid)


def _scrapes(port: int, coding: str, pids: dict[str, int]) -> Scrapes:
    before = Census.of(pids)
    seconds, sizes = zip(*(_scrape(port, coding) for _ in range(SCRAPES)), strict=True)
    return Scrapes(seconds=list(seconds), cpu=Census.of(pids).since(before), size=max(sizes))


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
