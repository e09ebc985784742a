"""Where regions do not agree on what they see of the same thing.

What is compared are facts by name. A region that has no such fact, since it has not looked or could not tell, has no
opinion: it neither agrees nor disagrees.
"""

from collections.abc import Iterable, Mapping
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


@dataclass(frozen=True, slots=True)
class Alone:
    """What one region says that no other does: its own value, and the one that all the others share."""

    value: str
    others: str


def alone(own: str | None, others: Iterable[str | None]) -> Alone | None:
    """Return what a region says against all others that have an opinion; None where one of them says the same.

    None as well where it has none itself, where nobody else has one, and where the others do not agree.
    """
    heard = {value for value in others if value is not None}
    if own is None or len(heard) != 1 or own in heard:
        return None
    return Alone(own, heard.pop())
