"""Conditions of regions: precedence, votes, and that nothing flaps."""

from collections.abc import Sequence

import pytest

from probes.policy.liveness import (
    EGRESS,
    LATENESS,
    SILENCE,
    Facts,
    Hysteresis,
    Latch,
    RegionCondition,
    is_late,
)

CONDITIONS = list(RegionCondition)


@pytest.mark.parametrize("condition", CONDITIONS[:-1])
def test_condition_is_the_first_that_holds(condition: RegionCondition) -> None:
    behind = CONDITIONS[CONDITIONS.index(condition) : -1]
    assert Facts(**{f"is_{item.value}": True for item in behind}).condition is condition


def test_region_of_which_nothing_holds_is_active() -> None:
    assert Facts().condition is RegionCondition.ACTIVE


def test_late_regions_vote_and_all_that_are_worse_off_do_not() -> None:
    assert [item for item in CONDITIONS if item.votes] == [RegionCondition.LATE, RegionCondition.ACTIVE]


def read(hysteresis: Hysteresis, readings: Sequence[bool | None], *, holds: bool = False) -> list[bool]:
    latch, said = Latch(holds), []
    for reading in readings:
        latch = latch.read(reading, hysteresis)
        said.append(latch.holds)
    return said


def test_egress_is_down_after_two_bad_rounds_and_back_after_two_good_ones() -> None:
    assert read(EGRESS, [True, True, False, False]) == [False, True, True, False]


def test_region_is_late_after_three_readings_and_prompt_after_six() -> None:
    assert read(LATENESS, [True] * 3 + [False] * 6) == [False] * 2 + [True] * 6 + [False]


def test_silence_ends_with_the_second_heartbeat() -> None:
    assert read(SILENCE, [False, False], holds=True) == [True, False]


def test_reading_for_neither_begins_the_count_anew() -> None:
    assert read(LATENESS, [True, True, None, True, True]) == [False] * 5


@pytest.mark.parametrize(
    ("lag_seconds", "expired", "reading"),
    [(0, 0, False), (9.9, 0, False), (10, 0, None), (30, 0, None), (30.1, 0, True), (0, 1, True)],
)
def test_queue_that_lags_or_lets_batches_expire_is_late(
    lag_seconds: float,
    expired: int,
    reading: bool | None,  # noqa: FBT001 - a reading
) -> None:
    assert is_late(lag_seconds, expired=expired) is reading
