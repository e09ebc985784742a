"""The clock, and the control plane, the broker and the regions around it.

Nothing waits: the clock goes to the next moment at which anybody does something. What happens at the same moment
happens in a settled order, so that a scenario comes to the same end each time.
"""

import heapq
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any, Final

from django.db.models import Min

from kairos.simulation import control, founding, post
from kairos.simulation.far_region import FarRegion, InHand
from kairos.simulation.scenario import Scenario, Seat
from kairos.simulation.scratch import NoScratch, analyse, is_scratch
from kairos.simulation.script import Lost
from probes.actions.plans import Message
from probes.broker.queues import MOST_WAITING, RESULTS
from probes.models import Region, Resource
from probes.tasks.publishing import CROWDED_AT_MESSAGES, MOST_MESSAGES

_PULSE: Final = timedelta(seconds=15)
"""So often a control plane with nothing to do ticks all the same; after 20 seconds without it was away."""

_TRIM: Final = timedelta(minutes=1)
_HOUSE: Final = timedelta(hours=1)
_ANALYSE: Final = timedelta(minutes=10)
_ROLL_UP: Final = timedelta(minutes=15)
_BEAT: Final = timedelta(seconds=10)
_BEFORE: Final = timedelta(seconds=30)
_AFTER: Final = timedelta(minutes=1)
"""So long before and after a change of its circumstances a region beats as often as it really does."""

_OURS: Final = (Lost.CONTROL, Lost.BROKER)
"""Without either the control plane does nothing."""

_OF_A_REGION: Final = (Lost.WORKER, Lost.LINK, Lost.BROKER)
"""Without any of these nothing comes of a region."""


@dataclass(order=True, slots=True)
class _Appointment:
    """Something to do at a time; `rank` and `number` settle who comes first of those at the same."""

    at: timedelta
    rank: int
    number: int
    do: Callable[[], None] = field(compare=False)


_ORDER_FIRST, _BEATS, _TAKES, _REPORTS, _READS, _TICKS, _REAPS, _INFERS, _DELIVERS, _KEEPS_HOUSE = range(10)


