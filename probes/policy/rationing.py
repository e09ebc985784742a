"""Who gets what of an account that is limited: a check as deep as it was wanted, a resolve, or its next slot.

Two lines form. Checks that want more than a resolve wait for it in one, and get resolves meanwhile. Where resolves
are not free either, checks may have to let a slot pass, and stand in the other. Whoever has waited longest comes
first. What there is room for is kept for him while his slots come.

Who is at the head of a line and finds no room for what he wants holds what there is, from all who come after him, if
he could have it at all (`quota.Account.at_best`). That he may do for as long as it takes to have it if nobody else
takes anything (`hold`). Who does not have it by then lets all others pass for as long, and goes to the end of the
line. Whatever others take or say, so nobody is held up for longer by one of them, and a line whose heads all fail is
free for half of the time.

Nothing is held or kept for whoever comes later than all is over again that is taken now (`_returns_within`): others
would leave it for days, and he would have no more of it.

Each region has a line of its own: one that never gets what it waits for keeps nothing from the others.

Where each request counts, half of what is ours is for resolves. What costs more than all of the other half may have
it together with some of the resolves', when none of it is taken, and nobody who was put off comes soon for that.

An image that fails where a resolve does not look (`depth.needs_depth`) gets no resolve: that would call it well. It
comes first as long as half of what its region may have for depth is left, beside what is kept for who waits longest.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from probes.policy.quota import PARTS, Account

HEAD_OF_THE_LINE: Final = 500
"""So many of those who wait for an account are looked at; whoever is further back has to wait anyway."""

_LONGEST_HOLD: Final = timedelta(hours=8)
"""Docker Hub's window is six hours, and half an hour more until all of it is over."""

Key = tuple[int, int]
"""A resource and a region."""


