"""What a registry lets us have, what we took of it, and what we may still take.

A limit is counted for an account: a login wherever it is used from, or for want of one the address that a region
comes from. What we take is written down when a check is handed out, and set right when its report is in. Others live
on the same limit, so ours is a share of it (half), and of what the registry last said is left.

Regions that share an account share what is ours: half of it is parted evenly between them, the other half is for
whoever comes first. A region's part rests on its own readings and its own counts. What others say can take the common
half from it and no more, for a region may be broken or in the wrong hands (`policy.hearsay`).

Source: behaviour section E.3.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from probes.policy.quota_limits import (
    HUB_WINDOW_SECONDS,
    LARGEST_LIMIT,
    LONGEST_WINDOW_SECONDS,
    Ceiling,
    Counting,
    Reading,
    later,
)

SHARE_PERCENT: Final = 50
"""Of a limit that monitoring takes at most, unless the registry's settings say otherwise."""

PARTS: Final = 12
"""A window is counted in so many parts, and its oldest one as a whole: so never too little is."""

NOBODY: Final = 0
"""Instead of a region: it is not told which it was, or it shares the account no more."""

REQUESTS_OF_A_RESOLVE: Final = 3
"""Without a connection or a token: the challenge, the token, and HEAD."""

_LOOK_EVERY: Final = timedelta(hours=1)
"""So often a region that knows an account by what others say of it may ask for itself."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a region took in a part of a window, and how many of its checks were lowered or put off in it.

    `deep` is how much of that more than resolves took.
    """

    since: datetime
    until: datetime
    spent: int = 0
    lowered: int = 0
    put_off: int = 0
    region: int = NOBODY
    deep: int = 0


