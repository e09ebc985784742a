"""What one region says of a resource: its ballots, and the stance that they come to.

A ballot is what one outcome says. One of them may be a blip, so a stance changes only after several in a row: it
gets worse after as many failures as the terms say, and better after as many recoveries. Where nothing was proved yet
one good ballot is enough; a bad one is not.

A ballot is good, impaired (a pull works, but badly) or bad. So there are two latches, which are read at each ballot:
whether it is anything but good, and whether it is bad. Bad and impaired ones that alternate come to impaired.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from probes.policy.liveness import Hysteresis, Latch
from probes.protocol.taxonomy import Reason, Status

RECALLED: Final = 64
"""So many ballots are looked at again when one comes late."""


class Ballot(StrEnum):
    """What an outcome says of its resource. One that could not tell is no ballot."""

    GOOD = "good"
    IMPAIRED = "impaired"
    BAD = "bad"


class Stance(StrEnum):
    """What a region holds of a resource, after all its ballots; better ones first but for `unproved`."""

    UNPROVED = "unproved"  # nothing was good yet, and too little was bad
    GOOD = "good"
    IMPAIRED = "impaired"
    BAD = "bad"


_IMPAIRING: Final = frozenset(reason.value for reason in Reason if reason.meaning.only_impairs)
_BALLOTS: Final = {Status.AVAILABLE: Ballot.GOOD, Status.UNAVAILABLE: Ballot.BAD, Status.DEGRADED: Ballot.BAD}


def ballot_of(status: Status, reason: str) -> Ballot | None:
    """Return the ballot of an outcome; None of one that could not tell. Source: behaviour table, C.2.

    A pull fails also where the status is `degraded`: the image cannot be had, whoever has to act.
    """
    return Ballot.IMPAIRED if reason in _IMPAIRING else _BALLOTS.get(status)


@dataclass(frozen=True, slots=True)
class Run:
    """So many ballots in a row to which something applies, or does not; `since` is the slot of the first."""

    applies: bool
    count: int
    since: datetime

    @classmethod
    def after(cls, run: Self | None, reading: bool, at: datetime) -> Self:  # noqa: FBT001 - a reading is what it is
        """Return the run after one more reading, for the slot `at`."""
        if run is None or run.applies is not reading:
            return cls(reading, 1, at)
        return cls(reading, run.count + 1, run.since)

    def settles(self, held: bool, thresholds: Hysteresis) -> bool:  # noqa: FBT001 - likewise
        """Tell whether it holds now, where it held or not before the last reading of the run."""
        against = 0 if self.applies is held else self.count - 1
        return Latch(held, against).read(self.applies, thresholds).holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """A region's ballots on a resource so far.

    `ballot` is the newest, for the slot `at`. `failing` is the present run of ballots that are not good, or of those
    that are; `bad` likewise of bad ones. `stance` holds `since` the first ballot of the run that made it.
    """

    ballot: Ballot
    at: datetime
    failing: Run
    bad: Run
    stance: Stance
    since: datetime

    @property
    def consecutive_failures(self) -> int:
        return self.failing.count if self.failing.applies else 0

    @property
    def consecutive_successes(self) -> int:
        return 0 if self.failing.applies else self.failing.count


def cast(poll: Poll | None, ballot: Ballot, *, at: datetime, thresholds: Hysteresis) -> Poll:
    """Return the poll after `ballot`, for a slot newer than all before it.

    `thresholds` is how many failures in a row (`enter`) and how many recoveries (`leave`) change a stance.
    """
    return _cast(poll, ballot, at, thresholds, Stance.UNPROVED)


def _cast(poll: Poll | None, ballot: Ballot, at: datetime, thresholds: Hysteresis, unheard: Stance) -> Poll:
    before, since = (poll.stance, poll.since) if poll else (unheard, at)
    failing = Run.after(poll.failing if poll else None, ballot is not Ballot.GOOD, at)
    bad = Run.after(poll.bad if poll else None, ballot is Ballot.BAD, at)
    stance = _stance(before, failing, bad, thresholds)
    if stance is not before:
        since = bad.since if Stance.BAD in (stance, before) and stance is not Stance.GOOD else failing.since
    return Poll(ballot=ballot, at=at, failing=failing, bad=bad, stance=stance, since=since)


def recast(poll: Poll, history: Sequence[tuple[datetime, Ballot]], *, late: int, thresholds: Hysteresis) -> Poll:
    """Return the poll after `late` ballots that came when newer ones were counted already.

    `history` is the newest ballots with their slots, in their order and with those that were late among them: all
    there are, or `RECALLED`. Then the order in which they came does not matter. What began before as many keeps the
    stance that it had, and what has been going on since then its beginning.
    """
    is_all = len(history) < RECALLED
    again: Poll | None = None
    for at, ballot in history:
        again = _cast(again, ballot, at, thresholds, Stance.UNPROVED if is_all else poll.stance)
    if again is None or is_all:
        return again or poll
    unchanged = again.stance is poll.stance and again.since == history[0][0]
    return replace(
        again,
        failing=_continued(poll.failing, again.failing, late),
        bad=_continued(poll.bad, again.bad, late),
        since=poll.since if unchanged else again.since,
    )


def _continued(before: Run, again: Run, late: int) -> Run:
    """Return a run that fills all that was recalled with what was counted of it before that."""
    if again.count < RECALLED or before.applies is not again.applies:
        return again
    return replace(before, count=before.count + late)


def _stance(before: Stance, failing: Run, bad: Run, thresholds: Hysteresis) -> Stance:
    if before is Stance.UNPROVED and not failing.applies:
        return Stance.GOOD
    if bad.settles(before is Stance.BAD, thresholds):
        return Stance.BAD
    if failing.settles(before in (Stance.IMPAIRED, Stance.BAD), thresholds):
        return Stance.IMPAIRED
    return Stance.UNPROVED if before is Stance.UNPROVED else Stance.GOOD
