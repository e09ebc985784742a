"""Where regions do not agree on what they see of the same thing.

What is compared are facts by name. A region that has no such fact, since it has not looked or could not tell, has no
opinion: it neither agrees nor disagrees.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """A value and the regions that see it, in order."""

    value: str
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A fact on which regions differ: each view, the most common first, and of equally many in order of the value."""

    fact: str
    views: tuple[View, ...]


def disagreements(seen: Mapping[str, Mapping[str, str | None]]) -> list[Disagreement]:
    """Return on which facts the regions differ, given the facts of each region, in the order in which they come."""
    names = dict.fromkeys(name for facts in seen.values() for name in facts)
    found = (Disagreement(name, _views(name, seen)) for name in names)
    return [item for item in found if len(item.views) > 1]


def _views(name: str, seen: Mapping[str, Mapping[str, str | None]]) -> tuple[View, ...]:
    regions: dict[str, list[str]] = {}
    for region, facts in seen.items():
        if (value := facts.get(name)) is not None:
            regions.setdefault(value, []).append(region)
    views = (View(value, tuple(sorted(named))) for value, named in regions.items())
    return tuple(sorted(views, key=lambda view: (-len(view.regions), view.value)))
