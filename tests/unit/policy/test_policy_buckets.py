"""Bars: what each bucket shows, for how long, and what is the worst of it."""

from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.buckets import Bar, Bucket, Cause, Face, Part, cut, parts_of
from probes.policy.grid import Grid, second
from probes.policy.intervals import Interval
from probes.policy.uptime import Said, Shown, Tally, timeline

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
T = second(NOON)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
AN_HOUR = Interval(NOON, NOON + HOUR)
GRID = Grid.of(AN_HOUR, 10 * MINUTE)


def part(start: float, end: float, face: Face) -> Part:
    """A part, in minutes after noon."""
    return Part.of(T + int(start * 60), T + int(end * 60), face)


def told(bar: Bar) -> list[tuple[int, dict[str, int], int]]:
    """(how many buckets, seconds by face, seconds absent) of each run."""
    return [
        (run.count, {face.value: count for face, count in run.bucket.faces}, run.bucket.absent) for run in bar.runs
    ]


def test_one_part_is_one_run() -> None:
    bar = cut(GRID, [part(-90, 90, Face.AVAILABLE)])
    assert told(bar) == [(6, {"available": 600}, 0)]
    assert bar.seconds == Tally(available=3600)
    assert [place for place, _ in bar.buckets] == list(range(6))


def test_worst_of_a_bucket_is_told_with_its_share() -> None:
    bar = cut(
        GRID,
        [
            part(0, 14, Face.AVAILABLE),
            part(14, 15, Face.UNAVAILABLE),
            part(15, 18, Face.MAINTENANCE),
            part(18, 60, Face.AVAILABLE),
        ],
    )
    assert told(bar) == [
        (1, {"available": 600}, 0),
        (1, {"unavailable": 60, "maintenance": 180, "available": 360}, 0),
        (4, {"available": 600}, 0),
    ]
    bucket = bar.runs[1].bucket
    assert (bucket.worst, bucket.rest, bucket.present) == (Face.UNAVAILABLE, Face.AVAILABLE, 600)
    assert bucket.is_bad
    assert not bar.runs[0].bucket.is_bad
    assert bar.runs[0].bucket.rest is None


@pytest.mark.parametrize(
    ("one", "worse"),
    [
        (Face.AVAILABLE, Face.PAUSED),
        (Face.PAUSED, Face.MAINTENANCE),
        (Face.MAINTENANCE, Face.NO_DATA),
        (Face.NO_DATA, Face.UNKNOWN),
        (Face.UNKNOWN, Face.DEGRADED),
        (Face.DEGRADED, Face.UNAVAILABLE),
    ],
)
def test_worse_wins_however_short_it_was(one: Face, worse: Face) -> None:
    bar = cut(GRID, [Part.of(T, T + 599, one), Part.of(T + 599, T + 600, worse)])
    assert bar.runs[0].bucket.worst is worse
    assert bar.runs[0].bucket.rest is one


def test_part_fills_what_it_fills_and_adds_to_what_it_touches() -> None:
    bar = cut(GRID, [part(5, 35, Face.DEGRADED), part(35, 60, Face.AVAILABLE), part(0, 5, Face.AVAILABLE)])
    assert told(bar) == [
        (1, {"degraded": 300, "available": 300}, 0),
        (2, {"degraded": 600}, 0),
        (1, {"degraded": 300, "available": 300}, 0),
        (2, {"available": 600}, 0),
    ]


def test_what_nobody_told_of_is_no_data_and_counts_as_unknown() -> None:
    bar = cut(GRID, [part(20, 25, Face.AVAILABLE)])
    assert told(bar) == [
        (2, {"no_data": 600}, 0),
        (1, {"no_data": 300, "available": 300}, 0),
        (3, {"no_data": 600}, 0),
    ]
    assert bar.seconds == Tally(unknown=3300, available=300)
    assert told(cut(GRID, [])) == [(6, {"no_data": 600}, 0)]


