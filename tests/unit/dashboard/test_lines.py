"""Lines over time as values: axes, gaps, and what is said of them."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

from django.utils.safestring import SafeString

from dashboard.charts.lines import line_chart
from dashboard.latency import STEPS, latency
from probes.policy.grid import Grid
from probes.policy.intervals import Interval
from probes.policy.latency import Timed
from probes.selectors.durations import Durations

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GRID = Grid.of(Interval(NOON, NOON + 3 * HOUR), HOUR)


def parsed(svg: SafeString) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own output


def paths(svg: SafeString) -> dict[str, str]:
    return {path.attrib["class"]: path.attrib["d"] for path in parsed(svg).iter("path")}


def test_lines_stand_on_an_axis_of_even_steps() -> None:
    chart = line_chart("Token", {50: [100.0, 200.0], 95: [150.0, 390.0]})
    assert chart.ticks == ["400 ms", "300 ms", "200 ms", "100 ms", "0"]
    assert paths(chart.plot)["plot-line line-p50"] == "M0 75L400 50"
    assert chart.said == "last: median 200 ms, p95 390 ms"
    assert line_chart("x", {50: [3900.0]}).ticks[0] == "4 s"


def test_lines_break_where_nothing_was_timed() -> None:
    chart = line_chart("x", {50: [None, 1.0, None, 1.0, 1.0]})
    assert paths(chart.plot)["plot-line line-p50"] == "M100 0h0M300 0L400 0"
    empty = line_chart("x", {50: [None]})
    assert (empty.said, paths(empty.plot)["plot-line line-p50"]) == ("nothing timed", "")


def test_latency_has_a_chart_and_a_row_for_each_step_that_was_timed() -> None:
    found = latency(
        Durations(
            GRID,
            {Timed.CHECK: {50: [1.0, 2.0, 3.0], 95: [4.0, None, 4.0], 99: [5.0, 5.0, 5.0]}},
            {Timed.CHECK: ({50: 2.0, 95: 4.0, 99: None}, 1234)},
            {1: {50: [1.0]}, 2: {50: [390.0]}},
        ),
        {2: "Dublin", 1: "Mumbai", 3: "Ashburn"},
    )
    assert [chart.title for chart in found.regions] == ["Dublin", "Mumbai"]
    assert {chart.ticks[0] for chart in found.regions} == {"400 ms"}, "what is compared has one axis"
    assert [chart.title for chart in found.charts] == ["Whole check"]
    assert [(row.values, row.counted) for row in found.rows] == [(["2.0 ms", "4.0 ms", "no data"], "1,234")]
    assert set(STEPS) == set(Timed)
    assert latency(Durations(GRID, {}, {}, {})).charts == []
