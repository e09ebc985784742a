"""The last checks, one tick each. PURE."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from dashboard import words
from dashboard.words import Look

STRIP_CELLS: Final = 50
_TICK: Final = 6
_TICK_GAP: Final = 2
_STRIP_HEIGHT: Final = 24
# The worse, the taller: bad ones stand out without their colours too.
_TICK_HEIGHTS: Final = {
    Look.EGRESS_DOWN: 6,
    Look.AVAILABLE: 10,
    Look.INDETERMINATE: 14,
    Look.CONFIG_ERROR: 17,
    Look.DEGRADED: 20,
    Look.UNAVAILABLE: 24,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One check in a strip, `text` tells it. `look` None is a check of which nothing is known: a gap."""

    look: Look | None
    text: str


def strip(ticks: Sequence[Tick], *, label: str) -> SafeString:
    """Return the checks as upright ticks, oldest first; the newest `STRIP_CELLS` of them, set against the right."""
    shown = ticks[-STRIP_CELLS:]
    width = STRIP_CELLS * (_TICK + _TICK_GAP) - _TICK_GAP
    first = width - len(shown) * (_TICK + _TICK_GAP) + _TICK_GAP
    # Many times a page: what others wrote is escaped, and all else is of ours.
    drawn = SafeString(
        "".join(
            f'<rect class="tick tick-{tick.look or "gap"}" x="{first + index * (_TICK + _TICK_GAP)}"'
            f' y="{_STRIP_HEIGHT - _height(tick.look)}" width="{_TICK}" height="{_height(tick.look)}">'
            f"<title>{conditional_escape(tick.text)}</title></rect>"
            for index, tick in enumerate(shown)
        )
    )
    return format_html(
        '<svg class="strip" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        width,
        _STRIP_HEIGHT,
        f"{label}: {told(ticks)}",
        drawn,
    )


def told(ticks: Sequence[Tick]) -> str:
    """Return what a strip shows, in words: `last 50 checks: 47 available, 3 unavailable`."""
    shown = ticks[-STRIP_CELLS:]
    if not shown:
        return "no checks yet"
    counts = Counter(tick.look for tick in shown)
    parts = [f"{counts[look]} {look.label.lower()}" for look in _TICK_HEIGHTS if counts[look]]
    if counts[None]:
        parts.append(f"{counts[None]} missed")
    return f"last {words.counted(len(shown), 'check')}: {', '.join(parts)}"


def _height(look: Look | None) -> int:
    return _TICK_HEIGHTS.get(look, 3) if look else 3
