"""The same guard in an app that consumes as the control plane does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from tests.fakes.redis_server import MortalRedis
from tests.integration.edge.control_worker import control_worker
from tests.servers import wait_until


class Control:
    """Sends to a queue as a region or the control plane would, and reads what came of it."""

    def __init__(self, server: MortalRedis, log: Path) -> None:
        self._log = log
        self._redis = server.client()
        self._app = Celery("outside", broker=server.url, fixups=[], set_as_current=False)

    def send(self, task: str, queue: str, *args: Any, **options: Any) -> None:
        self._app.send_task(task, args=list(args), queue=queue, **options)

    def push(self, queue: str, entry: bytes) -> None:
        self._redis.lpush(queue, entry)

    def seen(self, place: str) -> list[str]:
        return [text.decode() for text in self._redis.lrange(f"seen.{place}", 0, -1) if isinstance(text, bytes)]

    def wait_for(self, place: str, expected: list[str]) -> None:
        try:
            wait_until(lambda: len(self.seen(place)) >= len(expected), 30, place)
        except RuntimeError as error:
            raise AssertionError(f"{place}: {self.seen(place)}") from error
        assert sorted(self.seen(place)) == sorted(expected)

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def tries(self, name: str) -> int:
        """Return how often a message has been begun with."""
        tries: Any = self._redis.get(f"tries.{name}")
        return int(tries or 0)

    def unacknowledged(self) -> int:
        return int(self._redis.hlen("unacked"))


@pytest.fixture
def control(mortal_redis: MortalRedis, tmp_path: Path) -> Iterator[Control]:
    control = Control(mortal_redis, tmp_path / "control.log")
    with control_worker(tmp_path / "control.log", BROKER_URL=mortal_redis.url):
        yield control


def test_garbage_on_either_queue_does_not_cost_its_neighbours(control: Control) -> None:
    garbage = [b"garbage", b"7", b"[" * 100_000, b'{"properties": 1}']
    for number, entry in enumerate(garbage):
        for queue in ("control", "results"):
            control.push(queue, entry)
        control.send("probes.ingest", "results", {"name": str(number)})
    control.wait_for("ingested", ["0", "1", "2", "3"])
    causes = ["malformed"] * 3 + ["content_type"]
    control.wait_for("refused", [f"{queue} {cause}" for queue in ("control", "results") for cause in causes])
    wait_until(lambda: control.unacknowledged() == 0, 10, "every message to be acknowledged")


def test_region_cannot_order_what_only_the_control_plane_may(control: Control) -> None:
    control.send("probes.partitions", "results")
    control.send("probes.ingest", "results", {"name": "later"}, countdown=3600)
    callback = control._app.signature("probes.partitions", immutable=True, queue="control")  # noqa: SLF001
    control.send("probes.ingest", "results", {"name": "chained"}, link=callback)
    control.wait_for("refused", ["results unknown_task", "results malformed", "results malformed"])
    control.send("probes.partitions", "control")
    control.wait_for("partitions", ["dropped"])
    assert control.seen("ingested") == []


@pytest.mark.parametrize("name", ["rejected!", "killed!"])
def test_message_that_was_not_acknowledged_comes_again(control: Control, name: str) -> None:
    control.send("probes.ingest", "results", {"name": name})
    control.wait_for("ingested", [name])
    assert control.seen("refused") == []


def test_worker_whose_hands_were_full_when_the_broker_died_takes_up_work_again(
    control: Control, mortal_redis: MortalRedis
) -> None:
    control.send("probes.ingest", "results", {"name": "outlives the broker!"})
    wait_until(lambda: control.tries("outlives the broker!") == 1, 30, "the worker to have its hands full")
    mortal_redis.kill()
    wait_until(lambda: "Couldn't ack" in control.log, 60, "an acknowledgement to fail")
    mortal_redis.start()
    control.send("probes.ingest", "results", {"name": "next"})
    control.wait_for("ingested", ["next"])


def test_task_that_celery_does_not_know_is_counted_on_an_open_queue(control: Control) -> None:
    control.send("probes.of_a_later_version", "control")
    control.send("probes.ingest", "control", {"name": "neighbour"}, expires=60)
    control.wait_for("refused", ["control unknown_task"])
    control.wait_for("ingested", ["neighbour"])


def test_message_that_celery_rejects_is_counted_on_an_open_queue(control: Control) -> None:
    control.send("probes.ingest", "control", {"name": "never"}, headers={"eta": 5})
    control.send("probes.ingest", "control", {"name": "neighbour"})
    control.wait_for("refused", ["control malformed"])
    control.wait_for("ingested", ["neighbour"])
