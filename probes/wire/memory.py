"""What a region remembers between checks: logins, so that a warm check need not log in again.

Source: behaviour table, E.2. A remembered token hides a dead token service, so it is kept five minutes at most;
what a tag points at is never kept at all.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

from probes.protocol.conversation import Memory

MAX_TOKEN_SECONDS: Final = 300.0
CHALLENGE_SECONDS: Final = 3600.0
MAX_ENTRIES: Final = 10_000

LoginKey = tuple[str, str, str, str]
"""Registry origin, repository, secret fingerprint, route profile: nothing is shared across any of them."""


@dataclass(frozen=True, slots=True)
class _Entry:
    memory: Memory
    token_until: float
    challenge_until: float


class LoginMemory:
    """Logins by key, with their lifetimes on the caller's monotonic clock (seconds); the oldest are dropped."""

    def __init__(self) -> None:
        self._entries: OrderedDict[LoginKey, _Entry] = OrderedDict()

    def recall(self, key: LoginKey, now: float) -> Memory | None:
        """Return what is still good to use at `now`."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if now >= entry.challenge_until:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry.memory if now < entry.token_until else replace(entry.memory, header="")

    def learn(self, key: LoginKey, memory: Memory, now: float) -> None:
        """Keep what a check learned at `now`; an empty memory forgets."""
        if memory.challenge is None:
            self._entries.pop(key, None)
            return
        skew = max(5.0, memory.lifetime_seconds / 10)
        token_until = now + min(memory.lifetime_seconds - skew, MAX_TOKEN_SECONDS)
        self._entries[key] = _Entry(memory, token_until, now + CHALLENGE_SECONDS)
        self._entries.move_to_end(key)
        if len(self._entries) > MAX_ENTRIES:
            self._entries.popitem(last=False)
