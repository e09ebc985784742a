"""What is to be done with a resource's incident, each time that its verdict was computed.

An incident opens when the verdict is `unavailable`, and when it has been `degraded` for longer than the terms allow.
It is dated back to the first failure of the regions that made it. It turns with the verdict, and resolves by itself
when all is good again. That nothing can be said (`unknown`) neither opens nor resolves one. There is never a second
one while one is open.

While a resource flaps, its incident stays open and quiet until it has settled. In maintenance none is opened, and
what is open stays; what still fails afterwards opens one that began no earlier than the maintenance ended. The same
goes for the failures of regions that were in maintenance by themselves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from probes.policy.ballot import Stance
from probes.policy.verdict import Decision, Inputs, VerdictState
from probes.protocol.taxonomy import Status


class Level(StrEnum):
    """How bad an incident is at present. A flapping one keeps the level that it had."""

    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


_LEVELS: Final = {VerdictState.DEGRADED: Level.DEGRADED, VerdictState.UNAVAILABLE: Level.UNAVAILABLE}


class Cause(StrEnum):
    """Why an incident is over."""

    RECOVERED = "recovered"
    PAUSED = "paused"  # nobody looks any more
    REPLACED = "replaced"  # another image is meant by now
    RETIRED = "retired"  # nobody has it any more


class EntryKind(StrEnum):
    """What a line of an incident's timeline tells."""

    OPENED = "opened"
    BACK_DATED = "back_dated"
    TURNED = "turned"
    FLAPPING = "flapping"
    SETTLED = "settled"
    RESOLVED = "resolved"
    REGION = "region"
    DEPTH = "depth"  # what a region's check of config and layers found, which was another result before
    JOINED = "joined"  # an outage of what many share
    LEFT = "left"  # it: one of them stands alone
    ACKNOWLEDGED = "acknowledged"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIncident:
    """The incident that is open for a resource."""

    level: Level
    began_at: datetime
    is_flapping: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """How things stand with a resource.

    The verdict is what it is since `since`. `failing_since` is the first failure of the regions that fail, None where
    none does; `good_since` the last recovery of those that do not. No incident began before `clear_since`: the end of
    a maintenance, or of the incident before. `maintenance_until` is the end of the one that is on.
    """

    now: datetime
    verdict: VerdictState
    since: datetime
    failing_since: datetime | None = None
    good_since: datetime | None = None
    degraded_after: timedelta = timedelta(0)
    clear_since: datetime | None = None
    is_flapping: bool = False
    maintenance_until: datetime | None = None
    is_paused: bool = False
    is_retired: bool = False

    @property
    def began_at(self) -> datetime:
        """When the failure began: as its regions saw it, or else as the verdict did."""
        began_at = self.failing_since or self.since
        return max(began_at, self.clear_since) if self.clear_since else began_at


@dataclass(frozen=True, slots=True)
class Open:
    """Open an incident, dated back to `began_at`."""

    level: Level
    began_at: datetime
    is_flapping: bool = False


@dataclass(frozen=True, slots=True)
class BackDate:
    """A region that joined failed before all others."""

    began_at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """It became worse, or better without being over."""

    level: Level


@dataclass(frozen=True, slots=True)
class Flap:
    """It comes and goes: say so once, and nothing more until it has settled."""


@dataclass(frozen=True, slots=True)
class Settle:
    """It comes and goes no longer."""


@dataclass(frozen=True, slots=True)
class Resolve:
    """It was over at `at`."""

    at: datetime
    cause: Cause = Cause.RECOVERED


@dataclass(frozen=True, slots=True)
class Leave:
    """What it was a child of is over, and it is not: it stands alone from now on."""


