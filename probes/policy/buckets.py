"""Timelines cut into equal buckets: for how long each showed what, and which of that is the worst.

A bar is laid out of *parts*: what a stretch of time showed, or the seconds that an hour or a day had of each. Where
there is no part nothing is known of that time, and it is told as that. Time is counted in whole seconds, as for
uptime: a bar has the seconds that uptime has of the same range.

Of the buckets of a grid (`policy.grid`) those at the ends may lie in the range in part only. What lies outside of it,
in the future, or before there was anything to look at is *absent*: it is drawn as nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from operator import add, itemgetter, mul
from typing import Final, NamedTuple, Self

from probes.policy.grid import Grid, second
from probes.policy.intervals import Interval
from probes.policy.uptime import Said, Shown, Stretch, Tally, timeline


class Face(StrEnum):
    """What a second of a bar shows; the worst first. `no_data` is an unknown of which nobody said anything."""

    UNAVAILABLE = "unavailable"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    NO_DATA = "no_data"
    MAINTENANCE = "maintenance"
    PAUSED = "paused"
    AVAILABLE = "available"

    @property
    def shown(self) -> Shown:
        """What it counts as for uptime."""
        return Shown.UNKNOWN if self is Face.NO_DATA else Shown(self.value)


FACES: Final = tuple(Face)
_PLACES: Final = {face: place for place, face in enumerate(FACES)}
_COUNTED: Final = {face: face.shown.value for face in FACES}
_NOTHING: Final = (0,) * len(FACES)
_OTHERS: Final = len(FACES) - 1
_UNAVAILABLE, _DEGRADED = _PLACES[Face.UNAVAILABLE], _PLACES[Face.DEGRADED]
_UNKNOWN, _NO_DATA = _PLACES[Face.UNKNOWN], _PLACES[Face.NO_DATA]
_UNSAID: Final = (_NO_DATA, _UNKNOWN, _PLACES[Face.MAINTENANCE], _PLACES[Face.PAUSED])
_SAID: Final = (_UNAVAILABLE, _DEGRADED, _PLACES[Face.AVAILABLE])


class Part(NamedTuple):
    """The seconds that a time had of each face, in the order of `FACES`. Of several faces it lies in one bucket.

    `start` and `end` are seconds since 1970. Parts do not overlap.
    """

    start: int
    end: int
    seconds: Sequence[int]

    @classmethod
    def of(cls, start: int, end: int, face: Face) -> Self:
        seconds = list(_NOTHING)
        seconds[_PLACES[face]] = end - start
        return cls(start, end, seconds)

    @classmethod
    def summed(cls, start: int, end: int, seconds: Mapping[Face, int]) -> Self:
        """Take what was rolled up of a time; what is missing of its length was told by nobody."""
        return cls.filled(start, end, [seconds.get(face, 0) for face in FACES])

    @classmethod
    def filled(cls, start: int, end: int, seconds: list[int]) -> Self:
        """Take the same in the order of `FACES`: the list is the part's from then on."""
        seconds[_NO_DATA] += max(0, end - start - sum(seconds))
        return cls(start, end, seconds)

    @property
    def face(self) -> Face | None:
        """What all of it shows; None where that differs."""
        is_one = self.seconds.count(0) == _OTHERS
        return FACES[self.seconds.index(max(self.seconds))] if is_one else None


class Cause(NamedTuple):
    """Why it was bad from one second to another; of several the one that began last is told."""

    start: int
    end: int
    reason: str


class Bucket(NamedTuple):
    """The seconds of each face, in the order of `FACES`, and those that are absent: together its length.

    `cause` is told where something was bad and it is known, `checks` where checks were counted.
    """

    seconds: tuple[int, ...] = _NOTHING
    absent: int = 0
    cause: str = ""
    checks: int | None = None

    @property
    def worst(self) -> Face | None:
        """The worst of what it shows, None where all of it is absent."""
        for face, count in zip(FACES, self.seconds, strict=True):
            if count:
                return face
        return None

    @property
    def rest(self) -> Face | None:
        """What it shows for longest beside the worst, None where there is nothing else."""
        others = list(self.seconds)
        if others.count(0) >= _OTHERS:
            return None
        others[others.index(next(filter(None, others)))] = 0
        return FACES[others.index(max(others))]

    @property
    def faces(self) -> Iterator[tuple[Face, int]]:
        """What it shows and for how many seconds, the worst first."""
        return ((face, count) for face, count in zip(FACES, self.seconds, strict=True) if count)

    @property
    def present(self) -> int:
        """How many of its seconds show something."""
        return sum(self.seconds)

    @property
    def is_bad(self) -> bool:
        return bool(self.seconds[_UNAVAILABLE] or self.seconds[_DEGRADED])


@dataclass(frozen=True, slots=True)
class Run:
    """So many buckets, one after the other, that show the same. `first` is the number of the first."""

    first: int
    count: int
    bucket: Bucket


