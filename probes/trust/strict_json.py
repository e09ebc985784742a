"""JSON as RFC 8259 and I-JSON (RFC 7493) mean it, within bounds: what a receiver of foreign text wants.

Python's own reader takes NaN, repeated names, integers of any length, NUL and lone surrogates, and each of
these has a way of breaking something further in (a database column, a comparison, an encoder).
"""

import json
import math
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 16
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_INTEGER_LIMIT: Final = 2**63


def dumps(value: Any) -> str:
    """Return compact JSON text. Raises `ValueError` on NaN and infinities, NUL and lone surrogates."""
    text = _ENCODER.encode(value)
    _refuse_unclean(text)
    return text


def loads(text: str, *, max_depth: int = MAX_DEPTH) -> Any:
    """Return the value of `text`.

    Raises `ValueError` on anything but JSON, and on repeated names, NaN and infinities, integers beyond
    64 bits, NUL and lone surrogates in strings, and nesting of more than `max_depth` levels.
    """
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    _refuse_deep(value, max_depth)
    # Only an escape can put these into a string; most texts hold none, and need no second look.
    if "\\u" in text:
        _refuse_unclean(json.dumps(value, ensure_ascii=False))
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name is repeated in one object")
    return made


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number beyond what a double holds")
    return number


def _int(digits: str) -> int:
    number = int(digits)
    if not -_INTEGER_LIMIT <= number < _INTEGER_LIMIT:
        raise ValueError("an integer beyond 64 bits")
    return number


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
)


def _children(containers: list[Any]) -> list[Any]:
    return [
        child
        for container in containers
        for child in (container.values() if type(container) is dict else container)
        if type(child) in (dict, list)
    ]


def _refuse_deep(value: Any, max_depth: int) -> None:
    level = [value] if type(value) in (dict, list) else []
    for _ in range(max_depth):
        if not level:
            return
        level = _children(level)
    if level:
        raise ValueError(f"nested more than {max_depth} levels deep")


def _refuse_unclean(text: str) -> None:
    """Refuse JSON text that was written with `ensure_ascii=False`, so that only real oddities are escaped."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a lone surrogate in a string") from None
    if "\\u0000" in text and "\\u0000" in text.replace("\\\\", ""):
        raise ValueError("NUL in a string")
