"""Months of UTC, by which history is turned over. PURE."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from probes.policy.intervals import Interval

MOST_BACK: Final = 24
_WRITTEN: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month, counted from that of the year 0."""

    number: int

    @classmethod
    def of(cls, instant: datetime) -> Self:
        utc = instant.astimezone(UTC)
        return cls(utc.year * 12 + utc.month - 1)

    @classmethod
    def read(cls, text: str, *, now: datetime) -> Self | None:
        """Return the month that is written as 2026-11, this one of no text; None of what is none, or out of reach."""
        present = cls.of(now)
        if not text:
            return present
        if not (found := _WRITTEN.fullmatch(text)):
            return None
        month = cls(int(found[1]) * 12 + int(found[2]) - 1)
        return month if present.number - MOST_BACK <= month.number <= present.number else None

    def before(self, *, now: datetime) -> Self | None:
        return self.read(str(type(self)(self.number - 1)), now=now)

    def after(self, *, now: datetime) -> Self | None:
        return self.read(str(type(self)(self.number + 1)), now=now)

    @property
    def start(self) -> datetime:
        return datetime(self.number // 12, self.number % 12 + 1, 1, tzinfo=UTC)

    @property
    def interval(self) -> Interval:
        return Interval(self.start, type(self)(self.number + 1).start)

    @property
    def title(self) -> str:
        return f"{self.start:%B %Y}"

    def __str__(self) -> str:
        return f"{self.start:%Y-%m}"
