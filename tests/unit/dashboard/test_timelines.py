"""The section of timelines as values: windows to choose, marks, lanes, and all of it in words."""

from datetime import UTC, datetime, timedelta

from dashboard.timelines import MOST_LINES, Timelines, timelines
from dashboard.window import window_of
from probes.policy.buckets import Bar, Cause, Face, Part, cut
from probes.policy.grid import Grid, second
from probes.policy.intervals import Interval

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
T = second(NOW)
DAY = timedelta(days=1)


def of(over: timedelta, *parts: Part, causes: tuple[Cause, ...] = ()) -> Bar:
    return cut(Grid.of(Interval(NOW - over, NOW)), parts, causes=causes)


def shown(bar: Bar, *lanes: tuple[str, str, Bar], **asked: str) -> Timelines:
    window = window_of(asked, now=NOW, kept=730 * DAY)
    return timelines(window, bar, lanes, url="/resources/1/", kept={"from": "eu", "slot": ""})


def test_windows_keep_what_else_the_address_asks_for() -> None:
    section = shown(of(DAY, Part.of(T - 86_400, T, Face.AVAILABLE)), window="7d")
    assert [(choice.name, choice.is_current) for choice in section.choices] == [
        ("24h", False),
        ("7d", True),
        ("30d", False),
        ("90d", False),
    ]
    assert section.choices[2].url == "/resources/1/?from=eu&window=30d#timeline"


def test_marks_are_times_of_a_day_and_dates_of_a_month() -> None:
    day = shown(of(DAY))
    assert [text for _, text in day.marks] == ["12:00", "18:00", "00:00", "06:00", "12:00"]
    assert (day.slot, day.marks[-1][0]) == ("16\u00a0min", NOW)
    month = shown(of(30 * DAY), window="30d")
    assert [text for _, text in month.marks] == ["27 Feb", "6 Mar", "14 Mar", "22 Mar", "29 Mar"]


def test_what_was_not_available_all_along_is_told_newest_first() -> None:
    failed = Part.of(T - 3600, T - 3000, Face.UNAVAILABLE)
    good = (Part.of(T - 86_400, T - 3600, Face.AVAILABLE), Part.of(T - 3000, T, Face.AVAILABLE))
    section = shown(of(DAY, failed, *good, causes=(Cause(T - 3600, T - 3000, "tag_not_found"),)))
    (line,) = section.lines
    assert (line.start, line.end) == (NOW - 64 * DAY / 1440, NOW - 48 * DAY / 1440)
    assert (line.said, line.cause) == ("Unavailable 62 % and available 37 %", "tag not found")
    assert [key.name for key in section.keys] == ["Available", "Unavailable"]
    assert section.more == 0


def test_only_so_many_lines_are_told() -> None:
    parts = [Part.of(at, at + 60, Face.UNAVAILABLE) for at in range(T - 86_400, T, 1920)]
    bar = of(DAY, *parts)
    assert len(shown(bar).lines) == MOST_LINES
    assert shown(bar).more == sum(1 for run in bar.runs) - MOST_LINES


def test_lanes_have_names_bars_and_words_of_their_own() -> None:
    good = of(DAY, Part.of(T - 86_400, T, Face.AVAILABLE))
    section = shown(good, ("eu-west", "Europe <b>", good), ("us", "America", of(DAY)))
    assert [(lane.slug, lane.said) for lane in section.lanes] == [
        ("eu-west", "available all the time"),
        ("us", "no data all the time"),
    ]
    assert 'id="timeline-eu-west"' in section.lanes[0].bar
    assert "<b>" not in section.lanes[0].bar
    assert {key.name for key in section.keys} == {"Available", "No data"}
