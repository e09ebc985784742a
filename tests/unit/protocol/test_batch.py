"""Batches, reports and heartbeats as JSON and back."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from probes.protocol.batch import MAX_PLANS, Batch, Finding, Heartbeat, Report, Returned
from probes.protocol.egress import UNTOLD, CanaryRound, Egress, EgressState
from probes.protocol.outcome import Conclusion, Outcome
from probes.protocol.plan import Plan, Site
from probes.protocol.taxonomy import Depth, Reason

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
ID = str(UUID(int=7))
PRIVATE = Site(ca_pem="-----BEGIN CERTIFICATE-----\n" * 100, allow_cidrs=("10.0.0.0/8",))


def batch(*plans: Plan, **changes: Any) -> Batch:
    fields: dict[str, Any] = {
        "id": ID,
        "region": "eu-west",
        "issued_at": AT,
        "expires_at": AT + timedelta(minutes=5),
        "plans": plans,
        "secrets": {"s1": "c2VhbGVk"},
    }
    return Batch(**{**fields, **changes})


def finding() -> Finding:
    conclusion = Conclusion(reason=Reason.OK, canonical="registry.test/a:latest", depth=Depth.MANIFEST)
    outcome = Outcome(
        reference="registry.test/a",
        conclusion=conclusion,
        started_at=AT,
        duration_ms=12.5,
        requests=3,
        bytes_read=1000,
        connection="new",
    )
    return Finding(key="1", slot="2026-01-02T03:04:00.000Z", outcome=outcome)


def test_returned_check_without_its_slot_is_refused() -> None:
    with pytest.raises(ValueError, match="not a returned check: KeyError 'slot'"):
        Returned.from_json({"key": "1"})


REPORT = Report(batch=ID, region="eu-west", finished_at=AT, findings=(finding(),))
HEARTBEAT = Heartbeat(
    region="eu-west",
    worker=ID,
    version="1.0",
    sequence=3,
    started_at=AT,
    sent_at=AT,
    refused={"malformed": 2},
    queue_length=7,
    seats=100,
    load_per_core=0.75,
    shortest_wait_seconds=-1.5,
    longest_wait_seconds=40.0,
    head_waits_seconds=3.0,
    egress=Egress(state=EgressState.DOWN, since=AT),
    canaries=CanaryRound(number=3, ended_at=AT, canaries=()),
)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value.to_json()))


def test_batch_reads_back_the_same() -> None:
    whole = batch(
        Plan(reference="registry.test/a", key="1", slot="s", secret_key="s1", site=PRIVATE),
        Plan(reference="registry.test/b", key="2", slot="s", site=PRIVATE),
        Plan(reference="other.test/c", key="3", slot="s"),
    )
    assert Batch.from_json(through_json(whole)) == whole


def test_plans_of_one_site_carry_it_once() -> None:
    document = through_json(batch(*(Plan(reference=f"registry.test/{n}", site=PRIVATE) for n in range(50))))
    assert len(document["sites"]) == 1
    assert json.dumps(document).count("BEGIN CERTIFICATE") == 100


def test_batch_expires_at_its_instant() -> None:
    assert not batch().is_expired(AT + timedelta(minutes=5) - timedelta(milliseconds=1))
    assert batch().is_expired(AT + timedelta(minutes=5))


def test_report_and_heartbeat_read_back_the_same() -> None:
    assert Report.from_json(through_json(REPORT)) == REPORT
    assert Heartbeat.from_json(through_json(HEARTBEAT)) == HEARTBEAT


def test_heartbeat_need_not_tell_everything() -> None:
    needed = ("region", "worker", "version", "sequence", "started_at", "sent_at")
    document = {name: through_json(HEARTBEAT)[name] for name in needed}
    assert Heartbeat.from_json(document).queue_length is None


def test_batch_may_tell_the_region_about_its_clock() -> None:
    told = batch(Plan(reference="a"), clock_offset_seconds=-300.5, clock_offsets={ID: 2.5})
    assert Batch.from_json(through_json(told)) == told
    untold = {name: value for name, value in through_json(told).items() if not name.startswith("clock_offset")}
    assert Batch.from_json(untold).clock_offset_seconds is None
    assert Batch.from_json(untold).clock_offsets == {}


def test_report_of_an_earlier_version_says_nothing_of_the_way_out() -> None:
    document = {name: value for name, value in through_json(REPORT).items() if name != "egress"}
    assert Report.from_json(document).egress == UNTOLD


def test_report_tells_which_worker_it_is_from_and_one_of_an_earlier_version_does_not() -> None:
    told = replace(REPORT, worker=ID)
    assert Report.from_json(through_json(told)) == told
    document = {name: value for name, value in through_json(told).items() if name != "worker"}
    assert Report.from_json(document).worker is None


def test_heartbeat_tells_its_machine_and_what_it_heard_last() -> None:
    told = replace(HEARTBEAT, host="edge-7", heard_issued_at=AT)
    assert Heartbeat.from_json(through_json(told)) == told
    assert len(Heartbeat.from_json({**through_json(told), "host": "h" * 9000}).host) == 253


def test_times_without_a_zone_have_no_place() -> None:
    with pytest.raises(ValueError, match="naive"):
        batch(issued_at=AT.replace(tzinfo=None)).to_json()


def test_fields_of_later_versions_are_ignored() -> None:
    document = {**through_json(batch(Plan(reference="a"))), "priority": "high"}
    assert Batch.from_json(document) == batch(Plan(reference="a"))


@pytest.mark.parametrize("document", [None, 7, "text", [], {}])
@pytest.mark.parametrize("kind", [Batch, Finding, Report, Heartbeat])
def test_what_is_no_message_is_refused(kind: Any, document: object) -> None:
    with pytest.raises(ValueError, match="not a"):
        kind.from_json(document)


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (batch(Plan(reference="a")), {"id": "seven"}),
        (batch(Plan(reference="a")), {"id": 7}),
        (batch(Plan(reference="a")), {"issued_at": "2026-01-01T00:00:00"}),
        (batch(Plan(reference="a")), {"issued_at": "yesterday"}),
        (batch(Plan(reference="a")), {"expires_at": 1}),
        (batch(Plan(reference="a")), {"plans": {}}),
        (batch(Plan(reference="a")), {"plans": ["a"]}),
        (batch(Plan(reference="a")), {"plans": [{"reference": "a"}] * (MAX_PLANS + 1)}),
        (batch(Plan(reference="a")), {"plans": [{"reference": "a", "site": 1}]}),
        (batch(Plan(reference="a")), {"plans": [{"reference": "a", "site": -1}]}),
        (batch(Plan(reference="a")), {"plans": [{"reference": "a", "site": True}]}),
        (batch(Plan(reference="a")), {"sites": None}),
        (batch(Plan(reference="a")), {"secrets": []}),
        (batch(Plan(reference="a")), {"secrets": {"s": 1}}),
        (REPORT, {"finished_at": "0001-01-01T00:00:00+23:00"}),
        (REPORT, {"findings": [{**finding().to_json(), "key": 1}]}),
        (
            REPORT,
            {
                "findings": [
                    {
                        "key": "1",
                        "slot": "",
                        "outcome": {**finding().outcome.to_json(), "started_at": "9999-12-31T23:59:59-23:00"},
                    }
                ]
            },
        ),
        (REPORT, {"batch": ""}),
        (REPORT, {"findings": [{}]}),
        (REPORT, {"findings": None}),
        (REPORT, {"finished_at": None}),
        (HEARTBEAT, {"worker": "me"}),
        (HEARTBEAT, {"sequence": -1}),
        (HEARTBEAT, {"sequence": 1.5}),
        (HEARTBEAT, {"sequence": True}),
        (HEARTBEAT, {"refused": {"malformed": "2"}}),
        (HEARTBEAT, {"queue_length": "7"}),
        (HEARTBEAT, {"sent_at": ""}),
        (HEARTBEAT, {"shortest_wait_seconds": "1"}),
        (HEARTBEAT, {"longest_wait_seconds": float("inf")}),
        (HEARTBEAT, {"head_waits_seconds": None}),
        (HEARTBEAT, {"egress": "down"}),
        (HEARTBEAT, {"canaries": []}),
        (REPORT, {"egress": {}}),
        (batch(Plan(reference="a")), {"clock_offset_seconds": True}),
        (batch(Plan(reference="a")), {"clock_offsets": []}),
        (batch(Plan(reference="a")), {"clock_offsets": {"me": 1.0}}),
        (batch(Plan(reference="a")), {"clock_offsets": {ID: None}}),
        (REPORT, {"worker": "me"}),
        (REPORT, {"worker": 7}),
        (HEARTBEAT, {"host": None}),
        (HEARTBEAT, {"heard_issued_at": "2026-01-01T00:00:00"}),
    ],
)
def test_message_with_a_fault_is_refused(value: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words differ with the field; that it is this error is what counts
        type(value).from_json({**through_json(value), **changes})
