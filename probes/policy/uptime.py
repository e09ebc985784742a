"""Uptime: for how long something was available, of the time for which that is known and counts.

A timeline is laid out of what was said (verdicts over regions, or the outcomes of one region), of maintenance and of
pauses. Each second has one state. Seconds in which nothing was known, work was planned, or nobody looked are left out
of the figure and shown beside it.

Time is counted in whole seconds: what changes within a second counts from its beginning. So the seconds of an hour
are the same, however the hour is cut, and a day is the sum of its hours.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, Self

from probes.policy.ballot import Ballot, ballot_of
from probes.policy.intervals import Cover, Interval
from probes.protocol.taxonomy import Status

WINDOWS: Final[Mapping[str, timedelta]] = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
"""Time that has passed, whatever the clocks did meanwhile."""

_SECOND: Final = timedelta(seconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ALL: Final = Decimal(100)


class Shown(StrEnum):
    """What a second of a timeline shows: the first that holds, from the end."""

    AVAILABLE = "available"
    DEGRADED = "degraded"  # fewer regions fail than make an outage, or it is slow: up, and told apart
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"
    MAINTENANCE = "maintenance"
    PAUSED = "paused"


_BY_STATUS: Final[Mapping[Status, Shown]] = {
    Status.AVAILABLE: Shown.AVAILABLE,
    # Seen from one region, a pull fails in either case.
    Status.UNAVAILABLE: Shown.UNAVAILABLE,
    Status.DEGRADED: Shown.UNAVAILABLE,
    Status.INDETERMINATE: Shown.UNKNOWN,
    Status.CONFIG_ERROR: Shown.UNKNOWN,
}


def shown(status: Status, reason: str = "") -> Shown:
    """Return what one region's outcome shows until the next; one that only impairs is up, and told apart."""
    return Shown.DEGRADED if ballot_of(status, reason) is Ballot.IMPAIRED else _BY_STATUS[status]


@dataclass(frozen=True, slots=True)
class Said:
    """From `at` on it is `state`, until something else is said or, where that is given, until `lapses_at`."""

    at: datetime
    state: Shown
    lapses_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """An interval of one state."""

    interval: Interval
    state: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Seconds by what they show. Tallies of different times add up."""

    available: int = 0
    degraded: int = 0
    unavailable: int = 0
    unknown: int = 0
    maintenance: int = 0
    paused: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            available=self.available + other.available,
            degraded=self.degraded + other.degraded,
            unavailable=self.unavailable + other.unavailable,
            unknown=self.unknown + other.unknown,
            maintenance=self.maintenance + other.maintenance,
            paused=self.paused + other.paused,
        )

    @classmethod
    def sum(cls, tallies: Sequence[Self]) -> Self:
        """Return the sum of them, as adding one to the other comes to."""
        return cls(
            available=sum(item.available for item in tallies),
            degraded=sum(item.degraded for item in tallies),
            unavailable=sum(item.unavailable for item in tallies),
            unknown=sum(item.unknown for item in tallies),
            maintenance=sum(item.maintenance for item in tallies),
            paused=sum(item.paused for item in tallies),
        )

    @property
    def up(self) -> int:
        return self.available + self.degraded

    @property
    def counted(self) -> int:
        return self.up + self.unavailable

    @property
    def left_out(self) -> int:
        return self.unknown + self.maintenance + self.paused

    @property
    def availability(self) -> float | None:
        """The share of the seconds that count in which it was up, from 0 to 1; None where none counts."""
        return self.up / self.counted if self.counted else None


def timeline(
    said: Iterable[Said],
    *,
    over: Interval,
    maintenance: Iterable[Interval] = (),
    paused: Iterable[Interval] = (),
) -> list[Stretch]:
    """Lay out what was said over that interval, in whatever order it comes; of two sayings at once the last counts.

    Paused hides maintenance, and both hide what was said. Before anything was said it is unknown. The stretches fill
    `over` without gaps, and neighbours differ.
    """
    sayings = sorted(said, key=lambda item: item.at)
    times = [item.at for item in sayings]
    planned, unattended = Cover.of(maintenance, over=over), Cover.of(paused, over=over)
    lapses = (item.lapses_at for item in sayings if item.lapses_at)
    edges = {edge for edge in (*times, *lapses, *planned.edges, *unattended.edges) if over.start < edge < over.end}
    turns: list[tuple[datetime, Shown]] = []
    for start in sorted({over.start, *edges}):
        if unattended.intervals and start in unattended:
            state = Shown.PAUSED
        elif planned.intervals and start in planned:
            state = Shown.MAINTENANCE
        else:
            state = _last_said(sayings, times, start)
        if not turns or turns[-1][1] is not state:
            turns.append((start, state))
    ends = [*(start for start, _ in turns[1:]), over.end]
    return [Stretch(Interval(start, end), state) for (start, state), end in zip(turns, ends, strict=True)]


def _last_said(sayings: Sequence[Said], times: Sequence[datetime], instant: datetime) -> Shown:
    place = bisect_right(times, instant)
    if not place:
        return Shown.UNKNOWN
    last = sayings[place - 1]
    return Shown.UNKNOWN if last.lapses_at and last.lapses_at <= instant else last.state


def tally(stretches: Iterable[Stretch]) -> Tally:
    """Return how many whole seconds the stretches have of each state."""
    seconds: Counter[str] = Counter()
    for stretch in stretches:
        seconds[stretch.state.value] += _second(stretch.interval.end) - _second(stretch.interval.start)
    return Tally(**seconds)


def _second(instant: datetime) -> int:
    return (instant - _EPOCH) // _SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much of what a target allows has been spent. Seconds; `left_seconds` below zero is over it.

    `burn_rate` is 1 where exactly all is spent, and 2 at twice that pace; None where no second counts.
    """

    allowed_seconds: float
    spent_seconds: int
    left_seconds: float
    burn_rate: float | None


def budget(seconds: Tally, *, target_percent: Decimal) -> Budget:
    """Hold the seconds against a target, such as 99.9; what it allows is a share of the seconds that count.

    Raises `ValueError` for a target that leaves no budget, or nothing else.
    """
    if not (target_percent.is_finite() and 0 < target_percent < _ALL):
        raise ValueError(f"a target is more than 0 and less than 100 percent, not {target_percent}")
    allowed = seconds.counted * (_ALL - target_percent) / _ALL
    return Budget(
        allowed_seconds=float(allowed),
        spent_seconds=seconds.unavailable,
        left_seconds=float(allowed - seconds.unavailable),
        burn_rate=float(seconds.unavailable / allowed) if allowed else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The seconds of a range, held against a target where one was set."""

    seconds: Tally
    target_percent: Decimal | None = None

    @property
    def budget(self) -> Budget | None:
        return None if self.target_percent is None else budget(self.seconds, target_percent=self.target_percent)
