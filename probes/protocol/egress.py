"""Whether a region reaches anything at all, as its canaries tell: well-known endpoints that it asks now and then.

A registry that does not answer while the canaries do is down; when nobody answers, the region has lost its way out,
and what it finds says nothing about images.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Final, Self

from probes.protocol.outcome import rfc3339
from probes.protocol.shape import MISFITS, count, instant, items, number, or_none, text

MAX_CANARIES: Final = 8
MAX_CANARY_URL: Final = 300

_LONGEST_ADDRESS_LINE: Final = 64


class EgressState(StrEnum):
    """What the last canaries say: `unknown` where none was asked."""

    OK = "ok"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """The state, and since when it holds by the region's clock; None while it is unknown."""

    state: EgressState = EgressState.UNKNOWN
    since: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        return {"state": self.state.value, "since": rfc3339(self.since) if self.since else None}

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return what `document` says. Raises `ValueError` when it says nothing of the kind."""
        try:
            return cls(state=EgressState(document["state"]), since=or_none(instant, document["since"]))
        except MISFITS as error:
            raise ValueError(f"not a state of the egress: {type(error).__name__} {error}") from error


UNTOLD: Final = Egress()
"""What a worker that asks no canaries says, and one of an earlier version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """How one canary answered: with any status, or with `error`, the kind of the fault."""

    url: str
    http_status: int | None
    error: str | None
    total_ms: float

    @property
    def answered(self) -> bool:
        """Tell whether somebody is there; what was answered does not matter."""
        return self.http_status is not None

    def to_json(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "http_status": self.http_status,
            "error": self.error,
            "total_ms": self.total_ms,
        }

    @classmethod
    def from_json(cls, document: Any) -> Self:
        return cls(
            url=text(document["url"])[:MAX_CANARY_URL],
            http_status=or_none(count, document["http_status"]),
            error=or_none(text, document["error"]),
            total_ms=number(document["total_ms"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What came of asking one canary: how it answered, with what, and from which address of ours we asked."""

    canary: Canary
    body: bytes = b""
    local_address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryRound:
    """All canaries, asked once: the `number`th time of this worker, ended at `ended_at` by the region's clock.

    `local_address` is where our connection came from, `public_address` what a canary that tells saw of us.
    """

    number: int
    ended_at: datetime
    canaries: tuple[Canary, ...]
    local_address: str | None = None
    public_address: str | None = None

    @property
    def is_good(self) -> bool:
        return any(canary.answered for canary in self.canaries)

    def to_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "ended_at": rfc3339(self.ended_at),
            "canaries": [canary.to_json() for canary in self.canaries],
            "local_address": self.local_address,
            "public_address": self.public_address,
        }

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return the round that `document` describes. Raises `ValueError` when it is not one."""
        try:
            return cls(
                number=count(document["number"]),
                ended_at=instant(document["ended_at"]),
                canaries=tuple(Canary.from_json(item) for item in items(document["canaries"])[:MAX_CANARIES]),
                local_address=or_none(_address, document["local_address"]),
                public_address=or_none(_address, document["public_address"]),
            )
        except MISFITS as error:
            raise ValueError(f"not a round of canaries: {type(error).__name__} {error}") from error


def address_told(bodies: Iterable[bytes]) -> str | None:
    """Return the address that a line `ip=…` of one of the bodies names: ours, as seen from there."""
    for body in bodies:
        for line in body.splitlines():
            name, _, said = line.partition(b"=")
            if name.strip() == b"ip" and len(said) <= _LONGEST_ADDRESS_LINE:
                try:
                    return _address(said.decode("ascii").strip())
                except ValueError:
                    continue
    return None


def _address(value: object) -> str:
    return str(ip_address(text(value)))
