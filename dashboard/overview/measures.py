"""What was measured of each row over the window: a bar, its uptime, and latencies. PURE: figures in, SVG out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from django.utils.safestring import SafeString

from dashboard import words
from dashboard.charts.bars import timeline_bar
from dashboard.charts.sparkline import sparkline
from dashboard.overview.markup import NOT_MEASURED, Measures
from probes.policy.buckets import Bar


@dataclass(frozen=True, slots=True)
class History:
    """A bar as it is drawn, and the uptime that it comes to; empty where nothing counts."""

    bar: SafeString
    uptime: str


def histories(bars: Mapping[int, Bar], window: str) -> Mapping[int, History]:
    """Return them by the ids of the resources. `window` is what the range is called, such as `last 24h`."""
    return {pk: _history(pk, bar, window.capitalize()) for pk, bar in bars.items()}


def measures(
    histories: Mapping[int, History], latencies: Mapping[int, Sequence[float | None]], window: str
) -> Mapping[int, Measures]:
    """Return them by the ids of the resources, whose ranges are called as in `histories`."""
    return {pk: _measures(history, latencies.get(pk, ()), window) for pk, history in histories.items()}


def _history(pk: int, bar: Bar, label: str) -> History:
    seconds = bar.seconds
    uptime = words.percent(seconds.up, seconds.counted) if seconds.counted else ""
    return History(timeline_bar(bar, id=f"bar-{pk}", label=label), uptime)


def _measures(history: History, durations_ms: Sequence[float | None], window: str) -> Measures:
    known = [value for value in durations_ms if value is not None]
    return Measures(
        bar=history.bar,
        uptime=history.uptime,
        latency=words.milliseconds(median(known)) if known else "",
        # Of one point there is no course.
        sparkline=sparkline(durations_ms, label=f"Checks of the {window}")
        if len(known) > 1
        else NOT_MEASURED.sparkline,
    )
