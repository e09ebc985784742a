"""Slots: the instants for which checks are due. Arithmetic in whole milliseconds since the epoch.

A resource's grid is its interval, shifted by a phase that follows from its id: stable over restarts, and
spread over the interval so that a thousand images added at once are not checked at once for ever. Grid slots
fall on whole seconds; slots of checks asked for by hand never do, so that the two cannot meet.

Where a calendar says when (`policy.crontab`), a resource has a second of its own within the minute that it names.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
LATEST: Final = timedelta(days=1)
"""No slot is handed out later than this: outcomes are kept by the day of their slot, and only so far back."""


SPREAD_SECONDS: Final = 60
"""A calendar names minutes: so far may a slot be from the beginning of one."""


class Calendar(Protocol):
    """Instants without an end on either side, at whole minutes."""

    def after(self, instant: datetime) -> datetime: ...

    def before(self, instant: datetime) -> datetime: ...

    def count(self, start: datetime, end: datetime) -> int: ...


class MissedCause(StrEnum):
    """Why a slot has no outcome."""

    DOWNTIME = "downtime"  # the control plane did not run: the slot was never handed out
    SHED = "shed"  # not handed out to the region: its queue was full, or it cannot keep up
    EXPIRED = "expired"  # handed out, but the region gave no sign of life while there was time to take it
    LOST = "lost"  # handed out to a region that lived meanwhile; nothing usable came back, or it got there too late
    OUTDATED = "outdated"  # not handed out to the region: a worker of it is of a version that cannot read the check
    QUOTA = "quota"  # not handed out to the region: it would have taken more of the registry's quota than is ours


@dataclass(frozen=True, slots=True)
class Missed:
    """`count` consecutive slots from `first` to `last`, both included."""

    first: datetime
    last: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What a due resource gets: a check for `slot`, the slots given up before it, and when it is due next."""

    slot: datetime
    next_due_at: datetime
    missed: Missed | None = None


def phase_seconds(key: int, interval_seconds: int) -> int:
    """Return the shift of a resource's grid: the same for the same key, spread evenly over the interval."""
    digest = hashlib.blake2b(str(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest) % interval_seconds


def number(slot: datetime, *, interval_seconds: int, key: int) -> int:
    """Return the place of a slot on its resource's grid: it grows by one with each.

    Counted from a start of the resource's own, so that what happens every so many slots does not happen to all
    resources at once. A slot off the grid has the number of the grid slot before it.
    """
    interval = interval_seconds * 1000
    start = int.from_bytes(hashlib.blake2b(f"start {key}".encode(), digest_size=4).digest())
    return (_ms(slot) - phase_seconds(key, interval_seconds) * 1000) // interval + start


def claim(*, due_at: datetime, now: datetime, interval_seconds: int, key: int) -> Claim:
    """Return what a resource due at `due_at` gets at `now`, which is not before it.

    However long it has been due, it gets one check: for `due_at` itself while the slot after it has not come,
    else for the newest grid slot, and all before that are missed. `due_at` may lie off the grid (a resource
    that was just made or resumed is due at once); the slot after it is on the grid, half an interval to one
    and a half away. A slot more than a day gone by is too old to be handed out: then the check is for `now`.
    """
    interval = interval_seconds * 1000
    phase = phase_seconds(key, interval_seconds) * 1000
    due = _ms(due_at)
    following = _grid_from(due + interval // 2, interval, phase)
    if following > _ms(now):
        return Claim(_not_too_old(_truncated(due_at), now), _instant(following))
    slot = _grid_from(_ms(now) - interval + 1, interval, phase)
    given_up = (slot - following) // interval
    last = slot - interval if given_up else due
    given = _not_too_old(_instant(slot), now)
    return Claim(given, _instant(slot + interval), Missed(_truncated(due_at), _instant(last), given_up + 1))


def claim_by(calendar: Calendar, *, due_at: datetime, now: datetime, key: int) -> Claim:
    """Return the same as `claim` where a calendar says when checks are due."""
    shift = timedelta(seconds=phase_seconds(key, SPREAD_SECONDS))
    due = _truncated(due_at)
    following = calendar.after(due - shift) + shift
    if following > now:
        return Claim(_not_too_old(due, now), following)
    slot = calendar.before(now - shift + _MS) + shift
    given_up = calendar.count(following - shift, slot - shift)
    last = calendar.before(slot - shift) + shift if given_up else due
    following = calendar.after(slot - shift) + shift
    return Claim(_not_too_old(slot, now), following, Missed(due, last, given_up + 1))


def interval_by(calendar: Calendar, slot: datetime) -> int:
    """Return the seconds that a calendar leaves about `slot`: to the next time or from the last, what is longer.

    So long a vote is waited for. With the time to the next alone, the votes of Friday would be stale on Monday
    morning before anybody could cast another.
    """
    following = calendar.after(slot)
    here = calendar.before(following)
    return int(max(following - here, here - calendar.before(here)).total_seconds())


def upcoming(now: datetime, *, key: int, interval_seconds: int, calendar: Calendar | None = None) -> datetime:
    """Return the first slot after `now`, of the grid or of the calendar."""
    if calendar is not None:
        shift = timedelta(seconds=phase_seconds(key, SPREAD_SECONDS))
        return calendar.after(now - shift) + shift
    return _instant(_grid_from(_ms(now) + 1, interval_seconds * 1000, phase_seconds(key, interval_seconds) * 1000))


def _not_too_old(slot: datetime, now: datetime) -> datetime:
    return slot if now - slot <= LATEST else whole_second(now)


def asked_slot(now: datetime, last_asked: datetime | None) -> datetime:
    """Return the slot of a check asked for by hand: `now` in milliseconds, later than the last one asked for.

    Never a whole second: those belong to the grid.
    """
    slot = _ms(now) if last_asked is None else max(_ms(now), _ms(last_asked) + 1)
    return _instant(slot + (slot % 1000 == 0))


def whole_second(now: datetime) -> datetime:
    """Return the grid's resolution of `now`: the due time of what is to be checked at once."""
    return now.replace(microsecond=0)


def _grid_from(ms: int, interval: int, phase: int) -> int:
    """Return the first grid slot at or after `ms`."""
    return ms + (phase - ms) % interval


def _ms(instant: datetime) -> int:
    return (instant - _EPOCH) // _MS


def _instant(ms: int) -> datetime:
    return _EPOCH + ms * _MS


def _truncated(instant: datetime) -> datetime:
    return _instant(_ms(instant))
