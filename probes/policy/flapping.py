"""Whether a resource flaps: its verdict comes and goes more often than anybody wants to be told.

What counts is a change between good and not good, or between two ways of being bad; that nobody could tell for a
while is no change. Regions tell one after the other of what came or went for all of them, and the verdict passes
through `degraded` on its way: that is one change, not two. It begins at many changes within the window and ends when
few are left, so that a resource on the edge of flapping does not flap between flapping and not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from probes.policy.verdict import VerdictState


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """So many changes within `window` and it flaps; so few and it has settled."""

    window: timedelta = timedelta(hours=1)
    enter: int = 6
    leave: int = 2


USUAL: Final = Bound()

PASSING: Final = timedelta(minutes=1)
"""So soon all regions tell of one slot."""


@dataclass(frozen=True, slots=True)
class Flapping:
    """Whether it flaps now, and when it will have settled if nothing more changes (None: it does not flap)."""

    holds: bool
    settles_at: datetime | None = None


def turns(history: Iterable[tuple[datetime, VerdictState]]) -> list[datetime]:
    """Return when the verdict turned, of its states with the times at which they began, in their order."""
    known: list[tuple[datetime, VerdictState]] = []
    for at, state in history:
        if state is VerdictState.UNKNOWN or (known and known[-1][1] is state):
            continue
        if _was_on_its_way(known, at, state):
            known.pop()
        known.append((at, state))
    return [at for at, _ in known[1:]]


def read(before: bool, turned: Sequence[datetime], *, now: datetime, bound: Bound = USUAL) -> Flapping:  # noqa: FBT001 - a reading is what it is
    """Return whether it flaps at `now`, where it did or did not before. `turned` is in order."""
    recent = [at for at in turned if now - at < bound.window]
    if len(recent) <= bound.leave or not (before or len(recent) >= bound.enter):
        return Flapping(holds=False)
    # It has settled when all but the last few have left the window.
    return Flapping(True, recent[-bound.leave - 1] + bound.window)


def _was_on_its_way(known: Sequence[tuple[datetime, VerdictState]], at: datetime, state: VerdictState) -> bool:
    """Tell whether the last state known was passed through, from the one before it to this one."""
    if len(known) < 2:
        return False
    (_, before), (since, last) = known[-2:]
    return last is VerdictState.DEGRADED and before is not state and at - since < PASSING
