"""What other terms would have made of the past: outcomes that are stored, taken in again one slot after the other.

It goes through the same functions as what reports (`standing`, `verdict`, `flapping`, `incidents`), so terms in force
come to what they came to. All that regions found for a slot is taken in at the slot itself, and a verdict is computed
after it, and whenever a vote lapses or an incident is due. That a region was paused or silent is not known here: one
that tells nothing is one that is missed, as soon as its last vote is stale.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from probes.policy import flapping
from probes.policy.incidents import (
    BackDate,
    Cause,
    Deed,
    Flap,
    Level,
    Open,
    OpenIncident,
    Resolve,
    Settle,
    Turn,
    situation,
    step,
)
from probes.policy.intervals import Cover, Interval
from probes.policy.standing import Seen, Standing, advance
from probes.policy.terms import Terms
from probes.policy.verdict import Inputs, Presence, VerdictState, Vote, decide, fresh_for

_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Work:
    """Planned work on the resource; with `regions` as it is seen from these alone."""

    interval: Interval
    regions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is known of the past of one resource.

    `strides` are of the regions that check it, by their slugs. `outcomes` are what they found, in the order of the
    slots; what was found without a way out is none of them, as it says nothing.
    """

    interval_seconds: int
    strides: Mapping[str, int]
    outcomes: Sequence[tuple[str, Seen]]
    works: Sequence[Work] = ()
    pauses: Sequence[Interval] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """An incident, as it was or would have been; `resolved_at` and `cause` are None while it is open."""

    worst: Level
    began_at: datetime
    opened_at: datetime
    resolved_at: datetime | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How many incidents there are in a range, and how many of its seconds lie in one."""

    count: int = 0
    seconds: int = 0

    def __add__(self, other: "Balance") -> "Balance":
        return Balance(count=self.count + other.count, seconds=self.seconds + other.seconds)


def balance(outages: Iterable[Outage], *, over: Interval) -> Balance:
    """Return what incidents, which do not overlap, come to within a range."""
    parts = [
        Interval(item.began_at, max(item.resolved_at or over.end, item.began_at + timedelta.resolution))
        for item in outages
    ]
    covered = Cover.of(parts, over=over).intervals
    return Balance(count=len(parts), seconds=sum((item.end - item.start) // _SECOND for item in covered))


def warm_up(terms: Terms, *, interval_seconds: int, strides: Iterable[int]) -> timedelta:
    """Return how long before a range outcomes have to be known, so that regions have their stances when it begins."""
    runs = max(terms.failures, terms.recoveries) + 1
    every_seconds = interval_seconds * max(strides, default=1)
    fresh = fresh_for(interval_seconds, max(strides, default=1), terms.fresh_intervals)
    return max(timedelta(seconds=runs * every_seconds), fresh)


def replay(past: Past, terms: Terms, *, over: Interval) -> list[Outage]:
    """Return the incidents that there would have been on these terms within the range, in the order they opened.

    What is known of before the range is taken in too, so that one that was open when it began is among them.
    """
    told = _Play(past, terms).run(until=over.end)
    return [item for item in told if item.resolved_at is None or item.resolved_at > over.start]


@dataclass(slots=True)
class _Play:
    """How things stand, from one instant to the next."""

    past: Past
    terms: Terms
    standings: dict[str, Standing] = field(default_factory=dict)
    state: VerdictState = VerdictState.UNKNOWN
    since: datetime | None = None
    turned: list[tuple[datetime, VerdictState, VerdictState]] = field(default_factory=list)
    open: OpenIncident | None = None
    outages: list[Outage] = field(default_factory=list)

    def run(self, *, until: datetime) -> list[Outage]:
        """Go from slot to slot, and to what is due between them."""
        slots = ((at, list(found)) for at, found in groupby(self.past.outcomes, key=lambda item: item[1].slot))
        ahead = _Ahead(iter(slots))
        stops = sorted(pause.start for pause in self.past.pauses)
        again: datetime | None = None
        while True:
            due = [at for at in (ahead.at, again, stops[0] if stops else None) if at is not None]
            if not due or (now := min(due)) >= until:
                return self.outages
            if stops and stops[0] == now:
                stops.pop(0)
            for region, seen in ahead.take(now):
                known = self.standings.get(region)
                self.standings[region] = advance(known, seen, self.terms.thresholds)
            again = self._judge(now)

    def _judge(self, now: datetime) -> datetime | None:
        """Compute the verdict, do with the incident what it asks for, and return when to look again."""
        ends = self._ends_by_region(now)
        inputs = self._inputs(now, ends)
        decision = decide(inputs)
        before, self.state = self.state, decision.state
        if decision.state is not before:
            self.since = now
            self.turned.append((now, before, decision.state))
        course_again: datetime | None = None
        if self.open or decision.state.harm or decision.state is not before:
            flaps = flapping.read(self.open is not None and self.open.is_flapping, self._turns(now), now=now)
            if self.open or decision.state.harm or flaps.holds:
                now_stands = situation(
                    inputs,
                    decision,
                    since=self.since or now,
                    degraded_after=self.terms.degraded_after,
                    back_since=self._back_since(now),
                )
                course = step(
                    replace(
                        now_stands,
                        is_flapping=flaps.holds,
                        is_paused=any(now in pause for pause in self.past.pauses),
                        clear_since=self._clear_since(now),
                        maintenance_until=self._worked_on_until(now),
                    ),
                    self.open,
                )
                for deed in course.deeds:
                    self._do(deed, now)
                course_again = min(filter(None, (course.look_again_at, flaps.settles_at)), default=None)
        back_at = min(ends.values(), default=None)
        return min((at for at in (decision.stale_at, back_at, course_again) if at and at > now), default=None)

    def _inputs(self, now: datetime, ends: Mapping[str, datetime]) -> Inputs:
        return Inputs(
            now=now,
            interval_seconds=self.past.interval_seconds,
            votes=tuple(
                _vote(
                    region,
                    self.standings.get(region),
                    stride,
                    Presence.MAINTENANCE if region in ends else Presence.PRESENT,
                )
                for region, stride in self.past.strides.items()
            ),
            quorum=self.terms.quorum,
            minimum_votes=self.terms.minimum_votes,
            fresh_intervals=self.terms.fresh_intervals,
        )

    def _turns(self, now: datetime) -> Sequence[datetime]:
        recent = [item for item in self.turned if item[0] > now - flapping.USUAL.window]
        history = [(recent[0][0], recent[0][1])] if recent else []
        return flapping.turns([*history, *((at, state) for at, _, state in recent)])

    def _ends_by_region(self, now: datetime) -> Mapping[str, datetime]:
        """Return when work is over that is on as seen from some regions alone."""
        ends: dict[str, datetime] = {}
        for work in self.past.works:
            if now in work.interval:
                ends |= {slug: max(work.interval.end, ends.get(slug, work.interval.end)) for slug in work.regions}
        return ends

    def _back_since(self, now: datetime) -> Mapping[str, datetime]:
        back: dict[str, datetime] = {}
        for work in self.past.works:
            if work.interval.end <= now:
                back |= {slug: max(work.interval.end, back.get(slug, work.interval.end)) for slug in work.regions}
        return back

    def _worked_on_until(self, now: datetime) -> datetime | None:
        on = (work.interval for work in self.past.works if not work.regions and now in work.interval)
        return max((item.end for item in on), default=None)

    def _clear_since(self, now: datetime) -> datetime | None:
        worked = (work.interval.end for work in self.past.works if not work.regions and work.interval.end <= now)
        paused = (pause.end for pause in self.past.pauses if pause.end <= now)
        resolved = (item.resolved_at for item in self.outages[-1:] if item.resolved_at)
        return max((*worked, *paused, *resolved), default=None)

    def _do(self, deed: Deed, now: datetime) -> None:
        match deed:
            case Open(level, began_at, is_flapping):
                self.open = OpenIncident(level=level, began_at=began_at, is_flapping=is_flapping)
                self.outages.append(Outage(worst=level, began_at=began_at, opened_at=now))
            case BackDate(began_at) if self.open:
                self.open = replace(self.open, began_at=began_at)
                self._tell(began_at=began_at)
            case Turn(level) if self.open:
                self.open = replace(self.open, level=level)
                self._tell(worst=level if level is Level.UNAVAILABLE else self.outages[-1].worst)
            case Flap() | Settle() if self.open:
                self.open = replace(self.open, is_flapping=isinstance(deed, Flap))
            case Resolve(at, cause) if self.open:
                self._tell(resolved_at=max(at, self.open.began_at), cause=cause)
                self.open = None

    def _tell(self, **changed: object) -> None:
        self.outages[-1] = replace(self.outages[-1], **changed)  # type: ignore[arg-type]  # fields of it


@dataclass(slots=True)
class _Ahead:
    """The slots that are still to come, one read ahead."""

    slots: Iterator[tuple[datetime, list[tuple[str, Seen]]]]
    next: tuple[datetime, list[tuple[str, Seen]]] | None = None

    def __post_init__(self) -> None:
        self.next = next(self.slots, None)

    @property
    def at(self) -> datetime | None:
        return self.next[0] if self.next else None

    def take(self, now: datetime) -> Sequence[tuple[str, Seen]]:
        """Return what was found for the slot `now`, if there is one."""
        if self.next is None or self.next[0] != now:
            return ()
        _, found = self.next
        self.next = next(self.slots, None)
        return found


def _vote(region: str, standing: Standing | None, stride: int, presence: Presence) -> Vote:
    if standing is None:
        return Vote(region=region, presence=presence, stride=stride)
    vote = Vote(
        region=region,
        presence=presence,
        stride=stride,
        status=standing.status,
        reason=standing.reason,
        stage=standing.stage,
        host=standing.host,
        slot=standing.last_slot,
    )
    poll = standing.poll
    return replace(vote, stance=poll.stance, since=poll.since, told_at=poll.at) if poll else vote
