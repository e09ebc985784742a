"""The bar that says what is shown, and what else could be: with how many each choice would give. PURE."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from django.utils.safestring import SafeString

from dashboard import words
from dashboard.overview.asked import ALL_IN_ONE, KINDS, ORDERS, PUT_BY, SEEN, Asked, Chip
from dashboard.overview.sections import Section
from dashboard.window import CUSTOM, PARAMETERS, Window
from dashboard.words import Look
from probes.policy.uptime import WINDOWS
from probes.selectors.choice import NO_GROUP, Census, Choice, Owner, without
from probes.selectors.order import By, Order

MOST_OFFERED: Final = 200
"""Of so many groups or registries one is chosen; of more, those with the most images are offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """So many of one look; `address` shows them alone. Without a look it is everything."""

    look: Look | None
    count: int
    address: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What can be chosen: its value in the address and what it is called."""

    value: str
    said: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """One of several; the first says that none is chosen, unless one always is."""

    name: str
    label: str
    options: Sequence[Option]

    @property
    def is_used(self) -> bool:
        """Whether it narrows what is shown."""
        return self.options[0].value == "" and not self.options[0].is_chosen

    @property
    def written(self) -> SafeString:
        """The options as HTML: there may be hundreds, for which templates take ten times as long."""
        return SafeString(
            "".join(
                f'<option value="{escape(option.value)}"{" selected" if option.is_chosen else ""}>'
                f"{escape(option.said)}</option>"
                for option in self.options
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """All of it. `more` are folded away until one of them is used, as are the times of a range.

    `since` and `until` are these, as the form writes them.
    """

    tallies: Sequence[Tally]
    find: str
    label: str
    tag: str
    first: Sequence[Select]
    more: Sequence[Select]
    since: str
    until: str
    chips: Sequence[Chip]
    is_more_used: bool
    kept: Sequence[tuple[str, str]]
    everything: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a section: its name, how many there are of each look, and the way to all of them.

    `rest` says what of it is not shown on the page; empty where all is.
    """

    id: str
    name: str
    address: str
    counts: Sequence[tuple[Look, int]]
    rest: str


def filters(asked: Asked, census: Census, regions: Sequence[tuple[str, str]], window: Window, path: str) -> Filters:
    """Return the bar. Of each region its slug and its name are given."""
    choice = asked.choice
    groups, registries = (_others(census, choice, name) for name in ("group", "registry"))
    named = {f"group:{owner.slug}": owner.name for owner in groups.groups}
    named |= {f"registry:{owner.slug}": owner.name or owner.slug for owner in registries.registries}
    named |= {f"region:{slug}": name for slug, name in regions}
    kinds = _others(census, choice, "kind").kinds
    first = [
        _owners("group", "Group", groups.groups, choice.group),
        _owners("registry", "Registry", registries.registries, choice.registry),
        _select("sort", "Sort", [(order.value, said) for order, said in ORDERS.items()], asked.order.value),
        _select("by", "Sections by", list(PUT_BY.items()), asked.by.value if asked.by else ALL_IN_ONE),
    ]
    more = [
        _select("region", "From region", [("", "Any"), *regions], choice.region),
        _select("seen", "Last seen as", [("", "Anything"), *SEEN.items()], choice.seen),
    ]
    if len(census.kinds) > 1 or choice.kind:
        offered = [(kind, f"{said} ({kinds.get(kind, 0):,})") for kind, said in KINDS.items()]
        more.append(_select("kind", "Kind", [("", "Any"), *offered], choice.kind))
    since, until = (dict(asked.more).get(name, "") for name in ("since", "until"))
    in_form = {"find", "group", "registry", "sort", "by", "label", "tag", "region", "seen", "kind", "page"}
    in_form |= {"since", "until"}
    folded = (choice.region, choice.seen, choice.kind, choice.label, choice.tag, since, until, window.error)
    return Filters(
        tallies=_tallies(asked, census, path),
        find=choice.find,
        label=choice.label,
        tag=choice.tag,
        first=[select for select in first if len(select.options) > 1],
        more=more,
        since=since,
        until=until,
        chips=[*asked.chips(path, named), *_range(asked, window, since, until, path)],
        is_more_used=any(folded),
        kept=[(name, value) for name, value in asked.said if name not in in_form],
        everything=Asked(order=asked.order, by=asked.by, is_dense=asked.is_dense, more=_without_range(asked)).address(
            path
        ),
    )


