"""Sparklines: how long something took, drawn so small that only its course is seen. PURE."""

from collections.abc import Iterator, Sequence
from html import escape
from statistics import median
from typing import Final

from django.utils.safestring import SafeString

from dashboard import words

_STEP: Final = 4
_HEIGHT: Final = 20
_MARGIN: Final = 2
# What differs by less is drawn as flat as it is.
_LEAST_SPAN: Final = 0.5


def sparkline(values_ms: Sequence[float | None], *, label: str) -> SafeString:
    """Return the course of durations, oldest first; None is where nothing was timed, and a gap."""
    width = max(1, len(values_ms) - 1) * _STEP
    drawn = f'<path d="{"".join(_path(values_ms))}"/>' if any(values_ms) else ""
    return SafeString(
        f'<svg class="spark" viewBox="0 0 {width} {_HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="{escape(f"{label}: {told(values_ms)}")}">{drawn}</svg>'
    )


def told(values_ms: Sequence[float | None]) -> str:
    """Return the course in words: `usually 38 ms, at most 120 ms, last 45 ms`."""
    known = [value for value in values_ms if value is not None]
    if not known:
        return "nothing timed"
    usual, most, last = (words.milliseconds(value) for value in (median(known), max(known), known[-1]))
    return f"usually {usual}, at most {most}, last {last}"


def _path(values_ms: Sequence[float | None]) -> Iterator[str]:
    known = [value for value in values_ms if value is not None]
    lowest, highest = min(known), max(known)
    span = max(highest - lowest, _LEAST_SPAN * highest) or 1.0
    scale = (_HEIGHT - 2 * _MARGIN) / span
    heights = [
        None if value is None else f"{_HEIGHT - _MARGIN - (value - lowest) * scale:.1f}".removesuffix(".0")
        for value in values_ms
    ]
    for place, (before, height, after) in enumerate(
        zip([None, *heights], heights, [*heights[1:], None], strict=False)
    ):
        if height is None or before == height == after:  # on a level line there are its ends alone
            continue
        yield f"{'M' if before is None else ' '}{place * _STEP} {height}"
        if before is None and after is None:
            yield "h0"  # one that stands alone is a dot
