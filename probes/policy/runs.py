"""Runs: checks that somebody waits for. What becomes of each, what they come to, and when to look again."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from probes.policy.ballot import Ballot, ballot_of
from probes.policy.verdict import VerdictState
from probes.protocol.taxonomy import Status

LONGEST_WAIT: Final = timedelta(minutes=5)
"""A region that does not take an ordered check within so long need not begin it: nobody waits any more."""

PROBE_SECONDS: Final = 60
"""So long a region has for a probe: a check takes 25 s at most, and it may wait for a seat before."""

REPORT_GRACE: Final = timedelta(seconds=15)
"""What is found at the last moment is still on its way for so long."""

MOST_RESOURCES: Final = 100
MOST_CHECKS: Final = 1000

_POLL_SECONDS: Final = ((10, 1), (30, 2), (90, 5))
_POLL_LATER_SECONDS: Final = 15


class RunKind(StrEnum):
    """What was ordered."""

    CHECK = "check"  # of stored resources
    PROBE = "probe"  # of a reference or URL that is stored nowhere


class CheckState(StrEnum):
    """What became of one check of a run."""

    WAITING = "waiting"  # handed out
    DONE = "done"  # its region answered
    MISSED = "missed"  # nothing usable came back in time
    REFUSED = "refused"  # not handed out at all


class RefusalReason(StrEnum):
    """Why a check was not handed out."""

    NOT_ITS_REGION = "not_its_region"  # the resource is not checked from there
    OUTDATED = "outdated"  # a worker of the region is of a version that cannot read the check
    QUOTA = "quota"  # no more of the registry's quota is ours
    RETIRED = "retired"  # the region was retired a moment ago


@dataclass(frozen=True, slots=True)
class Answer:
    """One check of a run as far as its verdict is concerned. `status` is empty until its region answered."""

    state: CheckState
    status: str = ""
    reason: str = ""
    is_egress_down: bool = False

    @property
    def ballot(self) -> Ballot | None:
        """What it says of what was checked; None where it could not tell, or nothing was heard."""
        if self.state is not CheckState.DONE or self.is_egress_down:
            return None
        return ballot_of(Status(self.status), self.reason)


def verdict(answers: Iterable[Answer]) -> VerdictState:
    """Return what the checks of a run come to, each as it is and without any threshold.

    - available: every one of them was good;
    - unavailable: every one that could tell was bad;
    - degraded: some were bad, or a pull works badly from somewhere;
    - unknown: nothing bad was heard, and not of everyone anything at all.
    """
    ballots = Counter(answer.ballot for answer in answers)
    if ballots[Ballot.BAD]:
        is_all = not ballots[Ballot.GOOD] and not ballots[Ballot.IMPAIRED]
        return VerdictState.UNAVAILABLE if is_all else VerdictState.DEGRADED
    if ballots[Ballot.IMPAIRED]:
        return VerdictState.DEGRADED
    return VerdictState.AVAILABLE if ballots[Ballot.GOOD] and not ballots[None] else VerdictState.UNKNOWN


def poll_after_seconds(asked_at: datetime, now: datetime) -> int:
    """Return in how many seconds to look again: soon at first, as most checks take a second or two."""
    age_seconds = (now - asked_at).total_seconds()
    return next((pause for until, pause in _POLL_SECONDS if age_seconds < until), _POLL_LATER_SECONDS)
