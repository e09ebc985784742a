"""What somebody wants to see, as the address says it. PURE: the query of an address in, values and addresses out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self
from urllib.parse import urlencode

from dashboard.words import Look, shown
from probes.models import ResourceKind
from probes.protocol.taxonomy import Status
from probes.selectors.choice import FAILING, NO_GROUP, Choice, without
from probes.selectors.order import By, Order
from probes.selectors.severity import Group

LONGEST: Final = 200
"""Of any one part of the address so many characters are read."""

ALL_IN_ONE: Final = "nothing"
"""Put together by nothing: one list."""

SEEN: Final[Mapping[str, str]] = {FAILING: "failing", **{status: Look(status).label.lower() for status in Status}}
KINDS: Final[Mapping[str, str]] = {ResourceKind.IMAGE: "images", ResourceKind.ENDPOINT: "HTTP endpoints"}
ORDERS: Final[Mapping[Order, str]] = {
    Order.WORST: "worst first",
    Order.NAME: "name",
    Order.REGISTRY: "registry",
    Order.UPTIME: "most downtime",
    Order.LATENCY: "slowest first",
    Order.SINCE: "latest change",
}
PUT_BY: Final[Mapping[str, str]] = {By.GROUP: "group", By.REGISTRY: "registry", ALL_IN_ONE: "nothing"}

_TEXTS: Final = ("find", "registry", "group", "label", "tag", "region")
_PARTS: Final = ("find", "state", "group", "registry", "label", "tag", "region", "seen", "kind")
_CALLED: Final[Mapping[str, str]] = {"find": "Words", "seen": "Last seen as", "region": "From region"}


class NoSuchChoiceError(ValueError):
    """The address asks for what there is none of. The message is for whoever wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One part of the choice, what it is called and what is chosen, and the address of the page without it."""

    name: str
    label: str
    said: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an address asks for. `by` is None for one list; `more` is what others read of it, such as the window."""

    choice: Choice = field(default_factory=Choice)
    order: Order = Order.WORST
    by: By | None = By.GROUP
    is_dense: bool = False
    page: int = 1
    more: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, query: Mapping[str, str], *, more: Sequence[str] = ()) -> Self:
        """Read it. Raises `NoSuchChoiceError` for a word that is none of those that there are.

        What names something (a host, a slug) may name nothing: the page is empty then, and says so.
        """
        said = {
            name: _clean(query.get(name, "")) for name in (*_TEXTS, "state", "seen", "kind", "sort", "by", "page")
        }
        said["state"] = said["state"] or _clean(query.get("show", ""))  # as it was called once
        state = _one_of(said, "state", [group.value for group in Group])
        choice = Choice(
            **{name: said[name] for name in _TEXTS},
            state=Group(state) if state else None,
            seen=_one_of(said, "seen", SEEN),
            kind=_one_of(said, "kind", KINDS),
        )
        by = _one_of(said, "by", PUT_BY) or By.GROUP
        return cls(
            choice=choice,
            order=Order(_one_of(said, "sort", list(ORDERS)) or Order.WORST),
            by=None if by == ALL_IN_ONE else By(by),
            is_dense=query.get("view") == "dense",
            page=int(said["page"]) if said["page"].isascii() and said["page"].isdigit() else 1,
            more=tuple((name, value) for name in more if (value := _clean(query.get(name, "")))),
        )

    @property
    def query(self) -> str:
        """What is said in the address, in an order that is always the same; empty where it is what is usual."""
        return urlencode(self.said)

    @property
    def said(self) -> Sequence[tuple[str, str]]:
        choice = self.choice
        parts = [(name, str(getattr(choice, name) or "")) for name in _PARTS]
        parts += [
            ("sort", self.order if self.order is not Order.WORST else ""),
            ("by", (self.by or ALL_IN_ONE) if self.by is not By.GROUP else ""),
            ("view", "dense" if self.is_dense else ""),
            *self.more,
            ("page", str(self.page) if self.page > 1 else ""),
        ]
        return [(name, value) for name, value in parts if value]

    def address(self, path: str) -> str:
        """Return the address of it."""
        return f"{path}?{self.query}" if self.query else path

    def choosing(self, **parts: Any) -> Self:
        """Return it with other parts of the choice, from the first page on."""
        return replace(self, choice=replace(self.choice, **parts), page=1)

    def turned(self, **parts: Any) -> Self:
        """Return it with what is beside the choice changed: the order, the page."""
        return replace(self, **{"page": 1, **parts})

    def chips(self, path: str, names: Mapping[str, str]) -> list[Chip]:
        """Return each part of the choice, to be taken out. `names` are what a slug or a host is called."""
        return [
            Chip(
                name=name,
                label=_CALLED.get(name, name.capitalize()),
                said=_told(name, value, names),
                address=replace(self, choice=without(self.choice, name), page=1).address(path),
            )
            for name in _PARTS
            if (value := str(getattr(self.choice, name) or ""))
        ]


def _told(name: str, value: str, names: Mapping[str, str]) -> str:
    if name == "group" and value == NO_GROUP:
        return "none"
    if name == "state":
        return Look(value).label.lower()
    if name in ("seen", "kind"):
        return (SEEN if name == "seen" else KINDS)[value]
    return shown(names.get(f"{name}:{value}", value), LONGEST)


def _one_of(said: Mapping[str, str], name: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    if said[name] and said[name] not in known:
        raise NoSuchChoiceError(f"{said[name][:40]!r} is no {name} of those that there are: {', '.join(known)}")
    return said[name]


def _clean(text: str) -> str:
    return text.replace("\0", "").strip()[:LONGEST]
