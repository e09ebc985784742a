"""The pause before a second try: it differs between checks and is the same for the same check (row E16)."""

import zlib
from typing import Protocol


class Named(Protocol):
    """A plan, as far as it is named."""

    @property
    def key(self) -> str: ...
    @property
    def slot(self) -> str: ...


def jitter_seconds(plan: Named, url: str) -> float:
    """Return a pause from 0.3 to 1 second."""
    seed = f"{plan.key} {plan.slot} {url}".encode()
    return 0.3 + 0.7 * (zlib.crc32(seed) % 1000) / 1000
