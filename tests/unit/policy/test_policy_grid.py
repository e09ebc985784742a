"""Grids: into how many stretches a range is cut, and where they begin."""

from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.grid import Grid, instant, length_for, second
from probes.policy.intervals import Interval
from probes.policy.uptime import WINDOWS

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("over", "minutes"),
    [
        (HOUR, 1),
        (WINDOWS["24h"], 16),
        (WINDOWS["24h"] + HOUR, 16),
        (WINDOWS["7d"] + HOUR, 120),
        (WINDOWS["30d"] + HOUR, 480),
        (WINDOWS["90d"] + HOUR, 1440),
        (timedelta(days=730), 8 * 1440),
        (timedelta(days=5000), 16 * 1440),
    ],
)
def test_window_has_about_ninety_buckets(over: timedelta, minutes: int) -> None:
    assert length_for(over) == minutes * MINUTE
    assert length_for(HOUR, at_least=HOUR) == HOUR


def test_buckets_begin_at_multiples_of_their_length_and_end_with_the_range() -> None:
    grid = Grid.of(Interval(NOON + 5 * MINUTE, NOON + 47 * MINUTE), 10 * MINUTE)
    assert grid.count == 5
    assert instant(grid.origin) == NOON
    assert grid.interval(0) == Interval(NOON + 5 * MINUTE, NOON + 10 * MINUTE)
    assert grid.interval(4) == Interval(NOON + 40 * MINUTE, NOON + 47 * MINUTE)
    assert Grid.of(Interval(NOON, NOON + timedelta.resolution), MINUTE).count == 1
    assert Grid.of(Interval(NOON, NOON + HOUR)).length == 60


def test_day_has_ninety_buckets_from_midnight_of_utc_also_when_clocks_change() -> None:
    midnight = NOON.replace(hour=0)
    grid = Grid.of(Interval(midnight, midnight + timedelta(days=1)))
    assert (grid.count, grid.origin) == (90, second(midnight))
