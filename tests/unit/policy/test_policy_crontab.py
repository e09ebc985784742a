"""Crontabs, as tables: what is read, what is refused, and when they come round."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from probes.policy.crontab import CrontabRefused, parse_crontab
from probes.policy.slots import claim_by, interval_by, upcoming

BERLIN = "Europe/Berlin"
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("text", "zone", "after", "times"),
    [
        ("*/20 * * * *", "UTC", "2026-01-01 00:00", ["2026-01-01 00:20", "2026-01-01 00:40", "2026-01-01 01:00"]),
        ("0 9 * * mon-fri", "UTC", "2026-01-02 09:00", ["2026-01-05 09:00", "2026-01-06 09:00"]),
        ("0 9 * * 7", "UTC", "2026-01-01 00:00", ["2026-01-04 09:00", "2026-01-11 09:00"]),
        ("0 0 1,15 * *", "UTC", "2026-01-02 00:00", ["2026-01-15 00:00", "2026-02-01 00:00"]),
        ("0 0 13 * fri", "UTC", "2026-01-09 00:00", ["2026-01-13 00:00", "2026-01-16 00:00"]),
        ("0 12 31 * *", "UTC", "2026-01-01 00:00", None),
        ("@hourly", "UTC", "2026-01-01 00:00", ["2026-01-01 01:00", "2026-01-01 02:00"]),
        # Summer time begins: 02:30 does not exist on the 29th.
        ("30 2 * * *", BERLIN, "2026-03-28 00:00", ["2026-03-28 01:30", "2026-03-30 00:30"]),
        # It ends: 02:30 exists twice on the 25th, and is the first of the two.
        ("30 2 * * *", BERLIN, "2026-10-24 12:00", ["2026-10-25 00:30", "2026-10-26 01:30"]),
        ("30 * * * *", BERLIN, "2026-10-24 23:45", ["2026-10-25 00:30", "2026-10-25 02:30"]),
    ],
)
def test_times_of_a_crontab(text: str, zone: str, after: str, times: list[str] | None) -> None:
    if times is None:
        with pytest.raises(CrontabRefused, match="days without a check"):
            parse_crontab(text, zone)
        return
    crontab, instant, found = parse_crontab(text, zone), at(after), []
    for _ in times:
        instant = crontab.after(instant)
        found.append(instant)
    assert found == [at(item) for item in times]
    for earlier, later in pairwise(found):
        assert crontab.before(later) == earlier
    assert crontab.count(found[0], found[-1]) == len(found) - 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("* * * * * *", "five fields"),
        ("61 * * * *", "not in 0-59 for Minutes"),
        ("0 0 * * wednesday-ish", "Unrecognised Day of Week"),
        ("5-1 * * * *", "Bad range"),
        ("0~30 * * * *", "alone"),  # elsewhere a minute by chance, and here every one of them
        ("< > * * *", "alone"),
        ("\u0663 * * * *", "alone"),
        ("*/0 * * * *", "divided by zero"),
        ("0 0 31 2 *", "no such day"),
        ("0 0 1 1 *", "days without a check"),
        ("@reboot", "names no time"),
        ("@yearly", "days without a check"),
        ("1," * 60 + "1 * * * *", "longer than"),
    ],
)
def test_what_is_no_crontab_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(CrontabRefused, match=reason):
        parse_crontab(text, "UTC")


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("* * * * *", 1), ("*/15 * * * *", 15), ("0,59 0,23 * * *", 1), ("0,59 0,23 * * mon", 59), ("0 9 * * *", 1440)],
)
def test_shortest_gap(text: str, minutes: int) -> None:
    assert parse_crontab(text, "UTC").shortest_gap == minutes * MINUTE


def test_count_over_a_year_is_that_of_its_times() -> None:
    crontab = parse_crontab("*/30 * * * *", BERLIN)
    # Of 365 days, one has an hour that does not exist and one an hour twice, which counts once.
    assert crontab.count(at("2026-01-01 00:00"), at("2027-01-01 00:00")) == 365 * 48 - 2


def test_resources_have_each_a_second_of_its_own_within_the_minute() -> None:
    crontab = parse_crontab("0 9 * * *", "UTC")
    seconds = {upcoming(at("2026-01-01 00:00"), key=key, interval_seconds=1, calendar=crontab) for key in range(200)}
    assert {item.replace(second=0) for item in seconds} == {at("2026-01-01 09:00")}
    assert len(seconds) > 50


def test_claim_in_time_is_for_the_slot_that_is_due() -> None:
    crontab = parse_crontab("0 9 * * *", "UTC")
    due = upcoming(at("2026-01-01 00:00"), key=7, interval_seconds=1, calendar=crontab)
    claim = claim_by(crontab, due_at=due, now=due + 5 * MINUTE, key=7)
    assert (claim.slot, claim.next_due_at, claim.missed) == (due, due + timedelta(days=1), None)


def test_claim_after_downtime_is_one_check_and_a_record_of_what_was_missed() -> None:
    crontab = parse_crontab("0 * * * *", "UTC")
    due = upcoming(at("2026-01-01 00:30"), key=7, interval_seconds=1, calendar=crontab)
    hour = timedelta(hours=1)
    claim = claim_by(crontab, due_at=due, now=due + 3 * hour + MINUTE, key=7)
    assert (claim.slot, claim.next_due_at) == (due + 3 * hour, due + 4 * hour)
    assert claim.missed is not None
    assert (claim.missed.first, claim.missed.last, claim.missed.count) == (due, due + 2 * hour, 3)


def test_claim_of_what_is_due_at_once_goes_on_by_the_crontab() -> None:
    crontab = parse_crontab("0 9 * * *", "UTC")
    claim = claim_by(crontab, due_at=at("2026-01-01 07:13"), now=at("2026-01-01 07:13"), key=7)
    assert (claim.slot, claim.missed) == (at("2026-01-01 07:13"), None)
    assert claim.next_due_at.replace(second=0) == at("2026-01-01 09:00")


def test_interval_spans_the_longer_gap_beside_a_slot() -> None:
    crontab = parse_crontab("0 9,10,11 * * mon-fri", "UTC")
    friday, monday = datetime(2026, 1, 2, 11, tzinfo=UTC), datetime(2026, 1, 5, 9, tzinfo=UTC)
    weekend = int((monday - friday).total_seconds())
    assert [interval_by(crontab, slot) for slot in (friday, monday, monday + timedelta(hours=1))] == [
        weekend,
        weekend,
        3600,
    ]