def test_before_it_was_there_nothing_is_drawn() -> None:
    bar = cut(GRID, [part(0, 40, Face.UNKNOWN), part(40, 60, Face.AVAILABLE)], born=T + 25 * 60)
    assert told(bar) == [
        (2, {}, 600),
        (1, {"unknown": 300}, 300),
        (1, {"unknown": 600}, 0),
        (2, {"available": 600}, 0),
    ]
    assert bar.runs[0].bucket.worst is None
    assert bar.absent == 1500


def test_work_that_was_planned_before_it_was_there_is_not_its_own() -> None:
    bar = cut(GRID, [part(0, 60, Face.MAINTENANCE)], born=T + 30 * 60)
    assert told(bar) == [(3, {}, 600), (3, {"maintenance": 600}, 0)]


def test_what_was_said_before_it_was_made_is_told() -> None:
    """As of history that was brought along."""
    bar = cut(GRID, [part(10, 60, Face.AVAILABLE)], born=T + 30 * 60)
    assert told(bar) == [(1, {}, 600), (5, {"available": 600}, 0)]


def test_made_after_the_range_is_absent_altogether() -> None:
    assert told(cut(GRID, [part(0, 60, Face.UNKNOWN)], born=T + 7200)) == [(6, {}, 600)]


def test_ends_of_a_range_within_buckets_are_absent() -> None:
    grid = Grid.of(Interval(NOON + 5 * MINUTE, NOON + 23 * MINUTE), 10 * MINUTE)
    bar = cut(grid, [part(0, 60, Face.AVAILABLE)])
    assert told(bar) == [(1, {"available": 300}, 300), (1, {"available": 600}, 0), (1, {"available": 180}, 420)]


def test_sums_are_taken_as_they_are_and_what_they_lack_is_no_data() -> None:
    hour = Grid.of(Interval(NOON, NOON + 2 * HOUR), HOUR)
    sums = Part.summed(T, T + 3600, {Face.AVAILABLE: 3000, Face.UNAVAILABLE: 100})
    assert sums.face is None
    assert told(cut(hour, [sums])) == [
        (1, {"unavailable": 100, "no_data": 500, "available": 3000}, 0),
        (1, {"no_data": 3600}, 0),
    ]


def test_sums_of_the_hour_in_which_it_was_made_lose_what_was_before() -> None:
    hour = Grid.of(AN_HOUR, HOUR)
    sums = Part.summed(T, T + 3600, {Face.AVAILABLE: 600, Face.UNKNOWN: 2000, Face.MAINTENANCE: 1000})
    # Said to be available in that hour: it counts from the hour's start, and nothing is lost.
    assert told(cut(hour, [sums], born=T + 1800)) == [
        (1, {"unknown": 2000, "maintenance": 1000, "available": 600}, 0)
    ]
    unsaid = Part.summed(T, T + 3600, {Face.UNKNOWN: 2000, Face.MAINTENANCE: 1600})
    assert told(cut(hour, [unsaid], born=T + 1800)) == [(1, {"unknown": 200, "maintenance": 1600}, 1800)]


def test_sums_that_reach_out_of_the_range_are_left_out_and_what_is_all_the_same_is_cut() -> None:
    half = Grid.of(Interval(NOON, NOON + 30 * MINUTE), HOUR)
    mixed = Part.summed(T, T + 3600, {Face.AVAILABLE: 3000, Face.UNAVAILABLE: 600})
    assert told(cut(half, [mixed])) == [(1, {"no_data": 1800}, 1800)]
    assert told(cut(half, [Part.of(T, T + 3600, Face.AVAILABLE)])) == [(1, {"available": 1800}, 1800)]


