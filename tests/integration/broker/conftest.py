"""A Redis of its own for each test, new enough for accounts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.redis_server import MortalRedis


@pytest.fixture
def mortal_redis(tmp_path: Path) -> Iterator[MortalRedis]:
    with MortalRedis(tmp_path / "redis") as server:
        if not server.has_accounts:
            pytest.skip("no Redis 7 on PATH: install Debian's redis-server")
        yield server
