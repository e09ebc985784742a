"""Numbers that only grow: what is counted, and how durations are counted so that they add up.

Durations go into one bucket for each doubling from 1 ms to 65.5 s, a quarter of those that roll-ups keep: enough for
a percentile on a dashboard, and few enough to be kept for each region, registry and step.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from typing import Any, Final, NamedTuple

from probes.policy.latency import Timed

BOUNDS_SECONDS: Final = tuple(2**exponent / 1000 for exponent in range(17))
"""A bucket holds what took no longer than its bound, and longer than the one before; one more holds the rest."""

BUCKETS: Final = len(BOUNDS_SECONDS) + 1

WITHOUT_EGRESS: Final = "without_egress"
"""Stands for the status of outcomes that say nothing: their region had lost its way out."""


class Counted(StrEnum):
    """What is counted, and what its `key` says. The values are stored: they are added to, and never change."""

    OUTCOMES = "outcomes"  # by status
    DURATIONS = "durations"  # by what was timed
    MISSED = "missed"  # slots by cause
    LATE = "late"  # slots whose outcome came after they had been counted as missed
    REPORTS = "reports"


class Series(NamedTuple):
    """One number that grows, or the buckets of one histogram. 0 stands for no region and no registry."""

    counted: Counted
    key: str = ""
    region_id: int = 0
    registry_id: int = 0


@dataclass(slots=True)
class _Sum:
    counts: list[int]
    seconds: float = 0.0


@dataclass(slots=True)
class Tally:
    """What is to be added to the counters of some series."""

    _sums: dict[Series, _Sum] = field(default_factory=dict)

    def count(self, series: Series, times: int = 1) -> None:
        if times:
            self._sums.setdefault(series, _Sum([0])).counts[0] += times

    def time(self, timed: Timed, duration_ms: float, *, region_id: int, registry_id: int) -> None:
        """Count a duration in its bucket."""
        series = Series(Counted.DURATIONS, timed.name.lower(), region_id, registry_id)
        found = self._sums.setdefault(series, _Sum([0] * BUCKETS))
        found.counts[bisect_left(BOUNDS_SECONDS, duration_ms / 1000)] += 1
        found.seconds += duration_ms / 1000

    def rows(self) -> list[dict[str, Any]]:
        """Return what is to be added, as JSON values, in one order for everybody: rows are locked in it."""
        return [
            {
                "counted": series.counted.value,
                "key": series.key,
                "region_id": series.region_id,
                "registry_id": series.registry_id,
                "counts": self._sums[series].counts,
                "seconds": self._sums[series].seconds,
            }
            for series in sorted(self._sums)
        ]


def at_most(counts: Sequence[int]) -> Iterator[tuple[float, int]]:
    """Yield each bound in seconds with how many durations took no longer; the last bound is infinite."""
    return zip((*BOUNDS_SECONDS, float("inf")), accumulate(counts), strict=True)
