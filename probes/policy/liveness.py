"""In which condition a region is: what its operator says of it, and what its heartbeats tell.

That none come says something of the region only while we hear well ourselves (`Hearing`). What is found goes through
a latch, so that one odd reading changes nothing and readings that alternate change nothing either. Regions that are
`active` or `late` vote; all others do not.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

SILENT_AFTER: Final = timedelta(seconds=60)
"""So long without a heartbeat, of which there should be six, and the region is silent."""

TICK_GAP: Final = timedelta(seconds=20)
"""Ticks come each second; after so long without one the control plane, its broker or its database was away.

With the time that a worker takes to find the broker again, and the ten seconds to its next heartbeat, a shorter
outage is over before its region would be silent.
"""

LATE_SECONDS: Final = 30.0
"""Batches that wait longer than this in a region's queue come too late for the shortest intervals."""

PROMPT_SECONDS: Final = 10.0
"""A region that was late has caught up when they wait no longer than this."""

WORKER_LIVES_FOR: Final = timedelta(seconds=30)
"""What a worker last said counts for so long: three heartbeats."""

PAUSE: Final = timedelta(seconds=15)
"""A longer one between two heartbeats is remembered: the shortest life of a batch, which may lie within it."""

PAUSES_KEPT: Final = 20
"""The newest. They last for minutes, even where each heartbeat is late, and lost batches are booked after one."""

READ_EVERY: Final = timedelta(seconds=5)
"""Readings are no closer together, by our clock: hysteresis counts them, and a region beats as often as it likes."""


class RegionCondition(StrEnum):
    """What is said of a region. The order is that of precedence."""

    RETIRED = "retired"
    ANNOUNCED = "announced"  # it has no keys yet
    PAUSED = "paused"
    DRAINING = "draining"  # no new checks; what is in flight is taken
    SILENT = "silent"  # no heartbeats
    EGRESS_DOWN = "egress_down"  # heartbeats, but it reaches nothing
    LATE = "late"  # its queue is longer than it can work off in time
    ACTIVE = "active"

    @property
    def votes(self) -> bool:
        """Tell whether what the region finds counts in verdicts."""
        return self in (RegionCondition.LATE, RegionCondition.ACTIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What decides on a region's condition, one for each but the last."""

    is_retired: bool = False
    is_announced: bool = False
    is_paused: bool = False
    is_draining: bool = False
    is_silent: bool = False
    is_egress_down: bool = False
    is_late: bool = False

    @property
    def condition(self) -> RegionCondition:
        for condition in RegionCondition:
            if condition is not RegionCondition.ACTIVE and getattr(self, f"is_{condition.value}"):
                return condition
        return RegionCondition.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """How many messages of regions wait at the broker that nobody has taken: by the queue that they are in.

    `reports` has heartbeats in it too, of workers that do not know of the other queue.
    """

    heartbeats: int = 0
    reports: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """How well the control plane itself hears: its ticks, and what it has not read yet.

    `ticked_at` is when the last tick ran, and `ticking_since` when those began that come without a gap. Before the
    first tick both are None, and then speak against nothing.
    """

    ticked_at: datetime | None = None
    ticking_since: datetime | None = None
    unread: Unread = Unread()

    def tells_silence(self, now: datetime, *, among_reports: bool) -> bool:
        """Tell whether a heartbeat that is missing at `now` is one that was not sent.

        After an outage of ours, heartbeats are missing that nobody could take, and regions need some time to find
        their way back; so we must have been ticking for as long as we wait for them. And everything that has reached
        the broker must have been read: of a region with a heartbeat `among_reports` those, too.
        """
        if self.ticked_at is not None and now - self.ticked_at > TICK_GAP:
            return False
        if self.ticking_since is not None and now - self.ticking_since < SILENT_AFTER:
            return False
        return not (self.unread.heartbeats or (among_reports and self.unread.reports))


def is_silent(heard_at: datetime, hearing: Hearing, *, now: datetime, among_reports: bool) -> bool:
    """Tell whether a region that was heard last at `heard_at`, or then began, is silent at `now`."""
    return now - heard_at > SILENT_AFTER and hearing.tells_silence(now, among_reports=among_reports)


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """How many readings in a row it takes for something to hold, and to hold no longer."""

    enter: int
    leave: int


SILENCE: Final = Hysteresis(enter=1, leave=2)  # heartbeats; `SILENT_AFTER` is patience enough for the other way
EGRESS: Final = Hysteresis(enter=2, leave=2)  # rounds of canaries
LATENESS: Final = Hysteresis(enter=3, leave=6)  # heartbeats


@dataclass(frozen=True, slots=True)
class Latch:
    """Whether something holds, and how many of the last readings in a row spoke against that."""

    holds: bool = False
    against: int = 0

    def read(self, reading: bool | None, hysteresis: Hysteresis) -> Self:  # noqa: FBT001 - a reading is what it is
        """Return the latch after one more reading; None is one that speaks for neither."""
        if reading is None or reading is self.holds:
            return type(self)(self.holds)
        needed = hysteresis.leave if self.holds else hysteresis.enter
        if self.against + 1 >= needed:
            return type(self)(not self.holds)
        return type(self)(self.holds, self.against + 1)


def is_late(lag_seconds: float, *, expired: int = 0) -> bool | None:
    """Read a queue's lag and how many batches expired in it since the last reading; None is neither."""
    if lag_seconds > LATE_SECONDS or expired:
        return True
    return None if lag_seconds >= PROMPT_SECONDS else False
