"""What a benchmark comes to: figures, each with its bar where there is one, and the table of them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured. `passed` is None where there is no bar."""

    what: str
    value: str
    bar: str = ""
    passed: bool | None = None

    @property
    def verdict(self) -> str:
        return "" if self.passed is None else "pass" if self.passed else "FAIL"


def at_most(what: str, value: float, bar: float, unit: str) -> Figure:
    """Return a figure that passes up to its bar."""
    return Figure(what, f"{value:.3g} {unit}", f"at most {bar:g} {unit}", passed=value <= bar)


def at_least(what: str, value: float, bar: float, unit: str) -> Figure:
    """Return a figure that passes from its bar on."""
    return Figure(what, f"{value:.3g} {unit}", f"at least {bar:g} {unit}", passed=value >= bar)


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as lines of text, in columns."""
    rows = [("figure", "value", "bar", ""), *((item.what, item.value, item.bar, item.verdict) for item in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])
