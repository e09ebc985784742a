"""What the regions together say of a resource.

Each region has one vote: its stance. Only votes that say something about the image, now, are counted:

- not those of regions that are paused, draining, silent or without egress, or that never checked it, nor of those in
  whose maintenance it is seen: elsewhere work goes on;
- not those of regions that lack the login which others show: what they are refused, they would be refused anyway;
- of a region that was never heard since it was enrolled, only what it found since, which is a sign of life too;
- not stale ones: silence is neither health nor an outage;
- not those whose newest outcome is `indeterminate` (we could not tell, a throttled registry for example) or
  `config_error` (ours to mend), nor of regions that have proved nothing yet.

With fewer counted votes than the minimum the verdict is unknown; who was sent away or has not come yet is not waited
for. It is unavailable when a quorum of them is bad, available when all are good, and degraded in between.

Whoever does not vote is not in the denominator. But silence must not make things worse: when three of five regions
that could read an image fall silent, that the other two cannot is no outage yet. So a region that is missed remains a
*witness* against the quorum while its last good word is fresh, and after that if it was spoken after the failures
began that it speaks against. Once the failure is newer than its word, it knows nothing of it. ADR 26.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from probes.policy.ballot import Ballot, Stance, ballot_of
from probes.policy.liveness import RegionCondition
from probes.policy.terms import USUAL, Quorum
from probes.protocol.taxonomy import Stage, Status

FRESH_ALLOWANCE_SECONDS: Final = 30
"""A vote is fresh for some intervals after its slot, and the time that a check and its report may take."""

_COUNTED: Final = frozenset({Status.AVAILABLE, Status.UNAVAILABLE, Status.DEGRADED})


def fresh_for(interval_seconds: int, stride: int, intervals: int = USUAL.fresh_intervals) -> timedelta:
    """Return how long after its slot a vote is fresh, from a region that is sent every `stride`-th slot."""
    return timedelta(seconds=interval_seconds * stride * intervals + FRESH_ALLOWANCE_SECONDS)


class VerdictState(StrEnum):
    """What is said of a resource. Maintenance and pause are shown over it and are no verdicts."""

    AVAILABLE = "available"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"

    @property
    def harm(self) -> int:
        """How bad it is. That nothing can be said is no harm to the resource."""
        return {VerdictState.DEGRADED: 1, VerdictState.UNAVAILABLE: 2}.get(self, 0)


class Presence(StrEnum):
    """Whether a region can vote at all."""

    PRESENT = "present"
    PAUSED = "paused"
    DRAINING = "draining"
    SILENT = "silent"
    EGRESS_DOWN = "egress_down"
    UNHEARD = "unheard"  # since it was enrolled
    MAINTENANCE = "maintenance"  # of the region, or of the resource as seen from there
    NO_LOGIN = "no_login"  # a login is asked for; other regions have one and this one has not

    @classmethod
    def of(cls, condition: RegionCondition, *, is_heard: bool) -> "Presence":
        """Return the presence of a region in `condition`, heard since it was enrolled or not.

        One that is retired or announced is not asked.
        """
        if not is_heard and (condition.votes or condition is RegionCondition.SILENT):
            return cls.UNHEARD
        return cls.PRESENT if condition.votes else cls(condition.value)


_NOTHING_NEW: Final = frozenset({"unchecked", "stale"})
_NOT_MISSED: Final = frozenset(
    item.value
    for item in (Presence.PAUSED, Presence.DRAINING, Presence.UNHEARD, Presence.MAINTENANCE, Presence.NO_LOGIN)
)
"""Whoever was sent away, or has not come yet, is not missed; whoever fell silent is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """A region that is to check the resource at every `stride`-th slot, and how it stands there.

    `status`, `reason`, `stage`, `host` and `slot` are of its newest outcome, if there is one; `told_at` is the slot
    of the newest that told good or bad. The stance holds `since` a slot; `detail` is what a failure said of itself.
    """

    region: str
    presence: Presence = Presence.PRESENT
    stride: int = 1
    status: Status | None = None
    reason: str | None = None
    stage: Stage | None = None
    host: str | None = None
    detail: str = ""
    slot: datetime | None = None
    stance: Stance = Stance.UNPROVED
    since: datetime | None = None
    told_at: datetime | None = None

    @property
    def ballot(self) -> Ballot | None:
        """What its newest outcome says; its stance may be another as long as that may be a blip."""
        return ballot_of(self.status, self.reason or "") if self.status else None

    def to_json(self) -> dict[str, Any]:
        return {
            "region": self.region,
            "presence": self.presence,
            "stride": self.stride,
            "status": self.status,
            "reason": self.reason,
            "stage": self.stage,
            "host": self.host,
            "detail": self.detail,
            "slot": _text(self.slot),
            "stance": self.stance,
            "since": _text(self.since),
            "told_at": _text(self.told_at),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        status = Status(document["status"]) if document["status"] else None
        stage = document.get("stage")
        return cls(
            region=document["region"],
            presence=Presence(document["presence"]),
            stride=document.get("stride", 1),  # missing from verdicts of before there was one
            status=status,
            reason=document["reason"],
            stage=Stage(stage) if stage else None,
            host=document.get("host"),
            detail=document.get("detail", ""),
            slot=_instant(document["slot"]),
            stance=Stance(document["stance"])
            if "stance" in document
            else _STANCE_BEFORE.get(status, Stance.UNPROVED),
            since=_instant(document.get("since")),
            told_at=_instant(document.get("told_at")),
        )


_STANCE_BEFORE: Final[Mapping[Status | None, Stance]] = {
    Status.AVAILABLE: Stance.GOOD,
    Status.DEGRADED: Stance.IMPAIRED,
    Status.UNAVAILABLE: Stance.BAD,
}
"""Before there were stances each newest outcome was a vote, and a degraded one never made an outage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All that a verdict depends on. `from_json` undoes `to_json` exactly, so it can be recomputed."""

    now: datetime
    interval_seconds: int
    votes: tuple[Vote, ...]
    quorum: Quorum = USUAL.quorum
    minimum_votes: int = USUAL.minimum_votes
    fresh_intervals: int = USUAL.fresh_intervals

    def stale_at(self, vote: Vote) -> datetime | None:
        """Return when the vote is fresh no more, None where it says nothing."""
        return vote.slot + self._fresh_for(vote) if vote.slot else None

    def forgotten_at(self, vote: Vote) -> datetime | None:
        """Return when the last word of a region that does not vote is fresh no more, None where it said nothing."""
        return vote.told_at + self._fresh_for(vote) if vote.told_at else None

    def _fresh_for(self, vote: Vote) -> timedelta:
        return fresh_for(self.interval_seconds, vote.stride, self.fresh_intervals)

    def to_json(self) -> dict[str, Any]:
        return {
            "now": self.now.isoformat(),
            "interval_seconds": self.interval_seconds,
            "quorum": self.quorum.to_json(),
            "minimum_votes": self.minimum_votes,
            "fresh_intervals": self.fresh_intervals,
            "votes": [vote.to_json() for vote in self.votes],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Also of what was stored before there were stances and quorums: it comes to the verdict that it came to."""
        return cls(
            now=datetime.fromisoformat(document["now"]),
            interval_seconds=document["interval_seconds"],
            quorum=Quorum.from_json(document.get("quorum", {"percent": 51})),
            minimum_votes=document["minimum_votes"],
            fresh_intervals=document["fresh_intervals"],
            votes=tuple(Vote.from_json(item) for item in document["votes"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict, how it came about, and when it lapses by the mere passing of time (None: it does not).

    `left_out` says for each region without a counted vote why: its presence (`paused`, `draining`, `silent`,
    `egress_down`, `unheard`, `maintenance`), `unchecked`, `unproved`, `stale`, `indeterminate` or `config_error`.
    `witnesses` are those of them whose last good word still speaks against an outage. `bad` regions are part of the
    `failing` ones; `needed` is how many it takes for an outage.
    """

    state: VerdictState
    counted: int
    failing: int
    bad: int
    needed: int
    left_out: Mapping[str, str]
    witnesses: tuple[str, ...]
    stale_at: datetime | None


def decide(inputs: Inputs) -> Decision:
    """Return the verdict on `inputs`, whatever the order of its votes."""
    why = {vote.region: _why_left_out(vote, inputs) for vote in inputs.votes}
    counted = [vote for vote in inputs.votes if why[vote.region] is None]
    bad = [vote for vote in counted if vote.stance is Stance.BAD]
    began_at = max((vote.since for vote in bad if vote.since), default=None)
    eligible = [vote for vote in inputs.votes if why[vote.region] not in _NOT_MISSED]
    missed = [vote for vote in eligible if why[vote.region]]
    witnesses = [vote for vote in missed if _is_witness(vote, inputs, began_at)]
    needed = inputs.quorum.needed(len(counted) + len(witnesses), eligible=len(eligible))
    minimum = max(1, min(inputs.minimum_votes, len(eligible)))
    lapses = [*map(inputs.stale_at, counted), *map(inputs.forgotten_at, witnesses)]
    return Decision(
        state=_state(counted, bad=len(bad), needed=needed, minimum=minimum),
        counted=len(counted),
        failing=sum(vote.stance is not Stance.GOOD for vote in counted),
        bad=len(bad),
        needed=needed,
        left_out={region: cause for region, cause in why.items() if cause},
        witnesses=tuple(sorted(vote.region for vote in witnesses)),
        # Just past the last instant at which the vote still counts.
        stale_at=min((at for at in lapses if at and at > inputs.now), default=None),
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
    if vote.status not in _COUNTED:
        return vote.status.value
    return "unproved" if vote.stance is Stance.UNPROVED else None


def _is_witness(vote: Vote, inputs: Inputs, began_at: datetime | None) -> bool:
    """Tell whether the last word of a region that does not vote still counts against an outage."""
    forgotten_at = inputs.forgotten_at(vote)
    if began_at is None or forgotten_at is None or vote.told_at is None:
        return False
    if vote.stance not in (Stance.GOOD, Stance.IMPAIRED):
        return False
    return forgotten_at > inputs.now or (vote.told_at >= began_at and vote.ballot is not Ballot.BAD)


def _state(counted: Sequence[Vote], *, bad: int, needed: int, minimum: int) -> VerdictState:
    if len(counted) < minimum:
        return VerdictState.UNKNOWN
    if bad >= needed:
        return VerdictState.UNAVAILABLE
    if all(vote.stance is Stance.GOOD for vote in counted):
        return VerdictState.AVAILABLE
    return VerdictState.DEGRADED


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
