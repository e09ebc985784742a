"""Whether a resource flaps: its verdict comes and goes more often than anybody wants to be told.

What counts is a change between good and not good, or between two ways of being bad; that nobody could tell for a
while is no change. It begins at many changes within the window and ends when few are left, so that a resource on the
edge of flapping does not flap between flapping and not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from probes.policy.verdict import VerdictState


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """So many changes within `window` and it flaps; so few and it has settled."""

    window: timedelta = timedelta(hours=1)
    enter: int = 6
    leave: int = 2


USUAL: Final = Bound()


@dataclass(frozen=True, slots=True)
class Flapping:
    """Whether it flaps now, and when it will have settled if nothing more changes (None: it does not flap)."""

    holds: bool
    settles_at: datetime | None = None


def turns(history: Iterable[tuple[datetime, VerdictState]]) -> list[datetime]:
    """Return when the verdict turned, of its states with the times at which they began, in their order."""
    known = [(at, state) for at, state in history if state is not VerdictState.UNKNOWN]
    return [at for (_, before), (at, state) in pairwise(known) if state is not before]


def read(before: bool, turned: Sequence[datetime], *, now: datetime, bound: Bound = USUAL) -> Flapping:  # noqa: FBT001 - a reading is what it is
    """Return whether it flaps at `now`, where it did or did not before. `turned` is in order."""
    recent = [at for at in turned if now - at < bound.window]
    if len(recent) <= bound.leave or not (before or len(recent) >= bound.enter):
        return Flapping(holds=False)
    # It has settled when all but the last few have left the window.
    return Flapping(True, recent[-bound.leave - 1] + bound.window)
