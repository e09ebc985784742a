"""Intervals of time, and sets of them: half open, aware, in order."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """From `start` up to `end`, which is no part of it. Raises `ValueError` when it is empty."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"an interval ends after it starts, not {self.start} to {self.end}")

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def within(self, outer: "Interval") -> "Interval | None":
        """Return the part of it that lies in `outer`, None where there is none."""
        start, end = max(self.start, outer.start), min(self.end, outer.end)
        return Interval(start, end) if start < end else None


@dataclass(frozen=True, slots=True)
class Cover:
    """What a number of intervals cover together: disjoint, in order, with gaps between them."""

    intervals: Sequence[Interval] = ()

    @classmethod
    def of(cls, intervals: Iterable[Interval], *, over: Interval) -> "Cover":
        """Return what they cover of `over`, in whatever order they come and however they overlap."""
        joined: list[Interval] = []
        for interval in sorted(filter(None, (item.within(over) for item in intervals))):
            if joined and interval.start <= joined[-1].end:
                last = joined.pop()
                joined.append(Interval(last.start, max(last.end, interval.end)))
            else:
                joined.append(interval)
        return cls(tuple(joined))

    def __contains__(self, instant: datetime) -> bool:
        place = bisect_right(self.intervals, instant, key=lambda item: item.start)
        return place > 0 and instant < self.intervals[place - 1].end

    @property
    def edges(self) -> Iterable[datetime]:
        """Where it begins and ends, in order."""
        return (edge for item in self.intervals for edge in (item.start, item.end))
