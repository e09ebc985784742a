"""How far a region's clock is ahead of ours, from messages that cross.

A heartbeat says when it was sent, by the region's clock, and arrives by ours: the difference is too small by the time
it took, so the offset is at least that. A batch says when it was issued, by our clock, and is taken by the region's:
that difference is too large by the time it waited, so the offset is at most that. Of a few minutes' readings the
tightest two count. Offsets are in seconds, and positive for a region that is ahead.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

WINDOW: Final = timedelta(minutes=5)
"""Readings count for so long: clocks drift, and are set right."""

SPAN_SECONDS: Final = 30
"""Readings are kept as the tightest of each span, so that ten hold a window of any number."""

CONTRADICTION_SECONDS: Final = 0.1
"""Bounds that cross by more than drift within a window can explain tell of a clock that was set meanwhile."""

LARGEST_SECONDS: Final = 10 * 365 * 86_400.0
"""A clock that claims to be further off tells nothing that could be reckoned with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The offset and how much it may be wrong either way; None while nothing bounds it from above."""

    offset_seconds: float
    uncertainty_seconds: float | None

    @property
    def lower(self) -> float:
        return self.offset_seconds - (self.uncertainty_seconds or 0.0)

    @property
    def upper(self) -> float:
        return self.offset_seconds + _uncertainty(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The tightest bounds of one span of time, by the number of the span since the epoch."""

    span: int
    lower: float
    upper: float = math.inf


@dataclass(frozen=True, slots=True)
class Readings:
    """The bounds of the window, the oldest span first. `from_json` undoes `to_json`."""

    bounds: tuple[Bounds, ...] = ()

    @property
    def lower(self) -> float | None:
        return max((item.lower for item in self.bounds), default=None)

    def estimate(self, known: Estimate | None = None) -> Estimate | None:
        """Return the middle of what is possible, the lower bound where there is no other, None without a reading.

        What was `known` before stays while it is possible and was known better: messages that were held up for
        minutes bound the offset only loosely, and say nothing against it.
        """
        lower = self.lower
        if lower is None:
            return known
        upper = min(item.upper for item in self.bounds)
        half = abs(upper - lower) / 2
        if known is not None and lower <= known.offset_seconds <= upper and _uncertainty(known) <= half:
            return known
        if upper == math.inf:
            return Estimate(offset_seconds=lower, uncertainty_seconds=None)
        return Estimate(offset_seconds=(lower + upper) / 2, uncertainty_seconds=half)

    def noted(self, *, at: datetime, lower: float, upper: float | None = None) -> Self:
        """Return the readings with one more; those that it contradicts, or that are too old, are gone."""
        if abs(lower) > LARGEST_SECONDS:
            return self
        if upper is None or upper > LARGEST_SECONDS:
            upper = math.inf
        if lower - upper > CONTRADICTION_SECONDS:  # then the clock was set between the two
            upper = math.inf
        span = int(at.timestamp()) // SPAN_SECONDS
        new = Bounds(span=span, lower=lower, upper=upper)
        oldest = span - WINDOW // timedelta(seconds=SPAN_SECONDS)
        recent = [item for item in self.bounds if oldest < item.span <= span]
        if _contradict((*recent, new)):
            return type(self)((new,))
        if recent and recent[-1].span == span:
            last = recent.pop()
            new = Bounds(span=span, lower=max(last.lower, lower), upper=min(last.upper, new.upper))
        return type(self)((*recent, new))

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {"span": item.span, "lower": item.lower, "upper": None if item.upper == math.inf else item.upper}
            for item in self.bounds
        ]

    @classmethod
    def from_json(cls, document: Iterable[Mapping[str, Any]]) -> Self:
        return cls(
            tuple(
                Bounds(
                    span=item["span"],
                    lower=item["lower"],
                    upper=math.inf if item["upper"] is None else item["upper"],
                )
                for item in document
            )
        )


def by_our_clock(instant: datetime, offset_seconds: float | None) -> datetime:
    """Return what our clock showed when the region's showed `instant`; as it is where that cannot be told."""
    try:
        return (instant - timedelta(seconds=offset_seconds or 0.0)).astimezone(UTC)
    except OverflowError:
        return instant


def furthest_ahead(estimates: Iterable[Estimate], known: Estimate | None = None) -> Estimate | None:
    """Return the estimate of the clock that is furthest ahead, of those of several machines.

    Where that is a lower bound only, what was `known` before stays as long as it is not below. None without any.
    """
    furthest = max(estimates, key=lambda item: item.offset_seconds, default=None)
    if furthest is None:
        return known
    is_bound = furthest.uncertainty_seconds is None
    if is_bound and known is not None and known.offset_seconds >= furthest.offset_seconds:
        return known
    return furthest


def apart_seconds(estimates: Iterable[Estimate]) -> float:
    """Return how far the clocks of several machines are apart at least; 0 where they may be the same."""
    items = list(estimates)
    highest, lowest = (
        max((item.lower for item in items), default=0.0),
        min((item.upper for item in items), default=0.0),
    )
    return max(0.0, highest - lowest)


def _uncertainty(estimate: Estimate) -> float:
    return math.inf if estimate.uncertainty_seconds is None else estimate.uncertainty_seconds


def _contradict(bounds: Iterable[Bounds]) -> bool:
    items = list(bounds)
    return max(item.lower for item in items) - min(item.upper for item in items) > CONTRADICTION_SECONDS
