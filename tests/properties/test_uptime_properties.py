"""Uptime and roll-ups against models that are too simple to be wrong: second by second, value by value."""

import math
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.policy.intervals import Interval
from probes.policy.latency import LONGEST_MS, RELATIVE_ERROR, Histogram, Timed
from probes.policy.maintenance import Window
from probes.policy.recurrence import Recurrence
from probes.policy.rollup import DAY, HOUR, Rolled, floor, pieces, total
from probes.policy.uptime import Said, Shown, Tally, budget, tally, timeline
from probes.protocol.taxonomy import Status

SECOND = timedelta(seconds=1)
START = datetime(2026, 3, 28, 21, tzinfo=UTC)
LENGTH = 6 * 3600  # the night in which clocks go forward in Europe
BERLIN = ZoneInfo("Europe/Berlin")

verdicts = st.sampled_from([Shown.AVAILABLE, Shown.DEGRADED, Shown.UNAVAILABLE, Shown.UNKNOWN])
moments = st.integers(-1000, LENGTH + 1000).map(lambda second: START + second * SECOND)
sayings = st.lists(
    st.builds(
        lambda at, state, lapse: Said(at, state, at + lapse * SECOND if lapse else None),
        moments,
        verdicts,
        st.none() | st.integers(1, 3000),
    ),
    max_size=12,
)
intervals = st.builds(lambda start, length: Interval(start, start + length * SECOND), moments, st.integers(1, 4000))
covers = st.lists(intervals, max_size=5)