class World:
    """One scenario, from its start to its end. Raises `NoScratch` outside of a database to simulate in."""

    def __init__(self, scenario: Scenario) -> None:
        if not is_scratch():
            raise NoScratch("a scenario is played in a database of its own, and this is another")
        self._scenario = scenario
        self._script = scenario.script
        self._at = timedelta(0)
        self._agenda: list[_Appointment] = []
        self._numbers = count()
        self._regions: dict[str, FarRegion] = {}
        self._unread: list[Callable[[], None]] = []
        self._waiting_reports = 0
        self._tick_at: timedelta | None = None
        self._due_at = timedelta(0)

    def run(self) -> None:
        """Play it. Raises `ScenarioInvalid` for what cannot be set up."""
        for seat in self._scenario.regions:
            if not seat.joins:
                self._join(seat)
        founding.found(self._scenario)
        for seat in self._scenario.regions:
            if seat.joins:
                self._plan(seat.joins, _ORDER_FIRST, partial(self._join, seat))
        for ordered in self._script.orders:
            self._plan(ordered.at, _ORDER_FIRST, partial(self._give, ordered))
        for moment in self._script.turns(_OURS):
            self._plan(moment, _READS, self._read_what_waits)
            self._plan(moment, _TICKS, self._tick_soon)
        self._repeat(timedelta(0), _HOUSE, _KEEPS_HOUSE, partial(self._keep, control.keep_house))
        self._repeat(_ROLL_UP, _ROLL_UP, _KEEPS_HOUSE, partial(self._keep, control.roll_up))
        self._repeat(timedelta(0), _HOUSE, _KEEPS_HOUSE, partial(self._keep, control.tell_expiry))
        self._repeat(_TRIM, _TRIM, _KEEPS_HOUSE, partial(self._keep, control.look_at_tags))
        self._repeat(_TRIM, _TRIM, _KEEPS_HOUSE, self._trim)
        self._repeat(_TRIM, _ANALYSE, _KEEPS_HOUSE, analyse)
        self._repeat(timedelta(0), self._scenario.pace.reap, _REAPS, partial(self._keep, control.reap))
        self._repeat(timedelta(0), self._scenario.pace.scopes, _INFERS, partial(self._keep, control.infer_scopes))
        self._repeat(timedelta(0), self._scenario.pace.notices, _DELIVERS, partial(self._keep, post.deliver))
        self._tick_soon()
        while self._agenda and self._agenda[0].at <= self._scenario.lasts:
            appointment = heapq.heappop(self._agenda)
            self._at = appointment.at
            appointment.do()

    @property
    def _now(self) -> datetime:
        return self._scenario.starts + self._at

    def _plan(self, at: timedelta, rank: int, do: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, _Appointment(at, rank, next(self._numbers), do))

    def _repeat(self, at: timedelta, every: timedelta, rank: int, do: Callable[[], None]) -> None:
        """Have the control plane do something so often, while it works."""

        def again() -> None:
            if self._works:
                do()
            self._plan(self._next(every, after=_OURS), rank, again)

        self._plan(at, rank, again)

    def _next(self, every: timedelta, *, after: Collection[Lost], region: str = "") -> timedelta:
        """Return when it is time again for what comes so `every`, and has no use before these are back."""
        if not any(self._script.lacks(what, self._at, region) for what in after):
            return self._at + every
        turns = (turn for turn in self._script.turns(after, region) if turn > self._at)
        return self._at + -(-(next(turns) - self._at) // every) * every

    # --- the control plane ---

    @property
    def _works(self) -> bool:
        """Whether the control plane is there and its orders reach it."""
        return not any(self._script.lacks(what, self._at) for what in _OURS)

    def _give(self, ordered: Any) -> None:
        founding.give(ordered, now=self._now)
        self._tick_soon()

    def _keep(self, does: Callable[..., None]) -> None:
        does(now=self._now)

    def _tick_soon(self) -> None:
        """Tick at the next moment for it: something may be due that was not."""
        step = self._scenario.pace.tick
        self._due_at = self._at
        self._plan_tick(-(-self._at // step) * step)

    def _plan_tick(self, at: timedelta) -> None:
        if self._tick_at is None or at < self._tick_at:
            self._tick_at = at
            self._plan(at, _TICKS, self._tick)

    def _tick(self) -> None:
        if self._tick_at != self._at:
            return  # there was one before that, which planned the next
        self._tick_at = None
        if not self._works:
            return  # there is one when it works again
        if self._due_at > self._at:
            control.stamp(now=self._now)
        else:
            crowded = {slug for slug, region in self._regions.items() if len(region.queue) >= CROWDED_AT_MESSAGES}
            self._publish(control.tick(now=self._now, crowded=crowded))
            due = Resource.objects.filter(paused_at=None).aggregate(first=Min("next_due_at"))["first"]
            self._due_at = due - self._scenario.starts if due else timedelta.max
        self._plan_tick(min(self._on_the_grid(self._due_at), self._at + _PULSE))

    def _on_the_grid(self, at: timedelta) -> timedelta:
        """Return the first moment for a tick that is after this one, and not before `at`."""
        step = self._scenario.pace.tick
        return max(-(-min(at, self._scenario.lasts + step) // step), self._at // step + 1) * step

    def _publish(self, messages: list[Message]) -> None:
        for message in messages:
            region = self._regions[message.queue.removeprefix("probe.")]
            if len(region.queue) < MOST_MESSAGES:
                region.queue.append(message)
        for region in self._regions.values():
            if region.queue:
                self._plan(self._at, _TAKES, partial(self._take, region))

    def _trim(self) -> None:
        for slug in Region.objects.away().values_list("slug", flat=True):
            region = self._regions[slug]
            region.queue = [message for message in region.queue if message.expires_at > self._now]

    def _hand_in(self, do: Callable[[], None]) -> None:
        """Have the control plane read a message, once it is there and all before it are read."""
        self._unread.append(do)
        self._read_what_waits()

    def _read_what_waits(self) -> None:
        if self._works:
            unread, self._unread = self._unread, []
            self._waiting_reports = 0
            for do in unread:
                do()

    # --- regions ---

    def _join(self, seat: Seat) -> None:
        issued = founding.enrol(seat.slug, now=self._now)
        region = FarRegion(issued.keys, self._script, self._scenario.starts)
        self._regions[seat.slug] = region
        for moment in self._script.turns(_OF_A_REGION, seat.slug):
            if moment >= self._at:
                self._plan(moment, _TAKES, partial(self._reconnect, region))
        for moment in self._script.returns(Lost.WORKER, seat.slug):
            self._plan(moment, _ORDER_FIRST, lambda: region.restart(now=self._now))
        self._beat(region)

    def _is_connected(self, region: FarRegion) -> bool:
        return not any(self._script.lacks(what, self._at, region.slug) for what in _OF_A_REGION)

    def _reconnect(self, region: FarRegion) -> None:
        """Send what was kept, and take what waits."""
        if self._is_connected(region):
            kept, region.spool = region.spool, []
            for envelope in kept:
                self._send_report(region, envelope)
            self._take(region)

    def _beat(self, region: FarRegion) -> None:
        if self._is_connected(region):
            envelope, among_reports = region.heartbeat(now=self._now), region.beats_among_reports
            self._hand_in(lambda: control.take_heartbeat(envelope, now=self._now, among_reports=among_reports))
        every = self._beats_every(region)
        at = self._next(every, after=_OF_A_REGION, region=region.slug)
        self._plan(at, _BEATS, partial(self._beat, region))

    def _beats_every(self, region: FarRegion) -> timedelta:
        """Return how long after this heartbeat the next one comes."""
        turns = self._script.turns(Lost, region.slug)
        usual = self._scenario.pace.heartbeat
        if not self._is_connected(region):
            return min(_BEAT, usual)
        is_near = any(turn - _BEFORE - usual <= self._at <= turn + _AFTER for turn in turns)
        return min(_BEAT, usual) if is_near else usual

    def _take(self, region: FarRegion) -> None:
        if region.queue and self._is_connected(region):
            for hand in region.take(now=self._now):
                self._plan(self._at + self._scenario.pace.report, _REPORTS, partial(self._report, region, hand))

    def _report(self, region: FarRegion, hand: InHand) -> None:
        since = hand.came_at - self._scenario.starts
        if self._script.lacked(Lost.WORKER, since, self._at, region.slug):
            return  # it was lost with its worker
        self._send_report(region, region.report(hand, now=self._now))

    def _send_report(self, region: FarRegion, envelope: dict[str, Any]) -> None:
        if not self._is_connected(region) or self._waiting_reports >= MOST_WAITING[RESULTS]:
            region.spool.append(envelope)
            return
        self._waiting_reports += 1
        self._hand_in(lambda: self._publish(control.take_report(envelope, now=self._now)))
