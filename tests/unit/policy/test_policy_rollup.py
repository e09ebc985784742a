"""Roll-ups: rows add up, and a range is read in few of them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from probes.policy.intervals import Interval
from probes.policy.latency import Histogram, Timed
from probes.policy.rollup import DAY, HOUR, Pieces, Rolled, floor, pieces, total, whole_hours
from probes.policy.uptime import Tally
from probes.protocol.taxonomy import Status

LATE = datetime(2030, 1, 1, tzinfo=UTC)


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-{text}").replace(tzinfo=UTC)


def between(start: str, end: str) -> Interval:
    return Interval(day(start), day(end))


def test_rows_add_up() -> None:
    morning = Rolled(
        outcomes={Status.AVAILABLE: 11, Status.DEGRADED: 1},
        seconds=Tally(available=3300, unavailable=300),
        latency={Timed.CHECK: Histogram({20: 12})},
    )
    evening = Rolled(
        outcomes={Status.AVAILABLE: 10},
        without_egress=2,
        seconds=Tally(available=3000, maintenance=600),
        latency={Timed.CHECK: Histogram({20: 1, 40: 9}), Timed.TOKEN: Histogram({8: 3})},
    )
    assert total([morning, evening]) == Rolled(
        outcomes={Status.AVAILABLE: 21, Status.DEGRADED: 1},
        without_egress=2,
        seconds=Tally(available=6300, unavailable=300, maintenance=600),
        latency={Timed.CHECK: Histogram({20: 13, 40: 9}), Timed.TOKEN: Histogram({8: 3})},
    )


def test_row_tells_percentiles_of_what_was_timed() -> None:
    row = Rolled(latency={Timed.CHECK: Histogram.of([100.0])})
    assert row.percentile_ms(Timed.CHECK, 50) == pytest.approx(100, rel=0.091)
    assert row.percentile_ms(Timed.TOKEN, 50) is None


@pytest.mark.parametrize(
    ("over", "days", "hours", "ends"),
    [
        (between("01 00:00", "04 00:00"), between("01", "04"), (), ()),
        (
            between("01 22:30", "04 01:15"),
            between("02", "04"),
            (between("01 23:00", "02 00:00"), between("04 00:00", "04 01:00")),
            (between("01 22:30", "01 23:00"), between("04 01:00", "04 01:15")),
        ),
        (between("01 10:00", "01 12:00"), None, (between("01 10:00", "01 12:00"),), ()),
        (between("01 10:10", "01 10:50"), None, (), (between("01 10:10", "01 10:50"),)),
        (between("01 10:10", "01 11:00"), None, (), (between("01 10:10", "01 11:00"),)),
    ],
)
def test_range_is_days_and_hours_and_what_is_left_over(
    over: Interval, days: Interval | None, hours: tuple[Interval, ...], ends: tuple[Interval, ...]
) -> None:
    assert pieces(over, hours_until=LATE, days_until=LATE) == Pieces(days=days, hours=hours, ends=ends)


def test_what_is_not_rolled_up_yet_is_left_over() -> None:
    assert pieces(between("01 00:00", "02 12:00"), hours_until=day("02 10:00"), days_until=LATE) == Pieces(
        days=between("01", "02"),
        hours=(between("02 00:00", "02 10:00"),),
        ends=(between("02 10:00", "02 12:00"),),
    )


def test_day_that_is_not_summed_up_yet_is_read_by_its_hours() -> None:
    over = between("01 00:00", "03 00:00")
    assert pieces(over, hours_until=day("03 00:00"), days_until=day("02 00:00")) == Pieces(
        days=between("01", "02"), hours=(between("02 00:00", "03 00:00"),), ends=()
    )


def test_nothing_rolled_up_leaves_everything_over() -> None:
    over = between("01 00:00", "03 00:00")
    assert pieces(over, hours_until=day("01 00:00"), days_until=day("01 00:00")) == Pieces(
        days=None, hours=(), ends=(over,)
    )


def test_hours_and_days_are_of_utc() -> None:
    half = timezone(timedelta(hours=5, minutes=30))
    instant = datetime(2026, 3, 2, 3, 45, tzinfo=half)
    assert floor(instant, HOUR) == day("01 22:00")
    assert floor(instant, DAY) == day("01 00:00")


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        (("01T10:00", "01T12:00"), ("01T10:00", "01T12:00")),
        (("01T10:59", "01T11:01"), ("01T10:00", "01T12:00")),
        (("01T10:00", "01T14:05"), ("01T10:00", "01T14:30")),
        (("01T14:10", "02T00:00"), ("01T14:00", "01T14:30")),
    ],
)
def test_range_is_read_by_the_hour_up_to_now(asked: tuple[str, str], read: tuple[str, str]) -> None:
    assert whole_hours(between(*asked), now=day("01T14:30")) == between(*read)


def test_range_that_is_still_to_come_is_refused() -> None:
    with pytest.raises(ValueError, match="ends after it starts"):
        whole_hours(between("02T10:00", "02T11:00"), now=day("01T14:30"))
