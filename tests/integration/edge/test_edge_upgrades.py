"""Workers that are replaced while they work: every check is carried out by one of them, or comes back."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from probes.protocol.batch import Batch
from tests.integration.edge.region import EdgeProcess, Region

StartEdge = Callable[..., EdgeProcess]

ROUNDS = 5


@contextmanager
def sending(region: Region, *images: str, every_seconds: float) -> Iterator[list[Batch]]:
    """Send a batch of these images at intervals until the block ends; yields what was sent."""
    sent: list[Batch] = []
    stopping = threading.Event()

    def send() -> None:
        while not stopping.wait(every_seconds):
            batch = region.batch(*images)
            region.send(region.envelope(batch))
            sent.append(batch)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        stopping.set()
        thread.join()


@pytest.mark.slow
def test_worker_that_is_replaced_again_and_again_loses_no_check(region: Region, edge: StartEdge) -> None:
    """One of two workers is always leaving, with checks in its hands that end in time and some that do not."""

    def started() -> EdgeProcess:
        worker = edge(KAIROS_EDGE_FINISH_SECONDS="0.3", KAIROS_EDGE_BATCHES="3")
        worker.wait_for_log("ready")
        return worker

    pair = [started(), started()]
    with sending(region, "ok", "sleeps-50", "sleeps-150", "sleeps-900", every_seconds=0.15) as sent:
        for _ in range(ROUNDS):
            pair.append(started())
            leaving = pair.pop(0)
            region.wait_for_reports(len(region.reports()) + 3)
            leaving.terminate()
            assert leaving.wait() == 0, leaving.log
    reports = region.wait_for_reports(len(sent))
    assert Counter(report.batch for report in reports) == Counter(batch.id for batch in sent)
    for report in reports:
        keys = [finding.key for finding in report.findings] + [returned.key for returned in report.returned]
        assert sorted(keys) == ["0", "1", "2", "3"]
    assert any(report.returned for report in reports)
    assert region.waiting == 0


@pytest.mark.slow
def test_idle_worker_that_leaves_takes_no_batch_along(region: Region, edge: StartEdge) -> None:
    """It has asked the broker for the next batch, which may come while it is on its way out."""
    sent = []
    for _ in range(ROUNDS):
        worker = edge(KAIROS_EDGE_FINISH_SECONDS="0.3")
        worker.wait_for_log("ready")
        region.wait_for_heartbeat(lambda beat: beat.sequence > 1)
        with sending(region, "ok", every_seconds=0.02) as batches:
            region.wait_for_reports(len(region.reports()) + 1)
            worker.terminate()
            assert worker.wait() == 0
        sent += batches
    edge()
    region.wait_for_reports(len(sent))
    assert Counter(report.batch for report in region.reports()) == Counter(batch.id for batch in sent)
