"""Bars against counting seconds: nothing is lost or told twice, wherever a range begins and ends."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from probes.policy.buckets import FACES, Face, Part, cut, parts_of
from probes.policy.grid import Grid, second
from probes.policy.intervals import Interval
from probes.policy.uptime import Said, Shown, tally, timeline

SECOND = timedelta(seconds=1)
START = datetime(2026, 3, 28, 21, tzinfo=UTC)  # the night in which clocks go forward in Europe
LENGTH = 6 * 3600

moments = st.integers(-1000, LENGTH + 1000).map(lambda at: START + at * SECOND)
sayings = st.lists(
    st.builds(
        lambda at, state, lapse: Said(at, state, at + lapse * SECOND if lapse else None),
        moments,
        st.sampled_from([Shown.AVAILABLE, Shown.DEGRADED, Shown.UNAVAILABLE, Shown.UNKNOWN]),
        st.none() | st.integers(1, 3000),
    ),
    max_size=12,
)
covers = st.lists(
    st.builds(lambda start, length: Interval(start, start + length * SECOND), moments, st.integers(1, 4000)),
    max_size=4,
)
lengths = st.sampled_from([60, 240, 960, 3600]).map(lambda seconds: seconds * SECOND)


@given(
    said=sayings,
    maintenance=covers,
    paused=covers,
    start=st.integers(0, LENGTH),
    length=st.integers(1, LENGTH),
    slot=lengths,
)
def test_bar_has_the_seconds_of_uptime_and_each_bucket_those_that_it_has(
    said: list[Said], maintenance: list[Interval], paused: list[Interval], start: int, length: int, slot: timedelta
) -> None:
    over = Interval(START + start * SECOND, START + (start + length) * SECOND)
    stretches = timeline(said, over=over, maintenance=maintenance, paused=paused)
    bar = cut(Grid.of(over, slot), parts_of(stretches, said, over))
    assert bar.seconds == tally(stretches)
    places = [place for place, _ in bar.buckets]
    assert places == list(range(bar.grid.count))
    for place, bucket in bar.buckets:
        within = bar.grid.interval(place)
        assert bucket.present == (within.end - within.start) // SECOND
        assert bucket.present + bucket.absent == bar.grid.length
        alone = timeline(said, over=within, maintenance=maintenance, paused=paused)
        assert cut(Grid.of(within, slot), parts_of(alone, said, within)).runs[0].bucket == bucket
    assert all(one.bucket != other.bucket for one, other in zip(bar.runs, bar.runs[1:], strict=False))


@given(data=st.data(), born=st.integers(0, LENGTH), slot=lengths)
def test_nothing_is_told_of_what_was_not_there_yet(data: st.DataObject, born: int, slot: timedelta) -> None:
    over = Interval(START, START + LENGTH * SECOND)
    at = second(START)
    end = data.draw(st.integers(born, LENGTH))
    parts = [Part.of(at, at + end, Face.UNKNOWN)] if end else []
    if end < LENGTH:
        parts.append(Part.of(at + end, at + LENGTH, data.draw(st.sampled_from(FACES))))
    bar = cut(Grid.of(over, slot), parts, born=at + born)
    assert bar.absent == bar.grid.count * bar.grid.length - LENGTH + born
    assert sum(bucket.present for _, bucket in bar.buckets) == LENGTH - born
