"""How what became of a tag is told: as events, and read back from them as moves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from probes.policy.happenings import SEVERITIES, EventKind, Happening
from probes.policy.spans import amount
from probes.policy.tags import GONE, THERE, Joined, Move, Split
from probes.protocol.outcome import rfc3339

MOVES: Final = frozenset({EventKind.TAG_MOVED, EventKind.IMMUTABLE_TAG_MOVED})
PLATFORMS: Final = {EventKind.PLATFORM_APPEARED: THERE, EventKind.PLATFORM_VANISHED: GONE}
_KINDS: Final = {value: kind for kind, value in PLATFORMS.items()}
_SHOWN_DIGEST: Final = 19  # sha256: and twelve digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """An image by its tag: its resource's id, `host/repository:tag`, and whether the tag is to stay where it is."""

    resource: int
    name: str
    is_immutable: bool = False


def of_move(tagged: Tagged, move: Move, platform: str = "") -> Happening:
    """Return the event of a move of the tag, or of one of its platforms."""
    if platform:
        kind = _KINDS[move.after]
        text = f"{tagged.name} is {'' if move.after == THERE else 'no longer '}there for {platform}"
        facts: dict[str, Any] = {"platform": platform}
    else:
        kind = EventKind.IMMUTABLE_TAG_MOVED if tagged.is_immutable else EventKind.TAG_MOVED
        which = ", a tag that is to stay," if tagged.is_immutable else ""
        text = f"{tagged.name}{which} moved from {_short(move.before)} to {_short(move.after)}"
        facts = {"before": move.before, "after": move.after}
    return Happening(
        kind=kind,
        key=key_of(tagged.resource, move, platform),
        at=move.at,
        severity=SEVERITIES[kind],
        text=f"{text}, as first seen from {move.region}.",
        resource=tagged.resource,
        region=move.region,
        facts=facts,
    )


def key_of(resource: int, move: Move, platform: str = "") -> str:
    """Return what a move is known by: its place among the others of its kind."""
    subject = f"platform:{resource}:{platform}" if platform else f"tag_moved:{resource}"
    return f"{subject}:{rfc3339(move.at)}:{move.after}"


def move_of(kind: str, facts: Mapping[str, Any], *, region: str, at: datetime) -> Move:
    """Return the move that an event tells of."""
    if kind in PLATFORMS:
        after = PLATFORMS[EventKind(kind)]
        return Move(before=GONE if after == THERE else THERE, after=after, region=region, at=at)
    return Move(before=facts["before"], after=facts["after"], region=region, at=at)


def of_pinned(tagged: Tagged, digest: str, *, region: str, since: datetime, at: datetime) -> Happening:
    """Return the event of a tag that no longer points at the digest that stands beside it (row R13).

    Where it points is not known, so it is told once for what has been meant `since` then.
    """
    kind = EventKind.IMMUTABLE_TAG_MOVED if tagged.is_immutable else EventKind.TAG_MOVED
    return Happening(
        kind=kind,
        key=f"tag_moved:{tagged.resource}:{rfc3339(since)}:from:{digest}",
        at=at,
        severity=SEVERITIES[kind],
        text=f"{tagged.name} no longer points at {_short(digest)}, as first seen from {region}.",
        resource=tagged.resource,
        region=region,
        facts={"before": digest, "after": None},
    )


def of_split(tagged: Tagged, split: Split, *, now: datetime) -> Happening:
    """Return the event of regions that disagree; the lag is for how long they have by now."""
    lag_seconds = round((now - split.since).total_seconds())
    shown = "; ".join(f"{_short(digest)} from {', '.join(regions)}" for digest, regions in split.digests.items())
    return Happening(
        kind=EventKind.TAG_SPLIT,
        key=f"tag_split:{tagged.resource}:{rfc3339(split.since)}",
        at=now,
        severity=SEVERITIES[EventKind.TAG_SPLIT],
        text=f"{tagged.name} has pointed at different digests for {amount(lag_seconds)}: {shown}.",
        resource=tagged.resource,
        facts={
            "since": rfc3339(split.since),
            "lag_seconds": lag_seconds,
            "newest": split.newest,
            "behind": split.behind,
            "digests": {digest: list(regions) for digest, regions in split.digests.items()},
        },
    )


def of_joined(tagged: Tagged, joined: Joined) -> Happening:
    """Return the event of regions that agree again."""
    lasted_seconds = round((joined.at - joined.since).total_seconds())
    return Happening(
        kind=EventKind.TAG_JOINED,
        key=f"tag_joined:{tagged.resource}:{rfc3339(joined.since)}",
        at=joined.at,
        severity=SEVERITIES[EventKind.TAG_JOINED],
        text=f"{tagged.name} points at {_short(joined.digest)} everywhere, after {amount(lasted_seconds)}.",
        resource=tagged.resource,
        facts={"since": rfc3339(joined.since), "lasted_seconds": lasted_seconds, "digest": joined.digest},
    )


def _short(digest: str) -> str:
    return digest[:_SHOWN_DIGEST]
