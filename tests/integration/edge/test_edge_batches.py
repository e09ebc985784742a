"""Batches through a real broker and a real worker process: one signed report for each good one."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from kombu.utils.url import sanitize_url

from probes.broker.address import BrokerAddress
from probes.protocol.batch import Report
from probes.trust.keys import ControlKeys
from tests.integration.edge.region import EdgeProcess, Region, bound

StartEdge = Callable[..., EdgeProcess]


def reasons(report: Report) -> list[str]:
    return [finding.outcome.conclusion.reason.value for finding in report.findings]


def test_batch_in_one_signed_report_out(region: Region, edge: StartEdge) -> None:
    edge()
    secret = bound("robot", host="registry.test", repository_prefix="team")
    sent = region.batch("ok", "raises", "team/ok", "other/ok", secrets={"team/ok": secret, "other/ok": secret})
    region.send(region.envelope(sent))
    (report,) = region.wait_for_reports(1)
    assert (report.batch, report.region) == (sent.id, "eu-west")
    assert [(finding.key, finding.slot) for finding in report.findings] == [
        (plan.key, plan.slot) for plan in sent.plans
    ]
    assert reasons(report) == ["ok", "internal_error", "ok", "target_forbidden"]
    assert report.findings[2].outcome.conclusion.detail == "as robot"
    beat = region.wait_for_heartbeat(lambda beat: beat.batches_run == 1 and beat.spooled_reports == 0)
    assert (beat.checks_run, beat.in_flight, beat.queue_length) == (4, 0, 0)
    assert len(region.reports()) == 1


def test_start_is_one_clear_line_without_the_password(region: Region, edge: StartEdge) -> None:
    worker = edge()
    worker.wait_for_log("ready")
    first = worker.log.splitlines()[0]
    broker = sanitize_url(region.edge_url)
    assert first == (
        f"INFO    probes.edge: kairos edge 0.1.0: region eu-west, broker {broker}, 3 batches, 100 checks in flight"
    )
    assert BrokerAddress(region.edge_url).login[1] not in worker.log


def test_messages_that_must_not_be_acted_upon_are_counted_and_dropped(region: Region, edge: StartEdge) -> None:
    worker = edge()
    forged = region.envelope(region.batch("ok")) | {"signature": region.envelope(region.batch("ok"))["signature"]}
    elsewhere = replace(region.batch("ok"), region="us-east")
    good = region.envelope(region.batch("ok"))
    for envelope in (
        forged,
        region.envelope(region.batch("ok"), key=ControlKeys.generate()),
        region.envelope(elsewhere),
        region.envelope(elsewhere, recipient="eu-west"),
        region.envelope(region.batch("ok", seconds=-1)),
        {name: value for name, value in good.items() if name != "signature"},
        good,
        good,
        {"v": 2, **{name: value for name, value in good.items() if name != "v"}},
    ):
        region.send(envelope)
    last = region.batch("ok")
    region.send(region.envelope(last))
    assert [report.batch for report in region.wait_for_reports(2)][-1] == last.id
    region.wait_for_refusals(bad_signature=2, wrong_recipient=2, expired=1, unsigned=1, replayed=1, version=1)
    assert worker.log.count("refused a message from probe.eu-west") == 8
    assert len(region.reports()) == 2


def test_batch_that_hangs_is_reported_when_it_expires(region: Region, edge: StartEdge) -> None:
    edge()
    region.send(region.envelope(region.batch("hangs", "ok", seconds=3)))
    (report,) = region.wait_for_reports(1)
    assert reasons(report) == ["probe_aborted", "ok"]


def test_batches_beyond_the_workers_hands_stay_on_the_broker(region: Region, edge: StartEdge) -> None:
    edge(KAIROS_EDGE_BATCHES="2")
    for _ in range(5):
        region.send(region.envelope(region.batch("hangs")))
    beat = region.wait_for_heartbeat(lambda beat: beat.in_flight == 2)
    assert beat.queue_length is not None
    # One may be on its way: popped by a request that was out before the second batch arrived.
    assert beat.queue_length >= 2


def test_registry_that_hangs_does_not_hold_up_what_others_wait_for(region: Region, edge: StartEdge) -> None:
    """Its batches took all threads until they expired, and the whole region was late for it."""
    worker = edge(KAIROS_EDGE_BATCHES="1")
    for _ in range(3):
        region.send(region.envelope(region.batch("hangs")))
    last = region.batch("ok")
    region.send(region.envelope(last))
    assert [report.batch for report in region.wait_for_reports(1)] == [last.id]
    region.wait_for_heartbeat(lambda beat: beat.in_flight == 3)
    worker.terminate()
    assert worker.wait() == 0
    assert len(region.wait_for_reports(4)) == 4  # what hangs is returned, also what was put aside


def test_next_batch_is_taken_as_soon_as_there_is_a_thread_for_it(region: Region, edge: StartEdge) -> None:
    for _ in range(20):
        region.send(region.envelope(region.batch("ok")))
    edge(KAIROS_EDGE_BATCHES="1")
    reports = region.wait_for_reports(20)
    # Celery's own event loop looks for free threads about once a second.
    assert (reports[-1].finished_at - reports[0].finished_at).total_seconds() < 4


@pytest.mark.parametrize("name", ["BROKER_URL", "KAIROS_REGION", "KAIROS_REGION_KEY_FILE"])
def test_missing_setting_ends_the_worker_with_one_line(region: Region, edge: StartEdge, name: str) -> None:
    worker = edge(**{name: ""})
    assert worker.wait() == 78
    assert len(worker.log.splitlines()) == 1
    assert worker.log.startswith(f"kairos edge: {name} is not set")


def test_key_file_that_others_may_read_ends_the_worker_with_one_line(region: Region, edge: StartEdge) -> None:
    region.key_file.chmod(0o644)
    worker = edge()
    assert worker.wait() == 78
    assert worker.log == (
        f"kairos edge: KAIROS_REGION_KEY_FILE: {region.key_file}: others may read this key file; "
        f"run: chmod 600 {region.key_file}\n"
    )