class Fate(StrEnum):
    """What becomes of a check."""

    AS_ASKED = "as_asked"
    LOWERED = "lowered"  # to a resolve
    PUT_OFF = "put_off"  # to the next slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A check that is due, and what it is expected to cost; `least` as a resolve, None where that would not do.

    Its slots come `every` so often. `is_ordered` is one that somebody insists on as it is. One that `must_go` cannot
    be put off.
    """

    key: Key
    cost: int
    least: int | None
    every: timedelta = timedelta()
    is_ordered: bool = False
    must_go: bool = False

    @property
    def is_deep(self) -> bool:
        return self.least is None or self.cost > self.least


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One that waits to be looked at in depth, or to be looked at at all, or both; since when for each.

    `holds_until` is set once it was at the head of a line and found no room. Its next slot `comes_at` that time; None
    is soon.
    """

    key: Key
    cost: int
    least: int | None
    deep_since: datetime | None = None
    off_since: datetime | None = None
    holds_until: datetime | None = None
    comes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stand:
    """A place in line: from now on it holds until then, or it is the last."""

    holds_until: datetime | None = None
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of each wish, and where those stand that may wait for what they did not get."""

    fates: Mapping[Key, Fate]
    stands: Mapping[Key, Stand]


@dataclass(frozen=True, slots=True)
class _Place:
    """One in a line, who is served only if he is here."""

    key: Key
    since: datetime
    cost: int
    is_here: bool
    can_be_lowered: bool = True
    holds_until: datetime | None = None
    comes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Room:
    """So much is left for a line, of so much for both; so much would be at best; and it is never more than `most`.

    What is taken now `returns_within` so long.
    """

    left: int
    in_all: int
    best: int
    best_in_all: int
    most: int
    most_in_all: int
    returns_within: timedelta

    def has(self, cost: int, kept: int = 0) -> bool:
        return kept + min(cost, self.most) <= self.left and kept + cost <= self.in_all

    def could_have(self, cost: int) -> bool:
        return min(cost, self.most) <= self.best and cost <= self.best_in_all


@dataclass(frozen=True, slots=True)
class _Line:
    """Who waits for a room, in order."""

    places: Sequence[_Place]
    room: _Room
    now: datetime

    @property
    def head(self) -> _Place | None:
        """The first who could have what he wants, or may have held it: nobody else begins to until he has gone.

        Whoever never could have it held a place in the other line.
        """
        return next(
            (
                place
                for place in self.places
                if self.room.could_have(place.cost) or (place.holds_until and place.cost <= self.room.most_in_all)
            ),
            None,
        )

    @property
    def holder(self) -> _Place | None:
        """The head as long as he may hold what there is; that begins when he is here."""
        head = self.head
        if head is None or not self._comes_soon(head):
            return None
        return head if (head.is_here if head.holds_until is None else self.now < head.holds_until) else None

    def _comes_soon(self, place: _Place) -> bool:
        """Tell whether what somebody else takes now would be missing when his slot comes."""
        return place.is_here or _is_soon(place.comes_at, self.now, self.room.returns_within)

    def served(self, first: Sequence[_Place] = ()) -> set[Key]:
        """Return for whom there is room, of those who are here; these come `first`."""
        kept, holder = 0, self.holder
        served: set[Key] = set()
        keys = {place.key for place in first}
        for place in [*first, *(place for place in self.places if place.key not in keys)]:
            has_room = self.room.has(place.cost, kept)
            if has_room and place.is_here:
                served.add(place.key)
            if place == holder or (has_room and self._comes_soon(place)):
                kept += place.cost
        return served

    def first(self) -> list[_Place]:
        """Return who comes first because a resolve would not do, beside what is kept for who waits longest."""
        holder = self.holder
        keeping = (
            place
            for place in self.places
            if place == holder or (self.room.has(place.cost) and self._comes_soon(place))
        )
        left = self.room.left - next((place.cost for place in keeping if place.can_be_lowered), 0)
        first = []
        for place in self.places:
            if place.is_here and not place.can_be_lowered and place.cost <= left:
                left -= place.cost
                first.append(place)
        return first


def decide(account: Account, wishes: Sequence[Wish], waiting: Sequence[Waiting], *, now: datetime) -> Decision:
    """Return what becomes of a region's wishes; `waiting` are the first in its line, `HEAD_OF_THE_LINE` at most."""
    allowance = account.allowance(now)
    if allowance is None:
        return Decision({wish.key: Fate.AS_ASKED for wish in wishes}, {})
    fates = {wish.key: Fate.AS_ASKED for wish in wishes if wish.is_ordered}
    ordered = sum(wish.cost for wish in wishes if wish.is_ordered)
    open_wishes = [wish for wish in wishes if not wish.is_ordered]

    in_all, for_depth = max(allowance - ordered, 0), max(account.for_depth(now) - ordered, 0)
    returns_within = _returns_within(account)
    here = {wish.key for wish in open_wishes}
    kept_for_resolves = sum(
        item.least or 0
        for item in waiting
        if item.off_since and (item.key in here or _is_soon(item.comes_at, now, returns_within))
    )
    best = account.at_best(for_depth=True)
    deep = _deep_line(
        open_wishes,
        waiting,
        _Room(
            left=for_depth,
            in_all=max(in_all - kept_for_resolves, for_depth),
            best=best.for_depth(now),
            best_in_all=best.allowance(now) or 0,
            most=account.most(for_depth=True),
            most_in_all=account.most(),
            returns_within=returns_within,
        ),
        now,
    )
    is_plenty = deep.room.left * 2 > deep.room.best
    granted = deep.served(deep.first() if is_plenty else ())
    fates |= dict.fromkeys(granted, Fate.AS_ASKED)

    left = in_all - sum(wish.cost for wish in open_wishes if wish.key in granted)
    rest = [wish for wish in open_wishes if wish.key not in granted]
    at_best = account.at_best().allowance(now) or 0
    most = account.most()
    room = _Room(left, left, at_best, at_best, most, most, returns_within)
    shallow = _shallow_line(rest, waiting, room, now)
    served = shallow.served()
    fates |= {wish.key: _shallow_fate(wish, served) for wish in rest}
    heads = {
        line.head.key for line, got in ((deep, granted), (shallow, served)) if line.head and line.head.key not in got
    }
    held_until = {item.key: item.holds_until for item in waiting}
    stands = {
        wish.key: _stand(held_until.get(wish.key), hold(account, wish.every), is_head=wish.key in heads, now=now)
        for wish in rest
        if fates[wish.key] is not Fate.AS_ASKED
        and (held_until.get(wish.key) or _could_have(wish, fates[wish.key], deep.room, shallow.room))
    }
    return Decision(fates, stands)


