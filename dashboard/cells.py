"""How a resource looks, from one region and as a whole. PURE: both pages show the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from dashboard import words
from dashboard.instants import Told
from dashboard.words import Look
from probes.models import MaintenanceOccurrence, Region, RegionState, Resource, Verdict
from probes.policy.ballot import Ballot, Stance
from probes.policy.liveness import RegionCondition
from probes.policy.terms import USUAL, Terms
from probes.policy.verdict import fresh_for
from probes.protocol.taxonomy import Reason, Status
from probes.selectors.overview import Cell, LastSeen

# The tick comes each second; what it has not done for so long, it is not about to do.
LATEST_TICK: Final = timedelta(seconds=30)

_STATUSES = frozenset(Look(status) for status in Status)
_VOTES = {
    Stance.UNPROVED: "none yet",
    Stance.GOOD: "still good",
    Stance.IMPAIRED: "still impaired",
    Stance.BAD: "still bad",
}
_VOICELESS = {
    RegionCondition.PAUSED: Look.PAUSED,
    RegionCondition.DRAINING: Look.PAUSED,
    RegionCondition.EGRESS_DOWN: Look.EGRESS_DOWN,
    RegionCondition.SILENT: Look.SILENT,
    RegionCondition.RETIRED: Look.PAUSED,
    RegionCondition.ANNOUNCED: Look.UNCHECKED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The last outcome from a region. `status` and `reason` are codes; `slot` is when it was due."""

    status: str
    reason: str
    slot: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What is shown first. `was` is the last result where it does not count any more, `at` the slot of the last."""

    look: Look
    reason: str = ""
    was: str = ""
    at: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether what is shown is a result of now."""
        return self.look in _STATUSES

    @classmethod
    def of(
        cls,
        seen: Seen | None,
        *,
        condition: RegionCondition,
        aside: Look | None,
        interval_seconds: int,
        stride: int,
        now: datetime,
        fresh_intervals: int = USUAL.fresh_intervals,
    ) -> Self:
        """Return the face of a resource from a region in `condition`; `aside` tells why it is not checked at all."""
        if aside is not None:
            look = aside
        elif condition in _VOICELESS:
            look = _VOICELESS[condition]
        elif seen is None:
            look = Look.UNCHECKED
        elif seen.slot + fresh_for(interval_seconds, stride, fresh_intervals) <= now:
            look = Look.STALE
        else:
            look = Look(seen.status)
        if seen is None:
            return cls(look=look)
        reason = "" if seen.reason == Reason.OK else words.reason(seen.reason)
        if look in _STATUSES:
            return cls(look=look, reason=reason, at=seen.slot)
        was = ": ".join(filter(None, (Look(seen.status).label.lower(), reason)))
        return cls(look=look, was=f"was {was}", at=seen.slot)


def face_of(resource: Resource, cell: Cell[LastSeen] | Cell[RegionState], now: datetime) -> Face:
    state = cell.state
    return Face.of(
        Seen(status=state.status, reason=state.reason, slot=state.last_slot) if state else None,
        condition=cell.condition,
        aside=aside(resource),
        interval_seconds=resource.every_seconds,
        stride=cell.region.stride,
        now=now,
        fresh_intervals=cell.terms.fresh_intervals,
    )


def aside(resource: Resource) -> Look | None:
    """Return why a resource is not checked from anywhere, None where it is. What is retired is paused as well."""
    if resource.is_retired:
        return Look.RETIRED
    return Look.PAUSED if resource.is_paused else None


def next_check(resource: Resource, now: datetime) -> str:
    """Return when it is checked next, or until when it is not."""
    if resource.is_retired:
        return "none, it is retired"
    if resource.resumes_at is not None:
        return Told.of("paused until {}", words.clock(resource.resumes_at, now))
    return "none while paused" if resource.is_paused else words.ahead(resource.next_due_at, now)


def unlisted_told(resource: Resource, now: datetime) -> str:
    """Return since when its source lists it no more; empty where it does, or nobody is to list it."""
    return words.since(resource.stale_at, now) if resource.stale_at is not None else ""


def differ(seen: Iterable[tuple[Look, str | None]]) -> bool:
    """Tell whether regions that see the image now see different digests of it."""
    return len({digest for look, digest in seen if digest and look in _STATUSES}) > 1


def look_of(
    resource: Resource, verdict: Verdict | None, now: datetime, *, work: MaintenanceOccurrence | None = None
) -> Look:
    """Return how a resource as a whole looks: what sets it aside over planned work, and that over the verdict.

    A verdict that has lapsed and was not computed again is stale.
    """
    if (set_aside := aside(resource)) is not None:
        return set_aside
    if work is not None:
        return Look.MAINTENANCE
    return verdict_look(verdict, now)


def verdict_look(verdict: Verdict | None, now: datetime) -> Look:
    """Return how a verdict looks, whatever is shown over it."""
    if verdict is None:
        return Look.UNCHECKED
    is_lapsed = verdict.stale_at is not None and verdict.stale_at + LATEST_TICK <= now
    return Look.STALE if is_lapsed else Look(verdict.state)


def name_of(resource: Resource) -> str:
    """Return the name of a resource, or what is most telling of one without."""
    if resource.is_endpoint:
        return words.shown(resource.name, 255) or words.shown(resource.canonical.partition("://")[2], 400)
    tag = f":{resource.tag}" if resource.tag else ""
    return words.shown(resource.name, 255) or words.shown(f"{resource.repository}{tag}", 400)


def region_name(region: Region) -> str:
    return words.shown(region.name, 100) or region.slug


def vote_told(state: LastSeen | RegionState, terms: Terms) -> str:
    """Return with what a region votes, where that is not what its last check found; empty where it is."""
    ballot = Ballot(state.ballot) if state.ballot else None
    stance = Stance(state.stance)
    if ballot is None or stance.value == ballot.value:
        return ""
    if ballot is Ballot.BAD or (ballot is Ballot.IMPAIRED and stance is not Stance.BAD):
        return f"{_VOTES[stance]}, until {words.counted(terms.failures, 'failure')} in a row"
    return f"{_VOTES[stance]}, until {words.counted(terms.recoveries, 'good check')} in a row"


def work_told(work: MaintenanceOccurrence, now: datetime) -> str:
    """Return what is planned, and until when."""
    name = words.shown(work.name, 200)
    until = words.clock(work.ends_at, now)
    return Told.of("{}, until {}", name, until) if name else Told.of("until {}", until)
