"""Strides over any readings, resources and slots."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from probes.policy import slots
from probes.policy.shedding import SHOWS_AFTER, STRIDES, UNHURRIED, Pace, is_sent, next_pace, slots_back

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LOOK = timedelta(seconds=15)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1e6)), max_size=200))
def test_stride_moves_one_step_at_a_time_and_never_in_haste(readings: list[tuple[bool, float]]) -> None:
    pace, at, changed_at = UNHURRIED, NOON, None
    for is_late, lag_seconds in readings:
        at += LOOK
        after = next_pace(pace, is_late=is_late, lag_seconds=lag_seconds, now=at)
        assert after.stride in STRIDES
        if after.stride != pace.stride:
            assert {after.stride, pace.stride} in [{one, 2 * one} for one in STRIDES]
            assert changed_at is None or at - changed_at >= SHOWS_AFTER
            changed_at = at
        pace = after
        assert Pace.from_json(pace.stride, pace.to_json()) == pace


@given(st.sampled_from(STRIDES), st.integers(1, 10**9), st.sampled_from([15, 60, 300, 86400]))
def test_no_resource_starves(stride: int, key: int, interval_seconds: int) -> None:
    """Of any `stride` slots in a row exactly one is sent."""
    grid = [NOON + number * timedelta(seconds=interval_seconds) for number in range(stride)]
    numbers = [slots.number(slot, interval_seconds=interval_seconds, key=key) for slot in grid]
    assert sum(is_sent(number, stride) for number in numbers) == 1


@given(st.integers(0, 10**6))
def test_slots_of_a_stride_are_slots_of_each_smaller_one(number: int) -> None:
    sent_at = [stride for stride in STRIDES if is_sent(number, stride)]
    assert sent_at == list(STRIDES[: len(sent_at)])


@given(st.sampled_from(STRIDES), st.integers(100, 10**6))
def test_slot_before_that_was_left_out_too_is_found(stride: int, number: int) -> None:
    left_out = [one for one in range(number - 3, number) if stride == 1 or not is_sent(one, stride)]
    if stride == 1 or not is_sent(number, stride):
        assert number - slots_back(number, stride) == left_out[-1]
