"""A month of incidents as a grid of days."""

from datetime import UTC, date, datetime

import pytest

from dashboard.incidents import calendar
from dashboard.words import Look
from probes.policy.incidents import Level
from probes.selectors.incident_lists import Day

NOW = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)


def shown(days: dict[date, Day] | None = None, first: date = date(2026, 11, 1)) -> calendar.Month:
    return calendar.month(first, days or {}, NOW, list_url=lambda since, until: f"{since}..{until}")


def test_month_is_weeks_of_seven_days_from_monday_on() -> None:
    weeks = shown().weeks
    assert [len(week) for week in weeks] == [7] * 6
    assert [cell.number if cell else None for cell in weeks[0]] == [None] * 6 + [1]
    assert [cell.number if cell else None for cell in weeks[5]] == [30] + [None] * 6


def test_day_tells_how_many_the_worst_and_what_is_open_yet() -> None:
    found = shown({date(2026, 11, 5): Day(3, Level.UNAVAILABLE, 2, 1), date(2026, 11, 6): Day(1, Level.DEGRADED)})
    fifth, sixth = (cell for week in found.weeks for cell in week if cell and cell.number in (5, 6))
    assert (fifth.count, fifth.look, fifth.note) == (3, Look.UNAVAILABLE, "2 new")
    assert fifth.said == (
        "5 November: 3 incidents were open, the worst unavailable, 2 opened on it, 1 of these open yet"
    )
    assert fifth.url == "2026-11-05..2026-11-06"
    assert (sixth.look, sixth.note, sixth.url) == (Look.DEGRADED, "", "")
    assert sixth.said == "6 November: 1 incident was open, the worst degraded"
    assert found.total == "2 incidents opened"


def test_quiet_day_leads_nowhere_and_one_ahead_says_so() -> None:
    days = {cell.number: cell for week in shown().weeks for cell in week if cell}
    assert (days[26].url, days[26].said) == ("", "26 November: no incident was open")
    assert days[27].is_today
    assert days[28].is_ahead
    assert days[28].said == "28 November: still to come"


@pytest.mark.parametrize(
    ("first", "previous", "following"),
    [
        (date(2026, 11, 1), "2026-10", ""),
        (date(2026, 1, 1), "2025-12", "2026-02"),
        (date(2024, 12, 1), "2024-11", "2025-01"),
        (date(1970, 1, 1), "", "1970-02"),
    ],
)
def test_months_beside_it_are_turned_to(first: date, previous: str, following: str) -> None:
    found = shown(first=first)
    assert (found.previous, found.following) == (previous, following)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("", date(2026, 11, 1)),
        ("2026-02", date(2026, 2, 1)),
        ("2026-12", None),
        ("1969-12", None),
        ("2026-13", None),
        ("now", None),
    ],
)
def test_month_is_read_as_it_is_written(text: str, first: date | None) -> None:
    assert calendar.first_of(text, NOW) == first
