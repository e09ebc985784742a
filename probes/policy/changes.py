"""What the database tells of a change (ADR 47): which topics it concerns, and who may hear of it. Pure.

A topic names what a page is about, never what became of it: whoever hears one reads what he may.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from probes.policy.access import Reach

CHANNEL: Final = "kairos_changes"
ALL: Final = "all"
"""The topic of everything: whoever hears it reads everything again."""

LONGEST_CHECKED: Final = 400
"""So many resources are told in one payload at most: PostgreSQL takes less than 8,000 bytes."""

_NONE: Final = "-"
_NOT_KNOWN: Final = "?"


@dataclass(frozen=True, slots=True)
class Change:
    """Topics, and where what they name belongs: groups (None is that of what has none), or a region.

    Neither is what is told to everybody. `groups` without any is for those who reach everything.
    """

    topics: frozenset[str]
    groups: frozenset[int | None] | None = None
    region: int | None = None

    def is_within(self, reach: Reach) -> bool:
        """Tell whether whoever reaches so far may hear of it."""
        if reach.is_everything:
            return True
        if self.region is not None:
            return reach.holds_region(self.region)
        return self.groups is None or any(map(reach.holds_group, self.groups))


def changes(payload: str) -> list[Change]:
    """Return what a payload tells; nothing where it is of another version."""
    kind, *words = payload.split(" ")
    try:
        return list(_READ[kind](words))
    except (KeyError, ValueError):
        return []


def checked(resources: Iterable[tuple[int, int | None]]) -> Iterator[str]:
    """Yield payloads that tell of resources, each with its group, that something was found out about them."""
    said = [f"{pk}:{_NONE if group is None else group}" for pk, group in resources]
    for first in range(0, len(said), LONGEST_CHECKED):
        yield f"checked {','.join(said[first : first + LONGEST_CHECKED])}"


def _resource(words: list[str]) -> Iterator[Change]:
    pk, group, host, what = words
    topics = {f"resource:{int(pk)}", *_of_registry(host)}
    yield Change(frozenset(topics | {"verdicts"} if what == "verdict" else topics), _groups(group))


def _checked(words: list[str]) -> Iterator[Change]:
    (said,) = words
    for item in said.split(","):
        pk, _, group = item.partition(":")
        yield Change(frozenset({f"checked:{int(pk)}"}), _groups(group))


def _incident(words: list[str]) -> Iterator[Change]:
    pk, parent, resource, groups, host = words
    named = {f"incident:{int(pk)}", "incidents", *_of_registry(host)}
    named |= {f"incident:{int(parent)}"} if parent != _NONE else set()
    named |= {f"resource:{int(resource)}"} if resource != _NONE else set()
    yield Change(frozenset(named), _groups(groups))


def _event(words: list[str]) -> Iterator[Change]:
    resource, groups, host = words
    named = {"events", *_of_registry(host)}
    named |= {f"resource:{int(resource)}"} if resource != _NONE else set()
    yield Change(frozenset(named), _groups(groups))


def _region(words: list[str]) -> Iterator[Change]:
    pk, slug = words
    yield Change(frozenset({f"region:{slug}", "regions"}), region=int(pk))


def _all(_words: list[str]) -> Iterator[Change]:
    yield Change(frozenset({ALL}))


def _groups(words: str) -> frozenset[int | None]:
    if words == _NOT_KNOWN:
        return frozenset()
    return frozenset(None if word == _NONE else int(word) for word in words.split(","))


def _of_registry(host: str) -> set[str]:
    return set() if host == _NONE else {f"registry:{host}"}


_READ: Final = {
    "resource": _resource,
    "checked": _checked,
    "incident": _incident,
    "event": _event,
    "region": _region,
    ALL: _all,
}
