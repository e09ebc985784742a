"""How long, in words."""

import pytest

from probes.policy.spans import amount, exact, span

HOUR = 3600


@pytest.mark.parametrize(
    ("seconds", "in_one", "in_two"),
    [
        (-5, "0 s", "0 s"),
        (0.9, "0 s", "0 s"),
        (59.9, "59 s", "59 s"),
        (60, "1 min", "1 min"),
        (200, "3 min", "3 min 20 s"),
        (3599, "59 min", "59 min 59 s"),
        (HOUR + 59, "1 h", "1 h"),
        (3 * HOUR + 1200, "3 h", "3 h 20 min"),
        (47 * HOUR, "47 h", "1 d 23 h"),
        (48 * HOUR, "2 d", "2 d"),
    ],
)
def test_span_is_said_in_its_largest_units(seconds: float, in_one: str, in_two: str) -> None:
    assert (span(seconds), amount(seconds)) == (in_one, in_two)


def test_nothing_breaks_between_a_number_and_its_unit_where_that_is_wanted() -> None:
    assert (span(60, space="_"), amount(90, space="_")) == ("1_min", "1_min 30_s")


@pytest.mark.parametrize(("seconds", "said"), [(90, "90 s"), (300, "5 min"), (7200, "2 h"), (86_400, "1 d")])
def test_interval_is_said_exactly(seconds: int, said: str) -> None:
    assert exact(seconds) == said
