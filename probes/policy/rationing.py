"""Who gets what of an account that is limited: a check as deep as it was wanted, a resolve, or its next slot.

Two lines form. Checks that want more than a resolve wait for it in one, and get resolves meanwhile. Where resolves
are not free either, checks may have to let a slot pass, and stand in the other. Whoever has waited longest comes
first, and what he waits for is kept for him while his slots come. So nobody waits for ever for what a region is sure
to have (`quota.Account.sure`).

What costs more may never be there: others took it, or it is more than is ours. So nothing is kept for it from whoever
wants less. It comes when there is room at its turn, else it is lowered, or put off.

Each region has a line of its own: one that never gets what it waits for keeps nothing from the others.

Where each request counts, half of what is ours is for resolves. What costs more than all of the other half may have
it together with some of the resolves', when none of it is taken, and nobody who was put off waits for that.

An image that fails where a resolve does not look (`depth.needs_depth`) gets no resolve: that would call it well. It
comes first as long as half of what its region may have for depth is left, beside what whoever waits longest is sure
to have.
"""

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from probes.policy.quota import Account

HEAD_OF_THE_LINE: Final = 500
"""So many of those who wait for an account are looked at; whoever is further back has to wait anyway."""

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

    `is_ordered` is one that somebody insists on as it is. One that `must_go` cannot be put off.
    """

    key: Key
    cost: int
    least: int | None
    is_ordered: bool = False
    must_go: bool = False

    @property
    def is_deep(self) -> bool:
        return self.least is None or self.cost > self.least


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One that waits to be looked at in depth, or to be looked at at all, or both; since when for each."""

    key: Key
    cost: int
    least: int | None
    deep_since: datetime | None = None
    off_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """One in a line, who is served only if he is here."""

    key: Key
    since: datetime
    cost: int
    is_here: bool
    can_be_lowered: bool = True


@dataclass(frozen=True, slots=True)
class _Room:
    """So much is left for a line, of so much for both, at most, and for sure (`quota.Account`)."""

    left: int
    in_all: int
    most: int
    sure: int


def decide(
    account: Account, wishes: Sequence[Wish], waiting: Sequence[Waiting], *, now: datetime
) -> Mapping[Key, Fate]:
    """Return the fate of each wish of a region; `waiting` are the first in its line, `HEAD_OF_THE_LINE` at most."""
    allowance = account.allowance(now)
    if allowance is None:
        return {wish.key: Fate.AS_ASKED for wish in wishes}
    fates = {wish.key: Fate.AS_ASKED for wish in wishes if wish.is_ordered}
    ordered = sum(wish.cost for wish in wishes if wish.is_ordered)
    open_wishes = [wish for wish in wishes if not wish.is_ordered]

    in_all, for_depth = max(allowance - ordered, 0), max(account.for_depth(now) - ordered, 0)
    kept_for_resolves = sum(item.least or 0 for item in waiting if item.off_since)
    room = _Room(
        left=for_depth,
        in_all=max(in_all - kept_for_resolves, for_depth),
        most=account.most(for_depth=True),
        sure=account.sure(now, for_depth=True),
    )
    some_fail = any(wish.least is None for wish in open_wishes)
    is_plenty = some_fail and room.left * 2 > account.for_depth_at_best(now)
    granted = _deep(open_wishes, waiting, room, is_plenty=is_plenty, now=now)
    fates |= dict.fromkeys(granted, Fate.AS_ASKED)
    left = in_all - sum(wish.cost for wish in open_wishes if wish.key in granted)
    rest = [wish for wish in open_wishes if wish.key not in granted]
    return fates | _shallow(rest, waiting, _Room(left, left, account.most(), account.sure(now)), now=now)


def may_wait(wish: Wish, fate: Fate, account: Account, *, is_cut: bool, now: datetime) -> bool:
    """Tell whether a place in a line is of any use: what costs more than all that is ours will never be had.

    What a region is not sure to have has no place in a line that `is_cut`: those who are would not be seen behind it.
    """
    if fate is Fate.AS_ASKED or account.budget is None:
        return False
    for_depth = fate is Fate.LOWERED or wish.least is None
    cost = wish.cost if wish.least is None or for_depth else wish.least
    return cost <= account.most() and (not is_cut or cost <= account.sure(now, for_depth=for_depth))


