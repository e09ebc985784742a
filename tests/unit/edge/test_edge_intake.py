"""Intake: one batch in, or the cause why not."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from probes.edge.clock import ControlClock
from probes.edge.intake import Intake, Taken
from probes.edge.pulse_route import PulseRoute
from probes.edge.waits import Waits
from probes.protocol.batch import Batch
from probes.protocol.plan import Plan
from probes.trust.envelope import CONTROL, Kind, sign
from probes.trust.keys import ControlKeys, RegionKeys
from probes.trust.refusal import RefusalCause, Refused

CONTROL_KEYS = ControlKeys.generate()
REGION_KEYS = RegionKeys.generate("eu-west", CONTROL_KEYS.verify_key)
AT = datetime(2026, 1, 1, tzinfo=UTC)
WORKER = "00000000-0000-0000-0000-000000000009"


class Machine:
    """A machine whose clock shows `shown`, and which has run for `seconds`."""

    def __init__(self) -> None:
        self.shown = AT
        self.seconds = 1000.0
        self.waits = Waits()
        self.route = PulseRoute()

    def pass_by(self, seconds: float) -> None:
        self.shown += timedelta(seconds=seconds)
        self.seconds += seconds

    def intake(self) -> Intake:
        clock = ControlClock(WORKER, lambda: self.shown, lambda: self.seconds)
        return Intake(REGION_KEYS, clock, self.waits, self.route, lambda: self.seconds)


def batch(**changes: Any) -> Batch:
    fields: dict[str, Any] = {
        "id": str(uuid4()),
        "region": "eu-west",
        "issued_at": AT,
        "expires_at": AT + timedelta(minutes=5),
    }
    return Batch(plans=(Plan(reference="registry.test/a"),), **{**fields, **changes})


def envelope(
    body: Any, *, sender: str = CONTROL, recipient: str = "eu-west", kind: Kind = Kind.BATCH
) -> dict[str, Any]:
    return sign(kind, sender, recipient, body, CONTROL_KEYS.signing_key)


def cause_of(intake: Intake, document: object) -> RefusalCause:
    with pytest.raises(Refused) as refused:
        intake.open(document)
    return refused.value.cause


def test_batch_says_where_heartbeats_go_also_when_it_comes_too_late() -> None:
    machine = Machine()
    intake = machine.intake()
    assert machine.route.queue == "results"
    intake.open(envelope(batch(heartbeats_apart=True).to_json()))
    assert machine.route.queue == "heartbeats"
    late = batch(issued_at=AT + timedelta(seconds=1), expires_at=AT, heartbeats_apart=False)
    assert cause_of(intake, envelope(late.to_json())) is RefusalCause.EXPIRED
    assert machine.route.queue == "results"


def test_batch_of_the_control_plane_is_taken() -> None:
    sent = batch()
    taken = Machine().intake().open(envelope(sent.to_json()))
    assert taken == Taken(batch=sent, came=1000.0, expires=1300.0)


@pytest.mark.parametrize(
    ("document", "cause"),
    [
        (None, "malformed"),
        (envelope(batch().to_json(), recipient="us-east"), "wrong_recipient"),
        (envelope({**batch().to_json(), "v": 4}), "version"),
        (envelope({**batch().to_json(), "v": "2"}), "malformed"),
        (envelope(batch(region="us-east").to_json()), "wrong_recipient"),
        (envelope(batch().to_json(), sender="eu-west"), "unknown_sender"),
        (envelope(batch().to_json(), kind=Kind.REPORT), "wrong_kind"),
        (envelope({"id": "x"}), "malformed"),
        (envelope([]), "malformed"),
        (envelope(batch(expires_at=AT).to_json()), "expired"),
        ({**envelope(batch().to_json()), "body": "{}"}, "bad_signature"),
    ],
)
def test_message_that_is_no_batch_for_us_is_refused(document: object, cause: str) -> None:
    assert cause_of(Machine().intake(), document) == cause


def test_batch_is_run_once() -> None:
    intake, document = Machine().intake(), envelope(batch().to_json())
    intake.open(document)
    assert cause_of(intake, document) == RefusalCause.REPLAYED
    intake.open(envelope(batch().to_json()))


def test_two_processes_of_a_region_know_nothing_of_each_other_and_each_runs_a_copy_once() -> None:
    """What is not claimed: a broker may hand a copy to every process, and each makes the checks, once."""
    document, machine = envelope(batch().to_json()), Machine()
    one, other = machine.intake(), machine.intake()
    assert one.open(document).batch == other.open(document).batch
    assert [cause_of(intake, document) for intake in (one, other)] == [RefusalCause.REPLAYED] * 2
    machine.pass_by(300)
    assert [cause_of(intake, document) for intake in (one, other, machine.intake())] == [RefusalCause.EXPIRED] * 3


def test_batch_is_forgotten_when_its_expiry_guards_it_whatever_becomes_of_the_clocks() -> None:
    machine = Machine()
    intake, document = machine.intake(), envelope(batch().to_json())
    intake.open(document)
    machine.pass_by(300)
    assert cause_of(intake, document) == RefusalCause.EXPIRED
    machine.pass_by(600)
    later = batch(issued_at=machine.shown, expires_at=machine.shown + timedelta(minutes=5))
    intake.open(envelope(later.to_json()))
    assert set(intake._seen) == {later.id}  # noqa: SLF001 - that it stays small is the point


@pytest.mark.parametrize("offset_seconds", [300.0, -300.0])
def test_batch_is_in_time_by_the_control_plane_s_clock(offset_seconds: float) -> None:
    machine = Machine()
    machine.shown += timedelta(seconds=offset_seconds)
    intake = machine.intake()
    taken = intake.open(envelope(batch(clock_offset_seconds=offset_seconds).to_json()))
    assert taken.expires - taken.came == pytest.approx(300)
    machine.pass_by(301)
    assert cause_of(intake, envelope(batch(clock_offset_seconds=offset_seconds).to_json())) == RefusalCause.EXPIRED


def test_age_of_each_batch_is_noted_also_of_one_that_came_too_late() -> None:
    machine = Machine()
    machine.pass_by(400)
    assert cause_of(machine.intake(), envelope(batch().to_json())) == RefusalCause.EXPIRED
    assert machine.waits.read(0).longest_seconds == 400
