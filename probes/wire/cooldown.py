"""The pause after a 429: who throttled us is left alone until he will have us back.

Source: behaviour rows E13, E14, E15, T27, E.2 and E.3. A registry throttles an identity: a login, or for anonymous
checks the address that they come from, which is this process's. So a pause is kept by host and login, and holds for
every check of the process that would go there by the same route, and for the exchange that buys its login.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from probes.protocol.errors import common_refusal, is_pull_quota, read_error, retry_at
from probes.protocol.exchange import Ask, Event, Fault, FaultKind, Method, Reply
from probes.protocol.plan import ANONYMOUS
from probes.protocol.taxonomy import Reason, Stage
from probes.protocol.urls import Origin, origin_of
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
    """Pauses by identity, of either sort at most `capacity`. Times are on the caller's monotonic clock, in seconds.

    A pull quota that is spent says nothing about HEAD, which does not count against it and finds out whether the
    image is there (E15, E.3). Any other 429 holds back whatever would be asked.
    """

    def __init__(self, capacity: int) -> None:
        self._pauses: Shelf[Identity, _Pause] = Shelf(capacity)
        self._quotas: Shelf[Identity, _Pause] = Shelf(capacity)

    @property
    def is_empty(self) -> bool:
        """Tell whether nobody is known to have throttled us."""
        return not (self._pauses.weight or self._quotas.weight)

    def waiting(self, identity: Identity, ask: Ask, now: float) -> Fault | None:
        """Return what becomes of `ask` while we wait; None when it may be sent."""
        pause = self._pause_of(identity, ask)
        if pause is None or now >= pause.until:
            return None
        detail = (
            f"nothing was sent: {identity.origin.netloc} throttled us at {pause.throttled_at:%H:%M:%S} UTC, "
            f"and we wait until {pause.retry_at:%H:%M:%S} UTC"
        )
        return Fault(ask_id=ask.id, kind=pause.kind, detail=detail, retry_at=pause.retry_at)

    def retry_at(self, identity: Identity, ask: Ask) -> datetime | None:
        """Return when the identity may ask such a thing again, if it was throttled."""
        pause = self._pause_of(identity, ask)
        return pause.retry_at if pause else None

    def note(self, identity: Identity, ask: Ask, event: Event, *, sent: float, now: float) -> None:
        """Take account of what came at `now` of an ask that was sent at `sent`.

        An answer to what was sent before a pause, or during it, tells nothing new: one burst is one offence. After a
        pause, the same kind of request that succeeds ends the matter, and one more 429 makes the next pause longer.
        """
        if not isinstance(event, Reply):
            return
        if event.status == 429:
            self._note_throttling(identity, ask, event, sent=sent, now=now)
        elif event.status < 400:
            for pauses in (self._pauses, self._quotas):
                before = pauses.get(identity)
                if before and sent >= before.until and ask.method == before.method:
                    pauses.drop(identity)

    def _note_throttling(self, identity: Identity, ask: Ask, reply: Reply, *, sent: float, now: float) -> None:
        spares_heads = ask.method == "GET" and ask.stage is not Stage.TOKEN and is_pull_quota(read_error(reply.body))
        pauses = self._quotas if spares_heads else self._pauses
        before = pauses.get(identity)
        pause = _pause(ask, reply, before if before and sent >= before.until else None, now)
        if before is None or sent >= before.until or pause.until > before.until:
            pauses.put(identity, pause)

    def _pause_of(self, identity: Identity, ask: Ask) -> _Pause | None:
        """Return the pause that holds `ask` back for longest."""
        pause = self._pauses.get(identity)
        quota = self._quotas.get(identity) if ask.method != "HEAD" else None
        return quota if pause is None or (quota and quota.until > pause.until) else pause


@dataclass(frozen=True, slots=True)
class Patience:
    """The pauses of one secret on one route: whatever asks in its name heeds them here, and makes them.

    `fingerprint` is the secret's. Times are the running loop's, in seconds.
    """

    cool_downs: CoolDowns
    profile: str
    fingerprint: str

    def waiting(self, ask: Ask, now: float) -> Fault | None:
        """Return what becomes of `ask` where its host throttled us and we wait; None when it may be sent."""
        if self.cool_downs.is_empty:  # the usual case costs nothing
            return None
        return self.cool_downs.waiting(self._identity(ask), ask, now)

    def note(self, ask: Ask, event: Event, *, sent: float, now: float) -> None:
        """Take account of an answer, for whether its host throttles us."""
        if isinstance(event, Reply) and (event.status == 429 or not self.cool_downs.is_empty):
            self.cool_downs.note(self._identity(ask), ask, event, sent=sent, now=now)

    def retry_at(self, ask: Ask) -> datetime | None:
        """Return when the host of `ask` may be asked again."""
        return self.cool_downs.retry_at(self._identity(ask), ask)

    def _identity(self, ask: Ask) -> Identity:
        fingerprint = ANONYMOUS.fingerprint if ask.is_guest else self.fingerprint
        return Identity(origin_of(ask.url), self.profile, fingerprint)


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
