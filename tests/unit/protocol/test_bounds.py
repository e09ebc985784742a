"""How much one finding may hold and weigh."""

from dataclasses import replace
from typing import Any

import pytest

from probes.protocol.batch import MAX_REPORT_BYTES, Finding
from probes.protocol.bounds import MAX_FINDING_BYTES, MAX_ITEMS, MAX_TEXT, check_bounds, room_for_each
from probes.protocol.limits import DEFAULT_LIMITS
from probes.protocol.outcome import Outcome
from probes.protocol.taxonomy import Warn
from probes.protocol.urls import redact
from probes.trust import strict_json
from tests.unit.protocol.test_outcome import FULL, STEP

HOST = "h" * 253


def heavy() -> Outcome:
    """Return what a check has to say when every request goes to a long name by a long path, for 64 platforms."""
    url = redact(f"https://{HOST}/{'p' * 8000}?X-Amz-Signature=x&Policy=x&Key-Pair-Id=x")
    step = replace(
        STEP, url=url, host=HOST, address="2001:db8:1111:2222:3333:4444:5555:6666", error="connection_reset"
    )
    conclusion = replace(
        FULL.conclusion,
        detail="d" * 500,
        notices=tuple(letter * 1000 for letter in "abcd"),
        warnings=tuple(Warn),
        platforms=tuple(
            replace(FULL.conclusion.platforms[0], platform=f"linux/{'z' * 64}")
            for _ in range(DEFAULT_LIMITS.children)
        ),
    )
    return replace(FULL, conclusion=conclusion, steps=(step,) * DEFAULT_LIMITS.requests)


def test_heaviest_check_within_the_usual_limits_has_room_to_spare() -> None:
    outcome = heavy()
    check_bounds(outcome)
    finding = Finding(key="1", slot="2026-01-01T12:00:00.000Z", outcome=outcome)
    weight = len(strict_json.dumps(finding.to_json()).encode())
    assert 200_000 < weight < 0.75 * MAX_FINDING_BYTES


def test_room_for_each_adds_up_to_less_than_a_report() -> None:
    assert all(room_for_each(count) * count + count < MAX_REPORT_BYTES for count in (0, 1, 7, 100, 1000))


def test_few_findings_have_no_more_room_each_than_one_may_have() -> None:
    assert [room_for_each(count) for count in (1, 7)] == [MAX_FINDING_BYTES] * 2
    assert room_for_each(1000) == pytest.approx(MAX_REPORT_BYTES / 1000, abs=3)


@pytest.mark.parametrize("field", ["hint", "detail"])
def test_text_has_an_end(field: str) -> None:
    longest: dict[str, Any] = {field: "x" * MAX_TEXT}
    longer: dict[str, Any] = {field: "x" * (MAX_TEXT + 1)}
    check_bounds(replace(FULL, conclusion=replace(FULL.conclusion, **longest)))
    with pytest.raises(ValueError, match=f"a {field} of {MAX_TEXT + 1} characters"):
        check_bounds(replace(FULL, conclusion=replace(FULL.conclusion, **longer)))


def test_each_notice_has_an_end() -> None:
    with pytest.raises(ValueError, match="a notice of"):
        check_bounds(replace(FULL, conclusion=replace(FULL.conclusion, notices=("short", "x" * (MAX_TEXT + 1)))))


@pytest.mark.parametrize("field", ["platforms", "warnings", "notices", "certificates", "steps"])
def test_list_has_an_end(field: str) -> None:
    whole = FULL if hasattr(FULL, field) else FULL.conclusion

    def with_items(count: int) -> Outcome:
        changed: dict[str, Any] = {field: getattr(whole, field)[:1] * count}
        if whole is FULL:
            return replace(FULL, **changed)
        return replace(FULL, conclusion=replace(FULL.conclusion, **changed))

    check_bounds(with_items(MAX_ITEMS))
    with pytest.raises(ValueError, match=f"a list of {MAX_ITEMS + 1} items"):
        check_bounds(with_items(MAX_ITEMS + 1))
