"""When a resource comes and goes too often to be told each time."""

from datetime import UTC, datetime, timedelta

from probes.policy.flapping import Bound, Flapping, read, turns
from probes.policy.verdict import VerdictState

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BOUND = Bound(window=timedelta(minutes=60), enter=4, leave=1)
UP, DOWN, ILL, DARK = VerdictState.AVAILABLE, VerdictState.UNAVAILABLE, VerdictState.DEGRADED, VerdictState.UNKNOWN


def minutes(*past: int) -> list[datetime]:
    return [NOON + minute * MINUTE for minute in past]


def test_many_changes_in_the_window_are_flapping() -> None:
    now = NOON + 20 * MINUTE
    assert not read(False, minutes(0, 5, 10), now=now, bound=BOUND).holds
    assert read(False, minutes(0, 5, 10, 15), now=now, bound=BOUND).holds


def test_changes_that_are_long_past_do_not_count() -> None:
    assert not read(False, minutes(0, 5, 10, 61), now=NOON + 61 * MINUTE, bound=BOUND).holds


def test_flapping_ends_when_few_changes_are_left_and_not_before() -> None:
    turned = minutes(0, 5, 10, 15)
    still = read(True, turned, now=NOON + 69 * MINUTE, bound=BOUND)
    assert still == Flapping(holds=True, settles_at=NOON + 70 * MINUTE)
    assert read(True, turned, now=NOON + 70 * MINUTE, bound=BOUND) == Flapping(holds=False)


def test_fewer_changes_than_it_takes_to_begin_keep_it_going() -> None:
    turned, now = minutes(0, 5), NOON + 10 * MINUTE
    assert read(True, turned, now=now, bound=BOUND).holds
    assert not read(False, turned, now=now, bound=BOUND).holds


def test_usual_bound_lies_between_an_incident_and_noise() -> None:
    """Down and up and down and up again within the hour is four; the next round flaps."""
    now = NOON + 30 * MINUTE
    assert not read(False, minutes(0, 5, 10, 15), now=now).holds
    assert read(False, minutes(0, 5, 10, 15, 20, 25), now=now).holds


def test_turns_are_changes_of_what_is_known() -> None:
    states = [UP, DARK, UP, DOWN, DARK, DOWN, ILL, ILL, UP, DARK]
    history = list(zip(minutes(*range(10)), states, strict=True))
    assert turns(history) == minutes(3, 6, 8)
    assert turns([]) == []


def test_outage_that_regions_tell_of_one_by_one_turns_once_and_back() -> None:
    second = timedelta(seconds=1)
    states = [UP, ILL, DOWN, ILL, UP]
    times = [NOON, NOON + 5 * MINUTE, NOON + 5 * MINUTE + 20 * second, NOON + 9 * MINUTE, NOON + 9 * MINUTE]
    assert turns(zip(times, states, strict=True)) == [times[2], times[4]]


def test_short_spell_between_two_good_ones_turns_twice() -> None:
    times = [NOON, NOON + MINUTE, NOON + MINUTE]
    assert turns(zip(times, [UP, ILL, UP], strict=True)) == times[1:]


def test_recovery_that_stops_half_way_turns_twice() -> None:
    times = minutes(0, 1, 2, 3)
    assert turns(zip(times, [UP, DOWN, ILL, UP], strict=True)) == times[1:]
