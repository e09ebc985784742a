"""Worker processes whose clock is wrong, and whose way out is lost."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from probes.protocol.egress import EgressState
from probes.protocol.plan import Plan, Site
from tests.integration.edge.region import EdgeProcess, Region
from tests.integration.edge.test_edge_engine import EmptyRegistry
from tests.integration.edge.test_edge_engine import registry as registry  # noqa: PLC0414 - a fixture

StartEdge = Callable[..., EdgeProcess]

NOWHERE = "https://nowhere.test/"
SOMEWHERE = "https://somewhere.test/"


@pytest.mark.parametrize("ahead_seconds", [300.0, -300.0])
def test_region_whose_clock_is_five_minutes_off_runs_what_is_in_time(
    region: Region, edge: StartEdge, ahead_seconds: float
) -> None:
    """The control plane's clock is moved, and not the machine's: it is the difference that counts."""
    edge()
    off = timedelta(seconds=ahead_seconds)
    made = region.batch("ok")
    batch = replace(
        made,
        issued_at=made.issued_at - off,
        expires_at=made.expires_at - off,
        clock_offset_seconds=ahead_seconds,
    )
    over = replace(batch, id=region.batch().id, expires_at=batch.issued_at)
    for sent in (over, batch):
        region.send(region.envelope(sent))
    assert [report.batch for report in region.wait_for_reports(1)] == [batch.id]
    region.wait_for_refusals(expired=1)
    told = [beat.shortest_wait_seconds for beat in region.heartbeats() if beat.shortest_wait_seconds is not None]
    assert told
    assert told == [pytest.approx(ahead_seconds, abs=10)] * len(told)


def test_worker_without_canaries_says_that_it_does_not_know(region: Region, edge: StartEdge) -> None:
    edge()
    region.send(region.envelope(region.batch("ok")))
    (report,) = region.wait_for_reports(1)
    beat = region.wait_for_heartbeat(lambda beat: True)
    assert (report.egress.state, beat.egress.state, beat.canaries) == ("unknown", "unknown", None)


def test_worker_whose_canaries_all_fail_says_so_in_heartbeats_and_reports(region: Region, edge: StartEdge) -> None:
    worker = edge(KAIROS_EDGE_CANARIES=NOWHERE)
    beat = region.wait_for_heartbeat(lambda beat: beat.egress.state is EgressState.DOWN)
    assert beat.canaries
    assert [(canary.url, canary.error) for canary in beat.canaries.canaries] == [(NOWHERE, "connect_unreachable")]
    region.send(region.envelope(region.batch("ok")))
    (report,) = region.wait_for_reports(1)
    assert (report.egress.state, report.egress.since) == (EgressState.DOWN, beat.egress.since)
    assert "no canary answers" in worker.log
    worker.terminate()
    assert worker.wait() == 0
    assert "ERROR" not in worker.log
    assert "was never" not in worker.log


def test_one_canary_that_answers_is_enough(region: Region, edge: StartEdge) -> None:
    edge(KAIROS_EDGE_CANARIES=f"{NOWHERE},{SOMEWHERE}")
    beat = region.wait_for_heartbeat(lambda beat: beat.egress.state is EgressState.OK)
    assert beat.canaries
    assert (beat.canaries.local_address, beat.canaries.public_address) == ("127.0.0.1", "192.0.2.7")


def test_way_out_that_is_lost_between_two_rounds_is_noticed_by_the_batch(
    region: Region, edge: StartEdge, registry: EmptyRegistry
) -> None:
    """With the real engine: one server is the canary and the registry, and goes. Its report says that it was lost."""
    edge(module="probes.edge", KAIROS_EDGE_CANARIES=f"http://{registry.host}/")
    region.wait_for_heartbeat(lambda beat: beat.egress.state is EgressState.OK)
    site = Site(allow_cidrs=("127.0.0.0/8",), plain_http=True)
    plan = Plan(reference=f"{registry.host}/team/app:1", site=site, key="1", slot="s", fresh=True)
    for is_there in (True, False):
        if not is_there:
            registry.shutdown()
            registry.server_close()
        region.send(region.envelope(replace(region.batch(), plans=(plan,))))
        report = region.wait_for_reports(1 if is_there else 2)[-1]
        found = report.findings[0].outcome.conclusion.reason
        assert (found.value, report.egress.state) == (
            ("tag_not_found", EgressState.OK) if is_there else ("connect_refused", EgressState.DOWN)
        )
