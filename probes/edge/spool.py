"""Reports on their way out: in memory, in order, within a bound."""

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

MAX_REPORTS: Final = 500
MAX_BYTES: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """One signed report; `bytes` is the length of its body."""

    envelope: dict[str, Any]
    bytes: int


class Spool:
    """Holds what cannot be sent yet. The newest reports are worth most, so the oldest make room. Not thread-safe."""

    def __init__(self, max_reports: int = MAX_REPORTS, max_bytes: int = MAX_BYTES) -> None:
        self._parcels: deque[Parcel] = deque()
        self._max_reports = max_reports
        self._max_bytes = max_bytes
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._parcels)

    def put(self, parcel: Parcel) -> int:
        """Add a report, and return how many others were dropped for it. The newest always has a place."""
        self._parcels.append(parcel)
        self._bytes += parcel.bytes
        dropped = 0
        while len(self._parcels) > 1 and (len(self._parcels) > self._max_reports or self._bytes > self._max_bytes):
            self._bytes -= self._parcels.popleft().bytes
            dropped += 1
        return dropped

    def first(self) -> Parcel | None:
        return self._parcels[0] if self._parcels else None

    def sent(self, parcel: Parcel) -> None:
        """Take out a report that was sent; it may have been dropped meanwhile."""
        if self._parcels and self._parcels[0] is parcel:
            self._parcels.popleft()
            self._bytes -= parcel.bytes
