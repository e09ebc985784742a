"""A worker over RabbitMQ that is told to leave, whatever its link is in the middle of, leaves by itself and soon."""

import time
from collections.abc import Callable
from typing import Final

import pytest

from probes.broker.accounts import Accounts
from probes.broker.address import BrokerAddress
from probes.trust.accounts import Account
from tests.fakes.rabbitmq_server import RabbitServer
from tests.integration.edge.region import REGION, EdgeProcess
from tests.integration.edge.test_edge_faults import (
    test_batches_that_wait_stay_for_the_next_worker,
    test_worker_that_is_told_to_leave_reports_what_it_has_and_returns_the_rest,
)
from tests.integration.rabbitmq.region import RabbitRegion
from tests.servers import wait_until

__all__ = [
    "test_batches_that_wait_stay_for_the_next_worker",
    "test_worker_that_is_told_to_leave_reports_what_it_has_and_returns_the_rest",
]

StartEdge = Callable[..., EdgeProcess]

AT_ONCE_SECONDS: Final = 4.0
IN_TIME_SECONDS: Final = 9.0


def seconds_to_leave(worker: EdgeProcess) -> float:
    """Tell a worker to leave; return how long it took. It must need no reminder."""
    began = time.monotonic()
    worker.terminate()
    assert worker.wait() == 0, worker.log
    assert "did not stop in time" not in worker.log
    return time.monotonic() - began


@pytest.fixture
def account(region: RabbitRegion) -> Account:
    return Account.make(REGION, *BrokerAddress(region.edge_url).login)


def test_worker_that_has_logged_in_again_leaves_at_once(
    region: RabbitRegion, edge: StartEdge, accounts: Accounts, account: Account
) -> None:
    """Celery's loop sleeps for up to ten seconds, and must be woken."""
    worker = edge()
    worker.wait_for_log("ready")
    accounts.remove(account.username)
    worker.wait_for_log("Connection to broker lost")
    accounts.ensure(account)
    batch = region.batch("ok")
    region.send(region.envelope(batch))
    assert [report.batch for report in region.wait_for_reports(1)] == [batch.id]
    time.sleep(1)  # then it sleeps
    assert seconds_to_leave(worker) < AT_ONCE_SECONDS


def test_worker_that_lost_its_broker_with_batches_in_hand_takes_what_comes_afterwards(
    region: RabbitRegion, edge: StartEdge, accounts: Accounts, account: Account
) -> None:
    """It had asked for fewer meanwhile, and for more from another thread than the one that reads: it hung."""
    worker = edge(KAIROS_EDGE_BATCHES="3")
    in_hand = [region.batch("sleeps-1500") for _ in range(3)]
    for batch in in_hand:
        region.send(region.envelope(batch))
    region.wait_for_heartbeat(lambda beat: beat.in_flight == len(in_hand))
    accounts.remove(account.username)
    worker.wait_for_log("Connection to broker lost")
    accounts.ensure(account)
    afterwards = [region.batch("ok") for _ in range(9)]
    for batch in afterwards:
        region.send(region.envelope(batch))
    reports = region.wait_for_reports(len(in_hand) + len(afterwards))
    assert {report.batch for report in reports} == {batch.id for batch in (*in_hand, *afterwards)}
    assert "prefetch count" not in worker.log


def test_batch_that_had_not_begun_when_the_connection_was_lost_is_run_once(
    region: RabbitRegion, edge: StartEdge, accounts: Accounts, account: Account
) -> None:
    """The broker gives it out again. The copy that it had would be run as well, beside that one."""
    worker = edge(KAIROS_EDGE_BATCHES="1")
    begun, waiting = region.batch("sleeps-1500"), region.batch("ok")
    region.send(region.envelope(begun))
    region.wait_for_heartbeat(lambda beat: beat.in_flight == 1)
    region.send(region.envelope(waiting))
    wait_until(lambda: not region.waiting, 10, "the second batch to be taken")
    accounts.remove(account.username)
    worker.wait_for_log("Connection to broker lost")
    accounts.ensure(account)
    last = region.batch("ok")  # behind any copy
    region.send(region.envelope(last))
    assert {report.batch for report in region.wait_for_reports(3)} == {begun.id, waiting.id, last.id}
    assert region.wait_for_heartbeat(lambda beat: beat.batches_run == 3).refused == {}


def test_worker_whose_login_is_refused_leaves_at_once(edge: StartEdge, accounts: Accounts, account: Account) -> None:
    worker = edge()
    worker.wait_for_log("ready")
    accounts.remove(account.username)
    worker.wait_for_log("ACCESS_REFUSED")
    assert seconds_to_leave(worker) < AT_ONCE_SECONDS


@pytest.mark.slow
def test_worker_without_a_broker_leaves_at_once(edge: StartEdge, rabbit: RabbitServer) -> None:
    worker = edge()
    worker.wait_for_log("ready")
    rabbit.stop()
    try:
        worker.wait_for_log("Cannot connect")
        assert seconds_to_leave(worker) < AT_ONCE_SECONDS
    finally:
        rabbit.start()


def test_worker_whose_broker_answers_nothing_leaves_in_time(
    region: RabbitRegion, edge: StartEdge, rabbit: RabbitServer
) -> None:
    worker = edge()
    region.send(region.envelope(region.batch("ok")))
    region.wait_for_reports(1)
    # Celery asks the broker once more when it is ready. Hung before that is answered, it leaves by our last resort:
    # in time as well, but not by itself. Nothing tells when it has the answer.
    time.sleep(1)
    with rabbit.hanging():
        assert seconds_to_leave(worker) < IN_TIME_SECONDS


def test_worker_whose_login_is_not_answered_leaves_in_time(
    edge: StartEdge, rabbit: RabbitServer, accounts: Accounts, account: Account
) -> None:
    worker = edge()
    worker.wait_for_log("ready")
    accounts.remove(account.username)
    worker.wait_for_log("ACCESS_REFUSED")
    with rabbit.hanging():
        worker.wait_for_log("timed out")
        assert seconds_to_leave(worker) < IN_TIME_SECONDS
