"""A YAML file as parts that know their line, so that whoever wrote it learns where it is wrong.

Every scalar is text, whatever YAML would make of `10:30` or `on`; whoever asks for a part says what it is to be.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

import yaml

_Item = TypeVar("_Item")
_Choice = TypeVar("_Choice", bound=StrEnum)


class ScenarioInvalid(ValueError):
    """A scenario that cannot be read. The message names the line and the field."""


class _Loader(yaml.BaseLoader):
    """Reads text, lists and mappings; a document that refers to itself would have no end."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call] # of the stubs
            raise ScenarioInvalid(f"line {event.start_mark.line + 1}: aliases are not read here: write it out")
        return super().compose_node(parent, index)


@dataclass(frozen=True, slots=True)
class Part:
    """One value of the document, where it stands, and its name from the top: `script.2.finds`."""

    value: str | Sequence["Part"] | Mapping[str, "Part"]
    line: int
    path: str

    def refuse(self, message: str) -> ScenarioInvalid:
        """Return the error to raise for what is wrong here."""
        return ScenarioInvalid(f"line {self.line}, {self.path}: {message}" if self.path else message)

    def only(self, known: Collection[str]) -> None:
        """Raise `ScenarioInvalid` for a field that is not one of those known."""
        for name, part in self._fields().items():
            if name not in known:
                close = get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"one of {', '.join(sorted(known))}"
                raise part.refuse(f"no such field: {hint}")

    def get(self, name: str) -> "Part | None":
        """Return a field; None where it is missing or empty."""
        part = self._fields().get(name)
        return None if part is None or part.value in ("", "null", "~") else part

    def need(self, name: str) -> "Part":
        """Return a field that has to be there."""
        if part := self.get(name):
            return part
        raise self.refuse(f"{name} is missing")

    def has(self, name: str) -> bool:
        """Tell whether the field is written at all, be it empty."""
        return name in self._fields()

    def read(self, reader: Callable[[str], _Item]) -> _Item:
        """Return what `reader` makes of the text; its `ValueError` becomes one that says where."""
        try:
            return reader(self.text())
        except ScenarioInvalid:
            raise
        except ValueError as error:
            raise self.refuse(str(error)) from None

    def text(self) -> str:
        if isinstance(self.value, str):
            return self.value
        raise self.refuse("one value is expected here, no list and no mapping")

    def whole(self) -> int:
        """Return a whole number that is not negative."""
        if self.text().isascii() and self.text().isdigit():
            return int(self.text())
        raise self.refuse(f"{self.text()!r} is no whole number")

    def choice(self, kind: type[_Choice]) -> _Choice:
        try:
            return kind(self.text())
        except ValueError:
            close = get_close_matches(self.text(), [item.value for item in kind], n=3)
            hint = f"did you mean {' or '.join(close)}?" if close else f"one of {', '.join(kind)}"
            raise self.refuse(f"{self.text()!r} is not known: {hint}") from None

    def texts(self) -> tuple[str, ...]:
        """Return a list of texts; one alone need not be written as a list."""
        return (self.value,) if isinstance(self.value, str) else tuple(item.text() for item in self.items())

    def items(self) -> Sequence["Part"]:
        if isinstance(self.value, Sequence) and not isinstance(self.value, str):
            return self.value
        raise self.refuse("a list is expected here")

    def named(self) -> Mapping[str, "Part"]:
        return self._fields()

    def _fields(self) -> Mapping[str, "Part"]:
        if isinstance(self.value, Mapping):
            return self.value
        raise self.refuse("fields are expected here, such as `at: 20m`")


def read_document(text: str) -> Part:
    """Return the whole document. Raises `ScenarioInvalid`."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioInvalid(f"line {line}: this is no YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ScenarioInvalid(f"this is no YAML: {error}") from None
    if node is None:
        raise ScenarioInvalid("the file is empty")
    return _part(node, "")


def _part(node: yaml.Node, path: str) -> Part:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        return Part(str(node.value), line, path)
    if isinstance(node, yaml.SequenceNode):
        return Part([_part(item, _below(path, str(place))) for place, item in enumerate(node.value, 1)], line, path)
    fields: dict[str, Part] = {}
    for key, value in node.value:
        name = str(key.value)
        part = _part(value, _below(path, name))
        if name in fields:
            raise part.refuse("this is written twice")
        fields[name] = part
    return Part(fields, line, path)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
