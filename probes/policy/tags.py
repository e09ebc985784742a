"""What became of a tag: it moved, regions disagree about it, platforms of what it points at came or went.

Each region sees a tag by itself, some of them through mirrors that lag. So one move of a tag is seen as many times
as there are regions, at different slots, and its reports come in any order. A *turn* is what one region sees; a
*move* is what happened. The first turn to a digest makes the move, and the turns of the others only follow it:

- a region stands at the last move to the digest that it holds which it can have seen, or before all of them;
- it follows the first later move to what it sees now. Where there is none, it has seen a new one.

So a mirror that comes late, or leaves out what was replaced meanwhile, makes no move, and going back to an old
digest is one. Moves are kept in the order of their slots: a turn that comes late takes its place among them, and
dates back the move that it saw before others. As long as regions see each move before the next comes, there are as
many as there were, in whatever order the reports arrive. A mirror may be behind by more than that if the tag does not
return to old digests meanwhile, and reports arrive about in their order: otherwise what it shows cannot be told from
a move. ADR 29.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from probes.policy.standing import Standing

SPLIT_AFTER: Final = timedelta(minutes=30)
"""For so long regions may disagree on a tag: mirrors take their time."""

MOST_MOVES: Final = 12
MOVES_WINDOW: Final = timedelta(hours=1)
"""A tag that moves more often within the window (replicas that disagree, asked by turns) is told of no more in it."""

THERE: Final = "there"
GONE: Final = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A region held `before` since the slot `since` (None: longer than is known), and sees `after` at a later slot.

    They are digests of the tag; of a `platform` they are `there` and `gone`.
    """

    region: str
    before: str
    since: datetime | None
    after: str
    at: datetime
    platform: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """From what was `before` to `after`, as `region` was the first to see, for the slot `at`."""

    before: str
    after: str
    region: str
    at: datetime

    @property
    def place(self) -> tuple[datetime, str]:
        """What orders moves, also those of one slot."""
        return self.at, self.after


@dataclass(frozen=True, slots=True)
class Trace:
    """The moves after some turns, in order; which of them are new; and those dated back, as they were and are."""

    moves: Sequence[Move]
    made: Sequence[Move] = ()
    dated_back: Sequence[tuple[Move, Move]] = ()


def turns(region: str, before: Standing | None, after: Standing) -> list[Turn]:
    """Return what a region sees differently after an outcome that moved its standing on.

    What it sees for the first time is no turn: it may have been so for long.
    """
    found: list[Turn] = []
    if before is None:
        return found
    if before.digest and after.digest and after.digest != before.digest:
        found.append(
            Turn(
                region=region,
                before=before.digest,
                since=before.digest_since,
                after=after.digest,
                at=after.last_slot,
            )
        )
    for name, now in after.platforms.items():
        known = before.platforms.get(name)
        if known is not None and known.is_there is not now.is_there:
            was, became = (GONE, THERE) if now.is_there else (THERE, GONE)
            found.append(
                Turn(region=region, before=was, since=known.since, after=became, at=after.last_slot, platform=name)
            )
    return found


def follow(moves: Iterable[Move], given: Iterable[Turn]) -> Trace:
    """Return the moves of one tag, or of one platform, after its `given` turns; those of one region are in order."""
    known: list[tuple[Move, Move | None]] = [(move, move) for move in moves]  # as it is, and as it was
    for turn in given:
        known.sort(key=lambda pair: pair[0].place)
        trail = [move for move, _ in known]
        stands_at = _standing_at(trail, turn)
        seen = next((n for n, move in enumerate(trail) if n > stands_at and move.after == turn.after), None)
        if seen is not None:
            move, origin = known[seen]
            if turn.at < move.at:
                known[seen] = replace(move, region=turn.region, at=turn.at), origin
        elif not _is_restless(trail, turn.at):
            prior = [move for move in trail if move.place < (turn.at, turn.after)]
            come_from = prior[-1].after if prior else turn.before
            known.append((Move(before=come_from, after=turn.after, region=turn.region, at=turn.at), None))
    known.sort(key=lambda pair: pair[0].place)
    return Trace(
        moves=[move for move, _ in known],
        made=[move for move, origin in known if origin is None],
        dated_back=[(origin, move) for move, origin in known if origin is not None and origin != move],
    )


def _standing_at(moves: Sequence[Move], turn: Turn) -> int:
    """Return the index of the move after which a region stands before its turn, -1 if before all."""
    if turn.since is None:
        return -1
    held = [n for n, move in enumerate(moves) if move.after == turn.before and move.at <= turn.since]
    return max(held, default=-1)


def _is_restless(moves: Iterable[Move], at: datetime) -> bool:
    return sum(abs(move.at - at) < MOVES_WINDOW for move in moves) >= MOST_MOVES


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a region last saw a tag point at, and since which slot.

    It `counts` while the region votes, and its newest outcome is fresh and saw it. A region that was sent away is no
    part of it at all.
    """

    region: str
    digest: str
    since: datetime
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Split:
    """Regions disagree since the slot `since`: the digests with their regions, in the order they were first seen."""

    since: datetime
    digests: Mapping[str, Sequence[str]]

    @property
    def newest(self) -> str:
        return list(self.digests)[-1]

    @property
    def behind(self) -> list[str]:
        """The regions that do not see the newest."""
        return sorted(
            region for digest, regions in self.digests.items() for region in regions if digest != self.newest
        )


@dataclass(frozen=True, slots=True)
class Joined:
    """Regions that disagreed since `since` agree on `digest` since `at`."""

    since: datetime
    at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a tag comes to, and when to look again (None: all agree)."""

    found: Split | Joined | None = None
    look_again_at: datetime | None = None


def look(
    sightings: Sequence[Sighting], split_since: datetime | None, *, now: datetime, bound: timedelta = SPLIT_AFTER
) -> Look:
    """Return whether a tag is split, or no longer is, where one is told of since `split_since` or not.

    Silence neither splits nor joins: regions that do not count now begin no split, and end none while the last that
    they saw is something else.
    """
    held = {sighting.digest for sighting in sightings}
    if split_since is not None:
        if len(held) > 1:
            return Look(look_again_at=now + bound)
        last_at = max((one.since for one in sightings), default=split_since)
        joined = [Joined(split_since, max(split_since, last_at), digest) for digest in held]
        return Look(joined[0] if joined else None)
    split = _split([sighting for sighting in sightings if sighting.counts])
    if split is None:
        return Look(look_again_at=now + bound if len(held) > 1 else None)
    due_at = split.since + bound
    return Look(look_again_at=due_at) if now < due_at else Look(split, look_again_at=now + bound)


def _split(sightings: Iterable[Sighting]) -> Split | None:
    """Return how regions disagree: since the second of the digests that they hold was first seen."""
    groups: dict[str, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        groups[sighting.digest].append(sighting)
    began = sorted((min(one.since for one in group), digest) for digest, group in groups.items())
    if len(began) < 2:
        return None
    return Split(began[1][0], {digest: sorted(one.region for one in groups[digest]) for _, digest in began})
