"""Lines over time with axes: durations by percentile. PURE.

The plot is stretched to the room that there is, and what is read stands beside it as text, so that it is as large on
a telephone as anywhere. Lines differ by their dashes as well as by their shade.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard import words

_WIDTH: Final = 400
_HEIGHT: Final = 100
_STEPS: Final = 4
_NICE: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """A plot, and what stands beside it: `ticks` from the top down, at equal distances."""

    title: str
    plot: SafeString
    ticks: Sequence[str]
    said: str


def line_chart(title: str, lines: Mapping[int, Sequence[float | None]], *, most: float | None = None) -> LineChart:
    """Return a chart of durations in ms by percent, oldest first; None is where nothing was timed, and a gap.

    `most` is what the axis has room for, if that is not the most of these: charts that are compared have one axis.
    """
    top = _top(highest(lines) if most is None else most)
    said = _told(lines)
    return LineChart(
        title=title,
        plot=format_html(
            '<svg class="plot" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
            '<path class="plot-grid" d="{}"/>{}</svg>',
            _WIDTH,
            _HEIGHT,
            f"{title}: {said}",
            "".join(f"M0 {_HEIGHT * step // _STEPS}h{_WIDTH}" for step in range(_STEPS + 1)),
            format_html_join(
                "",
                '<path class="plot-line line-p{}" d="{}"/>',
                ((percent, "".join(_path(values, top))) for percent, values in reversed(list(lines.items()))),
            ),
        ),
        ticks=[_tick(top * (_STEPS - step) / _STEPS) for step in range(_STEPS + 1)],
        said=said,
    )


def highest(lines: Mapping[int, Sequence[float | None]]) -> float:
    """Return the longest of the durations, 0 of none."""
    return max((value for values in lines.values() for value in values if value is not None), default=0.0)


def key(percent: int) -> SafeString:
    """Return what the line of a percentile looks like, for a legend."""
    return format_html(
        '<svg class="plot-key" viewBox="0 0 24 4" aria-hidden="true">'
        '<path class="plot-line line-p{}" d="M0 2h24"/></svg>',
        percent,
    )


def meaning(percent: int) -> str:
    """Return what the line of a percentile is called: of 100 checks 95 took no longer than the p95."""
    return "median" if percent == 50 else f"p{percent}"


def _told(lines: Mapping[int, Sequence[float | None]]) -> str:
    """Return what the ends of the lines say, and that it is the ends: one number is taken for all of them."""
    last = {percent: [value for value in values if value is not None][-1:] for percent, values in lines.items()}
    parts = [f"{meaning(percent)} {words.milliseconds(found[0])}" for percent, found in last.items() if found]
    return f"last: {', '.join(parts)}" if parts else "nothing timed"


def _top(most: float) -> float:
    """Return the top of the axis: four even steps that are read easily, the least that has room for all."""
    if most <= 0:
        return float(_STEPS)
    size: float = 10.0 ** math.floor(math.log10(most / _STEPS))
    return next(step * size * _STEPS for step in _NICE if step * size * _STEPS >= most)


def _tick(value: float) -> str:
    if not value:
        return "0"
    return f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"


def _path(values: Sequence[float | None], top: float) -> Iterator[str]:
    step = _WIDTH / max(1, len(values) - 1)
    before: float | None = None
    for place, value in enumerate(values):
        if value is not None:
            x, y = place * step, _HEIGHT - value / top * _HEIGHT
            yield f"{'M' if before is None else 'L'}{x:.4g} {y:.4g}"
            following = values[place + 1] if place + 1 < len(values) else None
            if before is None and following is None:
                yield "h0"  # one that stands alone is a dot
        before = value
