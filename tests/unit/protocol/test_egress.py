"""What canaries say, as JSON and back, and our address in what they answer."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from probes.protocol.egress import MAX_CANARIES, UNTOLD, Canary, CanaryRound, Egress, EgressState, address_told

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GOOD = Canary(url="https://one.test/", http_status=204, error=None, total_ms=12.5)
BAD = Canary(url="https://two.test/", http_status=None, error="connect_timeout", total_ms=5000.0)
ROUND = CanaryRound(
    number=7, ended_at=AT, canaries=(GOOD, BAD), local_address="10.0.0.4", public_address="2001:db8::7"
)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value.to_json()))


@pytest.mark.parametrize("value", [UNTOLD, Egress(state=EgressState.DOWN, since=AT), ROUND])
def test_it_reads_back_the_same(value: Any) -> None:
    assert type(value).from_json(through_json(value)) == value


def test_one_answer_makes_a_round_good() -> None:
    assert ROUND.is_good
    assert not CanaryRound(number=1, ended_at=AT, canaries=(BAD,)).is_good
    assert not CanaryRound(number=0, ended_at=AT, canaries=()).is_good


def test_round_holds_no_more_than_can_be_asked() -> None:
    document = {**through_json(ROUND), "canaries": [through_json(GOOD)] * 100}
    assert len(CanaryRound.from_json(document).canaries) == MAX_CANARIES


@pytest.mark.parametrize("document", [None, 7, [], {}, {"state": "up", "since": None}, {"state": "ok", "since": 5}])
def test_what_is_no_state_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="not a state of the egress"):
        Egress.from_json(document)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": -1},
        {"ended_at": "2026-01-01T00:00:00"},
        {"canaries": None},
        {"canaries": [{}]},
        {"local_address": "<script>"},
        {"public_address": 7},
    ],
)
def test_what_is_no_round_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a round of canaries"):
        CanaryRound.from_json({**through_json(ROUND), **changes})


@pytest.mark.parametrize(
    ("bodies", "address"),
    [
        ([], None),
        ([b"", b"<html>ip=1.2.3.4</html>"], None),
        ([b"fl=1f2\nh=www.test\nip=192.0.2.7\nts=1\n"], "192.0.2.7"),
        ([b"nothing", b"ip = 2001:DB8::7 \r\n"], "2001:db8::7"),
        ([b"ip=<script>\nip=\xff\nip=" + b"1" * 100], None),
    ],
)
def test_our_address_is_what_a_line_says_if_it_is_one(bodies: list[bytes], address: str | None) -> None:
    assert address_told(bodies) == address