def is_cut(waiting: Sized) -> bool:
    """Tell whether more may wait than is looked at."""
    return len(waiting) >= HEAD_OF_THE_LINE


def _deep(
    wishes: Sequence[Wish], waiting: Sequence[Waiting], room: _Room, *, is_plenty: bool, now: datetime
) -> set[Key]:
    """Return whose wish for depth is granted."""
    since = {item.key: item.deep_since for item in waiting if item.deep_since}
    here = {wish.key: wish for wish in wishes if wish.is_deep}
    line = [
        _Place(key, since.get(key, now), wish.cost, is_here=True, can_be_lowered=wish.least is not None)
        for key, wish in here.items()
    ]
    line += [
        _Place(item.key, item.deep_since, item.cost, is_here=False, can_be_lowered=item.least is not None)
        for item in waiting
        if item.deep_since and item.key not in here
    ]
    line.sort(key=_in_order)
    first = {place.key: place for place in _first(line, room)} if is_plenty else {}
    if is_cut(waiting):
        known = {item.key for item in waiting}
        line = [place for place in line if place.key in known]
    return _served([*first.values(), *(place for place in line if place.key not in first)], room)


def _first(line: Sequence[_Place], room: _Room) -> list[_Place]:
    """Return who comes first because a resolve would not do, beside what who waits longest is sure to have."""
    left = room.left - next((place.cost for place in line if place.can_be_lowered and place.cost <= room.sure), 0)
    first = []
    for place in line:
        if place.is_here and not place.can_be_lowered and place.cost <= left:
            left -= place.cost
            first.append(place)
    return first


def _served(line: Sequence[_Place], room: _Room) -> set[Key]:
    """Return for whom there is room, of those who are here.

    What somebody is sure to have is kept for him from all who come after him. For whoever wants more it is kept only
    when it is all there, and from those who want as much.
    """
    kept, kept_from_equals = 0, list[int]()
    served: set[Key] = set()
    for place in line:
        cost = place.cost
        before = kept + sum(other for other in kept_from_equals if other <= cost)
        fits = before + min(cost, room.most) <= room.left and before + cost <= room.in_all
        if fits and place.is_here:
            served.add(place.key)
        if cost <= room.sure or (fits and place.is_here):
            kept += cost
        elif fits:
            kept_from_equals.append(cost)
    return served


def _shallow(wishes: Sequence[Wish], waiting: Sequence[Waiting], room: _Room, *, now: datetime) -> dict[Key, Fate]:
    """Return what becomes of those who were not granted more than a resolve, or wish for no more."""
    since = {item.key: item.off_since for item in waiting if item.off_since}
    fates: dict[Key, Fate] = {}
    asked: dict[Key, Wish] = {}
    line: list[_Place] = []
    for wish in wishes:
        if wish.least is None:
            fates[wish.key] = Fate.AS_ASKED if wish.must_go else Fate.PUT_OFF
        elif wish.must_go or wish.least == 0:
            fates[wish.key] = _as_resolve(wish)
        elif is_cut(since) and wish.key not in since:
            fates[wish.key] = Fate.PUT_OFF
        else:
            asked[wish.key] = wish
            line.append(_Place(wish.key, since.get(wish.key, now), wish.least, is_here=True))
    here = {wish.key for wish in wishes}
    line += [
        _Place(item.key, item.off_since, item.least, is_here=False)
        for item in waiting
        if item.off_since and item.least is not None and item.key not in here
    ]
    served = _served(sorted(line, key=_in_order), room)
    return fates | {key: _as_resolve(wish) if key in served else Fate.PUT_OFF for key, wish in asked.items()}


def _in_order(place: _Place) -> tuple[datetime, Key]:
    return place.since, place.key


def _as_resolve(wish: Wish) -> Fate:
    return Fate.LOWERED if wish.is_deep else Fate.AS_ASKED
