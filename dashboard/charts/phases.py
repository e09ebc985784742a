"""How long the steps of a check took, phase by phase. PURE."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard import words

_PHASES: Final = (
    ("dns", "DNS"),
    ("connect", "connect"),
    ("tls", "TLS"),
    ("wait", "first byte"),
    ("read", "rest"),
)
_BAR_WIDTH: Final = 1000.0
_LEAST_WIDTH: Final = 3.0  # what happened is seen, however short it was


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


def phase_legend() -> tuple[tuple[str, str], ...]:
    """Return (style class, label) of each phase, in the order of the bars."""
    return _PHASES


def timing_bars(rows: Sequence[Timing]) -> list[SafeString]:
    """Return one bar for each row, all from zero and on one scale: the longest fills its bar.

    Not one after the other: blobs are asked for side by side, and a step does not tell when it began.
    """
    longest = max((row.total_ms for row in rows), default=0.0)
    return [_bar(row, _BAR_WIDTH / longest if longest > 0 else 0.0) for row in rows]


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
