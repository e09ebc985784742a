"""Regions side by side, by hours and on a map: what is drawn and said."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dashboard import side_by_side, words
from dashboard.compare import heat, worldmap
from dashboard.side_by_side import table
from dashboard.words import Look
from probes.models import Region, RegionState
from probes.policy.comparing import Disagreement, View
from probes.policy.intervals import Interval
from probes.policy.latency import Histogram, Timed
from probes.policy.rollup import DAY, HOUR, Rolled
from probes.policy.uptime import Tally
from probes.protocol.taxonomy import Status
from probes.selectors.comparison import Comparison, Failure, Many, Seen

NOW = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)
DAY_BEFORE = Interval(NOW - DAY, NOW)


def region(slug: str, **values: Any) -> Region:
    return Region(slug=slug, name=slug.upper(), verify_key="k", **values)


def seen(slug: str, ms: float, *, unavailable: int = 0, many: Many | None = None, **values: Any) -> Seen:
    rolled = Rolled(
        outcomes={Status.AVAILABLE: 10, Status.DEGRADED: 2},
        seconds=Tally(available=1000 - unavailable, unavailable=unavailable),
        latency={Timed.CHECK: Histogram.of([ms] * 4)},
    )
    failure = Failure(
        resource_id=7, status="unavailable", reason="dns_nxdomain", stage="dns", host="x" * 500, slot=NOW
    )
    return Seen(region=region(slug, **values), rolled=rolled, many=many, failure=failure if unavailable else None)


def compared(*items: Seen) -> side_by_side.Table:
    views = (View("0", ("a",)), View("2", ("b",)))
    return table(
        Comparison(
            over=DAY_BEFORE,
            overall=Rolled(),
            regions=items,
            disagreements=[Disagreement("failing", views)],
            counted_to=DAY_BEFORE.end - 2 * HOUR,
        ),
        NOW,
    )


def test_the_least_available_and_the_much_slower_are_marked() -> None:
    found = compared(seen("a", 100), seen("b", 400, unavailable=1), seen("c", 120))
    assert [row.is_least for row in found.rows] == [False, True, False]
    assert [row.latencies[0].is_worse if row.latencies[0] else None for row in found.rows] == [False, True, False]
    assert found.rows[1].share == "99.9 %"
    assert found.rows[0].others == ["2 degraded"]
    assert found.overall == ""
    assert found.counted_to == words.clock(DAY_BEFORE.end - 2 * HOUR, NOW)
    assert found.opinions[0].views == [("0", "A"), ("2", "B")]


def test_nobody_is_the_least_where_all_are_alike_and_nothing_quick_is_slow() -> None:
    found = compared(seen("a", 10), seen("b", 40))
    assert not any(row.is_least for row in found.rows)
    assert not any(latency and latency.is_worse for row in found.rows for latency in row.latencies)


def test_last_failure_leads_to_its_steps_and_is_bounded() -> None:
    failure = compared(seen("b", 10, unavailable=5)).rows[0].failure
    assert failure is not None
    assert failure.query == "from=b&slot=2026-11-27T14%3A00%3A00.000Z"
    assert (failure.said, len(failure.host)) == ("host name does not exist", 260)


@pytest.mark.parametrize(
    ("many", "said"),
    [
        (Many(seen=3, looked_at=3, fresh=3), (Look.AVAILABLE, "none fails")),
        (Many(looked_at=3, fresh=3), (Look.AVAILABLE, "none fails")),
        (Many(seen=3, looked_at=3, fresh=2), (Look.AVAILABLE, "none fails of 2 fresh of 3")),
        (Many(seen=3, looked_at=3), (Look.STALE, "nothing fresh of 3")),
        (Many(seen=3), (Look.UNCHECKED, "not checked now")),
        (Many(seen=3, are_more=True), (Look.UNCHECKED, "none of the first 1,000 checked")),
        (Many(), (Look.UNCHECKED, "nothing seen")),
        (Many(seen=3, failing=1), (Look.DEGRADED, "1 fails")),
        (Many(seen=3, failing=1000, is_complete=False), (Look.DEGRADED, "at least 1,000 fail")),
        (Many(seen=3, looked_at=3, lapsed=1), (Look.STALE, "1 failed before, not checked since")),
        (
            Many(seen=3, looked_at=3, lapsed=1, fresh=2),
            (Look.STALE, "none fails of 2 fresh of 3; 1 failed before, not checked since"),
        ),
        (
            Many(seen=3, failing=999, lapsed=1, is_complete=False),
            (Look.DEGRADED, "at least 999 fail; at least 1 failed before, not checked since"),
        ),
        (None, (Look.UNCHECKED, "Not yet checked")),
    ],
)
def test_now_is_told_of_many_and_of_one_that_was_not_checked(many: Many | None, said: tuple[Look, str]) -> None:
    row = compared(seen("a", 10, many=many)).rows[0]
    assert (row.now_look, row.now) == said


@pytest.mark.parametrize(
    ("telling", "said"),
    [
        ([None, None], "They agree on all that they can tell."),
        ([None], "It is seen from one region alone here: there is nothing to compare."),
        ([Many(looked_at=2), Many(looked_at=2)], "No region tells how many fail now: there is nothing to compare."),
        (
            [Many(looked_at=2, lapsed=1, fresh=1), Many(looked_at=2, fresh=1)],
            "Only 1 of 2 regions tells how many fail now: there is nothing to compare.",
        ),
        ([Many(failing=1), Many(failing=1)], "Nothing fails now from one region and not from another."),
    ],
)
def test_regions_agree_on_what_at_least_two_of_them_tell(telling: list[Many | None], said: str) -> None:
    assert compared(*(seen(f"r{number}", 10, many=many) for number, many in enumerate(telling))).agreed == said


def test_regions_of_which_nothing_is_fresh_do_not_agree() -> None:
    """The page said that they agree, under 'was layers denied' and 'was available' of an hour before."""
    before = [replace(seen(slug, 10), counts=False) for slug in ("a", "b")]
    assert compared(*before).agreed == "No region tells how it is now: there is nothing to compare."


def test_region_that_is_not_as_it_should_be_says_so() -> None:
    row = compared(seen("a", 10, silent_since=NOW)).rows[0]
    assert (row.look, row.condition) == (Look.SILENT, "silent")


@pytest.mark.parametrize(
    ("many", "silent_since", "said"),
    [
        (Many(seen=3, lapsed=2), NOW, (Look.SILENT, "2 failed last")),
        (Many(seen=3), NOW, (Look.SILENT, "no vote")),
        (None, NOW, (Look.SILENT, "was layer missing")),
        (None, None, (Look.STALE, "was layer missing")),
    ],
)
def test_what_counts_no_more_is_told_as_what_it_was(
    many: Many | None, silent_since: datetime | None, said: tuple[Look, str]
) -> None:
    state = None if many else RegionState(status="unavailable", reason="layer_missing", digest=None)
    item = replace(seen("a", 10, many=many, silent_since=silent_since), state=state, counts=False)
    row = compared(item).rows[0]
    assert (row.now_look, row.now) == said


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        ("available", "ok", "was available"),
        ("unavailable", "tls_protocol", "was TLS not spoken"),  # and not tLS
    ],
)
def test_what_it_was_is_told_in_the_words_of_its_reason(status: str, reason: str, said: str) -> None:
    state = RegionState(status=status, reason=reason, digest=None)
    assert compared(replace(seen("a", 10), state=state, counts=False)).rows[0].now == said


def test_hours_are_as_tall_as_they_were_bad() -> None:
    start = NOW - 5 * HOUR
    shares = [0, 5, 50, 400, 900]
    tallies = {
        start + number * HOUR: Tally(available=1000 - bad, unavailable=bad) for number, bad in enumerate(shares)
    }
    found = heat.heat([("a", "A <b>", tallies)], Interval(start - HOUR, NOW), HOUR, NOW)
    drawn = found.lanes[0].drawn
    steps = ["none", *(step for step, _ in heat.LEGEND)]
    assert [part.split('"')[0] for part in drawn.split('class="heat-')[1:]] == steps
    heights = [int(part.split("v-")[1].split("h")[0]) for part in drawn.split('class="heat-')[1:]]
    assert heights == sorted(heights)
    assert len(set(heights)) == len(steps)
    assert "A &lt;b&gt;: 5 hours or days known, 4 of them not wholly available" in drawn
    assert (found.starts, found.ends, found.unit) == ("08:00", "14:00", "hour")


def test_longer_ranges_are_told_by_days() -> None:
    found = heat.heat([("a", "A", {})], Interval(NOW - 30 * DAY, NOW), DAY, NOW)
    assert found.unit == "day"
    # Of today nothing is rolled up yet.
    assert found.lanes[0].drawn.count("<path") == 30
    today = {NOW.replace(hour=0): Tally(available=9)}
    assert heat.heat([("a", "A", today)], Interval(NOW - 30 * DAY, NOW), DAY, NOW).lanes[0].drawn.count("<path") == 31


def test_regions_stand_on_the_map_and_their_names_beside_each_other() -> None:
    places = {"a": (84.0, -180.0), "b": (50.0, 8.0), "c": (50.0, 9.0), "d": (-90.0, 179.0)}
    regions = [region(slug, latitude=lat, longitude=lon) for slug, (lat, lon) in places.items()]
    rows = compared(*(seen(slug, 10) for slug in "abcd")).rows
    spots = {spot.slug: spot for spot in worldmap.spots([*regions, region("e")], rows)}
    assert set(spots) == set("abcd")
    assert (spots["b"].x, spots["b"].y) == ("376.0", "68.0")
    assert (spots["a"].x, spots["a"].y) == ("8.0", "8.0")
    assert (spots["d"].y, spots["d"].is_left) == ("280.0", True)
    assert float(spots["c"].name_y) - float(spots["b"].name_y) >= 9
    assert spots["b"].said == "B: Not yet checked, available for 100 %"
