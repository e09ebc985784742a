"""The one sentence that says how things stand, and what is said when Kairos itself does not work."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.overview import headline as page
from dashboard.overview import matrix
from probes.models import Region
from probes.selectors.severity import Group

NOW = datetime(2024, 11, 23, 14, 30, tzinfo=UTC)
HEARD = Region(slug="eu-west", name="Europe West", verify_key="k", last_seen_at=NOW)
NEVER_HEARD = Region(slug="us-east", name="US East", verify_key="k")
SILENT = Region(
    slug="ap-south",
    name="Asia South",
    verify_key="k",
    last_seen_at=NOW - timedelta(minutes=12),
    silent_since=NOW - timedelta(minutes=12),
)
CUT_OFF = Region(
    slug="sa-east",
    name="South America East",
    verify_key="k",
    last_seen_at=NOW,
    egress_down_since=NOW - timedelta(minutes=7),
)
LATE = Region(
    slug="af-south", name="Africa South", verify_key="k", last_seen_at=NOW, late_since=NOW, queue_lag_seconds=45.2
)
DRAINING = Region(slug="me-west", name="Middle East", verify_key="k", last_seen_at=NOW, draining_at=NOW)


def tally(**counts: int) -> Mapping[Group, int]:
    return {group: counts.get(group, 0) for group in Group}


def said(regions: list[Region], *, is_current: bool = True, has_endpoints: bool = False, **counts: int) -> str:
    return page.headline(tally(**counts), regions, is_current=is_current, has_endpoints=has_endpoints)


def test_the_headline_says_first_what_is_bad_and_then_how_many_are_well() -> None:
    assert said([HEARD], available=13, unavailable=3, degraded=2) == (
        "3 of 18 images are unavailable, 2 degraded; 13 can be pulled from everywhere"
    )
    assert said([HEARD], available=1, unknown=1, unchecked=2, paused=1) == (
        "1 of 5 images is unknown, 2 not yet checked, 1 paused; 1 can be pulled from everywhere"
    )
    assert said([HEARD], unavailable=2) == "2 of 2 images are unavailable; none can be pulled from everywhere"
    assert said([HEARD], degraded=1) == "The one image is degraded"


def test_the_headline_is_short_when_all_is_well() -> None:
    assert said([HEARD], available=1200) == "All 1,200 images can be pulled from everywhere"
    assert said([HEARD], available=1) == "The one image can be pulled from everywhere"


def test_the_headline_speaks_of_resources_where_some_are_endpoints() -> None:
    assert said([HEARD], has_endpoints=True, available=12) == "All 12 resources are available from everywhere"
    assert said([HEARD], has_endpoints=True, available=1) == "The one resource is available from everywhere"
    assert said([HEARD], has_endpoints=True, is_current=False, available=1, degraded=2) == (
        "2 of 3 resources were degraded; 1 was available from everywhere"
    )
    assert said([HEARD], has_endpoints=True, unchecked=2) == "No result yet for 2 resources"


@pytest.mark.parametrize(
    "region", [SILENT, CUT_OFF, DRAINING, NEVER_HEARD, Region(slug="x", verify_key="k", paused_at=NOW)]
)
def test_the_headline_claims_nothing_for_regions_that_are_not_heard(region: Region) -> None:
    assert said([HEARD, region], available=2) == "All 2 images can be pulled from every region that reports"


def test_the_headline_is_in_the_past_when_no_checks_are_handed_out() -> None:
    assert said([HEARD], is_current=False, available=2) == "All 2 images could be pulled from everywhere"


def test_the_headline_before_the_first_result_claims_nothing() -> None:
    assert said([HEARD], unchecked=7) == "No result yet for 7 images"


def test_the_tab_shows_what_is_bad() -> None:
    assert page.short_title(tally(available=3)) == "Kairos"
    assert page.short_title(tally(available=3, unavailable=3, degraded=1)) == "3 unavailable, 1 degraded · Kairos"


@pytest.mark.parametrize(
    ("ticked_at", "part"),
    [
        (None, "No check has been handed out yet"),
        (NOW - timedelta(minutes=3), "last heard of 3\N{NO-BREAK SPACE}min ago"),
    ],
)
def test_a_control_plane_that_hands_out_no_checks_is_a_problem(ticked_at: datetime | None, part: str) -> None:
    (problem,) = page.problems(ticked_at, [HEARD, NEVER_HEARD], NOW)
    assert part in problem


def test_a_silent_region_is_a_problem_and_is_named() -> None:
    (problem,) = page.problems(NOW, [HEARD, SILENT], NOW)
    assert problem.startswith("Asia South (ap-south) has been silent for 12\N{NO-BREAK SPACE}min.")


def test_regions_that_are_missing_and_not_called_silent_are_one_problem_while_checks_are_handed_out() -> None:
    """Nobody reads the heartbeats, and the page showed a region that works."""
    long_ago = NOW - timedelta(seconds=91)
    missing = [Region(slug=slug, name=slug.upper(), verify_key="k", last_seen_at=long_ago) for slug in ("a", "b")]
    (problem,) = page.problems(NOW, [HEARD, NEVER_HEARD, *missing], NOW)
    assert problem.startswith("Nothing is heard of A, B, and whether that is silence cannot be told")
    (problem,) = page.problems(NOW - timedelta(minutes=3), missing, NOW)
    assert problem.startswith("No checks are handed out")
    missing[0].retired_at = NOW
    missing[1].last_seen_at = NOW - timedelta(seconds=89)
    assert page.problems(NOW, missing, NOW) == []


def test_a_region_that_is_cut_off_or_behind_is_a_problem_and_one_that_drains_is_none() -> None:
    cut_off, late = page.problems(NOW, [HEARD, CUT_OFF, LATE, DRAINING], NOW)
    assert cut_off.startswith("South America East (sa-east) has reached nothing at all for 7\N{NO-BREAK SPACE}min.")
    assert late == "Africa South (af-south) is behind: checks wait 45 s in its queue."


def test_a_late_region_counts_as_heard() -> None:
    assert said([HEARD, LATE], available=2) == "All 2 images can be pulled from everywhere"


def test_columns_tell_when_a_region_was_heard_and_what_is_odd_about_it() -> None:
    columns = matrix.columns([HEARD, NEVER_HEARD, SILENT, CUT_OFF, LATE, DRAINING], NOW)
    assert [(column.slug, column.look, column.note) for column in columns] == [
        ("eu-west", None, "heard just now"),
        ("us-east", None, "not heard yet"),
        ("ap-south", "silent", "silent, heard 12\N{NO-BREAK SPACE}min ago"),
        ("sa-east", "egress_down", "cut off, heard just now"),
        ("af-south", None, "late, heard just now"),
        ("me-west", "paused", "draining, heard just now"),
    ]
