"""The offset of a region's clock, from messages that cross."""

import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.clock import LARGEST_SECONDS, Estimate, Readings, apart_seconds, by_our_clock, furthest_ahead

AT = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def noted(*readings: tuple[float, float, float | None]) -> Readings:
    """Note (seconds, lower, upper), one after the other."""
    found = Readings()
    for seconds, lower, upper in readings:
        found = found.noted(at=AT + seconds * SECOND, lower=lower, upper=upper)
    return found


def test_without_a_reading_nothing_is_known() -> None:
    assert Readings().estimate() is None
    assert Readings().lower is None


def test_first_heartbeat_tells_the_least_that_it_can_be() -> None:
    assert noted((0, 299.8, None)).estimate() == Estimate(offset_seconds=299.8, uncertainty_seconds=None)


def test_both_ways_bound_it_and_the_middle_is_taken() -> None:
    estimate = noted((0, 299.0, 303.0)).estimate()
    assert estimate == Estimate(offset_seconds=301.0, uncertainty_seconds=2.0)


def test_tightest_readings_of_the_window_count() -> None:
    found = noted((0, -4.0, None), (31, -0.5, 9.0), (62, -7.0, 0.5), (63, -2.0, 3.0))
    assert found.estimate() == Estimate(offset_seconds=0.0, uncertainty_seconds=0.5)
    assert found.lower == -0.5


@pytest.mark.parametrize(
    ("readings", "offset_seconds", "uncertainty_seconds"),
    [
        ((0, -600.0, None), 0.5, 0.1),  # a heartbeat that lay ten minutes in a queue
        ((0, -600.0, 2.0), 0.5, 0.1),
        ((0, 0.48, 0.58), 0.53, 0.05),  # better than what was known
        ((0, -600.0, 0.3), -299.85, 300.15),  # what was known cannot be
        ((0, 299.9, None), 299.9, None),
    ],
)
def test_what_was_known_stays_while_it_is_possible_and_nothing_better_is_known(
    readings: tuple[float, float, float | None], offset_seconds: float, uncertainty_seconds: float | None
) -> None:
    found = noted(readings).estimate(Estimate(offset_seconds=0.5, uncertainty_seconds=0.1))
    assert found
    assert found.offset_seconds == pytest.approx(offset_seconds)
    assert found.uncertainty_seconds == (uncertainty_seconds and pytest.approx(uncertainty_seconds))


def test_highest_of_lower_bounds_is_kept_while_there_is_nothing_else() -> None:
    known = Estimate(offset_seconds=-0.5, uncertainty_seconds=None)
    assert noted((0, -600.0, None)).estimate(known) == known
    assert Readings().estimate(known) == known


def test_readings_are_forgotten_after_the_window() -> None:
    found = noted((0, -0.1, 0.1), (400, -5.0, 5.0))
    assert found.estimate() == Estimate(offset_seconds=0.0, uncertainty_seconds=5.0)


def test_clock_that_was_set_ahead_is_noticed_at_once() -> None:
    assert noted((0, -0.1, 0.1), (10, 299.9, None)).estimate() == Estimate(
        offset_seconds=299.9, uncertainty_seconds=None
    )


def test_clock_that_was_set_back_is_noticed_with_the_next_batch() -> None:
    found = noted((0, 299.9, 300.1), (10, -0.1, None))
    estimate = found.estimate()
    assert estimate
    assert estimate.offset_seconds == pytest.approx(300)
    found = found.noted(at=AT + 20 * SECOND, lower=-0.1, upper=0.1)
    assert found.estimate() == Estimate(offset_seconds=0.0, uncertainty_seconds=0.1)


def test_batch_that_was_taken_before_the_clock_was_set_bounds_nothing() -> None:
    assert noted((0, 299.9, 0.1)).estimate() == Estimate(offset_seconds=299.9, uncertainty_seconds=None)


def test_bounds_that_touch_by_drift_are_no_contradiction() -> None:
    estimate = noted((0, 0.05, 0.2), (10, -0.3, 0.0)).estimate()
    assert estimate
    assert estimate.uncertainty_seconds == pytest.approx(0.025)


def test_our_own_clock_set_back_leaves_no_reading_of_the_future() -> None:
    found = noted((1000, -0.1, 0.1), (0, -2.0, 2.0))
    assert found.estimate() == Estimate(offset_seconds=0.0, uncertainty_seconds=2.0)


def test_clock_that_is_absurd_tells_nothing() -> None:
    assert noted((0, 2 * LARGEST_SECONDS, None)) == Readings()


def test_wait_that_is_absurd_bounds_nothing() -> None:
    assert noted((0, 0.0, 1e308)).estimate() == Estimate(offset_seconds=0.0, uncertainty_seconds=None)


def test_region_s_times_become_ours() -> None:
    assert by_our_clock(AT, 300.0) == AT - 300 * SECOND
    assert by_our_clock(AT, None) == AT


def test_time_that_cannot_be_moved_stays() -> None:
    assert by_our_clock(datetime.max.replace(tzinfo=UTC), -math.pi) == datetime.max.replace(tzinfo=UTC)


def test_readings_are_kept_as_json() -> None:
    found = noted((0, -4.0, None), (31, -0.5, 9.0))
    assert Readings.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


def about(offset_seconds: float, uncertainty_seconds: float | None = 0.1) -> Estimate:
    return Estimate(offset_seconds=offset_seconds, uncertainty_seconds=uncertainty_seconds)


@pytest.mark.parametrize(
    ("estimates", "known", "furthest"),
    [
        ([], None, None),
        ([], about(5.0), about(5.0)),
        ([about(0.0), about(300.0), about(-300.0)], about(900.0), about(300.0)),
        ([about(0.0), about(-600.0, None)], about(900.0), about(0.0)),
        ([about(-600.0, None)], about(0.0), about(0.0)),  # a heartbeat that was held up says nothing against it
        ([about(-600.0, None)], None, about(-600.0, None)),
        ([about(300.0, None)], about(0.0), about(300.0, None)),
    ],
)
def test_clock_of_several_workers_is_the_one_furthest_ahead(
    estimates: list[Estimate], known: Estimate | None, furthest: Estimate | None
) -> None:
    assert furthest_ahead(estimates, known) == furthest


@pytest.mark.parametrize(
    ("estimates", "apart"),
    [
        ([], 0.0),
        ([about(300.0)], 0.0),
        ([about(0.0, 1.0), about(1.5, 1.0)], 0.0),
        ([about(0.0, 1.0), about(300.0, 2.0)], 297.0),
        ([about(0.0, 1.0), about(300.0, None)], 299.0),
        ([about(0.0, 1.0), about(-300.0, None)], 0.0),
    ],
)
def test_clocks_are_apart_by_what_their_uncertainties_leave(estimates: list[Estimate], apart: float) -> None:
    assert apart_seconds(estimates) == pytest.approx(apart)
