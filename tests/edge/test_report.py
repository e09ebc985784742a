"""To what of a fault a slot that was missed or late is counted."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.edge.report import spans

BEGAN = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
HELD_SECONDS = 80
IN_FLIGHT_SECONDS = 5


@pytest.mark.parametrize(
    ("slots", "while_it_lasted", "after"),
    [
        ([], 0.0, 0.0),
        ([0, 7], 7.0, 0.0),
        ([7, 60], 60.0, 0.0),
        ([HELD_SECONDS - IN_FLIGHT_SECONDS - 1], 74.0, 0.0),
        ([HELD_SECONDS + 6], 0.0, 6.0),
        ([7, HELD_SECONDS + 31], 7.0, 31.0),
    ],
)
def test_slot_is_untimely_while_a_fault_lasts_or_after_it(
    slots: list[int], while_it_lasted: float, after: float
) -> None:
    assert spans_of(slots) == (while_it_lasted, after)


def test_slot_that_is_in_flight_when_a_fault_ends_is_of_the_end() -> None:
    """A clock was set right while its checks were at work: they were late by the jump, after minutes on time."""
    assert spans_of([7, HELD_SECONDS - IN_FLIGHT_SECONDS, HELD_SECONDS - 1]) == (7.0, 0.0)
    assert spans_of([HELD_SECONDS - 1, HELD_SECONDS + 6]) == (0.0, 6.0)


def spans_of(seconds: list[int]) -> tuple[float, float]:
    """Return the spans of slots at these seconds from the beginning."""
    slots = [BEGAN + timedelta(seconds=after) for after in seconds]
    ended = BEGAN + timedelta(seconds=HELD_SECONDS)
    return spans(slots, BEGAN, ended, timedelta(seconds=IN_FLIGHT_SECONDS))
