"""How long, in words; rounded down, as of somebody who counts what has passed."""

from itertools import pairwise
from typing import Final

_DAY: Final = 86_400
_SIZES: Final = ((_DAY, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def span(seconds: float, *, space: str = " ") -> str:
    """Return a span of time in its largest unit: `45 s`, `3 min`, `47 h`, `2 d`; `space` is before the unit."""
    whole = max(0, int(seconds))
    for size, unit in _SIZES[:-1]:
        if whole >= size * (2 if size == _DAY else 1):
            return f"{whole // size}{space}{unit}"
    return f"{whole}{space}s"


def amount(seconds: float, *, space: str = " ") -> str:
    """Return a span of time in its two largest units: `45 s`, `3 min 20 s`, `2 h 5 min`, `1 d 4 h`."""
    whole = max(0, int(seconds))
    for (size, unit), (smaller, lesser) in pairwise(_SIZES):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size}{space}{unit}" + (f" {rest}{space}{lesser}" if rest else "")
    return f"{whole}{space}s"


def exact(seconds: int) -> str:
    """Return a span of time in the largest unit that divides it: `5 min`, `90 s`."""
    size, unit = next((size, unit) for size, unit in _SIZES if seconds % size == 0)
    return f"{seconds // size} {unit}"
