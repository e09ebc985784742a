"""The broker dies, the worker dies, the worker is told to leave, the worker is stuck."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

import pytest

from tests.integration.edge.region import ROOT, EdgeProcess, Region

StartEdge = Callable[..., EdgeProcess]

LEAVING_SECONDS: Final = 10.0


def test_reports_outlive_a_killed_broker(region: Region, edge: StartEdge) -> None:
    worker = edge()
    sent = [region.batch(f"sleeps-{milliseconds}") for milliseconds in (1000, 1100)]
    for batch in sent:
        region.send(region.envelope(batch))
    region.wait_for_heartbeat(lambda beat: beat.in_flight == 2)
    region.server.kill()
    worker.wait_for_log("the broker is away, reports wait")
    region.server.start()
    assert {report.batch for report in region.wait_for_reports(2)} == {batch.id for batch in sent}

    after = region.batch("ok")
    region.send(region.envelope(after))
    assert region.wait_for_reports(3)[-1].batch == after.id
    beat = region.wait_for_heartbeat(lambda beat: beat.batches_run == 3 and beat.spooled_reports == 0)
    assert beat.dropped_reports == 0


def test_messages_that_wait_outlive_a_killed_broker(region: Region, edge: StartEdge) -> None:
    batch = region.batch("ok")
    region.send(region.envelope(batch))
    region.server.restart()
    edge()
    assert [report.batch for report in region.wait_for_reports(1)] == [batch.id]


def test_batches_are_taken_as_fast_after_the_broker_was_away(region: Region, edge: StartEdge) -> None:
    """Celery's loop looks for a free thread once a second; ours wakes it, whichever connection it is on."""
    worker = edge(KAIROS_EDGE_BATCHES="1")
    worker.wait_for_log("ready")
    region.server.kill()
    worker.wait_for_log("Connection to broker lost")
    region.server.start()
    region.send(region.envelope(region.batch("ok")))
    region.wait_for_reports(1)
    began = time.monotonic()
    for _ in range(20):
        region.send(region.envelope(region.batch("ok")))
    region.wait_for_reports(21)
    assert time.monotonic() - began < LEAVING_SECONDS


def test_killed_worker_loses_no_more_than_what_it_had_in_hand(region: Region, edge: StartEdge) -> None:
    worker = edge(KAIROS_EDGE_BATCHES="1")
    lost, kept = region.batch("hangs"), region.batch("ok")
    region.send(region.envelope(lost))
    region.wait_for_heartbeat(lambda beat: beat.in_flight == 1)
    worker.kill()
    region.send(region.envelope(kept))
    edge()
    assert [report.batch for report in region.wait_for_reports(1)] == [kept.id]
    assert region.waiting == 0


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_worker_that_is_told_to_leave_reports_what_it_has_and_returns_the_rest(
    region: Region, edge: StartEdge, name: str
) -> None:
    worker = edge(KAIROS_EDGE_FINISH_SECONDS="0.5", KAIROS_EDGE_BATCHES="1")
    in_hand = region.batch("hangs", "ok")
    region.send(region.envelope(in_hand))
    region.wait_for_heartbeat(lambda beat: beat.in_flight == 1)
    # Twice: a process manager and a terminal may both send one.
    for _ in range(2):
        worker.process.send_signal(signal.Signals[name])
    began = time.monotonic()
    assert worker.wait() == 0
    assert time.monotonic() - began < LEAVING_SECONDS
    (report,) = region.reports()
    assert report.batch == in_hand.id
    assert [(finding.key, finding.outcome.conclusion.reason.value) for finding in report.findings] == [("1", "ok")]
    assert [returned.key for returned in report.returned] == ["0"]


def test_worker_can_be_told_to_leave_as_soon_as_it_is_heard_of(region: Region, edge: StartEdge) -> None:
    worker = edge()
    region.wait_for_heartbeat(lambda _: True)
    worker.terminate()
    assert worker.wait() == 0
    assert "Celery did not stop in time" not in worker.log


