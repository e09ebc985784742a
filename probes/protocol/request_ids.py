"""By what the operator of a host finds one of our requests: the number that its answer names.

It is foreign text: one word of letters that such numbers are made of, or nothing.
"""

import re
from collections.abc import Iterable
from typing import Final

_NAMES: Final = (
    "x-request-id",
    "x-amzn-requestid",
    "x-amz-request-id",
    "x-ms-request-id",
    "x-ms-correlation-request-id",
    "x-github-request-id",
    "x-guploader-uploadid",
    "x-amz-cf-id",
    "cf-ray",
    "x-correlation-id",
    "x-trace-id",
)
"""Header fields, the most telling first: of the service itself before those of what stands before it."""

_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9+/=._:~-]{3,127}")


def request_id(headers: Iterable[tuple[str, str]]) -> str | None:
    """Return the number of a request from the header fields of its answer, whose names are in lower case."""
    found = {name: value.strip() for name, value in headers if name in _NAMES}
    words = (found[name] for name in _NAMES if name in found)
    return next((word for word in words if _WORD.fullmatch(word)), None)
