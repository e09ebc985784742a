"""How rows are laid out on pages: by group or registry, of each the first. PURE: counts in, sections out.

A page holds whole sections, and a section that is long shows its first rows and a way to the rest: so each page tells
of many groups, and the worst of each. One that is chosen alone is one list over many pages.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from probes.selectors.choice import Census, Counted, Owner
from probes.selectors.order import By, Order
from probes.selectors.severity import Group

ROWS_A_PAGE: Final = 50
CELLS_A_PAGE: Final = 320
"""Of more regions than six a page has fewer rows: it stays below 300 kB even where each cell tells what is bad."""

ROWS_OF_A_SECTION: Final = 10
SPARED: Final = 2
"""So few rows are shown as well: a line that tells of them takes as much room."""

_QUIET: Final = frozenset({Group.AVAILABLE, Group.MAINTENANCE, Group.PAUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What belongs to one owner, by what it counts as, the worst first; `shown` of them are rows of the page."""

    owner: Owner
    states: Mapping[Group, int]
    shown: int

    @property
    def total(self) -> int:
        return sum(self.states.values())

    @property
    def left(self) -> int:
        return self.total - self.shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One page of all sections: its number from 1 and how many there are, and which rows it begins and ends with.

    Without sections it is one list, of the rows from `start` on (from 0). `most` is how many a page has room for.
    """

    sections: Sequence[Section]
    number: int
    pages: int
    start: int
    rows: int
    total: int
    most: int = ROWS_A_PAGE


def spread(census: Census, *, by: By | None, order: Order, number: int, columns: int = 1) -> Spread:
    """Return a page of what was counted; of too large a number the last. A row has a cell in each of the columns."""
    total, most = census.total, min(ROWS_A_PAGE, max(1, CELLS_A_PAGE // max(1, columns)))
    owners = len(census.groups if by is By.GROUP else census.registries)
    if by is None or owners <= 1:
        pages = max(1, -(-total // most))
        number = min(max(number, 1), pages)
        start = (number - 1) * most
        rows = min(most, total - start)
        return Spread(sections=(), number=number, pages=pages, start=start, rows=rows, total=total, most=most)
    found = packed(sections(census.lines, by=by, order=order, is_whole=total <= most), most)
    number = min(max(number, 1), len(found))
    start = sum(section.total for page in found[: number - 1] for section in page)
    page = found[number - 1]
    rows = sum(section.total for section in page)
    return Spread(sections=page, number=number, pages=len(found), start=start, rows=rows, total=total, most=most)


def sections(lines: Iterable[Counted], *, by: By, order: Order, is_whole: bool) -> list[Section]:
    """Return the sections in their order: by what is worst in them, or by name where it goes by something else.

    What belongs to no group comes last of what is alike. If it is whole, no row is left out.
    """
    counts: dict[Owner, dict[Group, int]] = {}
    for line in lines:
        states = counts.setdefault(line.group if by is By.GROUP else line.registry, dict.fromkeys(Group, 0))
        states[line.state] += line.count
    found = [
        Section(owner=owner, states=states, shown=_shown(sum(states.values()), is_whole=is_whole))
        for owner, states in counts.items()
    ]
    return sorted(
        found, key=lambda section: (_severity(section) if order is Order.WORST else (), _name(section.owner))
    )


def packed(found: Sequence[Section], most: int) -> list[list[Section]]:
    """Put sections on pages, in their order, as many on each as its `most` rows have room; at least one page."""
    pages: list[list[Section]] = [[]]
    room = most
    for section in found:
        if section.shown > room and pages[-1]:
            pages.append([])
            room = most
        pages[-1].append(replace(section, shown=min(section.shown, room)))
        room -= section.shown
    return pages


def _shown(total: int, *, is_whole: bool) -> int:
    return total if is_whole or total <= ROWS_OF_A_SECTION + SPARED else ROWS_OF_A_SECTION


def _severity(section: Section) -> tuple[int, ...]:
    """Return where it belongs: what has more of the worst comes first; of what is well the numbers do not matter."""
    return tuple(-section.states[group] for group in Group if group not in _QUIET)


def _name(owner: Owner) -> tuple[bool, str, str]:
    return owner.pk is None, (owner.name or owner.slug).casefold(), owner.slug
