"""How much one check may ask for and take: table D.2 of the registry behaviour, named with units.

How long the wire waits, and what it reads of one reply, are its own limits.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLimits:
    """Bounds of one conversation, whatever a registry answers."""

    requests: int = 200
    requests_unqueued: int = 12  # those that are not for a child or a blob
    asks_in_flight: int = 3  # of one check, so of one check at one host (row B24)
    hops: int = 5  # redirects of one errand (row B18)
    token_hops: int = 3  # likewise of a token request (row T7)
    exchanges: int = 2  # token exchanges for the registry; one more as a guest (rows C21, T34)
    pause_seconds: float = 5.0  # a registry that asks for more time is left to a later check (rows E13, E16)

    index_levels: int = 3
    children: int = 64
    layers: int = 500

    body_bytes: int = 12 * 1024 * 1024  # of all bodies; once they are in, nothing more is asked for
    manifest_bytes: int = 4 * 1024 * 1024
    config_bytes: int = 1024 * 1024  # unless its descriptor states more; never above `manifest_bytes`
    token_bytes: int = 64 * 1024
    notice_bytes: int = 4096  # of all that a registry has to say by `Warning` (row M26)
    endpoint_bytes: int = 256 * 1024  # of an endpoint's reply (row H12)


DEFAULT_LIMITS: Final = CheckLimits()
