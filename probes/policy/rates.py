"""How often whoever asks may ask: so many requests of a kind in each minute of the clock (ADR 37)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from probes.policy.access import Scope

WINDOW: Final = timedelta(minutes=1)
ANON: Final = "anon"
KINDS: Final = ("read", "write", "probe", ANON)

_KIND_OF: Final = {
    Scope.READ: "read",
    Scope.METRICS: "read",
    Scope.WRITE: "write",
    Scope.ADMIN: "write",
    Scope.PROBE: "probe",
}


@dataclass(frozen=True, slots=True)
class Rate:
    """Where somebody stands in this window: `taken` of `limit`, with `seconds_left` until the next one."""

    kind: str
    limit: int
    taken: int
    seconds_left: int

    @property
    def is_kept(self) -> bool:
        return self.taken <= self.limit

    @property
    def headers(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers."""
        left = max(0, self.limit - self.taken)
        return {
            "RateLimit-Policy": f'"{self.kind}";q={self.limit};w={int(WINDOW.total_seconds())}',
            "RateLimit": f'"{self.kind}";r={left};t={self.seconds_left}',
        }


def kind_of(scope: Scope) -> str:
    """Return as what a request counts that takes this scope."""
    return _KIND_OF[scope]


def window_of(now: datetime) -> datetime:
    """Return when the window began in which `now` lies."""
    return now.replace(second=0, microsecond=0)


def seconds_left(now: datetime) -> int:
    """Return the whole seconds until the next window, one at least."""
    return max(1, round((window_of(now) + WINDOW - now).total_seconds()))