@dataclass(frozen=True, slots=True)
class Bar:
    """The buckets of a range, those that show the same together."""

    grid: Grid
    runs: Sequence[Run]

    @property
    def seconds(self) -> Tally:
        """What all of it shows, as uptime counts it."""
        counts = dict.fromkeys(_COUNTED.values(), 0)
        for face, count in self.faces.items():
            counts[_COUNTED[face]] += count
        return Tally(**counts)

    @property
    def faces(self) -> Mapping[Face, int]:
        """What it shows and for how many seconds, the worst first."""
        counts = [run.count for run in self.runs]
        sums = (
            sum(map(mul, counts, column)) for column in zip(*(run.bucket.seconds for run in self.runs), strict=True)
        )
        return {face: count for face, count in zip(FACES, sums, strict=True) if count}

    @property
    def absent(self) -> int:
        """How many of its seconds are absent, those of its first and last bucket outside of the range too."""
        return sum(run.count * run.bucket.absent for run in self.runs)

    @property
    def buckets(self) -> Iterator[tuple[int, Bucket]]:
        """Each with its number."""
        return ((run.first + place, run.bucket) for run in self.runs for place in range(run.count))


def parts_of(stretches: Iterable[Stretch], said: Iterable[Said], over: Interval) -> Iterator[Part]:
    """Yield what a timeline is made of. An unknown is told as no data while nothing was said, or that had lapsed."""
    shown = list(stretches)
    silences = _silences(said, over) if any(item.state is Shown.UNKNOWN for item in shown) else []
    for stretch in shown:
        start, end = second(stretch.interval.start), second(stretch.interval.end)
        if stretch.state is Shown.UNKNOWN:
            yield from _unknown(start, end, silences)
        elif start < end:
            yield Part.of(start, end, Face(stretch.state.value))


def _silences(said: Iterable[Said], over: Interval) -> list[Interval]:
    told = [Said(item.at, Shown.AVAILABLE, item.lapses_at) for item in said]
    return [item.interval for item in timeline(told, over=over) if item.state is Shown.UNKNOWN]


def _unknown(start: int, end: int, silences: Sequence[Interval]) -> Iterator[Part]:
    at = start
    for silence in silences:
        first, last = max(second(silence.start), at), min(second(silence.end), end)
        if first < last:
            if at < first:
                yield Part.of(at, first, Face.UNKNOWN)
            yield Part.of(first, last, Face.NO_DATA)
            at = last
    if at < end:
        yield Part.of(at, end, Face.UNKNOWN)


def cut(
    grid: Grid,
    parts: Iterable[Part],
    *,
    filled: Mapping[int, Bucket] | None = None,
    born: int | None = None,
    causes: Sequence[Cause] = (),
    checks: Mapping[int, int] | None = None,
) -> Bar:
    """Lay parts out in buckets, in whatever order they come.

    Buckets of which all is known may be given by their numbers, as `filled`: no part lies in them, they lie within
    the range, and of each something was said.
    Nothing is unknown of what was not there yet: before `born`, a second since 1970, only what was said is told.
    `checks` counts them by the number of the bucket; None where they were not counted.
    """
    clipped, found = list(_clipped(_together(parts), grid)), filled or {}
    since = max(grid.start, _beginning(clipped, found, born, grid))
    whole, mixed = _sorted(clipped, since, grid)
    for place in {0, grid.place(min(since, grid.end - 1)), grid.count - 1} - found.keys():
        # What lies between is of one kind, where nothing tells of it.
        if not any(first <= place < first + count for first, (count, _) in whole.items()):
            mixed.setdefault(place, list(_NOTHING))
    runs = _joined(_laid_out(whole, mixed, found, since, grid))
    if causes or checks is not None:
        runs = _told(runs, _reasons(causes, grid), checks)
    return Bar(grid, tuple(runs))


def _together(parts: Iterable[Part]) -> Iterator[Part]:
    """Put parts together that follow each other and show the same, as the days of what is well."""
    before: tuple[int, int, Face] | None = None
    for part in sorted(parts, key=itemgetter(0)):
        face = part.face
        if before:
            if face is before[2] and part.start == before[1]:
                before = (before[0], part.end, before[2])
                continue
            yield Part.of(*before)
            before = None
        if face is None:
            yield part
        else:
            before = (part.start, part.end, face)
    if before:
        yield Part.of(*before)


def _clipped(parts: Iterable[Part], grid: Grid) -> Iterator[Part]:
    """Cut off what lies outside of the range. What was summed up lies in it, or is left out."""
    first, last = grid.start, grid.end
    for part in parts:
        if first <= part.start and part.end <= last:
            yield part
        elif (start := max(part.start, first)) < (end := min(part.end, last)) and (face := part.face):
            yield Part.of(start, end, face)


def _beginning(parts: Iterable[Part], filled: Collection[int], born: int | None, grid: Grid) -> int:
    """Return from when on something is told: since it was born, or somebody said how it is, if that was before."""
    if born is None or born <= grid.start:
        return grid.start
    said = [part.start for part in parts if any(part.seconds[place] for place in _SAID)]
    if filled:
        said.append(grid.bounds(min(filled))[0])
    return min(born, grid.end, *said)


