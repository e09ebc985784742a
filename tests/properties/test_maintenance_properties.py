"""Windows follow the clock on the wall, and no rule makes much work."""

import time
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from probes.policy.intervals import Interval
from probes.policy.maintenance import Window, WindowRefused
from probes.policy.recurrence import Recurrence, RuleRefused

DAY = timedelta(days=1)
MOST_SECONDS = 20
"""By far more than a rule takes (0.3 s at worst, alone), and by far less than what it would take without bounds."""

zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]).map(
    ZoneInfo
)
walls = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(lambda moment: moment.replace(microsecond=0))  # noqa: DTZ001 - read off a clock on the wall
days = st.lists(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, max_size=7, unique=True)
rules = st.one_of(
    st.integers(1, 40).map(lambda interval: f"FREQ=DAILY;INTERVAL={interval}"),
    st.builds(
        lambda interval, names: f"FREQ=WEEKLY;INTERVAL={interval};BYDAY={','.join(names)}", st.integers(1, 5), days
    ),
    st.integers(1, 28).map(lambda day: f"FREQ=MONTHLY;BYMONTHDAY={day},-{day}"),
    st.builds(lambda place, names: f"FREQ=MONTHLY;BYDAY={place}{names[0]}", st.sampled_from([1, 4, -1]), days),
    st.integers(1, 12).map(lambda month: f"FREQ=YEARLY;BYMONTH={month}"),
)
absurd_values = st.sampled_from(
    ["0", "1", "-1", "2", "29", "30", "31", "366", "400", "MO", "5MO", "-53SU", "SA,SU", "x", ""]
)
names = ["INTERVAL", "COUNT", "UNTIL", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS", "WKST", "BYHOUR", "BYEASTER"]
absurd_rules = st.builds(
    lambda frequency, parts: ";".join([f"FREQ={frequency}", *(f"{name}={value}" for name, value in parts.items())]),
    st.sampled_from(["SECONDLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    st.dictionaries(st.sampled_from(names), absurd_values, max_size=4),
)


def opened(**parts: object) -> Window:
    try:
        return Window(**parts)  # type: ignore[arg-type]
    except WindowRefused:
        assume(False)
        raise


windows = st.builds(
    opened,
    starts_local=walls,
    zone=zones,
    lasts=st.integers(1, 30 * 60).map(lambda minutes: timedelta(minutes=minutes)),
    rule=rules.map(Recurrence.parse) | st.none(),
)


@given(window=windows, after=walls)
def test_start_shows_the_planned_time_unless_the_clock_skips_it(window: Window, after: datetime) -> None:
    for interval in islice(window.occurrences(after=after.replace(tzinfo=UTC)), 20):
        local = interval.start.astimezone(window.zone).replace(tzinfo=None, fold=0)
        late = (local - window.starts_local) % DAY
        assert late == timedelta(0) or (late <= timedelta(hours=1) and _is_just_after_a_gap(interval.start, window))


def _is_just_after_a_gap(instant: datetime, window: Window) -> bool:
    before = (instant - timedelta(hours=1)).astimezone(window.zone).utcoffset()
    offset = instant.astimezone(window.zone).utcoffset()
    assert before is not None and offset is not None  # noqa: PT018 - for mypy
    return offset > before


@given(window=windows, after=walls)
def test_occurrences_come_in_order_and_last_as_planned(window: Window, after: datetime) -> None:
    found = list(islice(window.occurrences(after=after.replace(tzinfo=UTC)), 20))
    assert all(one.start < following.start for one, following in pairwise(found))
    for interval in found:
        assert abs(interval.end - interval.start - window.lasts) <= (
            timedelta(hours=1) if window.lasts >= DAY else timedelta(0)
        )


@given(window=windows, start=walls, hours=st.integers(1, 24 * 60))
def test_instant_is_covered_exactly_where_the_range_says_so(window: Window, start: datetime, hours: int) -> None:
    over = Interval(start.replace(tzinfo=UTC), start.replace(tzinfo=UTC) + timedelta(hours=hours))
    found = window.during(over)
    probed = [over.start, over.end - timedelta.resolution]
    for interval in found:
        probed += [
            interval.start,
            interval.end,
            interval.start - timedelta.resolution,
            interval.end - timedelta.resolution,
        ]
    for instant in probed:
        if instant in over:
            assert (window.at(instant) is not None) == any(instant in interval for interval in found)


@given(rule=absurd_rules | st.text(max_size=80), starts=walls)
def test_any_rule_is_refused_or_unfolded_in_bounded_time(rule: str, starts: datetime) -> None:
    began = time.process_time()
    try:
        window = Window(
            starts_local=starts, zone=ZoneInfo("UTC"), lasts=timedelta(minutes=5), rule=Recurrence.parse(rule)
        )
        list(window.during(Interval(datetime(2030, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))))
    except (RuleRefused, WindowRefused):
        pass
    assert time.process_time() - began < MOST_SECONDS
