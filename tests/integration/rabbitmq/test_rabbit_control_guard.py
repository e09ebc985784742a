"""The guard at RabbitMQ's socket in an app that consumes as the control plane does.

The sender here has a region's account: what it can do to the control plane is what a stolen region can.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from probes.broker.address import BrokerAddress
from probes.broker.queues import RESULTS
from tests.fakes.rabbitmq_server import RabbitServer
from tests.fakes.redis_server import MortalRedis
from tests.integration.edge.control_worker import control_worker
from tests.integration.rabbitmq.region import RabbitRegion, RawMessage, raw_table
from tests.integration.rabbitmq.test_rabbit_garbage import malformed, of_another_type, spoilt
from tests.servers import wait_until


class Intruder:
    """Somebody with a region's login, and what the control plane made of it."""

    def __init__(self, channel: Any, notes: MortalRedis, log: Path) -> None:
        self._channel = channel
        self._notes = notes.client()
        self._log = log

    def publish(self, message: Any, *, routing_key: str | bytes = RESULTS) -> None:
        self._channel.basic_publish(message, exchange=RESULTS, routing_key=routing_key)

    def seen(self, place: str) -> list[str]:
        return [text.decode() for text in self._notes.lrange(f"seen.{place}", 0, -1) if isinstance(text, bytes)]

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")


@pytest.fixture
def intruder(region: RabbitRegion, rabbit: RabbitServer, tmp_path: Path) -> Iterator[Intruder]:
    username, password = BrokerAddress(region.edge_url).login
    with (
        MortalRedis(tmp_path / "notes") as notes,
        rabbit.connection(username, password) as connection,
        control_worker(tmp_path / "control.log", BROKER_URL=rabbit.url, NOTES_URL=notes.url),
    ):
        yield Intruder(connection.channel(), notes, tmp_path / "control.log")


def good(region: RabbitRegion, name: str) -> Any:
    return spoilt(region, headers={"task": "probes.ingest"}, body=[[{"name": name}], {}, {}])


def test_garbage_does_not_cost_its_neighbours(intruder: Intruder, region: RabbitRegion) -> None:
    bad, other = malformed(region), of_another_type(region)
    garbage = [*bad, *other]
    for number, message in enumerate(garbage):
        if not isinstance(message, RawMessage) and message.headers.get("task") == "probes.edge.run_batch":
            message.headers["task"] = "probes.ingest"
        intruder.publish(message)
        intruder.publish(good(region, str(number)))
    copied = good(region, "by a copy")
    copied.headers["CC"] = [RESULTS]
    intruder.publish(copied, routing_key=b"\xff")
    intruder.publish(good(region, "last"))

    wait_until(lambda: "last" in intruder.seen("ingested"), 60, "the last message")
    assert sorted(intruder.seen("ingested")) == sorted([*map(str, range(len(garbage))), "last"])
    refused = intruder.seen("refused")
    assert refused.count("results malformed") == len(bad) + 1
    assert refused.count("results content_type") == len(other)
    assert "Traceback" not in intruder.log
    assert intruder.log.count("Connected to") <= 1


def test_region_cannot_order_what_only_the_control_plane_may(intruder: Intruder, region: RabbitRegion) -> None:
    intruder.publish(spoilt(region, headers={"task": "probes.partitions"}, body=[[], {}, {}]))
    intruder.publish(spoilt(region, headers={"task": "probes.ingest", "eta": "2099-01-01T00:00:00+00:00"}))
    callback = {"callbacks": [{"task": "probes.partitions", "args": [], "kwargs": {}, "options": {}}]}
    intruder.publish(spoilt(region, headers={"task": "probes.ingest"}, body=[[{"name": "chained"}], {}, callback]))
    intruder.publish(RawMessage(b"[[{}], {}, {}]", raw_table(b"")))
    intruder.publish(good(region, "last"))
    wait_until(lambda: intruder.seen("ingested") == ["last"], 60, "the last message")
    assert intruder.seen("refused") == ["results unknown_task", *["results malformed"] * 3]
    assert intruder.seen("partitions") == []
