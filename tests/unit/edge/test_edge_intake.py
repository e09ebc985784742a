"""Intake: one batch in, or the cause why not."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from probes.edge.intake import Intake
from probes.protocol.batch import Batch
from probes.protocol.plan import Plan
from probes.trust.envelope import CONTROL, Kind, sign
from probes.trust.keys import ControlKeys, RegionKeys
from probes.trust.refusal import RefusalCause, Refused

CONTROL_KEYS = ControlKeys.generate()
REGION_KEYS = RegionKeys.generate("eu-west", CONTROL_KEYS.verify_key)
AT = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        return self.now


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


def test_batch_of_the_control_plane_is_taken() -> None:
    sent = batch()
    assert Intake(REGION_KEYS, Clock()).open(envelope(sent.to_json())) == sent


@pytest.mark.parametrize(
    ("document", "cause"),
    [
        (None, "malformed"),
        (envelope(batch().to_json(), recipient="us-east"), "wrong_recipient"),
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
    assert cause_of(Intake(REGION_KEYS, Clock()), document) == cause


def test_batch_is_run_once() -> None:
    intake, document = Intake(REGION_KEYS, Clock()), envelope(batch().to_json())
    intake.open(document)
    assert cause_of(intake, document) == RefusalCause.REPLAYED
    intake.open(envelope(batch().to_json()))


def test_batch_is_forgotten_when_its_expiry_guards_it() -> None:
    clock = Clock()
    intake, document = Intake(REGION_KEYS, clock), envelope(batch().to_json())
    intake.open(document)
    clock.now = AT + timedelta(minutes=5)
    assert cause_of(intake, document) == RefusalCause.EXPIRED
    later = batch(expires_at=clock.now + timedelta(minutes=5))
    intake.open(envelope(later.to_json()))
    assert set(intake._seen) == {later.id}  # noqa: SLF001 - that it stays small is the point
