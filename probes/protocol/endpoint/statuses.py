"""Sets of HTTP statuses as people write them: `200-299, 401`."""

import re
from collections.abc import Iterator
from typing import Final

ANY_SUCCESS: Final = "200-299"
_MOST_PARTS: Final = 20
_PART: Final = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")
_WITHOUT_BODY: Final = frozenset({204, 205, *range(300, 400)})  # of a redirect the body is never read (row B20)


def read_statuses(text: str) -> frozenset[int]:
    """Return the statuses that `text` names. Raises `ValueError`, whose message says what is wrong."""
    parts = text.split(",")
    if len(parts) > _MOST_PARTS:
        raise ValueError(f"more than {_MOST_PARTS} parts")
    return frozenset(status for part in parts for status in _range(part.strip()))


def may_have_body(statuses: frozenset[int]) -> bool:
    """Tell whether a reply with one of them can have a body that a check reads."""
    return not statuses <= _WITHOUT_BODY


def _range(part: str) -> Iterator[int]:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(f"{part[:20]!r} is no status from 100 to 599, and no range of them such as 200-299")
    first = int(match[1])
    last = int(match[2] or match[1])
    if last < first:
        raise ValueError(f"{part} ends before it begins")
    return iter(range(first, last + 1))
