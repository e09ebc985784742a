"""What a list is narrowed by, as the query of its address says it: read strictly, shown, and taken off again.

What cannot be understood is complained of, and then nothing is listed: rather that than another list than was asked
for. PURE: addresses and rows are given.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from django.utils.http import urlencode

from dashboard import words
from dashboard.instants import instant
from probes.policy.intervals import Interval
from probes.selectors.keyset import Place

LONGEST: Final = 200
"""Characters of a parameter that are read."""

ALWAYS_SEEN: Final = 3

PLACE: Final = "after"
"""The parameter that says where a page of a list begins."""

_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Option:
    """One value that a field may take."""

    value: str
    label: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of the form. With `options` it is chosen from them, or where it `may_differ` only helped by them."""

    name: str
    label: str
    value: str
    kind: str = "text"
    hint: str = ""
    options: Sequence[Option] = ()
    may_differ: bool = False


@dataclass(frozen=True, slots=True)
class Chip:
    """Something that the list is narrowed by, and the address of the list without it."""

    name: str
    label: str
    said: str
    url: str


@dataclass(frozen=True, slots=True)
class Form:
    """A list's form: where it leads, its fields, what is in force, and what was not understood.

    The first few fields are always seen, the others are folded away. `kept` goes along and is no field.
    """

    action: str
    fields: Sequence[Field]
    chips: Sequence[Chip]
    complaints: Sequence[str]
    kept: Sequence[tuple[str, str]] = ()

    @property
    def first(self) -> Sequence[Field]:
        return self._typed[:ALWAYS_SEEN]

    @property
    def further(self) -> Sequence[Field]:
        return self._typed[ALWAYS_SEEN:]

    @property
    def hidden(self) -> Sequence[Field]:
        return [field for field in self.fields if field.kind == "hidden"]

    @property
    def _typed(self) -> Sequence[Field]:
        return [field for field in self.fields if field.kind != "hidden"]

    @property
    def are_further_in_force(self) -> bool:
        return any(field.value for field in self.further)

    @property
    def bare_url(self) -> str:
        """The address of the list without anything that narrows it."""
        return with_query(self.action, dict(self.kept))


@dataclass(slots=True)
class Asked:
    """The parameters of a page at `path`, read one by one. Reading one of them adds its field to the form."""

    path: str
    query: Mapping[str, str]
    complaints: list[str] = field(default_factory=list)
    _fields: list[Field] = field(default_factory=list)
    _said: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def text(self, name: str, label: str, *, hint: str = "") -> str:
        """Return a text to search for; empty where there is none."""
        value = self._value(name)
        self._add(
            Field(name=name, label=label, value=value, kind="search", hint=hint), f"“{words.shown(value, _SHOWN)}”"
        )
        return value

    def choice(self, name: str, label: str, among: Mapping[str, str], *, any_label: str = "Any") -> str:
        """Return one of the values that `among` labels, empty where none is asked for."""
        value = self._value(name)
        if value and value not in among:
            self.complaints.append(f"{label}: there is no “{words.shown(value, _SHOWN)}”.")
        options = [
            Option("", any_label, not value),
            *(Option(key, said, key == value) for key, said in among.items()),
        ]
        self._add(Field(name=name, label=label, value=value, kind="select", options=options), among.get(value, value))
        return value if value in among else ""

    def named(self, name: str, label: str, known: Iterable[str], *, is_known: bool) -> str:
        """Return a name that may be one of more than are offered; `is_known` says whether it is there."""
        value = self._value(name)
        if value and not is_known:
            self.complaints.append(f"{label}: there is no “{words.shown(value, _SHOWN)}”.")
        options = [Option(item, item) for item in known]
        shown = Field(name=name, label=label, value=value, kind="text", options=options, may_differ=True)
        self._add(shown, words.shown(value, _SHOWN))
        return value

    def hidden(self, name: str, label: str, said: str) -> str:
        """Return what the page itself puts into its address and nobody types; `said` is what people read of it."""
        value = self._value(name)
        self._add(Field(name=name, label=label, value=value, kind="hidden"), words.shown(said, LONGEST))
        return value

    def times(self, label: str) -> Interval | None:
        """Return the range from `since` to `until`, both in UTC; either may be left out."""
        since = self._instant("since", f"{label} from")
        until = self._instant("until", f"{label} before")
        if since is None and until is None:
            return None
        start, end = since or datetime.min.replace(tzinfo=UTC), until or datetime.max.replace(tzinfo=UTC)
        if start >= end:
            self.complaints.append(f"{label}: a range ends after it begins.")
            return None
        return Interval(start, end)

    def place(self) -> Place | None:
        """Return where the page begins, None for the first one."""
        text = self._value(PLACE)
        try:
            return Place.read(text) if text else None
        except ValueError:
            self.complaints.append("This address is of no page of the list: begin at its top.")
            return None

    def form(self, *, kept: Iterable[str] = ()) -> Form:
        """Return the form with all that was read. `kept` are further parameters that taking one off leaves."""
        further = {name: self._value(name) for name in kept}
        chips = [
            Chip(name, label, said, self.url({**further, **self._without(name)}))
            for name, (_, label, said) in self._said.items()
        ]
        return Form(self.path, self._fields, chips, self.complaints, [item for item in further.items() if item[1]])

    def url(self, query: Mapping[str, str]) -> str:
        """Return the address of this page with what of the query says something."""
        return with_query(self.path, query)

    def at(self, place: Place | None) -> str:
        """Return the address of the page that begins after a place; empty for None."""
        return self.url({**self.in_force, PLACE: str(place)}) if place else ""

    @property
    def in_force(self) -> dict[str, str]:
        """The parameters by which the list is narrowed."""
        return {name: value for name, (value, _, _) in self._said.items()}

    def _without(self, left_out: str) -> dict[str, str]:
        return {name: value for name, value in self.in_force.items() if name != left_out}

    def _value(self, name: str) -> str:
        return self.query.get(name, "").replace("\0", "").strip()[:LONGEST]

    def _instant(self, name: str, label: str) -> datetime | None:
        text = self._value(name)
        value = instant(text) if text else None
        if text and value is None:
            self.complaints.append(
                f"{label}: “{words.shown(text, _SHOWN)}” is no time. Write 2026-11-27 or 2026-11-27T14:00, in UTC."
            )
        shown = f"{value:%Y-%m-%dT%H:%M}" if value else text
        said = f"{value:%Y-%m-%d %H:%M} UTC" if value else text
        self._add(Field(name=name, label=label, value=shown, kind="datetime-local"), words.shown(said, _SHOWN))
        return value

    def _add(self, shown: Field, said: str) -> None:
        self._fields.append(shown)
        if shown.value:
            self._said[shown.name] = (shown.value, shown.label, said)


def with_query(path: str, query: Mapping[str, str]) -> str:
    """Return an address with what of a query says something."""
    said = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(said)}" if said else path


def labelled(values: Iterable[str]) -> dict[str, str]:
    """Return values of the domain with what people read: the same words with spaces, and a capital."""
    return {value: value.replace("_", " ").capitalize() for value in values}
