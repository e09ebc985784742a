"""Stable names: by what a row is known to programs and to files under version control (ADR 35).

They are made once, from a name or a reference, and stay when that changes.
"""

import re
import unicodedata
from collections.abc import Collection
from typing import Final

LONGEST: Final = 100
PATTERN: Final = r"\A[a-z0-9]([a-z0-9._-]*[a-z0-9])?\Z"
"""What a stable name looks like, to Python and to PostgreSQL."""

_ROOM: Final = 14
"""Characters that are left for a suffix: a dash, and twelve hexadecimal digits or a number."""

_NUMBERED: Final = 20
_STABLE: Final = re.compile(PATTERN)
_OTHERS: Final = re.compile(r"[^a-z0-9._-]+")
_EDGES: Final = "._-"


def is_stable_name(text: str) -> bool:
    return len(text) <= LONGEST and _STABLE.match(text) is not None


def stable_name(text: str, *, otherwise: str) -> str:
    """Return what `text` is as a stable name, with room for a suffix; `otherwise` where nothing of it is left.

    Accents are dropped, and whatever a stable name does not hold becomes a dash.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _OTHERS.sub("-", plain).strip(_EDGES)[: LONGEST - _ROOM].rstrip(_EDGES) or otherwise


def candidates(name: str) -> list[str]:
    """Return the name and those that are nearest to it, the best first."""
    return [name, *(suffixed(name, str(number)) for number in range(2, _NUMBERED + 1))]


def first_free(name: str, taken: Collection[str], *, chance: str) -> str:
    """Return the best of the candidates that is not `taken`; with `chance` as its suffix where all are."""
    return next((item for item in candidates(name) if item not in taken), suffixed(name, chance))


def suffixed(name: str, suffix: str) -> str:
    return f"{name[: LONGEST - 1 - len(suffix)]}-{suffix}"
