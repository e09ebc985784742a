"""What a field of a document may hold, and what becomes of that: values which compare as what they mean."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Final

from probes.policy.discovery.nodes import Mapping as MappingNode
from probes.policy.discovery.nodes import Quoted, Sequence
from probes.protocol.endpoint.plan import EndpointPlan

Value = str | int | bool | Decimal | tuple[Any, ...] | None
"""Frozen, and equal where it means the same: objects are pairs in the order of their names."""

LONGEST_TEXT: Final = 300_000
LONGEST_LIST: Final = 1000
HIDDEN: Final = "(not shown)"
_SHOWN: Final = 200
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER: Final = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,6})?")
_BOOLEANS: Final = {"true": True, "false": False}


class Misread(ValueError):
    """A node that is not what a field holds; the message says what it has to be."""


class Shape(Enum):
    """What a value is, in a document."""

    TEXT = "a text"
    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    TEXTS = "a list of texts"
    NAMES = "a list of names, in no order"
    TEXT_BY_NAME = "an object of texts"
    TEXTS_BY_NAME = "an object of lists of texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a kind.

    `path` is where it stands in `spec`, with dots between; `attribute` is what a row calls it. `refers` is the kind
    whose name it holds. `is_hidden` keeps its values out of whatever is told of a change. A field that is left out
    has its `default`; without one (`is_required`) it has to be there.
    """

    path: str
    attribute: str
    shape: Shape = Shape.TEXT
    default: Value = ""
    refers: str = ""
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    may_be_null: bool = False
    is_required: bool = False
    is_hidden: bool = False
    is_address: bool = False  # a URL: its login and query values are not told
    help: str = ""

    def read(self, node: Any) -> Value:
        """Return the value that a node is. Raises `Misread`."""
        if node is None:
            if not self.may_be_null:
                raise Misread(f"Write {self.shape.value}; leave it out for its default.")
            return None
        value = _READERS[self.shape](node)
        if self.choices and value not in self.choices:
            raise Misread(f"Write one of {', '.join(self.choices)}.")
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            self._hold(value)
        return value

    def _hold(self, value: Decimal | int) -> None:
        if (self.least is not None and value < self.least) or (self.most is not None and value > self.most):
            raise Misread(f"Write a number from {self.least} to {self.most}.")

    def shown(self, value: Value) -> str:
        """Return a value as a change tells it: in one line, shortened, and nothing of one that is hidden."""
        if self.is_hidden:
            return HIDDEN if value else "nothing"
        text = _text(self.shown_address(value))
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

    def shown_address(self, value: Value) -> Value:
        """Return a value as it may be shown where it is a URL, and any other as it is."""
        return EndpointPlan(url=value).reference if self.is_address and isinstance(value, str) else value


def _text(value: Value) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"' if value.isprintable() else repr(value)
        case tuple():
            return _texts(value)
        case _:
            return str(value)


def _texts(items: tuple[Any, ...]) -> str:
    if items and all(isinstance(item, tuple) for item in items):
        return "{" + ", ".join(f"{name}: {_text(inner)}" for name, inner in items) + "}"
    return "[" + ", ".join(map(_text, items)) + "]"


def plain(value: Value, shape: Shape) -> Any:
    """Return a value as JSON and YAML have it."""
    given: Any = value  # pairs or items, by its shape
    match shape:
        case Shape.TEXT_BY_NAME:
            return dict(given or ())
        case Shape.TEXTS_BY_NAME:
            return {name: list(items) for name, items in given or ()}
        case Shape.TEXTS | Shape.NAMES:
            return list(given or ())
        case _:
            return float(value) if isinstance(value, Decimal) else value


def frozen(value: Any, shape: Shape) -> Value:
    """Return what a row holds as the value that a document would give."""
    match shape:
        case Shape.TEXT_BY_NAME:
            return tuple(sorted((value or {}).items()))
        case Shape.TEXTS_BY_NAME:
            return tuple(sorted((name, tuple(items)) for name, items in (value or {}).items()))
        case Shape.TEXTS:
            return tuple(value or ())
        case Shape.NAMES:
            return tuple(sorted(value or ()))
        case Shape.NUMBER:
            return None if value is None else _exact(Decimal(value))
        case _:
            return value  # type: ignore[no-any-return]  # a scalar, by its shape


def _exact(number: Decimal) -> Decimal:
    """Return the number without zeros behind it that say nothing."""
    short = number.normalize()
    return short.quantize(Decimal(1)) if short == short.to_integral_value() else short


def _read_text(node: Any) -> str:
    if not isinstance(node, str):
        raise Misread(f"Write a text, not {_noun(node)}.")
    if len(node) > LONGEST_TEXT:
        raise Misread(f"A text has at most {LONGEST_TEXT:,} characters.")
    if "\0" in node:
        raise Misread("There is a NUL character in it.")
    return str(node)


def _unquoted(node: Any, wanted: str) -> str:
    if not isinstance(node, str):
        raise Misread(f"Write {wanted}, not {_noun(node)}.")
    if isinstance(node, Quoted):
        raise Misread(f"Write {wanted}, without quotation marks.")
    return node


def _read_integer(node: Any) -> int:
    text = _unquoted(node, Shape.INTEGER.value)
    if not _INTEGER.fullmatch(text):
        raise Misread("Write a whole number.")
    return int(text)


def _read_number(node: Any) -> Decimal:
    text = _unquoted(node, Shape.NUMBER.value)
    if not _NUMBER.fullmatch(text):
        raise Misread("Write a number, such as 99.9.")
    try:
        return _exact(Decimal(text))
    except InvalidOperation:
        raise Misread("Write a number, such as 99.9.") from None


def _read_boolean(node: Any) -> bool:
    value = _BOOLEANS.get(_unquoted(node, Shape.BOOLEAN.value))
    if value is None:
        raise Misread("Write true or false.")
    return value


def _read_texts(node: Any) -> tuple[str, ...]:
    if not isinstance(node, Sequence):
        raise Misread(f"Write a list, not {_noun(node)}.")
    if len(node) > LONGEST_LIST:
        raise Misread(f"A list has at most {LONGEST_LIST:,} items.")
    return tuple(map(_read_text, node))


def _read_names(node: Any) -> tuple[str, ...]:
    names = _read_texts(node)
    if len(set(names)) < len(names):
        raise Misread("A name is there twice.")
    return tuple(sorted(names))


def _pairs(node: Any, read: Callable[[Any], Any]) -> tuple[tuple[str, Any], ...]:
    if not isinstance(node, MappingNode):
        raise Misread(f"Write an object, not {_noun(node)}.")
    if len(node) > LONGEST_LIST:
        raise Misread(f"An object has at most {LONGEST_LIST:,} members.")
    found = []
    for name, inner in node.items():
        try:
            found.append((_read_text(name), read(inner)))
        except Misread as error:
            raise Misread(f"{name[:60]}: {error}") from None
    return tuple(sorted(found))


def _noun(node: Any) -> str:
    match node:
        case None:
            return "nothing"
        case MappingNode():
            return "an object"
        case Sequence():
            return "a list"
        case _:
            return "a single value"


_READERS: Final[Mapping[Shape, Callable[[Any], Value]]] = {
    Shape.TEXT: _read_text,
    Shape.INTEGER: _read_integer,
    Shape.NUMBER: _read_number,
    Shape.BOOLEAN: _read_boolean,
    Shape.TEXTS: _read_texts,
    Shape.NAMES: _read_names,
    Shape.TEXT_BY_NAME: lambda node: _pairs(node, _read_text),
    Shape.TEXTS_BY_NAME: lambda node: _pairs(node, _read_texts),
}
