"""What the regions together say of a resource.

Each region has one vote: its newest outcome. Only votes that say something about the image, now, are counted:

- not those of regions that are paused, draining, silent or without egress, or that never checked it;
- of a region that was never heard since it was enrolled, only what it found since, which is a sign of life too;
- not stale ones: silence is neither health nor an outage;
- not `indeterminate` (we could not tell, a throttled registry for example) nor `config_error` (ours to mend).

With fewer counted votes than the minimum the verdict is unknown; who was sent away or has not come yet is not
waited for. It is unavailable when most of them are
`unavailable`, available when all are `available`, and degraded in between.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from probes.policy.liveness import RegionCondition
from probes.protocol.taxonomy import Status

MINIMUM_VOTES: Final = 2
"""Of fewer fresh votes no verdict is made, unless fewer regions are to check the resource at all."""

FRESH_INTERVALS: Final = 3
FRESH_ALLOWANCE_SECONDS: Final = 30
"""A vote is fresh for so many intervals after its slot, and the time that a check and its report may take."""

_COUNTED: Final = frozenset({Status.AVAILABLE, Status.UNAVAILABLE, Status.DEGRADED})


def fresh_for(interval_seconds: int, stride: int, intervals: int = FRESH_INTERVALS) -> timedelta:
    """Return how long after its slot a vote is fresh, from a region that is sent every `stride`-th slot."""
    return timedelta(seconds=interval_seconds * stride * intervals + FRESH_ALLOWANCE_SECONDS)


class VerdictState(StrEnum):
    """What is said of a resource. Maintenance and pause are shown over it and are no verdicts."""

    AVAILABLE = "available"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


class Presence(StrEnum):
    """Whether a region can vote at all."""

    PRESENT = "present"
    PAUSED = "paused"
    DRAINING = "draining"
    SILENT = "silent"
    EGRESS_DOWN = "egress_down"
    UNHEARD = "unheard"  # since it was enrolled

    @classmethod
    def of(cls, condition: RegionCondition, *, is_heard: bool) -> "Presence":
        """Return the presence of a region in `condition`, heard since it was enrolled or not.

        One that is retired or announced is not asked.
        """
        if not is_heard and (condition.votes or condition is RegionCondition.SILENT):
            return cls.UNHEARD
        return cls.PRESENT if condition.votes else cls(condition.value)


_NOTHING_NEW: Final = frozenset({"unchecked", "stale"})
_NOT_MISSED: Final = frozenset({Presence.PAUSED.value, Presence.DRAINING.value, Presence.UNHEARD.value})
"""Whoever was sent away, or has not come yet, is not missed; whoever fell silent is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """A region that is to check the resource at every `stride`-th slot, and its newest outcome if there is one."""

    region: str
    presence: Presence = Presence.PRESENT
    stride: int = 1
    status: Status | None = None
    reason: str | None = None
    slot: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All that a verdict depends on. `from_json` undoes `to_json` exactly, so it can be recomputed."""

    now: datetime
    interval_seconds: int
    votes: tuple[Vote, ...]
    minimum_votes: int = MINIMUM_VOTES
    fresh_intervals: int = FRESH_INTERVALS

    def stale_at(self, vote: Vote) -> datetime | None:
        """Return when the vote is fresh no more, None where it says nothing."""
        return vote.slot + fresh_for(self.interval_seconds, vote.stride, self.fresh_intervals) if vote.slot else None

    def to_json(self) -> dict[str, Any]:
        return {
            "now": self.now.isoformat(),
            "interval_seconds": self.interval_seconds,
            "minimum_votes": self.minimum_votes,
            "fresh_intervals": self.fresh_intervals,
            "votes": [
                {
                    "region": vote.region,
                    "presence": vote.presence.value,
                    "stride": vote.stride,
                    "status": vote.status.value if vote.status else None,
                    "reason": vote.reason,
                    "slot": vote.slot.isoformat() if vote.slot else None,
                }
                for vote in self.votes
            ],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            now=datetime.fromisoformat(document["now"]),
            interval_seconds=document["interval_seconds"],
            minimum_votes=document["minimum_votes"],
            fresh_intervals=document["fresh_intervals"],
            votes=tuple(
                Vote(
                    region=item["region"],
                    presence=Presence(item["presence"]),
                    stride=item.get("stride", 1),  # missing from verdicts of before there was one
                    status=Status(item["status"]) if item["status"] else None,
                    reason=item["reason"],
                    slot=datetime.fromisoformat(item["slot"]) if item["slot"] else None,
                )
                for item in document["votes"]
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict, how it came about, and when it lapses by the mere passing of time (None: it does not).

    `left_out` says for each region without a counted vote why: its presence (`paused`, `draining`, `silent`,
    `egress_down`, `unheard`), `unchecked`, `stale`, `indeterminate` or `config_error`.
    """

    state: VerdictState
    counted: int
    failing: int
    left_out: Mapping[str, str]
    stale_at: datetime | None


def decide(inputs: Inputs) -> Decision:
    """Return the verdict on `inputs`."""
    why = {vote.region: _why_left_out(vote, inputs) for vote in inputs.votes}
    counted = [vote for vote in inputs.votes if why[vote.region] is None]
    eligible = sum(cause not in _NOT_MISSED for cause in why.values())
    return Decision(
        state=_state([vote.status for vote in counted], needed=max(1, min(inputs.minimum_votes, eligible))),
        counted=len(counted),
        failing=sum(vote.status is not Status.AVAILABLE for vote in counted),
        left_out={region: cause for region, cause in why.items() if cause},
        # Just past the last instant at which the vote still counts.
        stale_at=min(filter(None, map(inputs.stale_at, counted)), default=None),
    )


def _why_left_out(vote: Vote, inputs: Inputs) -> str | None:
    if vote.presence is Presence.UNHEARD:
        cause = _why_left_out(replace(vote, presence=Presence.PRESENT), inputs)
        return Presence.UNHEARD.value if cause in _NOTHING_NEW else cause
    if vote.presence is not Presence.PRESENT:
        return vote.presence.value
    stale_at = inputs.stale_at(vote)
    if vote.status is None or stale_at is None:
        return "unchecked"
    if stale_at <= inputs.now:
        return "stale"
    return None if vote.status in _COUNTED else vote.status.value


def _state(statuses: Iterable[Status | None], *, needed: int) -> VerdictState:
    counted = list(statuses)
    if len(counted) < needed:
        return VerdictState.UNKNOWN
    if counted.count(Status.UNAVAILABLE) * 2 > len(counted):
        return VerdictState.UNAVAILABLE
    if counted.count(Status.AVAILABLE) == len(counted):
        return VerdictState.AVAILABLE
    return VerdictState.DEGRADED