def windows(asked: Asked, window: str, path: str) -> list[Option]:
    """Return the windows over which it is measured, each with its address as its value."""
    others = tuple(item for item in asked.more if item[0] not in PARAMETERS)
    return [
        Option(
            value=asked.turned(more=(*others, ("window", name)), page=asked.page).address(path),
            said=name,
            is_chosen=name == window,
        )
        for name in WINDOWS
    ]


def _range(asked: Asked, window: Window, since: str, until: str, path: str) -> list[Chip]:
    """Return the range that is measured over, to be taken out; none where it is a usual one."""
    if window.name != CUSTOM:
        return []
    from_, to = (text.replace("T", " ") for text in (since, until))
    return [
        Chip(
            name="range",
            label="Measured",
            said=f"{from_} to {to or 'now'}, UTC",
            address=asked.turned(more=_without_range(asked), page=asked.page).address(path),
        )
    ]


def _without_range(asked: Asked) -> tuple[tuple[str, str], ...]:
    return tuple(item for item in asked.more if item[0] not in ("since", "until"))


def head(section: Section, by: By, asked: Asked, path: str) -> Head:
    """Return the head of a section."""
    owner = section.owner
    counts = [(Look(group), count) for group, count in section.states.items() if count]
    return Head(
        id=f"{by.value}-{owner.slug if owner.pk is not None else 'none'}",
        name=_named(owner),
        address=asked.choosing(**{by.value: owner.slug}).address(path),
        counts=counts,
        rest=_rest(section) if section.left else "",
    )


def _rest(section: Section) -> str:
    """Return how many more there are, and of what kind if they are all of one: the worst are shown first."""
    left: list[tuple[str, int]] = []
    shown = section.shown
    for group, count in section.states.items():
        if count > shown:
            left.append((Look(group).label.lower(), count - shown))
        shown = max(0, shown - count)
    if len(left) == 1:
        return f"{section.left:,} more, {'all ' if section.left > 1 else ''}{left[0][0]}"
    return f"{section.left:,} more: {words.listed([f'{count:,} {said}' for said, count in left])}"


def _tallies(asked: Asked, census: Census, path: str) -> list[Tally]:
    chosen = asked.choice.state
    states = _others(census, asked.choice, "state").states
    return [
        Tally(
            look=None,
            count=sum(states.values()),
            address=asked.choosing(state=None).address(path),
            is_chosen=chosen is None,
        ),
        *(
            Tally(
                look=Look(group),
                count=count,
                address=asked.choosing(state=group).address(path),
                is_chosen=group is chosen,
            )
            for group, count in states.items()
            if count or group is chosen
        ),
    ]


def _others(census: Census, choice: Choice, name: str) -> Census:
    """Return what there would be if that part of the choice were another."""
    return census.chosen(without(choice, name))


def _owners(name: str, label: str, counts: Mapping[Owner, int], chosen: str) -> Select:
    most = sorted(counts.items(), key=lambda item: -item[1])[:MOST_OFFERED]
    offered = sorted(most, key=lambda item: (item[0].pk is None, _named(item[0]).casefold()))
    options = [(owner.slug, f"{_named(owner)} ({count:,})") for owner, count in offered]
    if chosen and chosen not in {owner.slug for owner, _ in offered}:
        options.append((chosen, words.shown(chosen, 100)))
    # One alone is no choice.
    return _select(name, label, [("", "Any"), *options] if len(options) > 1 or chosen else [], chosen)


def _named(owner: Owner) -> str:
    if owner.slug == NO_GROUP and owner.pk is None:
        return "No group"
    return words.shown(owner.name, 100) or words.shown(owner.slug, 260)


def _select(name: str, label: str, options: Sequence[tuple[Any, str]], chosen: str) -> Select:
    return Select(
        name=name,
        label=label,
        options=[Option(value=str(value), said=said, is_chosen=value == chosen) for value, said in options],
    )


def directions(order: Order) -> Mapping[str, str]:
    """Return what `aria-sort` says of each column that can be sorted by."""
    falling = "descending"
    ways = {Order.NAME: "ascending", Order.UPTIME: falling, Order.LATENCY: falling, Order.WORST: "other"}
    return {each.value: ways[each] if each is order else "none" for each in ways}
