"""Roll-ups: what is kept of an hour or a day of one resource, seen from one region or from all.

A row holds sums, so rows add up: a day is its hours, and any range is the days and hours in it, and at its ends what
has to be read from the history. Hours and days are those of UTC.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from probes.policy.intervals import Interval
from probes.policy.latency import Histogram, Timed
from probes.policy.uptime import Tally
from probes.protocol.taxonomy import Status

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolled:
    """Outcomes by status, seconds by what they show, and latencies by what was timed.

    Outcomes that a region found without its way out say nothing and are counted apart. A count of nothing may be left
    out, and is left out of sums.
    """

    outcomes: Mapping[Status, int] = field(default_factory=dict)
    without_egress: int = 0
    seconds: Tally = field(default_factory=Tally)
    latency: Mapping[Timed, Histogram] = field(default_factory=dict)

    def __add__(self, other: Self) -> Self:
        nothing = Histogram()
        return type(self)(
            outcomes=Counter(self.outcomes) + Counter(other.outcomes),
            without_egress=self.without_egress + other.without_egress,
            seconds=self.seconds + other.seconds,
            latency={
                timed: self.latency.get(timed, nothing) + other.latency.get(timed, nothing)
                for timed in sorted(self.latency.keys() | other.latency.keys())
            },
        )

    def percentile_ms(self, timed: Timed, percent: float) -> float | None:
        """Return the duration that `percent` of 100 do not exceed, None where nothing was timed."""
        found = self.latency.get(timed)
        return found.percentile_ms(percent) if found else None


def total(rows: Iterable[Rolled]) -> Rolled:
    """Return the sum of them. Seconds at once: a month of hours from five regions is five thousand of these."""
    read = list(rows)
    more = [row for row in read if row.outcomes or row.without_egress or row.latency]
    counted = sum((replace(row, seconds=Tally()) for row in more), Rolled())
    return replace(counted, seconds=Tally.sum([row.seconds for row in read]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A range taken apart: whole days, whole hours around them, and what is left over at its ends."""

    days: Interval | None
    hours: tuple[Interval, ...]
    ends: tuple[Interval, ...]


def pieces(over: Interval, *, hours_until: datetime, days_until: datetime) -> Pieces:
    """Take a range apart, so that it is read in as few rows as possible.

    `hours_until` is the start of an hour: all hours before it have been rolled up, what is younger counts among the
    ends. `days_until` says the same of days, which are summed up later than the last of their hours.
    """
    hours = _whole(over, HOUR, until=hours_until)
    days = _whole(over, DAY, until=min(hours_until, days_until))
    return Pieces(
        days=days,
        hours=_around(hours, days) if hours else (),
        ends=_around(over, hours),
    )


def _whole(over: Interval, unit: timedelta, *, until: datetime) -> Interval | None:
    start = floor(over.start - timedelta.resolution, unit) + unit
    end = floor(min(over.end, until), unit)
    return Interval(start, end) if start < end else None


def _around(outer: Interval, inner: Interval | None) -> tuple[Interval, ...]:
    """Return what is left of `outer` before and after `inner`, which lies in it."""
    if inner is None:
        return (outer,)
    left = ((outer.start, inner.start), (inner.end, outer.end))
    return tuple(Interval(start, end) for start, end in left if start < end)


def floor(instant: datetime, unit: timedelta) -> datetime:
    """Return the start of the hour or day of UTC in which `instant` lies."""
    midnight = instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (instant - midnight) // unit * unit


def whole_hours(over: Interval, *, now: datetime) -> Interval:
    """Return the range from the full hour in which it starts to the end of that in which it ends, or else to `now`.

    Whole hours are read from what was rolled up, and from nothing else. Raises `ValueError` where all of it is still
    to come.
    """
    end = floor(over.end - timedelta.resolution, HOUR) + HOUR
    return Interval(floor(over.start, HOUR), min(end, now))
