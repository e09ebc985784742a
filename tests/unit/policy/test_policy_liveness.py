"""Conditions of regions: precedence, votes, and that nothing flaps."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.liveness import (
    EGRESS,
    LATENESS,
    SILENCE,
    SILENT_AFTER,
    TICK_GAP,
    Facts,
    Hearing,
    Hysteresis,
    Latch,
    RegionCondition,
    Unread,
    is_late,
    is_silent,
)

CONDITIONS = list(RegionCondition)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


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


def hearing(
    *, ticked: timedelta = SECOND, ticking: timedelta = SILENT_AFTER, heartbeats: int = 0, reports: int = 0
) -> Hearing:
    """Return how the control plane hears whose last tick was so long ago, and the first of those without a gap."""
    unread = Unread(heartbeats=heartbeats, reports=reports)
    return Hearing(ticked_at=NOW - ticked, ticking_since=NOW - ticking, unread=unread)


def test_region_is_silent_after_a_minute_without_a_heartbeat() -> None:
    assert not is_silent(NOW - SILENT_AFTER, hearing(), now=NOW, among_reports=True)
    assert is_silent(NOW - SILENT_AFTER - SECOND, hearing(), now=NOW, among_reports=True)


@pytest.mark.parametrize(
    ("hears", "tells"),
    [
        (Hearing(), True),  # before the first tick nothing speaks against it
        (hearing(), True),
        (hearing(ticked=TICK_GAP), True),
        (hearing(ticked=TICK_GAP + SECOND), False),  # we were away, and the first tick has not come yet
        (hearing(ticking=SILENT_AFTER - SECOND), False),  # we were away a moment ago
        (hearing(heartbeats=1), False),  # it may be that region's
        (hearing(reports=2000), True),
    ],
)
def test_nobody_is_silent_whom_we_may_not_have_heard(hears: Hearing, tells: bool) -> None:  # noqa: FBT001 - a reading
    assert is_silent(NOW - timedelta(hours=1), hears, now=NOW, among_reports=False) is tells


def test_region_whose_heartbeats_come_with_reports_is_not_silent_while_reports_wait() -> None:
    """So a worker of the version before sends them."""
    an_hour_ago = NOW - timedelta(hours=1)
    assert not is_silent(an_hour_ago, hearing(reports=1), now=NOW, among_reports=True)
    assert is_silent(an_hour_ago, hearing(), now=NOW, among_reports=True)
