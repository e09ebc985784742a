"""Rules of recurrence: what is understood, what is refused, and how little work the worst of them makes."""

from datetime import UTC, date, datetime
from itertools import islice

import pytest

from probes.policy.recurrence import LONGEST_RULE, Recurrence, RuleRefused

BEGIN = datetime(2026, 3, 1, 2, 30)  # noqa: DTZ001 - a Sunday, by the clock on the wall


def dates(rule: str, count: int = 4, begin: datetime = BEGIN) -> list[str]:
    return [f"{start:%Y-%m-%d}" for start in islice(Recurrence.parse(rule).starts(begin), count)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=DAILY", ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"]),
        ("FREQ=DAILY;INTERVAL=30", ["2026-03-01", "2026-03-31", "2026-04-30", "2026-05-30"]),
        ("FREQ=WEEKLY", ["2026-03-01", "2026-03-08", "2026-03-15", "2026-03-22"]),
        ("FREQ=WEEKLY;BYDAY=TU,TH", ["2026-03-03", "2026-03-05", "2026-03-10", "2026-03-12"]),
        # Sunday ends the week of the start or begins it: with every second week that decides.
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=MO", ["2026-03-01", "2026-03-09", "2026-03-15", "2026-03-23"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU", ["2026-03-01", "2026-03-02", "2026-03-15", "2026-03-16"]),
        ("FREQ=MONTHLY;BYDAY=2TU", ["2026-03-10", "2026-04-14", "2026-05-12", "2026-06-09"]),
        ("FREQ=MONTHLY;BYDAY=-1SU", ["2026-03-29", "2026-04-26", "2026-05-31", "2026-06-28"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31", ["2026-03-31", "2026-05-31", "2026-07-31", "2026-08-31"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", ["2026-03-31", "2026-04-30", "2026-05-29", "2026-06-30"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", ["2028-02-29", "2032-02-29", "2036-02-29", "2040-02-29"]),
        ("FREQ=YEARLY;BYDAY=20MO", ["2026-05-18", "2027-05-17", "2028-05-15", "2029-05-14"]),
        ("FREQ=DAILY;COUNT=2", ["2026-03-01", "2026-03-02"]),
        (" rrule:freq=daily;count=1 ", ["2026-03-01"]),
    ],
)
def test_rule_names_its_days(rule: str, expected: list[str]) -> None:
    assert dates(rule) == expected


def test_time_of_day_is_that_of_the_start() -> None:
    assert [start.time() for start in islice(Recurrence.parse("FREQ=MONTHLY").starts(BEGIN), 3)] == [BEGIN.time()] * 3


@pytest.mark.parametrize(
    ("written", "until"),
    [
        ("20260310", datetime(2026, 3, 10, 23, 59, 59)),  # noqa: DTZ001
        ("20260310T060000", datetime(2026, 3, 10, 6)),  # noqa: DTZ001
        ("20260310T060000Z", datetime(2026, 3, 10, 6, tzinfo=UTC)),
    ],
)
def test_end_is_by_the_same_clock_unless_it_is_in_utc(written: str, until: datetime) -> None:
    assert Recurrence.parse(f"FREQ=DAILY;UNTIL={written}") == Recurrence("FREQ=DAILY", until)


@pytest.mark.parametrize(
    ("rule", "because"),
    [
        ("", "is not NAME=VALUE"),
        ("FREQ", "is not NAME=VALUE"),
        ("FREQ=", "is not NAME=VALUE"),
        ("FREQ=DAILY;", "is not NAME=VALUE"),
        ("FREQ=DAILY\nDTSTART:00010101T000000", "FREQ is one of"),
        ("INTERVAL=2", "FREQ is one of"),
        ("FREQ=SECONDLY", "FREQ is one of DAILY, WEEKLY, MONTHLY, YEARLY"),
        ("FREQ=HOURLY", "FREQ is one of"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ is there twice"),
        ("FREQ=DAILY;BYHOUR=1,2,3", "the time of day is that of the start"),
        ("FREQ=YEARLY;BYEASTER=0", "'BYEASTER' is not taken"),
        ("FREQ=YEARLY;BYWEEKNO=20", "'BYWEEKNO' is not taken"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL is from 1 to 400"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL is from 1 to 400"),
        ("FREQ=DAILY;INTERVAL=99999999999999999999", "INTERVAL is from 1 to 400"),
        ("FREQ=DAILY;INTERVAL=\u0661", "INTERVAL is from 1 to 400"),
        ("FREQ=DAILY;COUNT=1001", "COUNT is from 1 to 1000"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "exclude each other"),
        ("FREQ=DAILY;UNTIL=20270230", "UNTIL is written"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL is written"),
        ("FREQ=DAILY;UNTIL=20270101T000000+01:00", "UNTIL is written"),
        ("FREQ=MONTHLY;BYMONTH=13", "BYMONTH is from 1 to 12"),
        ("FREQ=MONTHLY;BYMONTH=1,", "BYMONTH is from 1 to 12"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY is from 1 to 31, or less than 0: not '0'"),
        ("FREQ=MONTHLY;BYMONTHDAY=-32", "BYMONTHDAY is from 1 to 31"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY lists MO"),
        ("FREQ=WEEKLY;BYDAY=1MO", "there is no 1MO with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYDAY=6MO", "there is no 6MO with FREQ=MONTHLY"),
        ("FREQ=YEARLY;BYDAY=-54MO", "there is no -54MO"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY lists MO"),
        ("FREQ=DAILY;BYDAY=MO;BYSETPOS=2", "FREQ=DAILY has one"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367", "BYSETPOS is from 1 to 366"),
        ("FREQ=WEEKLY;WKST=1MO", "WKST is one of"),
        ("FREQ=WEEKLY;WKST=MONDAY", "WKST is one of"),
        ("FREQ=DAILY;" + "X" * LONGEST_RULE, "at most 300 characters"),
    ],
)
def test_rule_that_makes_no_sense_is_refused(rule: str, because: str) -> None:
    with pytest.raises(RuleRefused, match=because):
        Recurrence.parse(rule)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=200",
        "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",  # from a Sunday on
    ],
)
def test_rule_that_never_happens_ends(rule: str) -> None:
    assert dates(rule) == []


def test_rule_without_end_ends_with_the_century() -> None:
    *_, last = Recurrence.parse("FREQ=DAILY").starts(BEGIN)
    assert last.date() == date(2099, 12, 31)
