"""What limits an account: what an operator set, a registry told, or is known of Docker Hub; and what counts of it.

Source: behaviour section E.3 and the table of registries. Docker Hub counts each manifest that is fetched (GET) and
none that is asked for (HEAD); elsewhere each request counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Network, ip_address
from typing import Final, Self

from probes.protocol.errors import clean_text
from probes.protocol.outcome import RateLimit

HUB: Final = "docker.io"
HUB_WINDOW_SECONDS: Final = 6 * 3600
UNTOLD_WINDOW_SECONDS: Final = 3600
"""Of a limit that comes without one. What is said to be left holds us back where that is wrong."""

SHORTEST_WINDOW_SECONDS: Final = 60
LONGEST_WINDOW_SECONDS: Final = 7 * 24 * 3600
LARGEST_LIMIT: Final = 1_000_000_000
LONGEST_SOURCE: Final = 64


class Counting(StrEnum):
    """What a registry counts: each manifest that it serves, or each request."""

    MANIFESTS = "manifests"
    REQUESTS = "requests"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """So much may be taken within any `window_seconds`, by everybody."""

    limit: int
    window_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a registry said of an account `at` a time. No `limit` means that it spoke of none."""

    at: datetime
    limit: int | None = None
    remaining: int | None = None
    window_seconds: int | None = None
    source: str = ""

    @classmethod
    def of(cls, told: RateLimit | None, at: datetime) -> Self:
        """Return what an outcome's rate limit says, within bounds: a registry, or a region, may write anything."""
        if told is None or told.limit is None:
            return cls(at=at)
        return cls(
            at=at,
            limit=min(told.limit, LARGEST_LIMIT),
            remaining=None if told.remaining is None else min(told.remaining, LARGEST_LIMIT),
            window_seconds=_window(told.window_seconds) if told.window_seconds else None,
            source=place(clean_text(told.source or "", LONGEST_SOURCE)),
        )


def later(before: Reading | None, reading: Reading) -> Reading:
    """Return which of two readings of a region holds.

    One that is older is passed over, and one that names no limit where another still holds.
    """
    if before and reading.at <= before.at:
        return before
    if before and before.limit is not None and reading.limit is None:
        window_seconds = before.window_seconds or UNTOLD_WINDOW_SECONDS
        if reading.at - before.at < timedelta(seconds=window_seconds):
            return before
    return reading


def ceiling(
    *,
    own: Ceiling | None,
    reading: Reading | None,
    host: str,
    has_login: bool,
    is_mirrored: bool = False,
    is_hearsay: bool = False,
) -> Ceiling | None:
    """Return what limits an account: what an operator set, else what the registry told, else what is known of it.

    Docker Hub's limit is taken to be there until it tells: otherwise the first look at many images would spend it.
    That it is more than that is not believed of others: of hearsay the less holds.
    """
    if own:
        return Ceiling(own.limit, _window(own.window_seconds))
    known = Ceiling(200 if has_login else 100, HUB_WINDOW_SECONDS) if host == HUB and not is_mirrored else None
    if reading is None:
        return known
    told = None
    if reading.limit is not None:
        told = Ceiling(reading.limit, _window(reading.window_seconds or UNTOLD_WINDOW_SECONDS))
    if known is None or not is_hearsay:
        return told
    if told is None:
        return known
    slower = min(told, known, key=lambda found: found.limit / found.window_seconds)
    return Ceiling(min(told.limit, known.limit), slower.window_seconds)


def counting(chosen: str, *, host: str, source: str) -> Counting:
    """Return what counts: what an operator chose, or what Docker Hub and those who speak like it do."""
    if chosen:
        return Counting(chosen)
    return Counting.MANIFESTS if host == HUB or source else Counting.REQUESTS


def place(address: str) -> str:
    """Return what a registry counts an address by: of IPv6 the /64. What is no address stays as it is."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(parsed) if parsed.version == 4 else str(IPv6Network((int(parsed), 64), strict=False))


def _window(seconds: int) -> int:
    return min(max(seconds, SHORTEST_WINDOW_SECONDS), LONGEST_WINDOW_SECONDS)