def painted(said: list[Said], over: Interval, maintenance: list[Interval], paused: list[Interval]) -> Tally:
    """Paint each second with what it shows, one thing over the other, and count colours."""
    length = (over.end - over.start) // SECOND
    colours = [Shown.UNKNOWN.value] * length

    def paint(start: datetime, end: datetime | None, state: Shown) -> None:
        first = max(0, (start - over.start) // SECOND)
        last = max(first, min(length, (end - over.start) // SECOND)) if end else length
        colours[first:last] = [state.value] * (last - first)

    for item in sorted(said, key=lambda item: item.at):
        paint(item.at, None, item.state)
        if item.lapses_at:
            paint(item.lapses_at, None, Shown.UNKNOWN)
    for state, intervals in ((Shown.MAINTENANCE, maintenance), (Shown.PAUSED, paused)):
        for interval in intervals:
            paint(interval.start, interval.end, state)
    return Tally(**Counter(colours))


@given(said=sayings, maintenance=covers, paused=covers, start=st.integers(0, LENGTH), length=st.integers(1, LENGTH))
def test_tally_is_what_counting_seconds_gives(
    said: list[Said], maintenance: list[Interval], paused: list[Interval], start: int, length: int
) -> None:
    over = Interval(START + start * SECOND, START + (start + length) * SECOND)
    found = tally(timeline(said, over=over, maintenance=maintenance, paused=paused))
    assert found == painted(said, over, maintenance, paused)
    assert found.counted + found.left_out == length


LAST_SUNDAYS = [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 10, 18), 24)]


@pytest.mark.parametrize(("day", "hours"), LAST_SUNDAYS)
@given(data=st.data())
def test_day_on_which_clocks_change_is_counted_second_by_second(day: date, hours: int, data: st.DataObject) -> None:
    """The day is one of Berlin, the maintenance is planned there, and the history is random."""
    over = Interval(
        datetime.combine(day, time(), BERLIN).astimezone(UTC),
        datetime.combine(day + DAY, time(), BERLIN).astimezone(UTC),
    )
    assert over.end - over.start == hours * HOUR
    work = Window(
        starts_local=datetime.combine(day - 14 * DAY, data.draw(st.times(time(0), time(4)))).replace(microsecond=0),
        zone=BERLIN,
        lasts=data.draw(st.integers(1, 300)) * timedelta(minutes=1),
        rule=Recurrence.parse("FREQ=DAILY"),
    )
    seconds = st.integers(0, hours * 3600).map(lambda second: over.start + second * SECOND)
    said = data.draw(st.lists(st.builds(Said, seconds, verdicts), max_size=6))
    maintenance = work.during(over)
    found = tally(timeline(said, over=over, maintenance=maintenance))
    assert found == painted(said, over, maintenance, [])
    assert found.counted + found.left_out == hours * 3600


@given(
    said=sayings,
    maintenance=covers,
    cuts=st.lists(st.floats(0, LENGTH), max_size=6),
)
def test_parts_add_up_to_the_whole_wherever_it_is_cut(
    said: list[Said], maintenance: list[Interval], cuts: list[float]
) -> None:
    over = Interval(START, START + LENGTH * SECOND)
    edges = sorted({over.start, over.end, *(START + timedelta(seconds=cut) for cut in cuts)})
    parts = [
        tally(timeline(said, over=Interval(one, following), maintenance=maintenance))
        for one, following in pairwise(edges)
    ]
    assert sum(parts, Tally()) == tally(timeline(said, over=over, maintenance=maintenance))


@given(
    said=sayings,
    start=moments,
    length=st.integers(1, 4 * 24 * 3600),
    rolled=st.integers(-2, 100),
    days_behind=st.integers(-1, 3),
)
def test_range_is_the_sum_of_its_pieces(
    said: list[Said], start: datetime, length: int, rolled: int, days_behind: int
) -> None:
    over = Interval(start, start + length * SECOND)
    until = {HOUR: floor(start, HOUR) + rolled * HOUR}
    until[DAY] = floor(until[HOUR], DAY) - days_behind * DAY
    taken = pieces(over, hours_until=until[HOUR], days_until=until[DAY])
    days = [taken.days] if taken.days else []
    parts = sorted([*days, *taken.hours, *taken.ends])
    assert [part.start for part in parts] == [over.start, *(part.end for part in parts[:-1])]
    assert parts[-1].end == over.end
    for unit, wholes in ((DAY, days), (HOUR, taken.hours)):
        for whole in wholes:
            assert floor(whole.start, unit) == whole.start
            assert floor(whole.end, unit) == whole.end <= min(until[unit], until[HOUR])
    assert sum((tally(timeline(said, over=part)) for part in parts), Tally()) == tally(timeline(said, over=over))


tallies = st.builds(
    Tally, **dict.fromkeys(("available", "unavailable", "unknown", "maintenance"), st.integers(0, 9999))
)


@given(seconds=tallies, target=st.decimals(Decimal("0.001"), Decimal("99.999"), places=3))
def test_budget_is_spent_exactly_where_the_target_is_missed(seconds: Tally, target: Decimal) -> None:
    found = budget(seconds, target_percent=target)
    if not seconds.counted:
        assert found.burn_rate is None
        return
    assert found.burn_rate is not None
    is_missed = Decimal(seconds.up) * 100 < target * seconds.counted
    assert is_missed == (found.left_seconds < 0) == (found.burn_rate > 1)


durations = st.lists(st.floats(0, 200_000), max_size=60)
counts = st.dictionaries(st.sampled_from(Status), st.integers(1, 99))
histograms = durations.filter(bool).map(Histogram.of)
rows = st.builds(
    Rolled,
    outcomes=counts,
    without_egress=st.integers(0, 9),
    seconds=tallies,
    latency=st.dictionaries(st.sampled_from(Timed), histograms),
)


@given(rows, rows, rows)
def test_rows_add_up_in_any_order(one: Rolled, two: Rolled, three: Rolled) -> None:
    assert one + two == two + one
    assert (one + two) + three == one + (two + three)
    assert one + Rolled() == one == Rolled() + one
    assert total([three, one, two]) == total([one, two, three])


@given(durations.filter(bool), durations, st.floats(0, 100))
def test_percentile_of_a_sum_is_that_of_all_values_within_the_error(
    some: list[float], others: list[float], percent: float
) -> None:
    values = sorted(some + others)
    exact = values[max(1, math.ceil(len(values) * Decimal(str(percent)) / 100)) - 1]
    found = (Histogram.of(some) + Histogram.of(others)).percentile_ms(percent)
    assert found is not None
    if exact < 1:
        assert found == 0.5
    elif exact >= LONGEST_MS:
        assert found == LONGEST_MS
    else:
        assert abs(found / exact - 1) <= RELATIVE_ERROR + 1e-9