def test_buckets_of_which_all_is_known_come_out_as_their_parts_do() -> None:
    """Be it before the resource was made, at the end of the range, or with a cause."""
    others = [part(0, 10, Face.UNKNOWN), part(30, 40, Face.DEGRADED), part(40, 45, Face.DEGRADED)]
    sums = {Face.UNAVAILABLE: 60, Face.AVAILABLE: 540}
    known = [Part.summed(T + place * 600, T + (place + 1) * 600, sums) for place in (1, 2, 5)]
    filled = {GRID.place(item.start): Bucket(tuple(item.seconds)) for item in known}
    causes = [Cause(T + 1300, T + 1700, "why")]
    for born in (None, T + 900, T + 3600):
        bar = cut(GRID, others, filled=filled, born=born, causes=causes)
        assert bar == cut(GRID, [*others, *known], born=born, causes=causes)
        assert [(run.first, run.count, run.bucket.cause) for run in bar.runs if run.bucket == bar.runs[2].bucket] == [
            (2, 1, "why")
        ]


def test_bad_buckets_tell_the_cause_that_began_last() -> None:
    bar = cut(
        GRID,
        [part(0, 20, Face.AVAILABLE), part(20, 50, Face.UNAVAILABLE), part(50, 60, Face.AVAILABLE)],
        causes=[
            Cause(T + 30 * 60, T + 33 * 60, "newer"),
            Cause(T, T + 45 * 60, "older"),
            Cause(T + 55 * 60, T + 60 * 60, "later"),
        ],
    )
    causes = [bucket.cause for _, bucket in bar.buckets]
    assert causes == ["", "", "older", "newer", "older", ""]
    assert [run.count for run in bar.runs] == [2, 1, 1, 1, 1]


def test_bad_bucket_without_a_cause_tells_none() -> None:
    bar = cut(GRID, [part(0, 60, Face.DEGRADED)], causes=[Cause(T + 1800, T + 1801, "short")])
    assert [bucket.cause for _, bucket in bar.buckets] == ["", "", "", "short", "", ""]


def test_checks_are_told_by_bucket_and_none_where_nothing_was_there() -> None:
    bar = cut(GRID, [part(20, 60, Face.AVAILABLE)], born=T + 1200, checks={2: 2, 3: 2, 5: 1})
    assert [bucket.checks for _, bucket in bar.buckets] == [None, None, 2, 2, 0, 1]
    assert [run.count for run in bar.runs] == [2, 2, 1, 1]


def test_unknown_is_told_apart_from_nobody_having_said_anything() -> None:
    said = [
        Said(NOON + 10 * MINUTE, Shown.UNKNOWN),
        Said(NOON + 20 * MINUTE, Shown.AVAILABLE, NOON + 30 * MINUTE),
        Said(NOON + 40 * MINUTE, Shown.UNKNOWN, NOON + 45 * MINUTE),
        Said(NOON + 50 * MINUTE, Shown.UNAVAILABLE),
    ]
    shown = timeline(said, over=AN_HOUR, paused=[Interval(NOON + 55 * MINUTE, NOON + HOUR)])
    parts = [(item.face, (item.end - item.start) // 60) for item in parts_of(shown, said, AN_HOUR)]
    assert parts == [
        (Face.NO_DATA, 10),
        (Face.UNKNOWN, 10),
        (Face.AVAILABLE, 10),
        (Face.NO_DATA, 10),
        (Face.UNKNOWN, 5),
        (Face.NO_DATA, 5),
        (Face.UNAVAILABLE, 5),
        (Face.PAUSED, 5),
    ]


def test_what_changes_within_a_second_counts_from_its_beginning() -> None:
    half = timedelta(milliseconds=500)
    said = [Said(NOON - HOUR, Shown.AVAILABLE), Said(NOON + half, Shown.UNAVAILABLE)]
    parts = list(parts_of(timeline(said, over=AN_HOUR), said, AN_HOUR))
    assert parts == [Part.of(T, T + 3600, Face.UNAVAILABLE)]


def test_bucket_of_nothing_shows_nothing() -> None:
    bucket = Bucket(absent=60)
    assert (bucket.worst, bucket.rest, bucket.present, bucket.is_bad) == (None, None, 0, False)
