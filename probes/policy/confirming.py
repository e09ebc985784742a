"""Which regions are to check at once, so that an outage is found before the next interval.

Three things are asked for. When a first failure was one of transport, its region asks again: it may have been a blip.
When a region turns bad, the others are asked whose own answer is neither in nor due. And a region whose failures are
too few yet to turn it is asked again until they are enough or it answers: where another region has turned already,
and where nothing was proved yet, as of an image that was just added.

It comes to an end by itself: each answer brings its region closer to the threshold, or ends its run. How much may be
asked for is bounded: checks cost quota, and a registry that is down needs no proof by each of its images.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from probes.policy.ballot import Ballot, Poll, Stance
from probes.policy.verdict import Presence, Vote
from probes.protocol.taxonomy import Reason

PATIENCE: Final = timedelta(seconds=30)
"""An answer that is due so soon is waited for."""

CHECKS_OF_A_REGISTRY: Final = 20
"""So many checks of images of one registry are asked for at most, for one report."""

_THERE: Final = frozenset({Presence.PRESENT, Presence.UNHEARD})
"""A result may overtake a region's first heartbeat. One that said nothing at all is not asked: nothing is open."""

_TRANSPORT: Final = frozenset(
    reason.value
    for reason in (
        Reason.DNS_NXDOMAIN,
        Reason.CONNECT_REFUSED,
        Reason.CONNECT_TIMEOUT,
        Reason.CONNECT_UNREACHABLE,
        Reason.CONNECTION_RESET,
        Reason.TIMEOUT_HEADERS,
        Reason.TIMEOUT_BODY,
        Reason.TIMEOUT_TOTAL,
        Reason.BODY_TRUNCATED,
        Reason.PROTOCOL_ERROR,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A region's newest ballot on a resource, and what its stance was before."""

    region: str
    reason: str
    poll: Poll
    before: Stance


@dataclass(frozen=True, slots=True)
class Ask:
    """A resource to be checked at once, from some regions."""

    resource: int
    registry: int
    regions: tuple[str, ...]


def wanted(heard: Heard, votes: Sequence[Vote], *, interval_seconds: int, now: datetime) -> tuple[str, ...]:
    """Return from which regions to check at once after what was `heard`, in order; it is in the `votes` already."""
    present = {vote.region: vote for vote in votes if vote.presence in _THERE}
    poll = heard.poll
    if heard.region not in present or poll.ballot is not Ballot.BAD:
        return ()
    if poll.stance is Stance.BAD:
        if heard.before is Stance.BAD:
            return ()
        others = {region: vote for region, vote in present.items() if region != heard.region}
        is_first = all(vote.stance is not Stance.BAD for vote in others.values())
        asked = {
            region
            for region, vote in others.items()
            if (is_first and _is_in_doubt(vote)) or _is_open(vote, poll.at, interval_seconds, now)
        }
        return tuple(sorted(asked))
    is_blip = poll.bad.count == 1 and heard.reason in _TRANSPORT
    is_in_doubt = poll.stance is Stance.UNPROVED or any(vote.stance is Stance.BAD for vote in present.values())
    return (heard.region,) if is_blip or is_in_doubt else ()


def within(asks: Iterable[Ask], *, each_registry: int = CHECKS_OF_A_REGISTRY) -> list[Ask]:
    """Return as many of `asks`, in their order, as each registry may be asked; each is taken whole or not at all."""
    spent: Counter[int] = Counter()
    taken = []
    for ask in asks:
        if ask.regions and spent[ask.registry] + len(ask.regions) <= each_registry:
            spent[ask.registry] += len(ask.regions)
            taken.append(ask)
    return taken


def _is_open(vote: Vote, turned_at: datetime, interval_seconds: int, now: datetime) -> bool:
    """Tell whether a region has yet to say something of a failure at `turned_at`, and would not do so on its own."""
    if vote.stance is Stance.BAD or vote.ballot is Ballot.BAD or vote.slot is None or vote.slot >= turned_at:
        return False
    return vote.slot + timedelta(seconds=interval_seconds * vote.stride) > now + PATIENCE


def _is_in_doubt(vote: Vote) -> bool:
    """Tell whether a region sees it too, but not often enough yet, and was not asked again for that."""
    return vote.ballot is Ballot.BAD and vote.stance in (Stance.GOOD, Stance.IMPAIRED)
