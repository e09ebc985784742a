"""Charts: pure functions from rows to SVG. Colours come from style classes, so both themes and paper are served.

Nothing foreign gets in unescaped: every value passes `format_html`. No inline style, which the
Content-Security-Policy forbids; geometry is in attributes. Each chart says in words what it shows.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard import words
from dashboard.words import Look
from probes.policy.uptime import Shown, Tally

_PHASES: Final = (
    ("dns", "DNS"),
    ("connect", "connect"),
    ("tls", "TLS"),
    ("wait", "first byte"),
    ("read", "rest"),
)
_BAR_WIDTH: Final = 1000.0
_LEAST_SHARE: Final = 8.0
_SHARES: Final = (
    Shown.AVAILABLE,
    Shown.DEGRADED,
    Shown.UNAVAILABLE,
    Shown.UNKNOWN,
    Shown.MAINTENANCE,
    Shown.PAUSED,
)
_LEAST_WIDTH: Final = 3.0  # what happened is seen, however short it was

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
class Timing:
    """How long one exchange took, in milliseconds. A phase that did not happen is None."""

    total_ms: float
    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None

    @property
    def phases(self) -> tuple[tuple[str, str, float], ...]:
        """(style class, label, milliseconds) of what happened, in order; the rest is what no phase accounts for."""
        known = (self.dns_ms, self.connect_ms, self.tls_ms, self.first_byte_ms)
        rest = max(0.0, self.total_ms - sum(value or 0.0 for value in known))
        timed = zip(_PHASES, (*known, rest), strict=True)
        return tuple((style, label, value) for (style, label), value in timed if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One check in a strip, `text` tells it. `look` None is a check of which nothing is known: a gap."""

    look: Look | None
    text: str


def phase_legend() -> tuple[tuple[str, str], ...]:
    """Return (style class, label) of each phase, in the order of the bars."""
    return _PHASES


def timing_bars(rows: Sequence[Timing]) -> list[SafeString]:
    """Return one bar for each row, all from zero and on one scale: the longest fills its bar.

    Not one after the other: blobs are asked for side by side, and a step does not tell when it began.
    """
    longest = max((row.total_ms for row in rows), default=0.0)
    return [_bar(row, _BAR_WIDTH / longest if longest > 0 else 0.0) for row in rows]


def strip(ticks: Sequence[Tick], *, label: str) -> SafeString:
    """Return the checks as upright ticks, oldest first; the newest `STRIP_CELLS` of them, set against the right."""
    shown = ticks[-STRIP_CELLS:]
    width = STRIP_CELLS * (_TICK + _TICK_GAP) - _TICK_GAP
    first = width - len(shown) * (_TICK + _TICK_GAP) + _TICK_GAP
    drawn = format_html_join(
        "",
        '<rect class="tick tick-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        (
            (
                tick.look or "gap",
                first + index * (_TICK + _TICK_GAP),
                _STRIP_HEIGHT - _height(tick.look),
                _TICK,
                _height(tick.look),
                tick.text,
            )
            for index, tick in enumerate(shown)
        ),
    )
    return format_html(
        '<svg class="strip" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        width,
        _STRIP_HEIGHT,
        f"{label}: {told(ticks)}",
        drawn,
    )


def share_bar(seconds: Tally, *, label: str, unattended: str = "paused") -> SafeString:
    """Return what the seconds of a range showed, side by side on one bar; what does not count comes last.

    `unattended` is what the time is called in which nobody looked.
    """
    named = {state: unattended if state is Shown.PAUSED else state.value for state in _SHARES}
    counts = [(state, getattr(seconds, state.value)) for state in _SHARES]
    total = sum(count for _, count in counts)
    said = ", ".join(f"{words.percent(count, total)} {named[state]}" for state, count in counts if count)
    return format_html(
        '<svg class="share" viewBox="0 0 {} 10" role="img" aria-label="{}" preserveAspectRatio="none">{}</svg>',
        int(_BAR_WIDTH),
        f"{label}: {said or 'nothing'}",
        format_html_join(
            "",
            '<rect class="share-{}" x="{}" y="0" width="{}" height="10"><title>{}</title></rect>',
            _shares([(state, count) for state, count in counts if count], total, named),
        ),
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


def _bar(row: Timing, scale: float) -> SafeString:
    said = ", ".join(f"{label} {words.milliseconds(value)}" for _, label, value in row.phases)
    return format_html(
        '<svg class="bar" viewBox="0 0 {} 10" role="img" aria-label="{}" preserveAspectRatio="none">{}</svg>',
        int(_BAR_WIDTH),
        f"{words.milliseconds(row.total_ms)}: {said}" if said else words.milliseconds(row.total_ms),
        format_html_join(
            "",
            '<rect class="phase phase-{}" x="{}" y="0" width="{}" height="10"><title>{}</title></rect>',
            _segments(row, scale),
        ),
    )


def _segments(row: Timing, scale: float) -> Iterator[tuple[str, str, str, str]]:
    x = 0.0
    for style, label, value in row.phases:
        width = max(value * scale, _LEAST_WIDTH)
        # Phases too short to draw to scale push those after them; none leaves the bar.
        x = min(x, _BAR_WIDTH - width)
        yield style, f"{x:.1f}", f"{width:.1f}", f"{label} {words.milliseconds(value)}"
        x += width


def _shares(
    counts: Sequence[tuple[Shown, int]], total: int, named: Mapping[Shown, str]
) -> Iterator[tuple[str, str, str, str]]:
    """Draw each to scale, and what is too short for that at its least width, at the expense of the longest."""
    widths = [max(count * _BAR_WIDTH / total, _LEAST_SHARE) for _, count in counts]
    if widths:
        widths[widths.index(max(widths))] -= sum(widths) - _BAR_WIDTH
    x = 0.0
    for (state, count), width in zip(counts, widths, strict=True):
        yield state.value, f"{x:.1f}", f"{width:.1f}", f"{named[state]}: {words.amount(count)}"
        x += width


def _height(look: Look | None) -> int:
    return _TICK_HEIGHTS.get(look, 3) if look else 3
