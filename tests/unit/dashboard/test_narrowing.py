"""What a list is narrowed by, as the query of its address says it."""

from datetime import UTC, datetime

import pytest

from dashboard.instants import instant
from dashboard.narrowing import Asked
from probes.policy.intervals import Interval
from probes.selectors.keyset import Place

STATES = {"open": "Open", "over": "Over"}


def test_what_is_asked_for_can_be_taken_off_again() -> None:
    asked = Asked("/list/", {"find": " nginx ", "state": "open", "other": "x"})
    assert asked.text("find", "Find") == "nginx"
    assert asked.choice("state", "State", STATES) == "open"
    form = asked.form()
    assert [(chip.label, chip.said, chip.url) for chip in form.chips] == [
        ("Find", "“nginx”", "/list/?state=open"),
        ("State", "Open", "/list/?find=nginx"),
    ]
    assert form.bare_url == "/list/"
    assert asked.in_force == {"find": "nginx", "state": "open"}


def test_what_goes_along_is_no_part_of_what_narrows() -> None:
    asked = Asked("/list/", {"month": "2026-10", "state": "over"})
    asked.choice("state", "State", STATES)
    form = asked.form(kept=["month"])
    assert form.kept == [("month", "2026-10")]
    assert form.chips[0].url == "/list/?month=2026-10"


def test_value_that_is_none_is_complained_of_and_not_used() -> None:
    asked = Asked("/list/", {"state": "shut", "registry": "nowhere.example", "since": "soon", "after": "7"})
    assert asked.choice("state", "State", STATES) == ""
    asked.named("registry", "Registry", ["ghcr.io"], is_known=False)
    assert asked.times("Opened") is None
    assert asked.place() is None
    assert asked.form().complaints == [
        "State: there is no “shut”.",
        "Registry: there is no “nowhere.example”.",
        "Opened from: “soon” is no time. Write 2026-11-27 or 2026-11-27T14:00, in UTC.",
        "This address is of no page of the list: begin at its top.",
    ]


def test_range_may_be_open_at_either_end_and_runs_forwards() -> None:
    day = datetime(2026, 11, 27, tzinfo=UTC)
    assert Asked("/", {"since": "2026-11-27"}).times("Opened") == Interval(day, datetime.max.replace(tzinfo=UTC))
    assert Asked("/", {"until": "2026-11-27"}).times("Opened") == Interval(datetime.min.replace(tzinfo=UTC), day)


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2026-11-27", "until": "2026-11-26"},
        {"since": "2026-11-27", "until": "2026-11-27"},
        {"until": "0001-01-01"},
        {"since": "9999-12-31T23:59:59.999999"},
    ],
)
def test_range_that_holds_nothing_is_complained_of(query: dict[str, str]) -> None:
    asked = Asked("/", query)
    assert asked.times("Opened") is None
    assert asked.complaints == ["Opened: a range ends after it begins."]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-11-27", datetime(2026, 11, 27, tzinfo=UTC)),
        ("2026-11-27T14:30", datetime(2026, 11, 27, 14, 30, tzinfo=UTC)),
        ("2026-11-27T14:30:00+02:00", datetime(2026, 11, 27, 12, 30, tzinfo=UTC)),
        ("0001-01-01T00:00+05:00", None),
        ("tomorrow", None),
        # A plus that an address has made a space of.
        ("2026-11-27T14:00 02:00", datetime(2026, 11, 27, 12, tzinfo=UTC)),
    ],
)
def test_instant_without_a_zone_is_in_utc(text: str, read: datetime | None) -> None:
    assert instant(text) == read


def test_text_from_outside_is_cut_and_cleaned() -> None:
    asked = Asked("/", {"find": "\0" + "x" * 500})
    assert asked.text("find", "Find") == "x" * 200


def test_place_in_a_list_is_read_as_it_is_written() -> None:
    place = Place(datetime(2026, 11, 27, 14, 0, 0, 123456, tzinfo=UTC), 7)
    assert Place.read(str(place)) == place
    assert Asked("/list/", {}).at(place) == f"/list/?after={place}"
    assert Asked("/list/", {}).at(None) == ""


@pytest.mark.parametrize("text", ["", "7", "x-1", "1-x", "-1-2", "99999999999999999-1x", "9" * 17 + "-1 "])
def test_what_is_no_place_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="no place"):
        Place.read(text)
