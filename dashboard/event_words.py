"""What happened and is no failure. PURE: rows of the selectors and a moment in, words out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dashboard import words
from dashboard.words import Look
from probes.models import Event
from probes.policy.terms import Severity

NEWEST: Final = 5
MOST: Final = 20

_LOOKS: Final[dict[str, Look]] = {Severity.CRITICAL: Look.UNAVAILABLE, Severity.WARNING: Look.DEGRADED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event. `look` is that of its severity, None of one that is only to be known."""

    id: int
    at: datetime
    moment: str
    look: Look | None
    severity: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """The newest, those before them, and whether there are more than these."""

    newest: Sequence[Line]
    earlier: Sequence[Line]
    has_more: bool


def events(rows: Sequence[Event], now: datetime) -> Events:
    """Return what the page tells of `rows`, newest first: one more than `MOST` of them, if there are so many."""
    lines = [line(row, now) for row in rows[:MOST]]
    return Events(newest=lines[:NEWEST], earlier=lines[NEWEST:], has_more=len(rows) > MOST)


def line(event: Event, now: datetime) -> Line:
    """Return what every page tells of an event."""
    return Line(
        id=event.pk,
        at=event.at,
        moment=words.clock(event.at, now),
        look=_LOOKS.get(event.severity),
        severity=event.severity,
        said=words.shown(event.text, 1000),
    )