Deed = Open | BackDate | Turn | Flap | Settle | Resolve | Leave


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be done now, in this order, and when to look again though nothing changed by then."""

    deeds: tuple[Deed, ...] = ()
    look_again_at: datetime | None = None


NOTHING: Final = Course()
_NOBODY: Final[Mapping[str, datetime]] = MappingProxyType({})


def situation(
    inputs: Inputs,
    decision: Decision,
    *,
    since: datetime,
    degraded_after: timedelta,
    back_since: Mapping[str, datetime] = _NOBODY,
) -> Situation:
    """Return what the votes tell of how things stand; whether it flaps or is in maintenance is for others to add.

    `back_since` says of regions when their last maintenance was over: what failed in it fails since then.
    """
    voting = [vote for vote in inputs.votes if vote.region not in decision.left_out and vote.since]
    failing = [
        max(vote.since, back_since.get(vote.region, vote.since))
        for vote in voting
        if vote.stance is not Stance.GOOD and vote.since
    ]
    good = [vote.since for vote in voting if vote.stance is Stance.GOOD and vote.since]
    return Situation(
        now=inputs.now,
        verdict=decision.state,
        since=since,
        failing_since=min(failing, default=None),
        good_since=max(good, default=None),
        degraded_after=degraded_after,
    )


def step(now: Situation, incident: OpenIncident | None) -> Course:
    """Return what is to be done in this situation with the incident that is open, if one is."""
    if now.is_paused:
        cause = Cause.RETIRED if now.is_retired else Cause.PAUSED
        return Course((Resolve(now.now, cause),)) if incident else NOTHING
    return _unopened(now) if incident is None else Course(tuple(_opened(now, incident)))


def _unopened(now: Situation) -> Course:
    level = _LEVELS.get(now.verdict)
    if now.maintenance_until:
        return Course(look_again_at=now.maintenance_until) if level or now.is_flapping else NOTHING
    if now.is_flapping:  # it may be good at this very moment
        return Course((Open(level or Level.DEGRADED, now.began_at, is_flapping=True),))
    if level is Level.UNAVAILABLE:
        return Course((Open(level, now.began_at),))
    if level is None:
        return NOTHING
    due_at = now.began_at + now.degraded_after
    return Course((Open(level, now.began_at),)) if due_at <= now.now else Course(look_again_at=due_at)


def _opened(now: Situation, incident: OpenIncident) -> Iterable[Deed]:
    if now.is_flapping:
        if not incident.is_flapping:
            yield Flap()
        return
    if incident.is_flapping:
        yield Settle()
    level = _LEVELS.get(now.verdict)
    if now.verdict is VerdictState.AVAILABLE:
        yield Resolve(max(now.good_since or now.since, incident.began_at))
    if level is None:
        return
    if now.began_at < incident.began_at:
        yield BackDate(now.began_at)
    if level is not incident.level:
        yield Turn(level)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionTurn:
    """One line of an incident's timeline: what a region said before and says now.

    Its stance, or why it has no vote; None before the region had anything to do with the resource, or after. `slot`
    is that of its newest outcome, where that is what made it say so.
    """

    region: str
    before: str | None
    after: str | None
    reason: str | None
    since: datetime | None
    slot: datetime | None


def region_turns(before: tuple[Inputs, Decision] | None, after: tuple[Inputs, Decision]) -> tuple[RegionTurn, ...]:
    """Return what changed region by region between two verdicts on one resource, in the order of their names.

    A failure that has another reason than before is a change; a recovery has none.
    """
    earlier, later = _words(before), _words(after)
    return tuple(
        RegionTurn(
            region=region,
            before=earlier.get(region, _ABSENT)[0],
            after=later.get(region, _ABSENT)[0],
            reason=later.get(region, _ABSENT)[1],
            since=later.get(region, _ABSENT)[2],
            slot=later.get(region, _ABSENT)[3],
        )
        for region in sorted(earlier.keys() | later.keys())
        if earlier.get(region, _ABSENT)[:2] != later.get(region, _ABSENT)[:2]
    )


_Word = tuple[str | None, str | None, datetime | None, datetime | None]
_ABSENT: Final[_Word] = (None, None, None, None)
_FOUND: Final = frozenset({*Stance, Status.INDETERMINATE, Status.CONFIG_ERROR})
"""What a check makes a region say. That it has no vote for any other reason came without one."""


def _words(verdict: tuple[Inputs, Decision] | None) -> Mapping[str, _Word]:
    if verdict is None:
        return {}
    inputs, decision = verdict
    words: dict[str, _Word] = {}
    for vote in inputs.votes:
        said = decision.left_out.get(vote.region, vote.stance.value)
        reason = None if vote.stance is Stance.GOOD else vote.reason
        words[vote.region] = (said, reason, vote.since, vote.slot if said in _FOUND else None)
    return words
