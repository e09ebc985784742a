"""When a check logs in and connects anew."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from probes.policy.freshness import FRESH_EVERY, is_fresh_due
from probes.policy.slots import number, phase_seconds

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
INTERVAL = 300


def grid(key: int, count: int = 48) -> list[datetime]:
    first = MIDNIGHT + timedelta(seconds=phase_seconds(key, INTERVAL))
    return [first + timedelta(seconds=INTERVAL) * position for position in range(count)]


def fresh_places(key: int) -> Iterator[int]:
    for place, slot in enumerate(grid(key)):
        if is_fresh_due(number(slot, interval_seconds=INTERVAL, key=key), consecutive_failures=0):
            yield place


def test_every_twelfth_slot_of_a_resource_is_fresh() -> None:
    """E.2."""
    first, *others = fresh_places(7)
    assert [*others] == [first + FRESH_EVERY * turn for turn in (1, 2, 3)]
    assert [*fresh_places(7)] == [first, *others]


def test_resources_take_turns() -> None:
    """Not every image of a registry logs in anew in the same five minutes."""
    firsts = [next(fresh_places(key)) for key in range(600)]
    assert all(25 < firsts.count(place) < 80 for place in range(FRESH_EVERY))


def test_check_after_a_failure_is_fresh() -> None:
    """E.2: right before a recovery is declared."""
    assert is_fresh_due(1, consecutive_failures=1)
    assert not is_fresh_due(1, consecutive_failures=0)


def test_number_grows_by_one_with_each_slot_of_the_grid() -> None:
    numbers = [number(slot, interval_seconds=INTERVAL, key=3) for slot in grid(3)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_slot_off_the_grid_has_the_number_of_the_one_before() -> None:
    slot = grid(3)[5]
    found = [
        number(slot + timedelta(seconds=seconds), interval_seconds=INTERVAL, key=3)
        - number(slot, interval_seconds=INTERVAL, key=3)
        for seconds in (-0.001, 0, 0.001, 299.999, 300)
    ]
    assert found == [-1, 0, 0, 0, 1]
