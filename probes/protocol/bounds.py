"""How much one finding may hold and weigh: what a region cuts its findings to, and what the control plane refuses.

A registry has a say in many of an outcome's texts, and whoever holds a region's key in all of them. The document goes
into the history and is read by pages, so it is bounded where it is written and again where it is taken.
"""

from typing import Final

from probes.protocol.batch import MAX_REPORT_BYTES
from probes.protocol.outcome import Outcome

MAX_FINDING_BYTES: Final = 384 * 1024
"""Of a finding's JSON text. All 200 requests of a check, by the longest paths shown, and 64 platforms come to 235 KB.

What a region finds that is longer, where redirects have endless queries say, loses its steps there.
"""

MAX_TEXT: Final = 4000
"""Characters of a hint, a detail and each notice."""

MAX_ITEMS: Final = 5000
"""Of each list. As many do not fit into a finding, but for the shortest of notices and warnings."""


def room_for_each(count: int) -> int:
    """Return how many bytes each of a report's `count` findings may take, so that it travels with all of them."""
    return min(MAX_FINDING_BYTES, (MAX_REPORT_BYTES - 1024) // max(count, 1) - 1)


def check_bounds(outcome: Outcome) -> None:
    """Raise `ValueError` for an outcome with a text or a list that is longer than any check has use for."""
    found = outcome.conclusion
    for name, text in (("hint", found.hint), ("detail", found.detail), *(("notice", text) for text in found.notices)):
        if len(text) > MAX_TEXT:
            raise ValueError(f"a {name} of {len(text)} characters")
    lists = (found.platforms, found.warnings, found.notices, outcome.certificates, outcome.steps)
    if (longest := max(map(len, lists))) > MAX_ITEMS:
        raise ValueError(f"a list of {longest} items")
