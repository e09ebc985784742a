"""The pause after a 429: who throttled us is left alone until he will have us back.

Source: behaviour rows E13, E14, T27 and E.2. A registry throttles an identity: a login, or for anonymous checks the
address that they come from, which is this process's. So a pause is kept by host and login, and holds for every check
of the process that would go there by the same route.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from probes.protocol.errors import common_refusal, read_error, retry_at
from probes.protocol.exchange import Ask, Event, Fault, FaultKind, Method, Reply
from probes.protocol.taxonomy import Reason, Stage
from probes.protocol.urls import Origin
from probes.wire.shelf import Shelf

FIRST_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 900.0


class Identity(NamedTuple):
    """Who is throttled, and by whom: a host of the same name on another route may be another machine."""

    origin: Origin
    profile: str  # of the route
    fingerprint: str  # of the secret; empty is anonymous


@dataclass(frozen=True, slots=True)
class _Pause:
    until: float  # on the monotonic clock
    retry_at: datetime  # the same moment, for people
    throttled_at: datetime
    kind: FaultKind
    method: Method
    unstated_seconds: float  # how long it is where the host does not say


class CoolDowns:
    """Pauses by identity, at most `capacity`. Times are on the caller's monotonic clock, in seconds."""

    def __init__(self, capacity: int) -> None:
        self._pauses: Shelf[Identity, _Pause] = Shelf(capacity)

    def __len__(self) -> int:
        return len(self._pauses)

    def waiting(self, identity: Identity, ask: Ask, now: float) -> Fault | None:
        """Return what becomes of `ask` while we wait; None when it may be sent."""
        pause = self._pauses.get(identity)
        if pause is None or now >= pause.until:
            return None
        detail = (
            f"nothing was sent: {identity.origin.netloc} throttled us at {pause.throttled_at:%H:%M:%S} UTC, "
            f"and we wait until {pause.retry_at:%H:%M:%S} UTC"
        )
        return Fault(ask_id=ask.id, kind=pause.kind, detail=detail, retry_at=pause.retry_at)

    def retry_at(self, identity: Identity) -> datetime | None:
        """Return when the identity may ask again, if it was throttled."""
        pause = self._pauses.get(identity)
        return pause.retry_at if pause else None

    def note(self, identity: Identity, ask: Ask, event: Event, *, sent: float, now: float) -> None:
        """Take account of what came at `now` of an ask that was sent at `sent`.

        An answer to what was sent before a pause, or during it, tells nothing new: one burst is one offence. After a
        pause, the same kind of request that succeeds ends the matter, and one more 429 makes the next pause longer.
        """
        if not isinstance(event, Reply):
            return
        before = self._pauses.get(identity)
        if event.status == 429:
            pause = _pause(ask, event, before if before and sent >= before.until else None, now)
            if before is None or sent >= before.until or pause.until > before.until:
                self._pauses.put(identity, pause)
        elif before and sent >= before.until and event.status < 400 and ask.method == before.method:
            self._pauses.drop(identity)


def _pause(ask: Ask, reply: Reply, before: _Pause | None, now: float) -> _Pause:
    unstated_seconds = min(before.unstated_seconds * 2, LONGEST_SECONDS) if before else FIRST_SECONDS
    until = retry_at(reply) or reply.received_at + timedelta(seconds=unstated_seconds)
    return _Pause(
        until=now + (until - reply.received_at).total_seconds(),
        retry_at=until,
        throttled_at=reply.received_at,
        kind=_kind(ask, reply),
        method=ask.method,
        unstated_seconds=unstated_seconds,
    )


def _kind(ask: Ask, reply: Reply) -> FaultKind:
    reason = Reason.RATE_LIMITED_AUTH if ask.stage is Stage.TOKEN else common_refusal(reply, read_error(reply.body))
    return FaultKind(reason.value)
