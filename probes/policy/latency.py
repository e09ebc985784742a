"""Latencies as counts in fixed buckets, so that they can be added up over hours, days and regions.

The bounds of the buckets never change: bucket `n` of 1 to 64 holds durations from 2^((n-1)/4) ms up to 2^(n/4) ms,
bucket 0 what is below 1 ms, and bucket 65 what took 65.5 s or longer. A percentile is told as the geometric middle of
its bucket, which is wrong by `RELATIVE_ERROR` at most, either way.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import Final, Self

from probes.protocol.outcome import Step
from probes.protocol.taxonomy import Stage

_PER_OCTAVE: Final = 4
_BOUNDS_MS: Final = tuple(2 ** (exponent / _PER_OCTAVE) for exponent in range(16 * _PER_OCTAVE + 1))
LAST_BUCKET: Final = len(_BOUNDS_MS)
LONGEST_MS: Final = _BOUNDS_MS[-1]

NOT_TIMED: Final = 255
_ENTRY: Final = 1000
_ENTRY_TIMED: Final = 100

RELATIVE_ERROR: Final = 2 ** (1 / (2 * _PER_OCTAVE)) - 1
"""About 9 %, for durations from 1 ms to `LONGEST_MS`."""


class Timed(IntEnum):
    """Whose durations are counted: the whole check, or its slowest exchange of one stage.

    The numbers are stored: they are added to, and never change.
    """

    CHECK = 0
    CHALLENGE = 1
    TOKEN = 2
    MANIFEST = 3
    INDEX = 4
    CHILD = 5
    CONFIG = 6
    LAYER = 7
    REQUEST = 8
    REDIRECT = 9


_TIMED: Final = tuple(Timed)
_BY_STAGE: Final[Mapping[Stage, Timed]] = {
    stage: Timed[stage.name] for stage in Stage if stage.name in Timed.__members__
}


def bucket(duration_ms: float) -> int:
    """Return the number of the bucket that a duration belongs to."""
    return bisect_right(_BOUNDS_MS, duration_ms)


def slowest_ms(duration_ms: float, steps: Iterable[Step]) -> dict[Timed, float]:
    """Return how long a check took, which is `duration_ms`, and its slowest exchange of each stage."""
    longest = {Timed.CHECK: duration_ms}
    for step in steps:
        if (timed := _BY_STAGE.get(step.stage)) is not None:
            longest[timed] = max(step.total_ms, longest.get(timed, 0.0))
    return longest


def packed(durations_ms: Mapping[Timed, float]) -> bytes:
    """Return the buckets as one byte each, in the order of `Timed`, up to the last; `NOT_TIMED` between them."""
    last = max(durations_ms)
    return bytes(bucket(durations_ms[timed]) if timed in durations_ms else NOT_TIMED for timed in _TIMED[: last + 1])


def entry(timed: Timed, number: int, count: int) -> int:
    """Return how a roll-up row writes down that so many were in a bucket, for `histograms` to read."""
    return count * _ENTRY + timed * _ENTRY_TIMED + number


def histograms(entries: Iterable[int]) -> dict[Timed, "Histogram"]:
    """Return what the entries of a roll-up row say of each that was timed."""
    counts: dict[Timed, dict[int, int]] = {}
    for item in entries:
        count, key = divmod(item, _ENTRY)
        timed, number = divmod(key, _ENTRY_TIMED)
        counts.setdefault(Timed(timed), {})[number] = count
    return {timed: Histogram(buckets) for timed, buckets in counts.items()}


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many durations fell into each bucket; buckets without any may be left out. Histograms add up."""

    counts: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, durations_ms: Iterable[float]) -> Self:
        return cls(Counter(map(bucket, durations_ms)))

    def __add__(self, other: Self) -> Self:
        return type(self)(Counter(self.counts) + Counter(other.counts))

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def percentile_ms(self, percent: float) -> float | None:
        """Return the duration that `percent` of 100 do not exceed: the nearest rank. None where there is none.

        0.5 ms stands for all below 1 ms. Where it is `LONGEST_MS` it is that or more.
        """
        rank = max(1, math.ceil(self.total * Decimal(str(percent)) / 100))  # 99.9 of 1000 is the 999th
        seen = 0
        for number in sorted(self.counts):
            seen += self.counts[number]
            if seen >= rank:
                return _middle_ms(number)
        return None


def _middle_ms(number: int) -> float:
    if number == 0:
        return _BOUNDS_MS[0] / 2
    if number == LAST_BUCKET:
        return LONGEST_MS
    return math.sqrt(_BOUNDS_MS[number - 1] * _BOUNDS_MS[number])
