"""A month of incidents as a grid of days. PURE: counts and a day in, cells out."""

from calendar import Calendar
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from dashboard import words
from dashboard.words import Look
from probes.selectors.incident_lists import Day

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A day. `look` is that of the worst that was open on it, None where nothing was; `said` is for everybody.

    `url` is that of the list of what was opened on it, empty where nothing was.
    """

    number: int
    date: str
    count: int
    look: Look | None
    said: str
    note: str
    is_today: bool
    is_ahead: bool
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month: its name, its weeks of seven days (None is another month's), and the months beside it.

    `following` is empty where that is still to come.
    """

    name: str
    value: str
    total: str
    weeks: Sequence[Sequence[Cell | None]]
    previous: str
    following: str


def first_of(text: str, now: datetime) -> date | None:
    """Return the first day of the month that is written `2026-11`, of this month where nothing is; None for no month.

    Months before 1970 and after the present one are none.
    """
    today = now.astimezone(UTC).date().replace(day=1)
    if not text:
        return today
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return found if date(1970, 1, 1) <= found <= today else None


def month(first: date, days: Mapping[date, Day], now: datetime, *, list_url: Callable[[str, str], str]) -> Month:
    """Return the month that begins on that day; `list_url` gives the address of what was opened between two days."""
    today = now.astimezone(UTC).date()
    weeks = Calendar().monthdatescalendar(first.year, first.month)
    total = sum(day.opened for day in days.values())
    following = (first + 31 * _DAY).replace(day=1)
    return Month(
        name=f"{first:%B %Y}",
        value=f"{first:%Y-%m}",
        total=f"{words.counted(total, 'incident')} opened" if total else "No incident was opened",
        weeks=[
            [_cell(day, days.get(day), today, list_url) if day.month == first.month else None for day in week]
            for week in weeks
        ],
        previous=f"{first - _DAY:%Y-%m}" if first > date(1970, 1, 1) else "",
        following=f"{following:%Y-%m}" if following <= today else "",
    )


def _cell(day: date, found: Day | None, today: date, list_url: Callable[[str, str], str]) -> Cell:
    is_ahead = day > today
    note = f"{found.opened:,} new" if found and found.opened else ""
    told = ["still to come"] if is_ahead else ["no incident was open"]
    if found:
        told = [words.counted(found.count, "incident was open", "incidents were open")]
        told += [f"the worst {Look(found.worst).label.lower()}"]
        told += [f"{found.opened:,} opened on it"] if found.opened else []
        told += [f"{found.are_open:,} of these open yet"] if found.are_open else []
    return Cell(
        number=day.day,
        date=day.isoformat(),
        count=found.count if found else 0,
        look=Look(found.worst) if found else None,
        said=f"{day.day} {day:%B}: {', '.join(told)}",
        note=note,
        is_today=day == today,
        is_ahead=is_ahead,
        url=list_url(day.isoformat(), (day + _DAY).isoformat()) if found and found.opened else "",
    )
