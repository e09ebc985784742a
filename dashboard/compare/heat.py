"""For how long regions could have something, hour by hour or day by day. PURE: sums in, SVG out.

Each cell has one of few steps, told apart by how much of it is filled as well as by its colour; an hour of which
nothing is known is a thin line at the bottom.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard import words
from probes.policy.intervals import Interval
from probes.policy.rollup import DAY, floor
from probes.policy.uptime import Tally

CELL: Final = 10
GAP: Final = 1
ROW: Final = 18

# From the least share of the time that counts on: the step's class, and how it is called.
_STEPS: Final = ((1.0, "all", "all of it"), (0.99, "most", "99 % or more"), (0.9, "much", "90 % or more"),
                 (0.5, "some", "half or more"), (0.0, "little", "less than half"))  # fmt: skip
LEGEND: Final = tuple((step, label) for _, step, label in _STEPS)


@dataclass(frozen=True, slots=True)
class Lane:
    """One region's hours, drawn, and in a sentence."""

    slug: str
    name: str
    drawn: SafeString
    said: str


@dataclass(frozen=True, slots=True)
class Heat:
    """Lanes on one scale, and the times at which it begins and ends."""

    lanes: Sequence[Lane]
    starts: str
    ends: str
    unit: str


def heat(
    seen: Sequence[tuple[str, str, Mapping[datetime, Tally]]], over: Interval, unit: timedelta, now: datetime
) -> Heat:
    """Return the lanes of (slug, name, seconds by the start of an hour or day), in the order given.

    An hour or day that is not over, and of which nothing is rolled up yet, is left out: it is not one without data.
    """
    starts = _starts(over, unit)
    if len(starts) > 1 and starts[-1] + unit > now and not any(starts[-1] in tallies for _, _, tallies in seen):
        starts.pop()
    return Heat(
        lanes=[_lane(slug, name, tallies, starts, now) for slug, name, tallies in seen],
        starts=words.clock(starts[0], now),
        ends=words.clock(starts[-1] + unit, now),
        unit="day" if unit == DAY else "hour",
    )


def _starts(over: Interval, unit: timedelta) -> list[datetime]:
    first = floor(over.start, unit)
    return [first + number * unit for number in range(max(1, -((first - over.end) // unit)))]


def _lane(slug: str, name: str, tallies: Mapping[datetime, Tally], starts: Sequence[datetime], now: datetime) -> Lane:
    shares = [found.availability if (found := tallies.get(start)) else None for start in starts]
    known = [share for share in shares if share is not None]
    bad = sum(share < 1 for share in known)
    said = f"{words.counted(len(known), 'hour or day', 'hours or days')} known, {bad:,} of them not wholly available"
    cells = format_html_join(
        "",
        '<path class="heat-{}" d="M{} {}h{}v-{}h-{}z"><title>{}</title></path>',
        (
            (step, index * (CELL + GAP), ROW, CELL, height, CELL, f"{words.clock(start, now)} UTC: {told}")
            for index, (start, share) in enumerate(zip(starts, shares, strict=True))
            for step, height, told in [_cell(share)]
        ),
    )
    drawn = format_html(
        '<svg class="heat" viewBox="0 0 {} {}" role="img" aria-label="{}" preserveAspectRatio="none">{}</svg>',
        len(starts) * (CELL + GAP) - GAP,
        ROW,
        f"{name}: {said}",
        cells,
    )
    return Lane(slug=slug, name=name, drawn=drawn, said=said)


def _cell(share: float | None) -> tuple[str, int, str]:
    """Return the class, the height and the words of a cell. What is worse is taller: it is looked for."""
    if share is None:
        return "none", 2, "no data"
    step = next(step for least, step, _ in _STEPS if share >= least)
    height = {"all": 6, "most": 9, "much": 12, "some": 15, "little": ROW}[step]
    return step, height, f"{words.percent(int(share * 1_000_000), 1_000_000)} available"
