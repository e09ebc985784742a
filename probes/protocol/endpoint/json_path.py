"""A path to values of a JSON document: the part of RFC 9535 whose work is bounded by the document's size.

    $.status                                    a member
    $["git commit"].id                          one whose name is no word
    $.checks[0], $.checks[-1]                   an element, from the beginning or from the end
    $.checks[*].status, $.checks.*              all of them
    $.checks[?@.name == "db"].status            those that are, or of which a member is, a text, a number, …

Each segment has one selector, so no node is selected twice, and a query never looks at more nodes than there are.
What could multiply is left out: descendants (`..`), several selectors in one segment, functions, patterns (ADR 28).
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

LONGEST_PATH: Final = 500

Scalar = str | int | float | bool | None
_Select = Callable[[Any], Iterator[Any]]

_QUOTED: Final = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
# A letter, `_` or anything beyond ASCII, then digits too: told by what it is not, which is compiled far sooner.
_WORD: Final = r"[^\x00-@\[-^`{-\x7f][^\x00-/:-@\[-^`{-\x7f]*"
_SEGMENT: Final = re.compile(
    rf"""
    \.(?P<word>{_WORD})
    | (?P<all>\.\* | \[\s*\*\s*\])
    | \[\s* (?P<name>{_QUOTED}) \s*\]
    | \[\s* (?P<index>0|-?[1-9][0-9]{{0,8}}) \s*\]
    | \[\s*\?\s* @(?P<member>(?:\.{_WORD}|\[(?:{_QUOTED})\])*) \s*==\s* (?P<literal>{_QUOTED}|[-+.A-Za-z0-9]+) \s*\]
    """,
    re.VERBOSE | re.DOTALL,
)
_NAME: Final = re.compile(rf"\.(?P<word>{_WORD})|\[(?P<name>{_QUOTED})\]", re.DOTALL)


class JsonPathInvalid(ValueError):
    """A path that is not understood; `position` counts characters from 0."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(f"{message} (at character {position + 1})")
        self.position = position


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A path that was understood."""

    text: str
    segments: tuple[_Select, ...]

    def select(self, document: Any) -> list[Any]:
        """Return the values that the path leads to, in the order of the document."""
        nodes = [document]
        for segment in self.segments:
            nodes = [child for node in nodes for child in segment(node)]
        return nodes


@lru_cache(maxsize=1024)
def parse_json_path(text: str) -> JsonPath:
    """Return the path that `text` writes. Raises `JsonPathInvalid`."""
    if len(text) > LONGEST_PATH:
        raise JsonPathInvalid(LONGEST_PATH, f"longer than {LONGEST_PATH} characters")
    if not text.startswith("$"):
        raise JsonPathInvalid(0, "a path begins with $")
    segments: list[_Select] = []
    at = 1
    while at < len(text):
        match = _SEGMENT.match(text, at)
        if match is None:
            raise JsonPathInvalid(at, f"not understood: {text[at : at + 20]}")
        segments.append(_segment(match))
        at = match.end()
    return JsonPath(text, tuple(segments))


def read_scalar(text: str) -> Scalar:
    """Return the text, number, truth or null that `text` is in JSON. Raises `ValueError`."""
    if text.lstrip()[:1] in ("[", "{"):
        raise ValueError("a text, a number, true, false or null")
    scalar: Scalar = json.loads(text, parse_constant=_refuse)
    return scalar


def is_same(found: Any, wanted: Scalar) -> bool:
    """Tell whether a value of a document is `wanted`: 1 is 1.0, and true is not 1."""
    return bool(found == wanted) and isinstance(found, bool) is isinstance(wanted, bool)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _segment(match: re.Match[str]) -> _Select:
    if match["all"]:
        return _children
    if match["index"]:
        return _element(int(match["index"]))
    if match["literal"]:
        return _filter(_member_names(match), _literal(match))
    return _member(_name_in(match))


def _children(node: Any) -> Iterator[Any]:
    return iter(node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())


def _element(index: int) -> _Select:
    def select(node: Any) -> Iterator[Any]:
        if isinstance(node, list) and -len(node) <= index < len(node):
            yield node[index]

    return select


def _member(name: str) -> _Select:
    def select(node: Any) -> Iterator[Any]:
        if isinstance(node, dict) and name in node:
            yield node[name]

    return select


def _filter(names: tuple[str, ...], wanted: Scalar) -> _Select:
    def select(node: Any) -> Iterator[Any]:
        for child in _children(node):
            found = child
            for name in names:
                found = found.get(name, _filter) if isinstance(found, dict) else _filter  # equal to no value
            if is_same(found, wanted):
                yield child

    return select


def _member_names(match: re.Match[str]) -> tuple[str, ...]:
    at = match.start("member")
    return tuple(_name_in(name, at) for name in _NAME.finditer(match["member"]))


def _literal(match: re.Match[str]) -> Scalar:
    literal, at = match["literal"], match.start("literal")
    if literal[0] in "\"'":
        return _unquoted(literal, at)
    try:
        return read_scalar(literal)
    except ValueError:
        raise JsonPathInvalid(
            at, f"neither a quoted text nor a number, true, false or null: {literal[:20]}"
        ) from None


def _name_in(match: re.Match[str], offset: int = 0) -> str:
    return match["word"] or _unquoted(match["name"], offset + match.start("name"))


def _unquoted(quoted: str, at: int) -> str:
    inner = quoted[1:-1]
    if quoted[0] == "'":
        # In single quotes it is the other ones that need no backslash.
        inner = re.sub(r"""\\.|\"""", lambda found: {"\\'": "'", '"': '\\"'}.get(found[0], found[0]), inner)
    try:
        text: str = json.loads(f'"{inner}"')
    except ValueError:
        raise JsonPathInvalid(at, f"not a quoted text: {quoted[:20]}") from None
    return text
