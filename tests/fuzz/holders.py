"""Who asks the API while it is fuzzed."""

from dataclasses import dataclass
from typing import Final

FOREIGN: Final = "zz9foreign"
"""What belongs to others has it in each of its names; nothing that is made up, and no text of ours, has it."""

FAR: Final = "yy8far"
"""The name of a region that is out of the reach of whoever is limited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Somebody who asks; without a token `text` is empty.

    `is_limited` is whether what is foreign is out of reach. `scopes` are those that are good for anything. Of all
    cases this one asks `weight` in the sum of the weights.
    """

    name: str
    text: str
    is_limited: bool
    scopes: frozenset[str]
    weight: int = 1
