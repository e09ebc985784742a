"""What a region goes by of what the registry told those that share an account."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.hearsay import believed, least_left, merged, noted, readings_from_json, readings_to_json, source
from probes.policy.quota_limits import Reading

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
HONEST = Reading(at=NOON, limit=100, remaining=60, window_seconds=21_600, source="192.0.2.7")
NOTHING_LEFT = replace(HONEST, at=NOON + MINUTE, remaining=0)
TINY = replace(HONEST, at=NOON + MINUTE, limit=1)
HUGE = replace(HONEST, at=NOON + MINUTE, limit=10**9, remaining=10**9)
UNLIMITED = Reading(at=NOON + MINUTE)
HASTY = replace(HONEST, at=NOON + MINUTE, window_seconds=60)


@pytest.mark.parametrize("lie", [NOTHING_LEFT, TINY, HUGE, UNLIMITED, HASTY])
@pytest.mark.parametrize("honest", [{1}, {1, 2}])
def test_region_goes_by_what_it_was_told_itself_whatever_another_says(lie: Reading, honest: set[int]) -> None:
    assert believed(dict.fromkeys(honest, HONEST) | {9: lie}, 1) == HONEST


@pytest.mark.parametrize("lie", [HUGE, UNLIMITED, HASTY])
def test_one_of_three_is_not_believed_to_have_more_than_the_others(lie: Reading) -> None:
    found = believed({1: HONEST, 2: HONEST, 9: lie}, 9)
    assert found == replace(lie, limit=100, window_seconds=21_600)


def test_nor_to_have_it_at_once_for_a_longer_time() -> None:
    """The limits of a week are no more in a second, and could be spent in one."""
    patient = replace(HONEST, limit=2800, window_seconds=7 * 86_400)
    assert believed({1: HONEST, 2: HONEST, 9: patient}, 9) == replace(patient, limit=100)


def test_one_of_three_that_is_told_less_at_once_is_not_believed_to_have_more_at_once() -> None:
    quick = replace(HONEST, limit=25, window_seconds=60)
    assert believed({1: HONEST, 2: TINY, 3: quick}, 3) == replace(quick, window_seconds=21_600)


def test_one_of_two_is_believed_of_itself() -> None:
    """It may come by another way, as through a mirror; there is nobody to say which of them is right."""
    assert believed({1: HONEST, 9: HUGE}, 9) == HUGE


def test_who_was_told_nothing_goes_by_the_least_until_then() -> None:
    assert believed({}, 3) is None
    assert believed({1: HONEST, 2: HUGE}, 3) == HONEST
    assert believed({1: HONEST, 2: NOTHING_LEFT}, 3) == NOTHING_LEFT
    assert believed({1: UNLIMITED}, 3) == UNLIMITED


def test_nor_does_he_spend_at_once_what_another_has_for_a_longer_time() -> None:
    patient = replace(HONEST, limit=2000, window_seconds=7 * 86_400)
    assert believed({1: HONEST, 9: patient}, 3) == replace(patient, limit=100)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([], ""),
        (["", ""], ""),
        (["a"], "a"),
        (["a", ""], "a"),
        (["a", "b"], ""),
        (["b", "a", "a"], "a"),
        (["a", "a", "b", "b"], ""),
    ],
)
def test_source_is_what_most_were_told(told: list[str], found: str) -> None:
    """One alone neither makes two accounts one, where others were told otherwise, nor parts them."""
    assert source({number: replace(HONEST, source=name) for number, name in enumerate(told)}) == found


HOUR_LATER = NOON + timedelta(hours=1)
FEW_LEFT = replace(HONEST, at=NOON + MINUTE, remaining=7)
NONE_AT_ALL = replace(HONEST, at=NOON + MINUTE, limit=0, remaining=0)


@pytest.mark.parametrize("lie", [TINY, HUGE, UNLIMITED, HASTY, NONE_AT_ALL, replace(HONEST, remaining=None)])
@pytest.mark.parametrize("others", [{1: FEW_LEFT}, {1: FEW_LEFT, 2: FEW_LEFT}, {1: FEW_LEFT, 2: HONEST}])
def test_nobody_who_says_that_there_is_plenty_hides_that_there_is_little(
    lie: Reading, others: dict[int, Reading]
) -> None:
    """Whoever was told last."""
    late = replace(lie, at=HOUR_LATER)
    assert least_left(others | {9: late}, HOUR_LATER) == FEW_LEFT


def test_what_was_left_a_window_ago_is_no_longer_so() -> None:
    later = replace(HONEST, at=NOON + timedelta(hours=6))
    assert least_left({1: NOTHING_LEFT, 2: later}, later.at) == NOTHING_LEFT
    assert least_left({1: NOTHING_LEFT, 2: later}, later.at + MINUTE) == later


def test_where_all_was_told_long_ago_the_newest_is_what_is_known() -> None:
    assert least_left({1: NOTHING_LEFT, 2: HONEST}, NOON + DAY) == NOTHING_LEFT
    assert least_left({1: replace(NOTHING_LEFT, at=NOON - MINUTE), 2: HONEST}, NOON + DAY) == HONEST


def test_no_more_is_left_than_there_is() -> None:
    assert least_left({1: replace(HONEST, remaining=10**9)}, NOON) == replace(HONEST, remaining=100)


def test_nothing_is_left_of_what_nobody_knows_of() -> None:
    assert least_left({}, NOON) is None
    assert least_left({1: UNLIMITED}, NOON) is None
    assert least_left({1: NONE_AT_ALL}, NOON) == NONE_AT_ALL
    assert least_left({1: replace(HONEST, remaining=None)}, NOON) == replace(HONEST, remaining=None)


def test_accounts_that_are_one_have_the_newest_reading_of_each_region() -> None:
    assert merged([{1: HONEST, 2: HONEST}, {1: NOTHING_LEFT}, {1: HONEST}]) == {1: NOTHING_LEFT, 2: HONEST}


def test_what_was_told_longer_ago_than_any_window_is_forgotten() -> None:
    later = replace(HONEST, at=NOON + 7 * DAY)
    assert noted({1: HONEST, 2: HASTY}, 3, later) == {2: HASTY, 3: later}
    assert noted({1: HONEST}, 1, NOTHING_LEFT) == {1: NOTHING_LEFT}


def test_readings_are_kept_as_they_are() -> None:
    readings = {1: HONEST, 2: UNLIMITED, 3: replace(HONEST, at=NOON + timedelta(microseconds=7))}
    assert readings_from_json(readings_to_json(readings)) == readings
