"""Equal stretches of a range, counted in whole seconds since 1970.

They begin at multiples of their length, so at midnight of UTC whatever the clocks on walls do.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from probes.policy.intervals import Interval

MOST_BUCKETS: Final = 96
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = timedelta(minutes=1)

# Each divides the day or is whole days: 16 minutes make 90 buckets of a day, 8 hours 90 of a month of 30 days.
_LENGTHS: Final = (
    *(minutes * _MINUTE for minutes in (1, 2, 4, 8, 16, 30)),
    *(timedelta(hours=hours) for hours in (1, 2, 4, 8, 12)),
    *(timedelta(days=days) for days in (1, 2, 4, 8, 16)),
)


def length_for(over: timedelta, *, at_least: timedelta = _MINUTE) -> timedelta:
    """Return how long the buckets of such a range are: as short as goes with `MOST_BUCKETS`, or a little more."""
    return next(
        (item for item in _LENGTHS if item >= at_least and over <= MOST_BUCKETS * item),
        _LENGTHS[-1],
    )


def second(instant: datetime) -> int:
    """Return the whole second since 1970 in which an instant lies."""
    return (instant - _EPOCH) // _SECOND


def instant(at: int) -> datetime:
    return _EPOCH + at * _SECOND


@dataclass(frozen=True, slots=True)
class Grid:
    """Equal buckets over a range, in seconds since 1970."""

    start: int
    end: int
    length: int
    origin: int = field(init=False, repr=False, compare=False)
    """Where the first bucket begins, at or before the range."""

    def __post_init__(self) -> None:
        # Asked for each part of each bar.
        object.__setattr__(self, "origin", self.start // self.length * self.length)

    @classmethod
    def of(cls, over: Interval, length: timedelta | None = None) -> Self:
        chosen = length or length_for(over.end - over.start)
        return cls(second(over.start), max(second(over.start) + 1, second(over.end)), chosen // _SECOND)

    @property
    def count(self) -> int:
        return self.place(self.end - 1) + 1

    def place(self, at: int) -> int:
        """Return the number of the bucket in which a second lies, from 0 on."""
        return (at - self.origin) // self.length

    def bounds(self, place: int) -> tuple[int, int]:
        """Return where a bucket begins and ends, whether or not that is within the range."""
        start = self.origin + place * self.length
        return start, start + self.length

    def interval(self, place: int) -> Interval:
        """Return what of the range lies in that bucket."""
        start, end = self.bounds(place)
        return Interval(instant(max(start, self.start)), instant(min(end, self.end)))
