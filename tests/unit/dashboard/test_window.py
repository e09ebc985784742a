"""The window that an address asks for: what is understood, and what is said of what is not."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.window import Window, window_of
from probes.policy.intervals import Interval

NOW = datetime(2026, 3, 29, 12, 34, tzinfo=UTC)
DAY = timedelta(days=1)


def asked(**parameters: str) -> Window:
    return window_of(parameters, now=NOW, kept=730 * DAY)


def test_usual_windows_end_now() -> None:
    assert asked().name == "24h"
    assert asked().over == Interval(NOW - DAY, NOW)
    assert asked().query == {}
    assert asked(window="90d").over == Interval(NOW - 90 * DAY, NOW)
    assert asked(window="90d").query == {"window": "90d"}
    assert asked(window="7d").label == "last 7d"


@pytest.mark.parametrize(
    ("since", "start"),
    [
        ("2026-03-20T10:00:00Z", datetime(2026, 3, 20, 10, tzinfo=UTC)),
        ("2026-03-20T10:00:00+02:00", datetime(2026, 3, 20, 8, tzinfo=UTC)),
        ("2026-03-20T10:00:00 02:00", datetime(2026, 3, 20, 8, tzinfo=UTC)),
        ("2026-03-20T10:00", datetime(2026, 3, 20, 10, tzinfo=UTC)),
        ("2026-03-20", datetime(2026, 3, 20, tzinfo=UTC)),
    ],
)
def test_range_is_read_in_utc_unless_it_has_a_zone(since: str, start: datetime) -> None:
    found = asked(since=since)
    assert (found.name, found.over, found.error) == ("custom", Interval(start, NOW), "")
    assert found.query == {"since": since, "until": ""}


def test_range_ends_now_at_the_latest() -> None:
    assert asked(since="2026-03-29", until="2026-04-29").over.end == NOW
    assert asked(since="2026-03-01", until="2026-03-02").over.end == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"window": "8d"}, "There is no window “8d”"),
        ({"window": "custom"}, "Say when the range starts."),
        ({"until": "2026-03-01"}, "Say when the range starts."),
        ({"since": "yesterday"}, "“yesterday” is no time"),
        ({"since": "0001-01-01T00:00+14:00"}, "is no time"),
        ({"since": "2026-03-20", "until": "soon"}, "“soon” is no time"),
        ({"since": "2026-03-20", "until": "2026-03-20"}, "The range ends before it starts."),
        ({"since": "2026-03-30"}, "The range lies ahead"),
        ({"since": "2020-01-01"}, "Figures are kept for 730 days"),
        ({"window": "\0" + "x" * 500}, "There is no window “x"),
    ],
)
def test_what_cannot_be_shown_is_told_and_the_usual_is_shown(parameters: dict[str, str], said: str) -> None:
    found = asked(**parameters)
    assert said in found.error
    assert len(found.error) < 200
    assert (found.name, found.over) == ("24h", Interval(NOW - DAY, NOW))
