"""Delivering notices: where to, what came of it, and when to try again."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from probes.policy.notices import Announcement

FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_CHANNEL_PAUSE: Final = timedelta(minutes=5)
"""A receiver that is back after an outage hears within this time what it missed."""

LONGEST_NOTICE_PAUSE: Final = timedelta(hours=1)
GIVEN_UP_AFTER: Final = timedelta(days=3)
"""So long a notice is tried. Then it has failed, and somebody may send it again."""

LEASE: Final = timedelta(seconds=60)
"""Longer than one run of the delivery takes at most: what its process was killed over is tried again after that."""

REFRESH_EVERY: Final = timedelta(seconds=60)
"""How often Alertmanager is told again of alerts that stand: it keeps them in memory only."""

STANDS_FOR: Final = timedelta(minutes=10)
"""So long an alert stands without being told again: a few refreshes may fail."""

RESOLVED_TOLD_FOR: Final = timedelta(minutes=15)
"""So long Alertmanager is told again that an alert is over; Prometheus does the same."""

EVENT_STANDS_FOR: Final = timedelta(hours=1)
"""What happened at one moment is an alert for this long."""


class ChannelKind(StrEnum):
    """How a channel is spoken to."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    ALERTMANAGER = "alertmanager"
    APPRISE = "apprise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A channel as whoever delivers needs it, its secrets in clear."""

    id: int
    kind: ChannelKind
    url: str = field(repr=False)
    signing_key: str = field(default="", repr=False)
    sender: str = ""
    recipients: tuple[str, ...] = ()
    allowed_cidrs: tuple[str, ...] = ()
    ca_pem: str = field(default="", repr=False)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind.value,
            "url": self.url,
            "signing_key": self.signing_key,
            "sender": self.sender,
            "recipients": list(self.recipients),
            "allowed_cidrs": list(self.allowed_cidrs),
            "ca_pem": self.ca_pem,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        lists = {name: tuple(document[name]) for name in ("recipients", "allowed_cidrs")}
        return cls(**{**document, **lists, "kind": ChannelKind(document["kind"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One notice on its way. `uid` is the same at each attempt: receivers know by it what they have already.

    `attempt` counts from 1; `made_at` is when the notice was written. `due_at` is since when it waits; that
    is for whoever hands it out, and not passed on.
    """

    id: int
    uid: str
    attempt: int
    made_at: datetime
    announcement: Announcement
    due_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "uid": self.uid,
            "attempt": self.attempt,
            "made_at": self.made_at.isoformat(),
            "announcement": self.announcement.to_json(),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        return cls(
            id=document["id"],
            uid=document["uid"],
            attempt=document["attempt"],
            made_at=datetime.fromisoformat(document["made_at"]),
            announcement=Announcement.from_json(document["announcement"]),
        )


class Result(StrEnum):
    """What came of an attempt."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # this one notice; the next may be taken
    UNREACHABLE = "unreachable"  # the channel: whatever else waits for it waits on
    UNTRIED = "untried"  # there was no time left


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What came of a parcel. `detail` is one clean line without secrets; `retry_after` is what the receiver asked."""

    id: int
    result: Result
    detail: str = ""
    retry_after: timedelta | None = None


def pause(failures: int, *, longest: timedelta, jitter: float, asked: timedelta | None = None) -> timedelta:
    """Return how long to wait after so many failures in a row, at least one: doubled each time, up to `longest`.

    `jitter` is between 0 and 1, and moves it by a quarter either way. What the receiver asked for is kept to, up to
    an hour.
    """
    doubled = min(FIRST_PAUSE * (1 << min(failures - 1, 20)), longest)
    own = doubled * (0.75 + jitter / 2)
    return max(own, min(asked, LONGEST_NOTICE_PAUSE)) if asked else own


def is_given_up(made_at: datetime, *, now: datetime) -> bool:
    """Tell whether a notice that was not delivered so far is tried no more."""
    return now - made_at >= GIVEN_UP_AFTER
