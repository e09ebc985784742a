"""Where a worker's heartbeats and reports go, and what it does while nobody takes them."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from probes.broker.accounts.rights import redis_words
from probes.broker.queues import MOST_WAITING
from probes.protocol.batch import Batch
from probes.trust.accounts import Account, new_password
from tests.integration.edge.region import REGION, WAIT_SECONDS, EdgeProcess, Region
from tests.servers import wait_until

StartEdge = Callable[..., EdgeProcess]

HEARTBEATS_OF_BEFORE = ("(+lpush %W~results)",)


def told_apart(region: Region, image: str = "ok") -> Batch:
    """Return a batch of a control plane that takes heartbeats from a queue of their own."""
    return replace(region.batch(image), heartbeats_apart=True)


def wait_for_messages(region: Region, queue: str, count: int = 1) -> None:
    with region.server.client() as client:
        wait_until(lambda: client.llen(queue) >= count, WAIT_SECONDS, f"{count} messages in {queue}")


def test_heartbeats_have_their_own_queue_once_a_batch_says_so(region: Region, edge: StartEdge) -> None:
    """Until then they go where a control plane of the version before looks for them."""
    edge()
    wait_for_messages(region, "results")
    region.send(region.envelope(told_apart(region)))
    wait_for_messages(region, "heartbeats", 2)
    region.wait_for_reports(1)
    with region.server.client() as client:
        client.delete("heartbeats")
        wait_for_messages(region, "heartbeats")
        assert client.llen("results") == 0


def test_worker_whose_account_is_of_the_version_before_sends_heartbeats_with_its_reports(
    region: Region, edge: StartEdge
) -> None:
    """New at the edge, old at the broker: until the control plane has added to its rights, in some seconds."""
    if not region.server.has_accounts:
        pytest.skip("this Redis has no accounts")
    password = new_password()
    account = Account.make(REGION, "region-eu-west.2", password)
    words = (*redis_words(account)[:-1], *HEARTBEATS_OF_BEFORE)
    with region.server.client() as control:
        control.execute_command("ACL", "SETUSER", account.username, *words)
        region.log_in_as(account.username, password, lambda _: None)
        worker = edge()
        region.send(region.envelope(told_apart(region)))
        region.wait_for_reports(1)
        beats = len(region.heartbeats())
        wait_until(lambda: len(region.heartbeats()) > beats + 2, WAIT_SECONDS, "more heartbeats")
        assert control.llen("heartbeats") == 0
        control.execute_command("ACL", "SETUSER", account.username, *redis_words(account))
        wait_for_messages(region, "heartbeats")
    assert "no heartbeat" not in worker.log
    assert "reports wait" not in worker.log


def test_worker_keeps_its_reports_while_too_many_wait(region: Region, edge: StartEdge) -> None:
    """It says so in its heartbeats, which have another queue, and sends them when there is room."""
    with region.server.client() as control:
        worker = edge()
        region.send(region.envelope(told_apart(region)))
        region.wait_for_reports(1)
        region.reads = ("heartbeats",)
        control.lpush("results", *["a report"] * MOST_WAITING["results"])
        time.sleep(2)  # for so long a queue that had room is taken to have some
        kept = told_apart(region)
        region.send(region.envelope(kept))
        worker.wait_for_log("nobody takes them, reports wait")
        beat = region.wait_for_heartbeat(lambda beat: beat.batches_run == 2)
        assert (beat.spooled_reports, beat.dropped_reports) == (1, 0)
        assert control.llen("results") == MOST_WAITING["results"]
        control.delete("results")
        region.reads = ("heartbeats", "results")
        assert region.wait_for_reports(2)[-1].batch == kept.id


def test_heartbeats_that_nobody_takes_are_left_out_and_come_again_when_somebody_does(
    region: Region, edge: StartEdge
) -> None:
    with region.server.client() as control:
        control.lpush("heartbeats", *["a heartbeat"] * MOST_WAITING["heartbeats"])
        worker = edge()
        region.send(region.envelope(told_apart(region)))
        worker.wait_for_log(f"no heartbeat: {MOST_WAITING['heartbeats']} messages or more wait in heartbeats")
        assert control.llen("heartbeats") == MOST_WAITING["heartbeats"]
        control.delete("heartbeats")
        wait_for_messages(region, "heartbeats")
