"""Bodies of requests: JSON objects of bounded size and depth, in which nothing has two meanings."""

import json
import math
from collections import Counter
from typing import Any, Final, NoReturn

from django.conf import settings
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.parsers import BaseParser

from api.errors import BodyTooLarge, MalformedBody

DEEPEST: Final = 32
"""Objects and lists within each other. Nothing that the API takes is deeper than a fourth of it."""
_LARGEST_NUMBER: Final = 2**63 - 1
_LONGEST_NUMBER: Final = 20
_SHOWN: Final = 60


class BodyParser(BaseParser):
    """Reads `application/json`, at most `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes of it.

    Raises `BodyTooLarge`, `MalformedBody` with a sentence that says what is wrong, or `ValidationError` that names
    the value which holds what no text may.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:  # noqa: ARG002 - DRF's signature
        return body(read(stream))


def read(stream: Any, most: int | None = None) -> bytes:
    """Read a body, but never more of it than is taken: `most` bytes, or as many as of any body."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE if most is None else most
    text: bytes = stream.read(most + 1)
    if len(text) > most:
        raise BodyTooLarge(f"The body is larger than is taken here: {most} bytes.")
    return text


def body(text: bytes) -> dict[str, Any]:
    """Return the object that a body is. Raises `MalformedBody`, or `ValidationError` for characters in a value."""
    try:
        found = json.loads(
            text.decode(),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
    except UnicodeDecodeError as error:
        raise MalformedBody(f"The body is not UTF-8: byte {error.start} is wrong.") from None
    except json.JSONDecodeError as error:
        raise MalformedBody(
            f"The body is not JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        ) from None
    except RecursionError:
        _too_deep()
    if not isinstance(found, dict):
        raise MalformedBody(f"The body has to be a JSON object, and is {_NOUNS[type(found)]}.")
    _look_through(found)
    return found


_NOUNS: Final = {
    list: "a list",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


def _look_through(found: dict[str, Any]) -> None:
    level: list[tuple[str, Any]] = [("", found)]
    depth = 0
    while level:
        depth += 1
        if depth > DEEPEST:
            _too_deep()
        inner: list[tuple[str, Any]] = []
        for path, node in level:
            if isinstance(node, dict):
                for name in node:
                    _text(name, path)
                below = [(f"{path}.{name}" if path else name, value) for name, value in node.items()]
            else:
                below = [(f"{path}[{index}]", value) for index, value in enumerate(node)]
            for place, value in below:
                if isinstance(value, str):
                    _text(value, place)
                elif isinstance(value, (dict, list)):
                    inner.append((place, value))
        level = inner


def _text(value: str, path: str) -> None:
    """Refuse what PostgreSQL cannot hold: JSON can write both, escaped."""
    if "\0" in value:
        raise ValidationError({path: [ErrorDetail("There is a NUL character in it.", "characters")]})
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            message = "There is half of a surrogate pair in it."
            raise ValidationError({path: [ErrorDetail(message, "characters")]}) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise MalformedBody(f"The body has {json.dumps(twice[:_SHOWN])} twice in one object.")
    return found


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER or abs(number := int(text)) > _LARGEST_NUMBER:
        raise MalformedBody(f"The body has a number that is too large: {text[:_SHOWN]}.")
    return number


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedBody(f"The body has a number that is too large: {text[:_SHOWN]}.")
    return number


def _constant(text: str) -> NoReturn:
    raise MalformedBody(f"The body has {text}, which is not JSON.")


def _too_deep() -> NoReturn:
    raise MalformedBody(f"The body is deeper than {DEEPEST} levels.")
