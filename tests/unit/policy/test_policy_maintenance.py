"""Maintenance windows: once and again, over changes of the clock, and what is refused."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from probes.policy.intervals import Interval
from probes.policy.maintenance import LONGEST, Window, WindowRefused
from probes.policy.recurrence import Recurrence

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(starts: str, lasts: timedelta = HOUR, rule: str = "", zone: str = "Europe/Berlin") -> Window:
    recurrence = Recurrence.parse(rule) if rule else None
    return Window(starts_local=wall(starts), zone=ZoneInfo(zone), lasts=lasts, rule=recurrence)


def spans(intervals: Iterable[Interval]) -> list[str]:
    return [f"{item.start:%m-%d %H:%M} {item.end:%m-%d %H:%M}" for item in intervals]


def test_one_off_window_happens_once() -> None:
    work = window("2026-06-01 22:00", 4 * HOUR)
    assert spans(work.occurrences(after=utc("2026-01-01"))) == ["06-01 20:00 06-02 00:00"]
    assert spans(work.occurrences(after=utc("2026-06-02 00:00"))) == []


@pytest.mark.parametrize(
    ("starts", "lasts", "zone", "interval"),
    [
        # Clocks go from 02:00 to 03:00 on 29 March, and from 03:00 back to 02:00 on 25 October.
        ("2026-03-29 02:30", HOUR, "Europe/Berlin", "03-29 01:30 03-29 02:30"),  # 03:30 to 04:30
        ("2026-03-29 01:00", 4 * HOUR, "Europe/Berlin", "03-29 00:00 03-29 04:00"),  # to 06:00
        ("2026-03-28 12:00", DAY, "Europe/Berlin", "03-28 11:00 03-29 10:00"),  # noon to noon: 23 hours
        ("2026-03-28 02:30", DAY, "Europe/Berlin", "03-28 01:30 03-29 01:30"),  # ends at 03:30
        ("2026-10-25 02:30", HOUR, "Europe/Berlin", "10-25 00:30 10-25 01:30"),  # from the first 02:30 to the second
        ("2026-10-24 00:00", 2 * DAY, "Europe/Berlin", "10-23 22:00 10-25 23:00"),  # the weekend: 49 hours
        ("2026-10-24 02:30", DAY + HOUR, "Europe/Berlin", "10-24 00:30 10-25 01:30"),
        # Half an hour of daylight saving; and a zone that left a whole day out.
        ("2026-10-04 02:15", HOUR, "Australia/Lord_Howe", "10-03 15:45 10-03 16:45"),
        ("2011-12-29 10:00", DAY, "Pacific/Apia", "12-29 20:00 12-30 20:00"),
    ],
)
def test_clock_that_is_changed_is_reckoned_with(starts: str, lasts: timedelta, zone: str, interval: str) -> None:
    """RFC 5545, 3.3.5 and 3.3.6: days are of the calendar, hours pass."""
    assert spans(window(starts, lasts, zone=zone).occurrences(after=utc("2000-01-01"))) == [interval]


def test_weekly_window_keeps_its_time_of_day_over_the_change() -> None:
    work = window("2026-03-15 02:30", HOUR, "FREQ=WEEKLY;COUNT=4")
    assert spans(work.occurrences(after=utc("2026-01-01"))) == [
        "03-15 01:30 03-15 02:30",
        "03-22 01:30 03-22 02:30",
        "03-29 01:30 03-29 02:30",
        "04-05 00:30 04-05 01:30",
    ]


@pytest.mark.parametrize(
    ("until", "last"), [("20260317T013000Z", 17), ("20260317T012959Z", 16), ("20260317T023000", 17), ("20260316", 16)]
)
def test_last_start_may_be_the_very_end_of_the_rule(until: str, last: int) -> None:
    *_, final = window("2026-03-15 02:30", rule=f"FREQ=DAILY;UNTIL={until}").occurrences(after=utc("2026-01-01"))
    assert final.start.day == last


def test_window_that_is_on_comes_first() -> None:
    nightly = window("2026-01-01 23:00", 4 * HOUR, "FREQ=DAILY")
    during, following = islice(nightly.occurrences(after=utc("2026-02-01 01:00")), 2)
    assert spans([during, following]) == ["01-31 22:00 02-01 02:00", "02-01 22:00 02-02 02:00"]
    assert nightly.at(utc("2026-02-01 01:59")) == during
    assert nightly.at(utc("2026-02-01 02:00")) is None
    assert nightly.at(following.start) == following


def test_window_that_is_over_covers_nothing() -> None:
    assert window("2026-01-01 23:00").at(utc("2026-02-01")) is None


def test_range_has_the_intervals_that_reach_into_it() -> None:
    nightly = window("2026-01-01 23:00", 4 * HOUR, "FREQ=DAILY")
    assert spans(nightly.during(Interval(utc("2026-02-01 01:00"), utc("2026-02-01 22:00")))) == [
        "01-31 22:00 02-01 02:00"
    ]
    assert len(nightly.during(Interval(utc("2026-02-01 01:00"), utc("2026-02-01 22:01")))) == 2
    assert nightly.during(Interval(utc("2026-02-01 02:00"), utc("2026-02-01 22:00"))) == []


def test_instant_lies_in_a_window_that_is_on_then_and_in_no_other() -> None:
    instant = utc("2026-03-08 01:45")
    assert window("2026-03-01 02:00", rule="FREQ=WEEKLY").at(instant)
    assert window("2026-03-08 02:30").at(instant)
    assert window("2026-03-07 02:30").at(instant) is None


@pytest.mark.parametrize(
    ("starts", "lasts", "rule", "part"),
    [
        ("0001-01-01 00:00", HOUR, "", "starts_local"),
        ("2100-01-01 00:00", HOUR, "", "starts_local"),
        ("2026-01-01 00:00+00:00", HOUR, "", "starts_local"),
        ("2026-01-01 00:00", timedelta(0), "", "lasts"),
        ("2026-01-01 00:00", LONGEST + timedelta(seconds=1), "", "lasts"),
        ("2026-01-01 00:00", HOUR, "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "rule"),
        ("2026-01-01 00:00", HOUR, "FREQ=DAILY;UNTIL=00010101", "rule"),
        ("2026-01-01 00:00", DAY + timedelta(seconds=1), "FREQ=DAILY", "lasts"),
        ("2026-01-01 00:00", 2 * DAY, "FREQ=MONTHLY;BYDAY=1MO,1TU", "lasts"),
    ],
)
def test_window_that_makes_no_sense_is_refused(starts: str, lasts: timedelta, rule: str, part: str) -> None:
    with pytest.raises(WindowRefused) as refused:
        window(starts, lasts, rule)
    assert refused.value.part == part
    assert refused.value.message == str(refused.value)


def test_day_after_day_without_a_gap_is_accepted() -> None:
    whole = window("2026-03-28 00:00", DAY, "FREQ=DAILY;COUNT=3")
    one, two, three = whole.occurrences(after=utc("2026-01-01"))
    assert (one.end, two.end) == (two.start, three.start)