def test_environment_is_changed_while_there_is_no_other_thread(region: Region, edge: StartEdge) -> None:
    """Celery changes it. A thread that resolves its first name reads it meanwhile, and may die of that."""
    worker = edge("audited")
    region.send(region.envelope(region.batch("any")))
    region.wait_for_reports(1)
    worker.terminate()
    assert worker.wait() == 0
    changes = {line for line in worker.log.splitlines() if line.startswith("environment changed among ")}
    assert changes == {"environment changed among MainThread"}


def test_batches_that_wait_stay_for_the_next_worker(region: Region, edge: StartEdge) -> None:
    worker = edge(KAIROS_EDGE_FINISH_SECONDS="0.5", KAIROS_EDGE_BATCHES="1")
    sent = [region.batch("hangs"), region.batch("ok"), region.batch("ok"), region.batch("ok")]
    for batch in sent:
        region.send(region.envelope(batch))
    region.wait_for_heartbeat(lambda beat: beat.in_flight == 1)
    worker.terminate()
    assert worker.wait() == 0
    assert {report.batch for report in region.reports()} >= {sent[0].id}
    edge()
    assert {report.batch for report in region.wait_for_reports(4)} == {batch.id for batch in sent}


def test_worker_leaves_in_time_without_a_broker(region: Region, edge: StartEdge) -> None:
    worker = edge(KAIROS_EDGE_FINISH_SECONDS="0.5")
    region.send(region.envelope(region.batch("hangs")))
    region.wait_for_heartbeat(lambda beat: beat.in_flight == 1)
    region.server.kill()
    worker.wait_for_log("Connection to broker lost")
    began = time.monotonic()
    worker.terminate()
    worker.wait()
    assert time.monotonic() - began < LEAVING_SECONDS
    assert "stopped with 1 reports unsent" in worker.log


def test_ordinary_stop_without_a_broker_is_not_blamed_on_celery(region: Region, edge: StartEdge) -> None:
    """Checks take all the time they have, and then reports that nobody takes."""
    worker = edge(KAIROS_EDGE_FINISH_SECONDS="1", KAIROS_EDGE_DRAIN_SECONDS="2")
    region.send(region.envelope(region.batch("hangs")))
    region.wait_for_heartbeat(lambda beat: beat.in_flight == 1)
    region.server.kill()
    worker.wait_for_log("Connection to broker lost")
    worker.terminate()
    worker.wait()
    assert "stopped with 1 reports unsent" in worker.log
    assert "Celery did not stop in time" not in worker.log


def test_stuck_worker_leaves_so_that_another_can_be_started(region: Region, edge: StartEdge) -> None:
    worker = edge("deaf", KAIROS_EDGE_STUCK_SECONDS="1")
    region.wait_for_heartbeat(lambda beat: beat.queue_length == 0)
    region.send(region.envelope(region.batch("ok")))
    assert worker.wait() == 70
    assert "the worker is stuck: 1 messages wait in probe.eu-west and none is taken; leaving" in worker.log
    edge()
    region.wait_for_reports(1)


def test_idle_worker_is_not_taken_for_stuck(region: Region, edge: StartEdge) -> None:
    worker = edge(KAIROS_EDGE_STUCK_SECONDS="0.5")
    region.wait_for_heartbeat(lambda beat: beat.sequence > 6)
    assert worker.process.poll() is None


def test_edge_needs_no_django() -> None:
    program = """
import sys

class NoDjango:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("django", "psycopg", "kairos", "rest_framework"):
            raise ImportError(f"{name} has no business here")

sys.meta_path.insert(0, NoDjango())
import probes.edge.__main__
import probes.wire.driver
assert not any(name.partition(".")[0] == "django" for name in sys.modules)
"""
    # With the variable set, Celery would reach for Django by itself.
    environment = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "kairos.settings"}
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
    assert ended.stderr == ""
    assert ended.returncode == 0
