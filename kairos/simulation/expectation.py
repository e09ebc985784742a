"""What must come of a scenario, and how that differs from what came.

Both are lines of a few fields, of kinds that are compared whole: what is not expected is as wrong as what is missing.
Of a kind that the expectation leaves out nothing is expected.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import unified_diff
from typing import Final

from kairos.simulation.document import Part
from kairos.simulation.spans import read_span, span_text

INCIDENTS: Final = "incidents"
NOTIFICATIONS: Final = "notifications"
REGIONS: Final = "regions"
VERDICTS: Final = "verdicts"
QUOTAS: Final = "quotas"

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    INCIDENTS: ("of", "level", "began", "opened", "resolved", "cause", "flapped", "children"),
    NOTIFICATIONS: ("at", "topic", "of"),
    REGIONS: ("at", "region", "is"),
    VERDICTS: ("at", "of", "is"),
    QUOTAS: ("of", "spent", "lowered", "put_off"),
}
"""The fields of a line, by its kind and in their order. One that is empty is left out."""

_QUOTED: Final = re.compile(r"[,{}\[\]\"#]|: ")
_SPANS: Final = frozenset({"at", "began", "opened", "resolved"})

Line = Mapping[str, str]
Lines = Mapping[str, tuple[Line, ...]]
"""Lines by their kind. Times are spans from the start of the scenario, as `span_text` writes them."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """The lines of those kinds that something is said of."""

    lines: Lines

    def differs(self, told: Lines) -> tuple[str, ...]:
        """Return how what is told differs, as lines of a diff; none where it is as expected."""
        found: list[str] = []
        for kind, expected in self.lines.items():
            before, after = shown(kind, expected), shown(kind, told.get(kind, ()))
            found += unified_diff(before, after, f"{kind} expected", f"{kind} told", lineterm="", n=0)
        return tuple(line for line in found if not line.startswith("@@"))


def read_expectation(part: Part) -> Expectation:
    """Return what is expected. Raises `ScenarioInvalid`."""
    part.only(FIELDS)
    return Expectation(
        {kind: tuple(_line(kind, item) for item in listed.items()) for kind, listed in part.named().items()}
    )


def shown(kind: str, lines: Iterable[Line]) -> list[str]:
    """Return lines as a scenario has them, in the order of their times."""
    written = [
        (_moment(line), f"{{{', '.join(f'{name}: {_scalar(line[name])}' for name in FIELDS[kind] if name in line)}}}")
        for line in lines
    ]
    return [text for _, text in sorted(written)]


def _scalar(text: str) -> str:
    """Return a text as YAML has it between braces."""
    return json.dumps(text, ensure_ascii=False) if _QUOTED.search(text) else text


def _moment(line: Line) -> timedelta:
    return read_span(line.get("at") or line.get("opened") or "0s")


def _line(kind: str, part: Part) -> Line:
    part.only(FIELDS[kind])
    found = {name: item for name in FIELDS[kind] if (item := part.get(name))}
    return {name: span_text(item.read(read_span)) if name in _SPANS else item.text() for name, item in found.items()}