@dataclass(frozen=True, slots=True)
class _Room:
    """What a region may still take: of its own part, and of what is for whoever comes first."""

    part: int
    own: int
    common: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account with the registry's settings, as one region sees it. Without a `ceiling` nothing limits it.

    `reading` is the region's own; until it has one, `is_hearsay` tells that this one comes from others. `sharers` are
    the regions that count for the account besides, and `others` what the registry told them.
    """

    counting: Counting = Counting.REQUESTS
    ceiling: Ceiling | None = None
    share_percent: int = SHARE_PERCENT
    reading: Reading | None = None
    buckets: tuple[Bucket, ...] = ()
    region: int = NOBODY
    sharers: frozenset[int] = frozenset()
    others: tuple[Reading, ...] = ()
    is_hearsay: bool = False

    @property
    def budget(self) -> int | None:
        """How much all regions may take within any window; None where nothing limits us."""
        return None if self.ceiling is None else self.ceiling.limit * self.share_percent // 100

    @property
    def window(self) -> timedelta:
        return timedelta(seconds=self.ceiling.window_seconds if self.ceiling else HUB_WINDOW_SECONDS)

    def spent(self, now: datetime) -> int:
        """Return what all regions took within the window that ends `now`, or a little more."""
        return sum(bucket.spent for bucket in self.recent(now))

    def own_spent(self, now: datetime) -> int:
        """Return what this region took of that."""
        return self._spent_since(now - self.window)[self.region]

    def recent(self, now: datetime) -> list[Bucket]:
        since = now - self.window
        return [bucket for bucket in self.buckets if bucket.until > since]

    def allowance(self, now: datetime) -> int | None:
        """Return what the region may take now; None where nothing limits us.

        It is what is left for it of our budget, and no more than our share of what the registry said is left, less
        what we took since it said so. Once a window has gone by, what was said is no longer so.
        """
        if self.ceiling is None:
            return None
        return self._allowance(self._rooms(now), self._lent(now), now)

    def for_depth(self, now: datetime) -> int:
        """Return how much of the allowance may go to more than resolves.

        Where each request counts that is half of what is ours, parted like all of it, less what such checks took.
        """
        rooms, lent = self._rooms(now), self._lent(now)
        allowance = self._allowance(rooms, lent, now)
        if self.counting is Counting.MANIFESTS:
            return allowance
        both = zip(rooms, self._rooms(now, for_depth=True), strict=True)
        return min(allowance, *(half.own + min(half.common, room.common, lent) for room, half in both))

    def at_best(self, *, for_depth: bool = False) -> Self:
        """Return the account as if the region had taken nothing itself; `for_depth`, nothing for more than resolves.

        What it took is given back to what the registry said is left, too: people and other regions have theirs.
        """
        own = [bucket for bucket in self.buckets if bucket.region == self.region]
        kept = [bucket for bucket in self.buckets if bucket.region != self.region]
        if for_depth and self.counting is Counting.REQUESTS:
            kept += [replace(bucket, spent=bucket.spent - bucket.deep, deep=0) for bucket in own]
            own = [replace(bucket, spent=bucket.deep) for bucket in own]

        def given_back(reading: Reading) -> Reading:
            if reading.remaining is None or reading.limit is None:
                return reading
            taken = sum(item.spent for item in own if item.since <= reading.at < item.until + self.window)
            return replace(reading, remaining=max(min(reading.remaining + taken, reading.limit), reading.remaining))

        return replace(
            self,
            buckets=tuple(kept),
            reading=self.reading and given_back(self.reading),
            others=tuple(map(given_back, self.others)),
            is_hearsay=False,  # what it may ask with is nothing to wait for
        )

    def most(self, *, for_depth: bool = False) -> int:
        """Return what the region could have had nobody taken anything: more will never be had."""
        room = self._parted(self._ours(self.budget or 0, for_depth=for_depth), {})
        return room.own + room.common

    def _allowance(self, rooms: Iterable[_Room], lent: int, now: datetime) -> int:
        return max(min(room.own + min(room.common, lent) for room in rooms), self._look(now))

    def _ours(self, total: int, *, for_depth: bool) -> int:
        return total // 2 if for_depth and self.counting is Counting.REQUESTS else total

    def _rooms(self, now: datetime, *, for_depth: bool = False) -> list[_Room]:
        totals = [(self.budget or 0, now - self.window)]
        if self.reading and (left := self._left(self.reading, now)) is not None:
            totals.append((left, self.reading.at))
        return [
            self._parted(self._ours(total, for_depth=for_depth), self._spent_since(since, for_depth=for_depth))
            for total, since in totals
        ]

    def _lent(self, now: datetime) -> int:
        """Return how much of the common half what others were told leaves to whoever comes first."""
        told = [(reading.at, left) for reading in self.others if (left := self._left(reading, now)) is not None]
        if not told:
            return LARGEST_LIMIT
        ends, sums = self._spent_by_end()
        return min(self._parted(left, sums[bisect_right(ends, at)]).common for at, left in told)

    def _left(self, reading: Reading, now: datetime) -> int | None:
        """Return what is ours of what was left; None where that is not known any more."""
        if reading.remaining is None or now - reading.at >= self.window:
            return None
        return reading.remaining * self.share_percent // 100

    def _parted(self, total: int, spent: Mapping[int, int]) -> _Room:
        """Part a total, half of it evenly. What a region took beyond its part it took of the common half.

        So is all that was taken by those who have no part any more.
        """
        regions = self.sharers | {self.region}
        part = total // (2 * len(regions))
        beyond = sum(max(taken - part, 0) if region in regions else taken for region, taken in spent.items())
        common = total - len(regions) * part
        return _Room(part, max(part - spent.get(self.region, 0), 0), max(common - beyond, 0))

    def _spent_since(self, since: datetime, *, for_depth: bool = False) -> Counter[int]:
        spent: Counter[int] = Counter()
        for bucket in self.buckets:
            if bucket.until > since:
                spent[bucket.region] += bucket.deep if for_depth else bucket.spent
        return spent

    def _spent_by_end(self) -> tuple[list[datetime], list[Counter[int]]]:
        """Return when buckets end, in order, and what was taken by region in those from each end on, and in none.

        Each bucket is looked at once for all that others were told: many regions have many of both.
        """
        ending: dict[datetime, Counter[int]] = defaultdict(Counter)
        for bucket in self.buckets:
            ending[bucket.until][bucket.region] += bucket.spent
        ends = sorted(ending)
        sums: list[Counter[int]] = [Counter()]
        for end in reversed(ends):
            sums.append(sums[-1] + ending[end])
        return ends, sums[::-1]

    def _look(self, now: datetime) -> int:
        """Return what it takes to be told something oneself, for who was not, and did not just ask."""
        if not self.is_hearsay:
            return 0
        return max(REQUESTS_OF_A_RESOLVE - self._spent_since(now - _LOOK_EVERY)[self.region], 0)

    def charged(self, now: datetime, *, spent: int = 0, deep: int = 0, lowered: int = 0, put_off: int = 0) -> Self:
        """Return the account after the region took so much `now`, so much of it `deep`.

        What no longer counts is forgotten. Of what others took that is for them to say: their windows may be longer
        than the one that this region knows.
        """
        since = {True: now - self.window, False: now - timedelta(seconds=LONGEST_WINDOW_SECONDS)}
        buckets = [bucket for bucket in self.buckets if bucket.until > since[bucket.region == self.region]]
        for position, bucket in enumerate(buckets):
            if self._is_own(bucket, now):
                buckets[position] = replace(
                    bucket,
                    spent=bucket.spent + spent,
                    deep=bucket.deep + deep,
                    lowered=bucket.lowered + lowered,
                    put_off=bucket.put_off + put_off,
                )
                break
        else:
            part = int(self.window.total_seconds()) // PARTS
            begin = datetime.fromtimestamp(int(now.timestamp()) // part * part, UTC)
            end = begin + timedelta(seconds=part)
            buckets.append(Bucket(begin, end, spent, lowered, put_off, self.region, deep))
        return replace(self, buckets=tuple(buckets))

    def _is_own(self, bucket: Bucket, at: datetime) -> bool:
        return bucket.region == self.region and bucket.since <= at < bucket.until

    def corrected(self, charged_at: datetime, difference: int, *, deep: int = 0) -> Self:
        """Return the account where what the region took then cost `difference` more than was written down.

        `deep` is how much of that more than resolves did.
        """
        buckets = list(self.buckets)
        for position, bucket in enumerate(buckets):
            if self._is_own(bucket, charged_at):  # the first, as it was charged there: another window overlaps it
                spent = max(bucket.spent + difference, 0)
                buckets[position] = replace(bucket, spent=spent, deep=min(max(bucket.deep + deep, 0), spent))
                return replace(self, buckets=tuple(buckets))
        return (
            self.charged(charged_at, spent=difference, deep=min(max(deep, 0), difference)) if difference > 0 else self
        )

    def told(self, reading: Reading) -> Self:
        """Return the account after a reading of its own region."""
        return replace(self, reading=later(self.reading, reading))


def buckets_to_json(buckets: Iterable[Bucket]) -> list[list[int]]:
    """Return buckets as rows of whole numbers: seconds since the epoch, counts, the region, and what was deep."""
    return [
        [
            int(item.since.timestamp()),
            int(item.until.timestamp()),
            item.spent,
            item.lowered,
            item.put_off,
            item.region,
            item.deep,
        ]
        for item in buckets
    ]


def buckets_from_json(rows: Iterable[Sequence[int]]) -> tuple[Bucket, ...]:
    """Return what `buckets_to_json` told; rows of before may lack what comes last."""
    return tuple(
        Bucket(datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC), *rest)
        for since, until, *rest in rows
    )
