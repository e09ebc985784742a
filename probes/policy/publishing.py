"""What a public status page tells, and whom: states in public words, what shows through, who may put it in a frame.

A page speaks to people who know none of our images, registries and regions. So nothing of these is told unless the
page's owner chose to tell it, and what somebody may not see does not count in anything that he does see.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from probes.policy import names
from probes.policy.access import NOTHING, Reach
from probes.policy.uptime import Shown, Tally

LONGEST_ORIGIN: Final = 260
_ORIGIN: Final = re.compile(r"\*|https?://(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


class Visibility(StrEnum):
    """To whom a page, a group on it or an announcement is shown."""

    PUBLIC = "public"
    SIGNED_IN = "signed_in"
    HIDDEN = "hidden"


class Naming(StrEnum):
    """How a group's images are told of."""

    TOGETHER = "together"  # as one: neither which they are nor how many
    NAMES = "names"  # each that has a name, by it; the others are part of the group only
    REFERENCES = "references"  # each, and what it is pulled by


class AnnouncementKind(StrEnum):
    """What is announced."""

    NOTICE = "notice"
    WORK = "work"
    TROUBLE = "trouble"
    SOLVED = "solved"


@dataclass(frozen=True, slots=True)
class Audience:
    """Who looks at a page: everybody, or somebody who has logged in and reaches so far."""

    is_signed_in: bool = False
    reach: Reach = NOTHING

    @property
    def sees(self) -> tuple[Visibility, ...]:
        """What is shown to it, as far as it is within reach: what is public always is."""
        return (Visibility.PUBLIC, Visibility.SIGNED_IN) if self.is_signed_in else (Visibility.PUBLIC,)


EVERYBODY: Final = Audience()


class Standing(StrEnum):
    """How a group, or a page as a whole, stands in public words; the worse, the later."""

    AVAILABLE = "available"
    MAINTENANCE = "maintenance"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"
    PARTLY = "partly"  # some of it cannot be had, and some can
    UNAVAILABLE = "unavailable"


_RANKS: Final = {standing: rank for rank, standing in enumerate(Standing)}


def standing_of(counts: Mapping[Shown, int]) -> Standing:
    """Return how images stand together, of how many show what. What is paused does not count.

    Where nothing counts it is unknown: that nobody looks is no good news.
    """
    counted = {state: count for state, count in counts.items() if count and state is not Shown.PAUSED}
    if not counted:
        return Standing.UNKNOWN
    if Shown.UNAVAILABLE in counted:
        return Standing.UNAVAILABLE if len(counted) == 1 else Standing.PARTLY
    return max((Standing(state.value) for state in counted), key=_RANKS.__getitem__)


def overall(standings: Iterable[Standing]) -> Standing:
    """Return how all that is shown stands: the worst of it, unavailable only where all of it is."""
    found = set(standings)
    if not found:
        return Standing.UNKNOWN
    worst = max(found, key=_RANKS.__getitem__)
    return Standing.PARTLY if worst is Standing.UNAVAILABLE and len(found) > 1 else worst


def shown_of(seconds: Tally) -> Shown | None:
    """Return what a day shows of its seconds: the worst of what counts; None where there is nothing of it.

    What was paused for all of it shows nothing either.
    """
    for state in (Shown.UNAVAILABLE, Shown.DEGRADED, Shown.AVAILABLE, Shown.MAINTENANCE, Shown.UNKNOWN):
        if getattr(seconds, state.value):
            return state
    return None


def is_origin(text: str) -> bool:
    """Tell whether a text names an origin that may put the widget in a frame: `https://example.com`, or `*`."""
    return len(text) <= LONGEST_ORIGIN and _ORIGIN.fullmatch(text) is not None


def frame_ancestors(origins: Iterable[str]) -> str:
    """Return the sources of a Content-Security-Policy's `frame-ancestors`; what is no origin is left out."""
    return " ".join(dict.fromkeys(origin for origin in origins if is_origin(origin))) or "'none'"


def tells_no_more(slug: str, name: str) -> bool:
    """Tell whether a stable name says no more than a name that is told: it was made of that, perhaps with a number.

    Otherwise whoever guesses at stable names would learn by which reference something is pulled.
    """
    proposed = names.stable_name(name, otherwise="")
    return bool(proposed) and slug in names.candidates(proposed)
