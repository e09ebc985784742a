"""How long checks and their steps took over time, as pages share it. PURE: selectors' numbers in, charts out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.safestring import SafeString

from dashboard import words
from dashboard.charts.lines import LineChart, key, line_chart, meaning
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
    """A chart for each step, and all in a table with `percents` as its columns. No charts where nothing was timed."""

    charts: Sequence[LineChart]
    rows: Sequence[Row]
    percents: Sequence[str]
    keys: Sequence[tuple[SafeString, str]]
    marks: Sequence[tuple[datetime, str]]
    slot: str


def latency(found: Durations) -> Latency:
    """Return the charts of what was timed."""
    return Latency(
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
