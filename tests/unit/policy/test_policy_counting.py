"""Counters: what is added to which series, and in which bucket a duration is."""

from itertools import pairwise

import pytest

from probes.policy.counting import BOUNDS_SECONDS, BUCKETS, Counted, Series, Tally, at_most
from probes.policy.latency import Timed

REPORTS = Series(Counted.REPORTS, region_id=7)


def test_nothing_happened_is_nothing_to_add() -> None:
    tally = Tally()
    tally.count(REPORTS, 0)
    assert tally.rows() == []


def test_what_happened_again_is_added_up() -> None:
    tally = Tally()
    tally.count(REPORTS)
    tally.count(REPORTS, 4)
    (row,) = tally.rows()
    assert row == {"counted": "reports", "key": "", "region_id": 7, "registry_id": 0, "counts": [5], "seconds": 0.0}


def test_rows_come_in_one_order_whoever_counts() -> None:
    series = [Series(Counted.OUTCOMES, key, region, 3) for key in ("available", "degraded") for region in (1, 2)]
    one, other = Tally(), Tally()
    for item in series:
        one.count(item)
    for item in reversed(series):
        other.count(item)
    assert one.rows() == other.rows()
    assert len(one.rows()) == 4


@pytest.mark.parametrize(
    ("duration_ms", "place"),
    [(0, 0), (1, 0), (1.01, 1), (2, 1), (1000, 10), (65_536, BUCKETS - 2), (65_537, BUCKETS - 1)],
)
def test_duration_is_in_the_bucket_whose_bound_it_does_not_exceed(duration_ms: float, place: int) -> None:
    tally = Tally()
    tally.time(Timed.MANIFEST, duration_ms, region_id=1, registry_id=2)
    (row,) = tally.rows()
    assert (row["counted"], row["key"]) == ("durations", "manifest")
    assert row["counts"] == [int(number == place) for number in range(BUCKETS)]


def test_durations_of_one_series_are_summed() -> None:
    tally = Tally()
    for duration_ms in (500, 1500):
        tally.time(Timed.CHECK, duration_ms, region_id=1, registry_id=2)
    assert [row["seconds"] for row in tally.rows()] == [2.0]


def test_bounds_double() -> None:
    assert all(after == 2 * before for before, after in pairwise(BOUNDS_SECONDS))


def test_cumulated_buckets_end_with_all_of_them() -> None:
    counts = [0] * BUCKETS
    counts[0], counts[10], counts[-1] = 3, 2, 1
    told = dict(at_most(counts))
    assert (told[0.001], told[0.512], told[1.024], told[65.536], told[float("inf")]) == (3, 3, 5, 5, 6)
