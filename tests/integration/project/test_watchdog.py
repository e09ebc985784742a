"""A control worker that is stuck ends itself; one that is idle, or told to stop, ends as it always did."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.fakes.up import PROJECT

# A control worker does not start without its database.
pytestmark = pytest.mark.usefixtures("postgres_url")

PATIENCE = 1.0  # of `tests.fakes.stuck_control`


@contextmanager
def worker(condition: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.stuck_control", condition],
        cwd=PROJECT,
        env=os.environ,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line == "ready\n":
                break
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("condition", ["stuck", "well"])
def test_worker_with_nothing_to_do_stays(broker: str, condition: str) -> None:
    with worker(condition) as process, pytest.raises(subprocess.TimeoutExpired):
        process.wait(3 * PATIENCE)


def test_stuck_worker_ends_when_messages_wait(broker: str) -> None:
    with worker("stuck") as process, redis.Redis.from_url(broker) as client:
        client.lpush("results", "a message")
        _, said = process.communicate(timeout=20 * PATIENCE)
        assert process.returncode == os.EX_TEMPFAIL
        assert "this worker is stuck: 1 messages wait and none is taken" in said
        assert client.llen("results") == 1


def test_worker_that_takes_its_messages_stays_and_stops_when_told(broker: str) -> None:
    with worker("well") as process, redis.Redis.from_url(broker) as client:
        client.lpush("results", "no message at all")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3 * PATIENCE)
        assert client.llen("results") == 0
        process.terminate()
        assert process.wait(20) == 0