def _sorted(
    parts: Iterable[Part], since: int, grid: Grid
) -> tuple[dict[int, tuple[int, Face]], dict[int, list[int]]]:
    """Return by its first bucket how many a part fills, and with what; and the seconds of those filled in part."""
    whole: dict[int, tuple[int, Face]] = {}
    mixed: dict[int, list[int]] = {}
    for part in parts:
        face = part.face
        if face is None:
            _add(mixed, grid.place(part.start), part.seconds)
            continue
        start = max(part.start, since)
        first, last = -(-(start - grid.origin) // grid.length), grid.place(part.end)
        if first < last:
            whole[first] = (last - first, face)
        for place in {grid.place(start), last}:
            lower, upper = grid.bounds(place)
            if not first <= place < last and (count := min(upper, part.end) - max(lower, start)) > 0:
                _add(mixed, place, Part.of(0, count, face).seconds)
    return whole, mixed


def _add(mixed: dict[int, list[int]], place: int, seconds: Sequence[int]) -> None:
    found = mixed.get(place)
    mixed[place] = list(seconds) if found is None else list(map(add, found, seconds))


def _laid_out(
    whole: Mapping[int, tuple[int, Face]],
    mixed: Mapping[int, Sequence[int]],
    filled: Mapping[int, Bucket],
    since: int,
    grid: Grid,
) -> Iterator[tuple[int, int, Bucket]]:
    """Yield the number of a bucket, and how many from it on are like it; the next ones may be as well."""
    following = 0
    for place in sorted([*whole, *mixed, *filled]):
        if following < place:
            yield following, place - following, _empty(following, since, grid)
        if (bucket := filled.get(place)) is not None:
            count = 1
            yield place, 1, bucket
        elif place in whole:
            count, face = whole[place]
            yield place, count, Bucket(tuple(Part.of(0, grid.length, face).seconds))
        else:
            count = 1
            yield place, 1, _mixed(mixed[place], place, since, grid)
        following = place + count


def _empty(place: int, since: int, grid: Grid) -> Bucket:
    """Return a bucket of which there is no part: before anything is told, or without data. No edge lies in it."""
    if grid.bounds(place)[0] < since:
        return Bucket(absent=grid.length)
    return Bucket(seconds=tuple(Part.of(0, grid.length, Face.NO_DATA).seconds))


def _mixed(seconds: Sequence[int], place: int, since: int, grid: Grid) -> Bucket:
    """Return a bucket whose seconds add up: nobody told of what is missing, what is too much was before anything."""
    lower, upper = grid.bounds(place)
    within = since <= lower and upper <= grid.end
    present = grid.length if within else max(0, min(upper, grid.end) - max(lower, since))
    excess = sum(seconds) - present
    if not excess:
        return Bucket(tuple(seconds), grid.length - present)
    found = list(seconds)
    if excess < 0:
        found[_NO_DATA] -= excess
        excess = 0
    for number in _UNSAID if excess else ():
        taken = min(found[number], excess)
        found[number] -= taken
        excess -= taken
    return Bucket(tuple(found), grid.length - present - excess)


def _reasons(causes: Iterable[Cause], grid: Grid) -> Mapping[int, str]:
    """Return by the number of a bucket why it was bad in it, as far as is known."""
    reasons: dict[int, str] = {}
    for cause in sorted(causes):  # what began later is told over what began before
        first, last = max(0, grid.place(cause.start)), min(grid.count - 1, grid.place(cause.end - 1))
        reasons.update(dict.fromkeys(range(first, last + 1), cause.reason))
    return reasons


def _joined(laid_out: Iterator[tuple[int, int, Bucket]]) -> Iterator[Run]:
    """Put neighbours that show the same together. There is a bucket at least."""
    first, count, shown = next(laid_out)
    for place, alike, bucket in laid_out:
        if bucket == shown:
            count += alike
            continue
        yield Run(first, count, shown)
        first, count, shown = place, alike, bucket
    yield Run(first, count, shown)


def _told(runs: Iterable[Run], reasons: Mapping[int, str], checks: Mapping[int, int] | None) -> Iterator[Run]:
    """Say of each bucket why it was bad and how many checks there were: those stay together that say the same."""
    for run in runs:
        bucket, first = run.bucket, run.first
        why = reasons if bucket.is_bad else {}
        counted = checks if bucket.present else None
        if counted is None and why.keys().isdisjoint(range(first, first + run.count)):
            yield run
            continue
        said = [
            (why.get(place, ""), None if counted is None else counted.get(place, 0))
            for place in range(first, first + run.count)
        ]
        for (cause, number), alike in groupby(said):
            count = len(list(alike))
            yield Run(first, count, Bucket(bucket.seconds, bucket.absent, cause, number))
            first += count
