"""What a field of a document may hold, and what becomes of that: values which compare as what they mean."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
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
STORED: Final = "stored"
"""What a row has in place of where its secret comes from, where it has one."""
ENV: Final = "env"
FILE: Final = "file"
WRITTEN: Final = "value"
"""Where a part of a secret comes from: a variable, a file, or the document itself where it is none."""
_SHOWN: Final = 200
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER: Final = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,6})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}")
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
    INSTANT = "a time with its zone, such as 2026-11-23T14:00:00Z"
    DATE = "a date, such as 2026-11-23"
    TIME = "a time of day, such as 14:00"
    SECRET = "where a secret comes from: {env: NAME} or {file: PATH}, of each of its parts or of the only one"  # noqa: S105 - words


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a secret. `attribute` is what the action that stores it calls it; `is_plain` is told to anybody."""

    name: str
    attribute: str
    is_plain: bool = False
    is_flag: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a kind.

    `path` is where it stands in `spec`, with dots between; `attribute` is what a row calls it. `refers` is the kind
    whose name it holds. `is_hidden` keeps its values out of whatever is told of a change. A field that is left out
    has its `default`; without one (`is_required`) it has to be there. Of one that `is_kept` what is stored stays
    where it is left out. `fixed` says why it is not changed once it is stored.
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
    is_kept: bool = False
    is_address: bool = False  # a URL: its login and query values are not told
    fixed: str = ""
    parts: tuple[Part, ...] = ()  # of a secret
    help: str = ""

    @property
    def is_secret(self) -> bool:
        return self.shape is Shape.SECRET

    @property
    def leads_to_many(self) -> bool:
        return bool(self.refers) and self.shape is Shape.NAMES

    def read(self, node: Any) -> Value:
        """Return the value that a node is. Raises `Misread`."""
        if node is None:
            if not self.may_be_null:
                raise Misread(f"Write {self.shape.value}; leave it out for its default.")
            return None
        if self.is_secret:
            return _read_secret(node, self.parts)
        value = _READERS[self.shape](node)
        chosen = value if isinstance(value, tuple) else (value,)
        if self.choices and not set(chosen) <= set(self.choices):
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
            return None if value is None else _exact(_fine(value))
        case Shape.INSTANT:
            return None if value is None else _instant(value)
        case Shape.DATE:
            return str(value.isoformat())
        case Shape.TIME:
            return _clock(value)
        case Shape.SECRET:
            return STORED if value else ()
        case _:
            return value  # type: ignore[no-any-return]  # a scalar, by its shape


def typed(value: Value, shape: Shape) -> Any:
    """Return a value as a row's attribute takes it."""
    if not isinstance(value, str):
        return value if shape is Shape.NUMBER else plain(value, shape)
    match shape:
        case Shape.INSTANT:
            return datetime.fromisoformat(value)
        case Shape.DATE:
            return date.fromisoformat(value)
        case Shape.TIME:
            return time.fromisoformat(value)
        case _:
            return value


def _fine(value: Decimal | float) -> Decimal:
    """Return the number as far as a document may say it."""
    return round(Decimal(str(value)), 6)


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _clock(value: time) -> str:
    return value.isoformat() if value.second or value.microsecond else f"{value:%H:%M}"


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


def _read_instant(node: Any) -> str:
    try:
        found = datetime.fromisoformat(_read_text(node))
        if found.tzinfo is not None:
            return _instant(found)
    except (ValueError, OverflowError):
        pass
    raise Misread(f"Write {Shape.INSTANT.value}.")


def _read_date(node: Any) -> str:
    text = _read_text(node)
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise Misread(f"Write {Shape.DATE.value}.")


def _read_time(node: Any) -> str:
    text = _read_text(node)
    if not _TIME.fullmatch(text):
        raise Misread(f"Write {Shape.TIME.value}.")
    return _clock(time.fromisoformat(text))


def _read_secret(node: Any, parts: tuple[Part, ...]) -> Value:
    """Return where each part comes from: its name, empty of the only one, then `ENV`, `FILE` or `WRITTEN`, and which.

    No fault repeats what was written.
    """
    if not isinstance(node, MappingNode):
        raise Misread(f"Write {Shape.SECRET.value}. A secret itself is not written here.")
    if node and set(node) <= {ENV, FILE}:
        return (("", *_read_origin(node)),)
    known = {part.name: part for part in parts}
    found = []
    for name, inner in node.items():
        if name not in known:
            raise Misread(f"A secret has no such part. There are: {', '.join(known)}.")
        try:
            found.append((name, *_read_part(inner, known[name])))
        except Misread as error:
            raise Misread(f"{name}: {error}") from None
    return tuple(sorted(found))


def _read_part(node: Any, part: Part) -> tuple[str, str]:
    if isinstance(node, MappingNode):
        return _read_origin(node)
    if not part.is_plain:
        raise Misread("A secret is not written here. Say where it comes from: {env: NAME} or {file: PATH}.")
    if part.is_flag:
        return WRITTEN, str(_read_boolean(node)).lower()
    return WRITTEN, _read_text(node)


def _read_origin(node: MappingNode) -> tuple[str, str]:
    if len(node) != 1 or not set(node) <= {ENV, FILE}:
        raise Misread("Write one of {env: NAME} and {file: PATH}.")
    [(origin, where)] = node.items()
    text = _read_text(where)
    if origin == ENV and not _VARIABLE.fullmatch(text):
        raise Misread("Write the name of a variable: letters, digits and underscores.")
    if not text:
        raise Misread("Write the path of a file.")
    return origin, text


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
    Shape.INSTANT: _read_instant,
    Shape.DATE: _read_date,
    Shape.TIME: _read_time,
}
