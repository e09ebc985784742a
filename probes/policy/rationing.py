"""Who gets what of an account that is limited: a check as deep as it was wanted, a resolve, or its next slot.

Two lines form. Checks that want more than a resolve wait for it in one, and get resolves meanwhile. Where resolves
are not free either, checks may have to let a slot pass, and stand in the other. Whoever has waited longest comes
first, and what he waits for is kept for him while his slots come: so nobody waits for ever.

Each region has a line of its own: one that never gets what it waits for keeps nothing from the others.

Where each request counts, half of what is ours is for resolves alone. An image that fails where a resolve does not
look (`depth.needs_depth`) gets no resolve: that would call it well. As long as half of ours is left, it comes first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from probes.policy.quota import Account, Counting

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


def decide(
    account: Account, wishes: Sequence[Wish], waiting: Sequence[Waiting], *, now: datetime
) -> Mapping[Key, Fate]:
    """Return the fate of each wish of a region; `waiting` are the first in its line, `HEAD_OF_THE_LINE` at most."""
    budget, allowance = account.budget, account.allowance(now)
    if budget is None or allowance is None:
        return {wish.key: Fate.AS_ASKED for wish in wishes}
    fates = {wish.key: Fate.AS_ASKED for wish in wishes if wish.is_ordered}
    room = max(allowance - sum(wish.cost for wish in wishes if wish.is_ordered), 0)
    open_wishes = [wish for wish in wishes if not wish.is_ordered]

    granted = _deep(account, open_wishes, waiting, budget=budget, room=room, now=now)
    fates |= dict.fromkeys(granted, Fate.AS_ASKED)
    room -= sum(wish.cost for wish in open_wishes if wish.key in granted)
    return fates | _shallow([wish for wish in open_wishes if wish.key not in granted], waiting, room=room, now=now)


def may_wait(wish: Wish, fate: Fate, account: Account) -> bool:
    """Tell whether a place in a line is of any use: what costs more than all that is ours will never be had."""
    if fate is Fate.AS_ASKED:
        return False
    return wish.cost <= (account.budget or 0) or (fate is Fate.PUT_OFF and wish.least is not None)


def _deep(
    account: Account,
    wishes: Sequence[Wish],
    waiting: Sequence[Waiting],
    *,
    budget: int,
    room: int,
    now: datetime,
) -> set[Key]:
    """Return whose wish for depth is granted."""
    known = {item.key: item for item in waiting}
    here = {wish.key: wish for wish in wishes if wish.is_deep and wish.cost <= budget}
    is_cut = len(waiting) >= HEAD_OF_THE_LINE
    is_plenty = room * 2 > budget
    line: list[tuple[bool, datetime, Key, int, int | None]] = []
    for key, wish in here.items():
        item = known.get(key)
        is_first = wish.least is None and is_plenty
        if item is None and is_cut and not is_first:
            continue
        since = item.deep_since if item and item.deep_since else now
        line.append((not is_first, since, key, wish.cost, wish.least))
    line += [
        (True, item.deep_since, item.key, item.cost, item.least)
        for item in waiting
        if item.deep_since and item.key not in here and item.cost <= budget
    ]
    for_all = room - (account.kept_for_resolves(now) if account.counting is Counting.REQUESTS else 0)
    granted: set[Key] = set()
    used, blocked = 0, set()
    for _, _, key, cost, least in sorted(line, key=lambda place: place[:3]):
        can_be_lowered = least is not None
        if can_be_lowered in blocked or used + cost > (for_all if can_be_lowered else room):
            blocked.add(can_be_lowered)
            continue
        used += cost
        if key in here:
            granted.add(key)
    return granted


def _shallow(wishes: Sequence[Wish], waiting: Sequence[Waiting], *, room: int, now: datetime) -> dict[Key, Fate]:
    """Return what becomes of those who were not granted more than a resolve, or wish for no more."""
    since = {item.key: item.off_since for item in waiting if item.off_since}
    is_cut = len(since) >= HEAD_OF_THE_LINE
    fates: dict[Key, Fate] = {}
    line: list[tuple[datetime, Key, int, Wish | None]] = []
    for wish in wishes:
        if wish.least is None:
            fates[wish.key] = Fate.AS_ASKED if wish.must_go else Fate.PUT_OFF
        elif wish.must_go or wish.least == 0:
            fates[wish.key] = _as_resolve(wish)
        elif is_cut and wish.key not in since:
            fates[wish.key] = Fate.PUT_OFF
        else:
            line.append((since.get(wish.key, now), wish.key, wish.least, wish))
    here = {wish.key for wish in wishes}
    line += [
        (item.off_since, item.key, item.least, None)
        for item in waiting
        if item.off_since and item.least is not None and item.key not in here
    ]
    used, is_blocked = 0, False
    for _, key, least, wished in sorted(line, key=lambda place: place[:2]):
        is_blocked = is_blocked or used + least > room
        if not is_blocked:
            used += least
        if wished:
            fates[key] = Fate.PUT_OFF if is_blocked else _as_resolve(wished)
    return fates


def _as_resolve(wish: Wish) -> Fate:
    return Fate.LOWERED if wish.is_deep else Fate.AS_ASKED
