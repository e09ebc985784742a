"""Events in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.event_words import MOST, NEWEST, events
from dashboard.words import Look
from probes.models import Event

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


def event(**values: Any) -> Event:
    return Event(**{"at": NOW, "severity": "info", "text": "ghcr.io/org/app:1 moved.", **values})


@pytest.mark.parametrize(
    ("severity", "look"), [("critical", Look.UNAVAILABLE), ("warning", Look.DEGRADED), ("info", None)]
)
def test_event_looks_as_severe_as_it_is(severity: str, look: Look | None) -> None:
    (line,) = events([event(severity=severity)], NOW).newest
    assert (line.look, line.severity, line.said) == (look, severity, "ghcr.io/org/app:1 moved.")


@pytest.mark.parametrize(
    ("ago", "moment"),
    [(timedelta(hours=1), "13:30"), (timedelta(days=2), "21 Nov 14:30"), (timedelta(days=400), "19 Oct 2025")],
)
def test_event_says_as_much_of_its_time_as_is_needed(ago: timedelta, moment: str) -> None:
    assert events([event(at=NOW - ago)], NOW).newest[0].moment == moment


@pytest.mark.parametrize(
    ("count", "newest", "earlier", "has_more"),
    [
        (0, 0, 0, False),
        (NEWEST, NEWEST, 0, False),
        (MOST, NEWEST, MOST - NEWEST, False),
        (MOST + 1, NEWEST, MOST - NEWEST, True),
    ],
)
def test_few_are_shown_and_the_rest_is_at_hand(count: int, newest: int, earlier: int, *, has_more: bool) -> None:
    found = events([event() for _ in range(count)], NOW)
    assert (len(found.newest), len(found.earlier), found.has_more) == (newest, earlier, has_more)
