"""JSON from strangers, of which only the members that matter are ever built.

Four megabytes of `[[],[],…` or of tiny objects become a hundred megabytes of Python's. So a large document is read
member by member: what nobody asked for is skipped in its bytes, what is asked for stays a slice of them (`Raw`)
until `value` reads it, and of a long text only the beginning is read. See ADR 17. The grammar is RFC 8259, as
container runtimes read it: `NaN` is no JSON, and nor is UTF-16.
"""

import codecs
import json
import re
from itertools import islice
from typing import Any, Final, TypeVar, cast

from msgspec import MsgspecError, Raw, ValidationError
from msgspec.json import Decoder, decode

T = TypeVar("T")

MAX_SMALL: Final = 64 * 1024
"""Bytes of a document that `read_json` builds whole: a token service's reply, an error body (limits, D.2)."""

ABSENT: Final = Raw()
NO_TEXT: Final = ...  # in place of a long value that is no text; true, and equal to nothing that a member may be
MAX_TEXT: Final = 1024  # bytes of one member that are read; a sha512 digest takes 137, a media type 255 at most
_ANYTHING: Final = Decoder(Raw)
_PIECE: Final = 64 * 1024
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_WHOLE_LETTERS: Final = re.compile(rb"(?:[^\\]|\\u[0-9A-Fa-f]{4}|\\[^u])*+", re.DOTALL)
_MOST_HALVES: Final = 10_000  # more escaped letters beyond the first 65,536 than any document with a broken one has
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F][0-9A-Fa-f]{2}")
_PAIR: Final = re.compile(rb"\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}")


class WrongShape(ValueError):
    """The document is JSON, but not of the shape that was asked for."""


def read_json(body: bytes) -> Any:
    """Return the JSON value of a small hostile body, built whole. Raises `ValueError` on anything else."""
    if len(body) > MAX_SMALL:
        raise ValueError("too long to be built whole")
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("not readable as JSON") from error


def read_members(body: bytes, shape: Decoder[T]) -> T:
    """Return the members that `shape` names of the JSON document `body`, whatever its size.

    Raises `WrongShape` when it is JSON of another shape, `ValueError` when it is no JSON.
    """
    _check_text(body)
    text = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        return _members(text, shape)
    except WrongShape:
        raise
    except ValueError:
        whole = _without_lone_surrogates(text)
        if whole is None:
            raise
        return _members(whole, shape)


def part(raw: Raw, shape: Decoder[T]) -> T:
    """Return what `shape` names of one member of a document. Raises `WrongShape`, as for one that is absent."""
    if not raw:
        raise WrongShape("absent")
    try:
        return shape.decode(raw)
    except (ValidationError, RecursionError) as error:  # the latter for what just passed on the way here
        raise WrongShape(str(error)) from None


def value(raw: Raw) -> Any:
    """Return a member's value, None when it is absent. Of a long text it is the beginning, else `NO_TEXT`."""
    if not raw:
        return None
    if len(raw) <= MAX_TEXT:
        try:
            return decode(raw)
        except (MsgspecError, RecursionError):
            return NO_TEXT  # a number beyond all numbers
    view = memoryview(raw)[:MAX_TEXT]
    if first_byte(raw) != b'"':
        return NO_TEXT
    letters = cast("re.Match[bytes]", _WHOLE_LETTERS.match(view[1:]))  # it matches nothing as well
    return json.loads(f'"{letters[0].decode(errors="ignore")}"')


def first_byte(raw: Raw) -> bytes:
    """Return the byte that tells what a member is, or none when it is absent."""
    return bytes(memoryview(raw)[:1])


def count(raw: Raw, letter: bytes) -> int:
    """Return how often one byte occurs in a member."""
    view = memoryview(raw)
    return sum(bytes(view[at : at + _PIECE]).count(letter) for at in range(0, len(view), _PIECE))


def _members(text: bytes | bytearray, shape: Decoder[T]) -> T:
    try:
        try:
            return shape.decode(text)
        except ValidationError as error:
            _ANYTHING.decode(text)  # is it JSON at all? The shape is found wrong at the first letter
            raise WrongShape(str(error)) from None
    except RecursionError as error:
        raise ValueError("not readable as JSON") from error


def _check_text(body: bytes) -> None:
    """Raise `ValueError` where the body is not UTF-8; piecewise, since one letter can quadruple a whole text."""
    if body.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    for at in range(0, len(body), _PIECE):
        decoder.decode(body[at : at + _PIECE])
    decoder.decode(b"", final=True)


def _without_lone_surrogates(text: bytes) -> bytearray | None:
    """Return the text with each escaped half of a letter replaced, as Go reads it, or None where there is none."""
    replaced: bytearray | None = None
    end_of_pair = 0
    for found in islice(_HALF.finditer(text), _MOST_HALVES):
        start = found.start()
        if start < end_of_pair or _is_escaped(text, start):
            continue
        if pair := _PAIR.match(text, start):
            end_of_pair = pair.end()
            continue
        replaced = bytearray(text) if replaced is None else replaced
        replaced[start : found.end()] = rb"\ufffd"
    return replaced


def _is_escaped(text: bytes, at: int) -> bool:
    """Tell whether the backslash there is only what another one before it stands for."""
    first = at
    while first and text[first - 1] == ord("\\"):
        first -= 1
    return (at - first) % 2 == 1
