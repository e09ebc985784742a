"""Badges: a label and what is said of it, as a small SVG. PURE. It is shown where no style sheet of ours is."""

from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard import words
from dashboard.words import Look

LONGEST_LABEL: Final = 60
_PADDING: Final = 6
_HEIGHT: Final = 20
_NARROW: Final = frozenset("ijltfrI.,:;'|!()[]{}- /\\`")
_WIDE: Final = frozenset("mwMWOQGDCNHUABVXYZ%@&+=<>~…—")

# White on each of them keeps 4.5:1.
_FILLS: Final = {
    Look.AVAILABLE: "#17683a",
    Look.DEGRADED: "#7d4a00",
    Look.UNAVAILABLE: "#a5191f",
    Look.MAINTENANCE: "#0c5a6e",
}
_GREY: Final = "#4a5361"
_LABEL: Final = "#30363f"


def badge(label: str, said: str, look: Look) -> SafeString:
    """Return the badge. The text is as wide as was reckoned, whatever font it is drawn in."""
    label = words.shown(label, LONGEST_LABEL)
    left, right = _width(label), _width(said)
    first, second = left + 2 * _PADDING, right + 2 * _PADDING
    return format_html(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img" aria-label="{told}">'
        "<title>{told}</title>"
        '<clipPath id="r"><rect width="{width}" height="{height}" rx="3"/></clipPath>'
        '<g clip-path="url(#r)"><rect width="{first}" height="{height}" fill="{dark}"/>'
        '<rect x="{first}" width="{second}" height="{height}" fill="{fill}"/></g>'
        '<g fill="#fff" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">'
        '<text x="{padding}" y="14" textLength="{left}" lengthAdjust="spacingAndGlyphs">{label}</text>'
        '<text x="{start}" y="14" textLength="{right}" lengthAdjust="spacingAndGlyphs">{said}</text></g></svg>',
        width=first + second,
        height=_HEIGHT,
        told=f"{label}: {said}",
        first=first,
        second=second,
        dark=_LABEL,
        fill=_FILLS.get(look, _GREY),
        padding=_PADDING,
        start=first + _PADDING,
        left=left,
        right=right,
        label=label,
        said=said,
    )


def look_of_share(up: int, counted: int) -> Look:
    """Return how a share of time looks: three nines are good, one is not."""
    if not counted:
        return Look.UNKNOWN
    if up * 1000 >= counted * 999:
        return Look.AVAILABLE
    return Look.DEGRADED if up * 100 >= counted * 95 else Look.UNAVAILABLE


def missing() -> SafeString:
    """Return what is shown of what is not there, or not for everybody."""
    return badge("status", "not found", Look.UNKNOWN)


def _width(text: str) -> int:
    """Return about how many pixels a text takes in 11 px Verdana."""
    return max(1, round(sum(_of(letter) for letter in text)))


def _of(letter: str) -> float:
    if letter in _NARROW:
        return 4.3
    if ord(letter) > 0x2E80:  # ideographs and emoji are as wide as high
        return 11.0
    return 8.6 if letter in _WIDE else 6.9
