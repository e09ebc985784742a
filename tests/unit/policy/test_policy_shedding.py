"""Which share of its slots a region is sent, and how that follows its queue without swinging."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from probes.policy import slots
from probes.policy.liveness import PROMPT_SECONDS
from probes.policy.shedding import (
    LONGEST_PATIENCE,
    PATIENCE,
    SHOWS_AFTER,
    STRIDES,
    UNHURRIED,
    Pace,
    is_sent,
    next_pace,
    slots_ahead,
    slots_back,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LOOK = timedelta(seconds=15)


def late(pace: Pace, lag_seconds: float, at: datetime) -> Pace:
    return next_pace(pace, is_late=True, lag_seconds=lag_seconds, now=at)


def on_time(pace: Pace, at: datetime) -> Pace:
    return next_pace(pace, is_late=False, lag_seconds=1.0, now=at)


def test_region_that_is_on_time_is_sent_every_slot() -> None:
    assert on_time(UNHURRIED, NOON) == UNHURRIED


def test_late_region_is_sent_every_second_slot_at_once() -> None:
    assert late(UNHURRIED, 40.0, NOON) == Pace(stride=2, looked_at=NOON, lag_seconds=40.0)


def test_change_is_given_time_to_show() -> None:
    pace = late(UNHURRIED, 40.0, NOON)
    assert late(pace, 90.0, NOON + SHOWS_AFTER - SECOND) == pace
    assert late(pace, 90.0, NOON + SHOWS_AFTER).stride == 4


@pytest.mark.parametrize(("lag_seconds", "stride"), [(200.0, 4), (181.0, 4), (180.0, 2), (50.0, 2)])
def test_stride_grows_only_while_the_queue_does_not_become_shorter(lag_seconds: float, stride: int) -> None:
    pace = late(UNHURRIED, 200.0, NOON)
    looked = late(pace, lag_seconds, NOON + SHOWS_AFTER)
    assert (looked.stride, looked.looked_at, looked.lag_seconds) == (stride, NOON + SHOWS_AFTER, lag_seconds)


def test_region_without_a_queue_that_is_late_for_want_of_seats_is_sent_less_and_less() -> None:
    """A batch is taken at once, and its checks find no seat in time: there is no lag that could become shorter."""
    pace, at = UNHURRIED, NOON
    while at <= NOON + timedelta(minutes=5):
        pace = late(pace, 0.0, at)
        at += LOOK
    assert pace.stride == STRIDES[-1]


def test_lag_that_is_none_to_speak_of_shows_no_relief_by_shrinking() -> None:
    pace = late(UNHURRIED, PROMPT_SECONDS, NOON)
    assert late(pace, 1.0, NOON + SHOWS_AFTER).stride == 4
    pace = late(UNHURRIED, PROMPT_SECONDS + 1, NOON)
    assert late(pace, 1.0, NOON + SHOWS_AFTER).stride == 2


def test_stride_has_an_end() -> None:
    pace = UNHURRIED
    for minute in range(10):
        pace = late(pace, 40.0, NOON + minute * SHOWS_AFTER)
    assert pace.stride == STRIDES[-1] == 16


def test_region_that_has_long_been_on_time_is_sent_more() -> None:
    pace = replace(late(UNHURRIED, 40.0, NOON), stride=8)
    assert on_time(pace, NOON + PATIENCE - SECOND) == pace
    assert on_time(pace, NOON + PATIENCE).stride == 4


def test_try_that_failed_makes_the_next_wait_twice_as_long() -> None:
    at, waits = NOON, []
    pace = late(UNHURRIED, 40.0, at)
    for _ in range(6):
        began = at
        while pace.stride == 2:
            at += LOOK
            pace = on_time(pace, at)
        waits.append(at - began)
        at += SHOWS_AFTER
        pace = late(pace, 40.0, at)
    assert waits == [PATIENCE, 2 * PATIENCE, 4 * PATIENCE, 8 * PATIENCE, LONGEST_PATIENCE, LONGEST_PATIENCE]


def test_region_that_is_late_long_after_has_not_failed() -> None:
    """It did well with every slot; that is another story than the one before."""
    at_ease = on_time(Pace(stride=2, looked_at=NOON, patience=2 * PATIENCE), NOON + LONGEST_PATIENCE)
    assert (at_ease.stride, at_ease.patience) == (1, 2 * PATIENCE)
    assert late(at_ease, 40.0, NOON + 2 * LONGEST_PATIENCE - SECOND).patience == 4 * PATIENCE
    assert late(at_ease, 40.0, NOON + 2 * LONGEST_PATIENCE).patience == PATIENCE


def test_region_that_needs_a_stride_does_not_lose_patience_by_needing_more() -> None:
    pace = Pace(stride=2, looked_at=NOON, lag_seconds=40.0, patience=4 * PATIENCE)
    assert late(pace, 40.0, NOON + SHOWS_AFTER).patience == 4 * PATIENCE
    assert late(pace, 40.0, NOON + 2 * LONGEST_PATIENCE).patience == 4 * PATIENCE


def test_region_begins_without_a_memory() -> None:
    assert Pace.from_json(1, {}) == UNHURRIED


def test_pace_is_remembered() -> None:
    for pace in (UNHURRIED, late(UNHURRIED, 40.0, NOON)):
        assert Pace.from_json(pace.stride, pace.to_json()) == pace


def test_readings_that_alternate_do_not_swing_the_stride() -> None:
    """At each look the opposite of the one before, for a day."""
    pace, strides = UNHURRIED, []
    for number in range(4 * 60 * 24):
        pace = next_pace(pace, is_late=number % 2 == 0, lag_seconds=20.0, now=NOON + number * LOOK)
        strides.append(pace.stride)
    assert sum(one != other for one, other in pairwise(strides)) <= len(STRIDES)


@pytest.mark.parametrize("load", [0.5, 0.95, 1.1, 1.9, 3.0, 7.0, 15.0])
@pytest.mark.parametrize("interval_seconds", [15, 60, 300, 3600])
def test_region_with_too_much_to_do_ends_up_with_what_it_can_do(load: float, interval_seconds: int) -> None:
    """Half a day of a queue that gets `load` seconds of work in a second; what waits for an interval expires."""
    step, half_time, day = 5, 6 * 3600, 12 * 3600
    pace, lag_seconds, is_late, readings = UNHURRIED, 0.0, False, 0
    changes: list[int] = []
    sent: list[float] = []
    for second in range(0, day, step):
        lag_seconds = max(0.0, lag_seconds + step * (load / pace.stride - 1))
        has_expired, lag_seconds = lag_seconds > interval_seconds, min(lag_seconds, interval_seconds)
        if second % 10 == 0:  # a heartbeat; the region's condition is as `policy.liveness` has it
            speaks_against = lag_seconds < 10 and not has_expired if is_late else lag_seconds > 30 or has_expired
            readings = readings + 1 if speaks_against else 0
            if readings == (6 if is_late else 3):
                is_late, readings = not is_late, 0
        if second % 15 == 0:
            before = pace.stride
            pace = next_pace(pace, is_late=is_late, lag_seconds=lag_seconds, now=NOON + second * SECOND)
            changes += [second] if pace.stride != before else []
        if second > half_time:
            sent.append(1 / pace.stride)
    needed = next(stride for stride in STRIDES if load / stride < 1)
    assert len([second for second in changes if second > half_time]) <= 24
    # Hardly ever more than it can do; and no less than half of what it could, but for the tries.
    assert 0.4 / needed <= sum(sent) / len(sent) <= 1.3 / needed
    if load < 1:
        assert changes == []


def test_at_each_instant_another_part_of_the_resources_is_left_out() -> None:
    for stride in STRIDES:
        turns = Counter(
            number
            for key in range(4000)
            for number in range(stride)
            if is_sent(slots.number(NOON + number * timedelta(minutes=5), interval_seconds=300, key=key), stride)
        )
        assert sum(turns.values()) == 4000
        assert all(0.75 < count * stride / 4000 < 1.25 for count in turns.values())


@pytest.mark.parametrize(
    ("number", "stride", "back"), [(5, 1, 1), (4, 1, 1), (5, 4, 2), (6, 4, 1), (7, 4, 1), (3, 2, 2), (17, 16, 2)]
)
def test_slot_before_that_was_left_out_too_is_one_or_two_back(number: int, stride: int, back: int) -> None:
    assert slots_back(number, stride) == back


@pytest.mark.parametrize(
    ("number", "stride", "ahead"), [(5, 1, 0), (4, 4, 0), (5, 4, 3), (7, 4, 1), (17, 16, 15), (32, 16, 0)]
)
def test_next_slot_that_is_sent_is_less_than_a_stride_ahead(number: int, stride: int, ahead: int) -> None:
    assert slots_ahead(number, stride) == ahead
