"""Memory of one region's worker over 100,000 checks.

    python -m tests.bench memory

The worker is the real program, `python -m probes.edge`, fed signed batches through a real Redis; the registry is the
cheap one, over TLS. Ten thousand images are checked in turn at depth `resolve`: as many as a worker remembers logins
for, so its memory fills up in the first tenth and has no excuse to grow afterwards.
"""

import base64
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Final
from uuid import uuid4

import psutil

from probes.edge.app import INGEST
from probes.protocol.batch import Batch
from probes.protocol.outcome import rfc3339
from probes.protocol.plan import Plan
from probes.protocol.taxonomy import Depth
from probes.trust.keys import ControlKeys, RegionKeys
from tests.bench.figures import Figure, at_most
from tests.bench.registry import BenchRegistry, running_registry
from tests.fakes.redis_server import MortalRedis
from tests.integration.edge.region import REGION, EdgeProcess, Region

BAR_MIB: Final = 150
BAR_GROWTH_MIB: Final = 5
CHECKS: Final = 100_000
IMAGES: Final = 10_000
PLANS_IN_A_BATCH: Final = 100
WAITING_BATCHES: Final = 6
READINGS: Final = 10
SETTLED: Final = 2  # readings after which nothing may grow
PATIENCE_SECONDS: Final = 300.0

_MIB: Final = 1024 * 1024
_OK: Final = rb"\"reason\":\"ok\""  # once in each outcome, whose JSON is a text in JSON


class Feeder:
    """The control plane's side: keeps a few batches waiting, and counts what comes back."""

    def __init__(self, server: MortalRedis, region: Region, registry: BenchRegistry) -> None:
        self._broker = server.client()
        self._region = region
        self._registry = registry
        self._images = cycle(range(IMAGES))
        self._sent = 0
        self.done = 0

    def feed(self) -> None:
        """Send what there is room for and take in what has come. Raises AssertionError for a bad outcome."""
        while self._sent < CHECKS and self._sent - self.done < WAITING_BATCHES * PLANS_IN_A_BATCH:
            self._region.send(self._region.envelope(self._batch()))
            self._sent += PLANS_IN_A_BATCH
        while (entry := self._broker.rpop("results")) is not None:
            assert isinstance(entry, bytes)
            message = json.loads(entry)
            if message["headers"]["task"] == INGEST:
                found = base64.b64decode(message["body"])
                assert found.count(_OK) == PLANS_IN_A_BATCH, found
                self.done += PLANS_IN_A_BATCH

    def _batch(self) -> Batch:
        now = datetime.now(UTC)
        plans = (
            Plan(
                reference=self._registry.image(number),
                depth=Depth.RESOLVE,
                site=self._registry.site,
                key=str(number),
                slot=rfc3339(now),
            )
            for number in islice(self._images, PLANS_IN_A_BATCH)
        )
        return Batch(
            id=str(uuid4()),
            region=REGION,
            issued_at=now,
            expires_at=now + timedelta(seconds=60),
            plans=tuple(plans),
        )


def measured() -> list[Figure]:
    """Run it. Takes about a minute."""
    with tempfile.TemporaryDirectory() as name, running_registry() as registry:
        directory = Path(name)
        control = ControlKeys.generate()
        keys = RegionKeys.generate(REGION, control.verify_key)
        keys.save(directory / "region-key.json")
        with MortalRedis(directory / "redis") as server:
            region = Region(server, control, keys, directory / "region-key.json")
            worker = EdgeProcess(region, directory / "edge.log", module="probes.edge")
            try:
                readings = watch(psutil.Process(worker.process.pid), Feeder(server, region, registry))
            finally:
                worker.kill()
    growth = max(readings[SETTLED:]) - readings[SETTLED - 1]
    return [
        at_most(f"memory of an edge worker after {CHECKS:,} checks", readings[-1], BAR_MIB, "MiB"),
        at_most(f"its growth after the first {CHECKS // READINGS * SETTLED:,}", growth, BAR_GROWTH_MIB, "MiB"),
    ]


def watch(worker: psutil.Process, feeder: Feeder) -> list[float]:
    """Feed the worker to the end; print and return its resident memory in MiB after each tenth."""
    readings: list[float] = []
    began = time.monotonic()
    while len(readings) < READINGS:
        feeder.feed()
        if feeder.done >= CHECKS // READINGS * (len(readings) + 1):
            readings.append(worker.memory_info().rss / _MIB)
            print(f"{feeder.done:>9,} checks  {readings[-1]:6.1f} MiB", flush=True)
        assert time.monotonic() - began < PATIENCE_SECONDS, f"{feeder.done} checks done"
        time.sleep(0.01)
    times = worker.cpu_times()
    rate, cpu_us = CHECKS / (time.monotonic() - began), (times.user + times.system) * 1e6 / CHECKS
    print(f"one worker made {rate:,.0f} checks a second, with {cpu_us:.0f} µs CPU for each")
    return readings
