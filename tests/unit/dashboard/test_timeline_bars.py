"""Bars and sparklines as values: what is drawn, what is said, and how little of it there is."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

from django.utils.safestring import SafeString

from dashboard.charts.bars import timeline_bar, told
from dashboard.charts.faces import LETTERS, MEANINGS, NAMES
from dashboard.charts.sparkline import sparkline
from probes.policy.buckets import Bar, Cause, Face, Part, cut
from probes.policy.grid import Grid, second
from probes.policy.intervals import Interval

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
T = second(NOON)
HOUR = Grid.of(Interval(NOON, NOON + timedelta(hours=1)), timedelta(minutes=10))
STYLES = Path("dashboard/static/dashboard/charts.css").read_text()


def parsed(svg: SafeString) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own output


def paths(svg: SafeString) -> dict[str, str]:
    return {path.attrib["class"]: path.attrib["d"] for path in parsed(svg).iter("path")}


def of(*faces: tuple[float, float, Face], causes: tuple[Cause, ...] = ()) -> Bar:
    """A bar of an hour in six slots; minutes after noon."""
    parts = [Part.of(T + int(start * 60), T + int(end * 60), face) for start, end, face in faces]
    return cut(HOUR, parts, causes=causes)


def test_healthy_bar_is_one_line_and_short() -> None:
    day = Grid.of(Interval(NOON - timedelta(days=1), NOON))
    svg = timeline_bar(cut(day, [Part.of(day.start, day.end, Face.AVAILABLE)]), id="bar-1", label="team/service")
    assert paths(svg) == {"slot-available": "M0 10h360"}
    assert len(svg) < 400
    root = parsed(svg).attrib
    assert (root["id"], root["role"], root["viewBox"]) == ("bar-1", "img", "0 0 360 26")
    assert root["aria-label"] == "team/service: available all the time"
    assert root["data-slots"] == "90a"
    assert "tabindex" not in root
    assert 'tabindex="0"' in timeline_bar(of((0, 60, Face.AVAILABLE)), id="b", label="x", is_focusable=True)


def test_worst_stands_at_the_foot_as_high_as_its_share_and_is_underlined() -> None:
    svg = timeline_bar(
        of((0, 15, Face.AVAILABLE), (15, 20, Face.UNAVAILABLE), (20, 60, Face.AVAILABLE)), id="b", label="x"
    )
    assert paths(svg) == {
        "slot-available": "M0 10h4M8 10h16",
        "slot-unavailable slot-part": "M5.5 20V10",
        "slot-available slot-part": "M5.5 9V0",
        "slot-unavailable slot-rail": "M4 24h4",
    }
    assert parsed(svg).attrib["data-slots"] == "a u300a300 4a"
    # From one to the next is shorter than from the corner.
    hourly = [(minute, minute + 5, Face.UNAVAILABLE) for minute in (10, 20, 40)]
    often = paths(timeline_bar(of(*hourly, (15, 20, Face.AVAILABLE), (25, 30, Face.AVAILABLE)), id="b", label="x"))
    assert often["slot-unavailable slot-part"].startswith("M5.5 20V10m4 10V10")
    assert often["slot-available slot-part"] == "M5.5 9V0m4 9V0"


def test_what_was_short_is_seen_and_leaves_room_for_the_rest() -> None:
    short = paths(timeline_bar(of((0, 9.9, Face.AVAILABLE), (9.9, 10, Face.DEGRADED)), id="b", label="x"))
    assert short["slot-degraded slot-part"] == "M1.5 20V16"
    long = paths(timeline_bar(of((0, 9.9, Face.DEGRADED), (9.9, 10, Face.AVAILABLE)), id="b", label="x"))
    assert long["slot-degraded slot-part"] == "M1.5 20V4"


def test_many_of_one_share_in_a_row_are_one_dashed_line_of_that_width() -> None:
    day = Grid.of(Interval(NOON - timedelta(days=1), NOON))
    ends = [(at, at + day.length // 4) for at in range(day.start, day.end, day.length)]
    parts = [Part.of(start, end, Face.UNAVAILABLE) for start, end in ends]
    parts += [Part.of(end, start + day.length, Face.AVAILABLE) for start, end in ends]
    svg = timeline_bar(cut(day, parts), id="b", label="x")
    drawn = [(path.attrib["class"], path.get("stroke-width"), path.attrib["d"]) for path in parsed(svg).iter("path")]
    assert drawn == [
        ("slot-unavailable", "5", "M0 17.5h360"),
        ("slot-unavailable slot-rail", None, "M0 24h360"),
        ("slot-available", "14", "M0 7h360"),
    ]
    assert len(svg) < 600


def test_underline_goes_on_through_whole_and_partial_slots() -> None:
    svg = timeline_bar(
        of((0, 5, Face.AVAILABLE), (5, 30, Face.UNAVAILABLE), (40, 50, Face.UNAVAILABLE)), id="b", label="x"
    )
    assert paths(svg)["slot-unavailable slot-rail"] == "M0 24h12M16 24h4"


def test_each_face_is_drawn_in_a_way_of_its_own() -> None:
    lines = {face: paths(timeline_bar(of((0, 60, face)), id="b", label="x")) for face in Face}
    for face, drawn in lines.items():
        assert f"slot-{face}" in drawn
        if face is not Face.AVAILABLE:
            assert f".slot-{face}" in STYLES
    assert lines[Face.MAINTENANCE]["slot-maintenance"] == "M0 4h24M0 16h24"
    assert lines[Face.NO_DATA]["slot-no_data"] == "M0 19h24"
    assert set(NAMES) == set(MEANINGS) == set(LETTERS) == set(Face)
    assert len(set(LETTERS.values())) == len(Face)


def test_what_is_absent_is_not_drawn() -> None:
    bar = cut(HOUR, [Part.of(T + 1800, T + 3600, Face.AVAILABLE)], born=T + 1800)
    svg = timeline_bar(bar, id="b", label="x")
    assert paths(svg) == {"slot-available": "M12 10h12"}
    assert parsed(svg).attrib["data-slots"] == "3- 3a"
    nothing = timeline_bar(cut(HOUR, [], born=T + 3600), id="b", label="x")
    assert paths(nothing) == {}
    assert parsed(nothing).attrib["aria-label"] == "x: nothing yet"


def test_causes_and_checks_are_there_for_the_tooltip() -> None:
    bar = of((0, 20, Face.UNAVAILABLE), (20, 60, Face.AVAILABLE), causes=(Cause(T, T + 1200, "tag_not_found"),))
    svg = timeline_bar(bar, id="b", label="x")
    assert parsed(svg).attrib["data-slots"] == "2u~0 4a"
    assert parsed(svg).attrib["data-causes"] == "tag not found"
    counted = cut(HOUR, [Part.of(T, T + 3600, Face.AVAILABLE)], checks={0: 2, 1: 2})
    assert parsed(timeline_bar(counted, id="b", label="x")).attrib["data-slots"] == "2a*2 4a*0"


def test_hostile_words_stay_words_and_short() -> None:
    cause = '"><script>|' + "x" * 500
    svg = timeline_bar(
        of((0, 60, Face.DEGRADED), causes=(Cause(T, T + 3600, cause),)), id="b", label='<b onload="x">'
    )
    assert "<script" not in svg
    assert "<b" not in svg
    assert len(parsed(svg).attrib["data-causes"]) <= 80
    assert "|" not in parsed(svg).attrib["data-causes"]


def test_worst_case_of_a_bar_is_bounded() -> None:
    day = Grid.of(Interval(NOON - timedelta(days=1), NOON))
    faces = (Face.UNAVAILABLE, Face.AVAILABLE, Face.MAINTENANCE)
    parts = [Part.of(at, at + 60, faces[number % 3]) for number, at in enumerate(range(day.start, day.end, 60))]
    assert len(timeline_bar(cut(day, parts), id="bar-1", label="x")) < 6000


def test_bar_is_told_in_words() -> None:
    mixed = of((0, 27, Face.AVAILABLE), (27, 30, Face.UNAVAILABLE), (30, 50, Face.UNKNOWN), (50, 60, Face.PAUSED))
    said = "uptime 90 %, 3\u00a0min unavailable"
    assert told(mixed) == f"{said}, 20\u00a0min unknown, 10\u00a0min paused"
    assert told(mixed, is_brief=True) == f"{said}, 30\u00a0min left out"
    assert told(mixed, unattended="retired or paused").endswith("10\u00a0min retired or paused")
    assert (
        told(of((0, 30, Face.UNKNOWN), (30, 60, Face.MAINTENANCE))) == "30\u00a0min unknown, 30\u00a0min maintenance"
    )
    assert told(of((0, 60, Face.NO_DATA))) == "no data all the time"


def test_script_knows_the_letters_and_names() -> None:
    script = Path("dashboard/static/dashboard/charts.js").read_text()
    table = dict(re.findall(r'^  (\w): "([^"]+)",$', script, re.MULTILINE))
    assert table == {LETTERS[face]: NAMES[face] for face in Face}


def test_sparkline_draws_the_course_between_its_lowest_and_highest() -> None:
    svg = sparkline([100.0, 200.0, 150.0], label="Latency")
    assert [path.attrib["d"] for path in parsed(svg).iter("path")] == ["M0 18 4 2 8 10"]
    assert parsed(svg).attrib["aria-label"] == "Latency: usually 150 ms, at most 200 ms, last 150 ms"


def test_sparkline_breaks_where_nothing_was_timed_and_one_alone_is_a_dot() -> None:
    svg = sparkline([100.0, None, 100.0, 100.0, 100.0, None], label="x")
    assert [path.attrib["d"] for path in parsed(svg).iter("path")] == ["M0 18h0M8 18 16 18"]


def test_sparkline_of_what_hardly_differs_is_flat() -> None:
    (path,) = parsed(sparkline([100.0, 102.0], label="x")).iter("path")
    assert path.attrib["d"] == "M0 18 4 17.4"


def test_sparkline_of_nothing_says_so() -> None:
    svg = sparkline([None, None], label="Latency")
    assert not list(parsed(svg).iter("path"))
    assert parsed(svg).attrib["aria-label"] == "Latency: nothing timed"
    assert sparkline([], label="x")
