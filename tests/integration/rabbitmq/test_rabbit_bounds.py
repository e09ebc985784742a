"""Queues that the control plane reads, while it does not: heartbeats go, reports stay with their workers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import amqp
from kombu import Connection

from probes.broker import trimming
from probes.broker.accounts import Accounts
from probes.broker.queues import MOST_ORDERS
from tests.fakes.rabbitmq_server import VIRTUAL_HOST, RabbitServer
from tests.integration.edge.region import WAIT_SECONDS, EdgeProcess
from tests.integration.rabbitmq.region import RabbitRegion
from tests.servers import wait_until

StartEdge = Callable[..., EdgeProcess]


def change_policy(rabbit: RabbitServer, name: str, **values: Any) -> None:
    with rabbit.api() as api:
        policy = api.get("policies", VIRTUAL_HOST, name)
        policy["definition"].update({key.replace("_", "-"): value for key, value in values.items()})
        api.put("policies", VIRTUAL_HOST, name, body=policy)


def test_worker_keeps_its_reports_while_too_many_wait(
    region: RabbitRegion, edge: StartEdge, rabbit: RabbitServer
) -> None:
    """It says so in its heartbeats, which have another queue, and sends them when there is room."""
    worker = edge()
    region.send(region.envelope(replace(region.batch("ok"), heartbeats_apart=True)))
    region.wait_for_reports(1)
    region.reads = ("heartbeats",)
    region.wait_for_heartbeat(lambda beat: beat.batches_run == 1)
    change_policy(rabbit, "kairos-results", max_length=1)
    region.publish(amqp.Message(b"a report"), exchange="results", routing_key="results")
    kept = replace(region.batch("ok"), heartbeats_apart=True)
    region.send(region.envelope(kept))
    worker.wait_for_log("nobody takes them, reports wait")
    beat = region.wait_for_heartbeat(lambda beat: beat.batches_run == 2)
    assert (beat.spooled_reports, beat.dropped_reports) == (1, 0)
    region.channel.queue_purge("results")
    region.reads = ("heartbeats", "results")
    assert region.wait_for_reports(2)[-1].batch == kept.id


def test_heartbeats_that_are_old_go_by_themselves(
    region: RabbitRegion, accounts: Accounts, rabbit: RabbitServer
) -> None:
    change_policy(rabbit, "kairos-heartbeats", message_ttl=100)
    region.publish(amqp.Message(b"a heartbeat"), exchange="results", routing_key="heartbeats")

    def is_gone() -> bool:
        count: int = region.channel.queue_declare("heartbeats", passive=True).message_count
        return count == 0

    wait_until(is_gone, WAIT_SECONDS, "the heartbeat to be dropped")


def test_orders_that_no_control_worker_takes_are_dropped(region: RabbitRegion, rabbit: RabbitServer) -> None:
    channel = region.channel
    channel.queue_declare("control", durable=True, auto_delete=False)
    for _ in range(MOST_ORDERS + 1):
        region.publish(amqp.Message(b"an order"), routing_key="control")
    with Connection(rabbit.url) as connection:
        assert trimming.relieve(connection) == MOST_ORDERS + 1
        assert trimming.relieve(connection) == 0
