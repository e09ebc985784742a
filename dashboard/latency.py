"""How long checks and their steps took over time, as pages share it. PURE: selectors' numbers in, charts out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.safestring import SafeString

from dashboard import words
from dashboard.charts.lines import LineChart, highest, key, line_chart, meaning
from dashboard.charts.marks import marks
from probes.policy.latency import Timed
from probes.selectors.durations import PERCENTS, Durations

STEPS: Final = {
    Timed.CHECK: "Whole check",
    Timed.CHALLENGE: "Challenge",
    Timed.TOKEN: "Token",
    Timed.MANIFEST: "Manifest",
    Timed.INDEX: "Index",
    Timed.CHILD: "Platform's manifest",
    Timed.CONFIG: "Config",
    Timed.LAYER: "Layer",
    Timed.REQUEST: "Request",
    Timed.REDIRECT: "Redirect",
}
"""What was timed, in words: of a check its slowest exchange of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The durations of a step over the whole window, by percent, and how many were timed."""

    name: str
    values: Sequence[str]
    counted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """A chart for each step, and all in a table with `percents` as its columns. No charts where nothing was timed.

    `regions` are charts of the whole check, one for each region, on one axis; none of one region alone.
    """

    charts: Sequence[LineChart]
    regions: Sequence[LineChart]
    rows: Sequence[Row]
    percents: Sequence[str]
    keys: Sequence[tuple[SafeString, str]]
    marks: Sequence[tuple[datetime, str]]
    slot: str


def latency(found: Durations, names: Mapping[int, str] | None = None) -> Latency:
    """Return the charts of what was timed; `names` are those of regions by their id, in their order."""
    regions = [(name, found.regions[pk]) for pk, name in (names or {}).items() if pk in found.regions]
    most = max((highest(lines) for _, lines in regions), default=0.0)
    return Latency(
        regions=[line_chart(name, lines, most=most) for name, lines in regions] if len(regions) > 1 else [],
        charts=[line_chart(STEPS[timed], lines) for timed, lines in found.lines.items()],
        rows=[
            Row(
                name=STEPS[timed],
                values=[words.milliseconds(value) if value is not None else "no data" for value in values.values()],
                counted=f"{count:,}",
            )
            for timed, (values, count) in found.whole.items()
        ],
        percents=[meaning(percent).capitalize() for percent in PERCENTS],
        keys=[(key(percent), meaning(percent)) for percent in PERCENTS],
        marks=marks(found.grid),
        slot=words.amount(found.grid.length),
    )
