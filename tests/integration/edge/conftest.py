"""A broker of its own for each test, a region's keys, and real worker processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from probes.trust.accounts import new_password
from probes.trust.keys import ControlKeys, RegionKeys
from tests.fakes.redis_server import MortalRedis
from tests.integration.edge.region import REGION, EdgeProcess, Region


@pytest.fixture
def mortal_redis(tmp_path: Path) -> Iterator[MortalRedis]:
    with MortalRedis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def region(mortal_redis: MortalRedis, tmp_path: Path) -> Region:
    """The control plane's side of a region: signs batches for it and opens what it sends.

    Its worker logs in with the rights of a region, except to a Redis that is too old for that.
    """
    control = ControlKeys.generate()
    keys = RegionKeys.generate(REGION, control.verify_key)
    keys.save(tmp_path / "region-key.json")
    region = Region(mortal_redis, control, keys, tmp_path / "region-key.json")
    if mortal_redis.has_accounts:
        region.log_in_as(f"region-{REGION}", new_password(), mortal_redis.admit)
    return region


@pytest.fixture
def edge(region: Region, tmp_path: Path) -> Iterator[Callable[..., EdgeProcess]]:
    """Start a worker process; it is killed after the test if it still lives."""
    started: list[EdgeProcess] = []

    def start(*arguments: str, **environment: str) -> EdgeProcess:
        log = tmp_path / f"edge-{len(started)}.log"
        process = EdgeProcess(region, log, *arguments, **environment)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
