"""The shape of JSON values that come from outside, checked as they become ours.

Each function returns its value, typed, or raises `TypeError` or `ValueError`. What reads a document turns all of
`MISFITS` into one `ValueError` that names the document.
"""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

T = TypeVar("T")

MISFITS: Final = (AttributeError, KeyError, OverflowError, TypeError, ValueError)


def text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text expected, {type(value).__name__} found")
    return value


def items(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"a list expected, {type(value).__name__} found")
    return value


def texts(value: object) -> tuple[str, ...]:
    return tuple(text(item) for item in items(value))


def number(value: object) -> float:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a number expected, {type(value).__name__} found")
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number to count with")
    return value


def count(value: object) -> int:
    """Return a whole number from 0."""
    if type(value) is not int:
        raise TypeError(f"a count expected, {type(value).__name__} found")
    if value < 0:
        raise ValueError(f"a count cannot be {value}")
    return value


def one_of(value: object, allowed: Sequence[T]) -> T:
    """Return the member of `allowed` that equals `value`."""
    for member in allowed:
        if member == value:
            return member
    raise ValueError(f"none of {', '.join(map(str, allowed))}")


def instant(value: object) -> datetime:
    """Return an RFC 3339 time in UTC; one without its zone is refused."""
    parsed = datetime.fromisoformat(text(value))
    if parsed.tzinfo is None:
        raise ValueError(f"a time without its zone: {value!r}")
    return parsed.astimezone(UTC)


def or_none(read: Callable[[Any], T], value: object) -> T | None:
    return None if value is None else read(value)
