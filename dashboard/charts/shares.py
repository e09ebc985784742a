"""What the seconds of a range showed, side by side. PURE."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard import words
from probes.policy.uptime import Shown, Tally

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