def hold(account: Account, every: timedelta) -> timedelta:
    """Return for how long a head may hold: all that was taken before is over then, and one of its slots has come.

    Of slots that are further apart the next one has come, too: until shortly before it nobody is held up.
    """
    return min(account.window + account.window / PARTS + every, max(_LONGEST_HOLD, every + every / PARTS))


def _returns_within(account: Account) -> timedelta:
    """Return when all that is taken now may be taken again, as far as anybody is held up for it."""
    return min(account.window + account.window / PARTS, _LONGEST_HOLD)


def _is_soon(comes_at: datetime | None, now: datetime, returns_within: timedelta) -> bool:
    return comes_at is None or comes_at < now + returns_within


def _stand(holds_until: datetime | None, length: timedelta, *, is_head: bool, now: datetime) -> Stand:
    """Return where one stands who did not get what he wanted: who held lets the others pass before he goes."""
    if holds_until is None:
        return Stand(now + length if is_head else None)
    return Stand(is_last=now >= holds_until + length)


def _could_have(wish: Wish, fate: Fate, deep: _Room, shallow: _Room) -> bool:
    """Tell whether one waits for something that could be had at all."""
    if wish.least is None or fate is Fate.LOWERED:
        return deep.could_have(wish.cost)
    return shallow.could_have(wish.least)


def _deep_line(wishes: Sequence[Wish], waiting: Sequence[Waiting], room: _Room, now: datetime) -> _Line:
    """Return who wishes or waits for more than a resolve."""
    here = {wish.key: wish for wish in wishes if wish.is_deep}
    known = {item.key: item for item in waiting if item.deep_since}
    line = [
        _Place(
            key=key,
            since=(key in known and known[key].deep_since) or now,
            cost=wish.cost,
            is_here=True,
            can_be_lowered=wish.least is not None,
            holds_until=known[key].holds_until if key in known else None,
        )
        for key, wish in here.items()
    ]
    line += [
        _Place(item.key, item.deep_since, item.cost, False, item.least is not None, item.holds_until, item.comes_at)
        for item in waiting
        if item.deep_since and item.key not in here
    ]
    return _Line(sorted(line, key=_in_order), room, now)


def _shallow_line(wishes: Sequence[Wish], waiting: Sequence[Waiting], room: _Room, now: datetime) -> _Line:
    """Return who wishes for a resolve that may have to wait, or waits for one."""
    here = {wish.key for wish in wishes}
    known = {item.key: item for item in waiting if item.off_since}
    line = [
        _Place(
            key=wish.key,
            since=(wish.key in known and known[wish.key].off_since) or now,
            cost=wish.least,
            is_here=True,
            holds_until=known[wish.key].holds_until if wish.key in known else None,
        )
        for wish in wishes
        if wish.least and not wish.must_go
    ]
    line += [
        _Place(
            item.key, item.off_since, item.least, is_here=False, holds_until=item.holds_until, comes_at=item.comes_at
        )
        for item in waiting
        if item.off_since and item.least is not None and item.key not in here
    ]
    return _Line(sorted(line, key=_in_order), room, now)


def _shallow_fate(wish: Wish, served: Collection[Key]) -> Fate:
    """Return what becomes of one who was not granted more than a resolve, or wishes for no more."""
    if wish.least is None:
        return Fate.AS_ASKED if wish.must_go else Fate.PUT_OFF
    if wish.must_go or wish.least == 0 or wish.key in served:
        return Fate.LOWERED if wish.is_deep else Fate.AS_ASKED
    return Fate.PUT_OFF


def _in_order(place: _Place) -> tuple[datetime, Key]:
    return place.since, place.key
