"""What was measured of each row over the window: a bar, its uptime, and latencies. PURE: figures in, SVG out."""

from collections.abc import Mapping, Sequence
from statistics import median

from dashboard import words
from dashboard.charts.bars import timeline_bar
from dashboard.charts.sparkline import sparkline
from dashboard.overview.markup import NOT_MEASURED, Measures
from probes.policy.buckets import Bar


def measures(
    bars: Mapping[int, Bar], latencies: Mapping[int, Sequence[float | None]], window: str
) -> Mapping[int, Measures]:
    """Return them by the ids of the resources. `window` is what the range is called, such as `last 24h`."""
    return {pk: _measures(pk, bar, latencies.get(pk, ()), window) for pk, bar in bars.items()}


def _measures(pk: int, bar: Bar, durations_ms: Sequence[float | None], window: str) -> Measures:
    seconds = bar.seconds
    known = [value for value in durations_ms if value is not None]
    return Measures(
        bar=timeline_bar(bar, id=f"bar-{pk}", label=window.capitalize()),
        uptime=words.percent(seconds.up, seconds.counted) if seconds.counted else "",
        latency=words.milliseconds(median(known)) if known else "",
        # Of one point there is no course.
        sparkline=sparkline(durations_ms, label=f"Checks of the {window}")
        if len(known) > 1
        else NOT_MEASURED.sparkline,
    )
