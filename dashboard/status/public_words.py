"""States, times and texts in words for the public. PURE."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from dashboard import words
from dashboard.words import Look
from probes.models.status import LONGEST_ANNOUNCEMENT
from probes.policy.publishing import AnnouncementKind, Standing
from probes.policy.uptime import Shown
from probes.protocol.outcome import rfc3339

LONGEST_NAME: Final = 255
_LONGEST_LINE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Said:
    """How a state looks, its label, and the sentence of a page that is in it."""

    look: Look
    label: str
    sentence: str


STANDINGS: Final = {
    Standing.AVAILABLE: Said(Look.AVAILABLE, "Available", "Everything is available"),
    Standing.MAINTENANCE: Said(Look.MAINTENANCE, "Maintenance", "Maintenance is going on"),
    Standing.UNKNOWN: Said(Look.UNKNOWN, "Not known", "It is not known how things stand"),
    Standing.DEGRADED: Said(Look.DEGRADED, "Degraded", "Available with trouble"),
    Standing.PARTLY: Said(Look.UNAVAILABLE, "Partly unavailable", "Some of it is unavailable"),
    Standing.UNAVAILABLE: Said(Look.UNAVAILABLE, "Unavailable", "Everything is unavailable"),
}

SHOWN: Final = {
    Shown.AVAILABLE: (Look.AVAILABLE, "Available"),
    Shown.DEGRADED: (Look.DEGRADED, "Degraded"),
    Shown.UNAVAILABLE: (Look.UNAVAILABLE, "Unavailable"),
    Shown.UNKNOWN: (Look.UNKNOWN, "Not known"),
    Shown.MAINTENANCE: (Look.MAINTENANCE, "Maintenance"),
    Shown.PAUSED: (Look.PAUSED, "Not watched"),
}

KINDS: Final = {
    AnnouncementKind.NOTICE: (Look.INDETERMINATE, "Notice"),
    AnnouncementKind.WORK: (Look.MAINTENANCE, "Planned work"),
    AnnouncementKind.TROUBLE: (Look.DEGRADED, "Trouble"),
    AnnouncementKind.SOLVED: (Look.AVAILABLE, "Solved"),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant for people and for programs: `27 Nov 2026, 02:14 UTC`."""

    text: str
    iso: str

    @classmethod
    def of(cls, instant: datetime) -> Self:
        utc = instant.astimezone(UTC).replace(microsecond=0)
        return cls(f"{utc.day} {utc:%b %Y, %H:%M} UTC", rfc3339(utc))

    def after(self, began: Self) -> str:
        """Return the text of an end: of what began on the same day the time alone."""
        day, _, time = self.text.partition(", ")
        return time if began.text.startswith(f"{day}, ") else self.text


def paragraphs(text: str) -> Sequence[Sequence[str]]:
    """Return plain text by paragraphs and lines, each clean; an empty line begins a paragraph."""
    return list(_paragraphs(text[:LONGEST_ANNOUNCEMENT]))


def _paragraphs(text: str) -> Iterator[Sequence[str]]:
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        if said := words.shown(line, _LONGEST_LINE).strip():
            lines.append(said)
        elif lines:
            yield lines
            lines = []


def plain(text: str) -> str:
    """Return the same as one text."""
    return "\n\n".join("\n".join(lines) for lines in paragraphs(text))
