"""One turn of the conversation: a private copy of the state, and the asks that come of it.

Everything that leaves for the wire is built by `Turn.send` and `headers_for`: the one place where an
Authorization header can come from (security item S8).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, cast

from probes.protocol.conversation.conclusion import conclude, first_of
from probes.protocol.conversation.known import Document
from probes.protocol.conversation.state import (
    HEAD_REFUSED,
    Done,
    Errand,
    Failure,
    Guest,
    Login,
    Memory,
    Purpose,
    Send,
    State,
)
from probes.protocol.exchange import Ask, BodyRule
from probes.protocol.jitter import jitter_seconds
from probes.protocol.manifest import ACCEPT
from probes.protocol.taxonomy import Depth, Reason, Retry, Warn
from probes.protocol.token import basic, refresh_form
from probes.protocol.urls import origin_of

_DOCUMENTS: Final = frozenset({Purpose.RESOLVE, Purpose.MANIFEST, Purpose.CHILD, Purpose.TAG, Purpose.TRIAL})
_QUEUED: Final = frozenset({Purpose.CHILD, Purpose.CONFIG, Purpose.BLOB})
_TOKENS: Final = frozenset({Purpose.TOKEN, Purpose.GUEST_TOKEN})
_PART_OF_A_LOGIN: Final = _TOKENS | {Purpose.PING, Purpose.TRIAL}
_AS_ANYONE: Final = frozenset({Purpose.GUEST_TOKEN, Purpose.TRIAL})
_SHORT: Final = _TOKENS | {Purpose.PING, Purpose.CONFIRM}
_PROBE_BYTES: Final = 64 * 1024  # of a probe's reply the wire reads no more
_ENDING: Final = frozenset(
    {Purpose.RESOLVE, Purpose.MANIFEST, Purpose.PING, Purpose.CONFIRM, Purpose.TOKEN, Purpose.TRIAL}
)


class Turn:
    """A state being moved on by one event. Handlers change `state` freely; it is nobody else's."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.asks: list[Ask] = []
        self.ending: Failure | None = None
        self.documents: list[Document] = []

    def send(self, errand: Errand) -> None:
        """Put the errand on the wire, unless a login is awaited or the check has spent its requests or its bytes."""
        state, limits = self.state, self.state.limits
        if state.login.is_under_way and errand.purpose not in _PART_OF_A_LOGIN and not errand.has_left_home:
            state.waiting = (*state.waiting, errand)
            return
        is_spent = state.next_id >= limits.requests or state.received_bytes >= limits.body_bytes
        if is_spent and errand.purpose in _QUEUED:
            if errand.first_failure:
                self.record(errand, errand.first_failure)
            self.leave_out(errand, self._users_of(errand))
            return
        if errand.purpose not in _QUEUED:
            state.unqueued += 1
        if is_spent or state.unqueued > limits.requests_unqueued:
            self.fail(errand, Reason.PROTOCOL_ERROR, "the registry needs more requests than a pull should")
            return
        is_guest = errand.has_left_home and guest_header(state, errand) != ""
        if errand.login_generation != state.login.generation or errand.was_guest != is_guest:
            errand = replace(errand, login_generation=state.login.generation, was_guest=is_guest)
        state.in_flight[state.next_id] = errand
        self.asks.append(_ask(state, errand))
        state.next_id += 1

    def leave_out(self, errand: Errand, names: Iterable[str]) -> None:
        """The check is spent: what it cannot look at any more, it does not speak of (row P16).

        Without its manifest, or the config that is read for it, nothing is known of the platforms `names`.
        """
        if errand.purpose is Purpose.BLOB:
            self.cap(Depth.PLATFORM)
            return
        self.cap(Depth.MANIFEST)
        unseen = {item.name for item in self.state.wanted if item.name in names and not item.failure}
        self.state.wanted = tuple(item for item in self.state.wanted if item.name not in unseen)

    def _users_of(self, errand: Errand) -> tuple[str, ...]:
        """Return the wanted platforms that need what the errand fetches."""
        return self.state.users.get(str(errand.content.digest), errand.platforms)

    def cap(self, depth: Depth) -> None:
        """Say that not everything was looked at, so that no more than `depth` is proven."""
        self.warn(Warn.PROBE_CAPPED)
        self.state.deepest = min(self.state.deepest, depth, key=lambda item: item.rank)

    @property
    def room(self) -> int:
        """How many more errands may be queued: each takes a request at least, so no more could ever be sent."""
        state = self.state
        return max(0, state.limits.requests - state.next_id - len(state.queue) - len(state.waiting))

    def known(self, digest: str, size_bytes: int | None = None) -> Document | None:
        """Return what need not be read again: the plan says so, and the registry has shown that it answers HEAD.

        `size_bytes` is what a descriptor says of it; where that is not so, the registry is asked for the bytes.
        """
        state = self.state
        if state.plan.reread or state.head_status != 200:
            return None
        known = state.known.documents.get(digest)
        return known if known and size_bytes in (None, len(known.body)) else None

    def keep(self, digest: str, body: bytes, media_type: str = "") -> None:
        """Hand on a document that was read whole and is what its digest says."""
        self.documents.append(Document(digest, body, media_type))

    def enqueue(self, errands: Iterable[Errand]) -> None:
        self.state.queue = (*self.state.queue, *errands)

    def hold(self, errand: Errand) -> None:
        """Keep the errand back until the login that is under way has ended."""
        self.state.waiting = (*self.state.waiting, replace(errand, delay_seconds=0.0))

    def begin_with(self, login: Login) -> None:
        """Take `login` as it is, before anything was asked under another."""
        self.state.login = login
        self._conceal(login.header)

    def log_in(self, header: str, **changes: Any) -> None:
        """Use `header` from now on, and send what waited for it. `changes` are further fields of the login."""
        state = self.state
        state.login = replace(
            state.login, header=header, generation=state.login.generation + 1, is_under_way=False, **changes
        )
        self._conceal(header)
        self.release()

    def _conceal(self, header: str) -> None:
        if header:
            self.state.secrets = (*self.state.secrets, header.partition(" ")[2])

    def release(self) -> None:
        """Send what waited for the login."""
        waiting, self.state.waiting = self.state.waiting, ()
        for errand in waiting:
            self.send(errand)

    def retry(
        self, errand: Errand, failure: Failure, *, fresh_connection: bool = False, pause_seconds: float = 0.0
    ) -> None:
        """Ask once more after a short pause, remembering what went wrong first (rows E16, E19)."""
        retries = errand.retries + 1
        self.state.pauses_seconds += pause_seconds
        self.state.attempts = max(self.state.attempts, retries + 1)
        self.send(
            replace(
                errand,
                retries=retries,
                fresh_connection=errand.fresh_connection or fresh_connection,
                delay_seconds=max(jitter_seconds(self.state.plan, errand.url), pause_seconds),
                first_failure=errand.first_failure or failure,
            )
        )

    def fail(self, errand: Errand, reason: Reason, detail: str = "", *, retry_at: datetime | None = None) -> None:
        """Record that the errand failed where it is now."""
        self.record(errand, errand.failure(reason, detail, retry_at))

    def record(self, errand: Errand, failure: Failure) -> None:
        """Record a failure of the errand: it ends the check, or counts against the platforms that need it."""
        if errand.purpose is Purpose.TAG:
            return  # row R13: an opinion on the side
        if errand.purpose is Purpose.GUEST_TOKEN:
            self.dismiss_guest(failure)
            return
        if errand.purpose is Purpose.TOKEN:
            # Where it was had from may be out of date (row C20), unless we ask its host too often: for whatever.
            is_throttled = failure.reason.meaning.retry is Retry.AFTER
            state = self.state
            state.learned = Memory(state.login.challenge, state.challenge_url) if is_throttled else Memory()
        if errand.purpose in _ENDING:
            self.end(failure)
            return
        self.state.lost[str(errand.content.digest)] = failure
        self.miss(self._users_of(errand), failure)

    def dismiss_guest(self, failure: Failure) -> None:
        """Nobody gave the token that a guest was to have: so fail the errands that it was for."""
        guest = cast("Guest", self.state.guest)  # who asked for it
        self.state.guest = replace(guest, waiting=(), is_under_way=False)
        for errand in guest.waiting:
            if failure.reason is Reason.REDIRECT_AUTH_REQUIRED:
                self.fail(errand, failure.reason, failure.detail)  # the host that wants the token, not who gives it
            else:
                self.record(errand, replace(failure, place=errand.place))

    def miss(self, names: Iterable[str], failure: Failure) -> None:
        """Count a failure against the platforms `names`; the others go on."""
        self.state.failures = (*self.state.failures, failure)
        self.fail_platforms(names, failure)

    def fail_platforms(self, names: Iterable[str], failure: Failure) -> None:
        failed = set(names)
        self.state.wanted = tuple(
            replace(item, failure=first_of(item.failure, failure)) if item.name in failed else item
            for item in self.state.wanted
        )

    def end(self, failure: Failure) -> None:
        """End the check with this failure, or with the one it was settled on, whatever else is in flight."""
        self.ending = self.state.settled or failure

    def warn(self, *warnings: Warn) -> None:
        self.state.warnings = tuple(dict.fromkeys((*self.state.warnings, *warnings)))

    def _may_send_more(self) -> bool:
        """A login that is under way is waited for: without it the queue would only draw refusals.

        What is in flight may come whole, and at once: together no more than one document of the largest size. What
        waits for a guest's token keeps its seat: it goes out as soon as that comes, and to one host (row B24).
        """
        state = self.state
        seated = (*state.in_flight.values(), *(state.guest.waiting if state.guest else ()))
        if len(seated) >= state.limits.asks_in_flight or state.login.is_under_way:
            return False
        awaited = sum(limit_bytes(state, errand) for errand in seated)
        return not awaited or awaited + limit_bytes(state, state.queue[0]) <= state.limits.manifest_bytes

    def finish(self) -> Send | Done:
        """Return what comes of the turn: more asks, or the conclusion."""
        state = self.state
        while self.ending is None and state.queue and self._may_send_more():
            errand, *rest = state.queue
            state.queue = tuple(rest)
            self.send(errand)
        if self.ending is None and (state.in_flight or state.waiting):
            return Send(state, tuple(self.asks), tuple(self.documents))
        return Done(
            conclude(state, self.ending),
            state.learned,
            state.secrets,
            tuple(self.documents),
            lacks_head=state.head_status in HEAD_REFUSED and state.has_manifest,
        )


def _ask(state: State, errand: Errand) -> Ask:
    form = b""
    if errand.purpose is Purpose.TOKEN and errand.method == "POST" and state.login.realm:
        form = refresh_form(state.login.realm, state.login.scope, state.secret)
    return Ask(
        id=state.next_id,
        method=errand.method,
        url=errand.url,
        stage=errand.stage,
        headers=tuple(headers_for(state, errand)),
        body=form,
        body_rule=BodyRule.PROBE if errand.is_probe else BodyRule.DOCUMENT,
        limit_bytes=limit_bytes(state, errand),
        fresh_connection=errand.fresh_connection,
        delay_seconds=errand.delay_seconds,
        shows_identity=bool(state.secret.client_identity) and _is_at_home(state, errand),
        is_guest=errand.purpose in _AS_ANYONE,
    )


def _is_at_home(state: State, errand: Errand) -> bool:
    """Tell whether the errand asks the registry's own origin and no hop has led elsewhere (S7, S8)."""
    return not errand.has_left_home and origin_of(errand.url) == state.registry


def headers_for(state: State, errand: Errand) -> list[tuple[str, str]]:
    """Return the headers for one request. A redirect starts from nothing: no header of ours is carried over.

    The registry's login goes to the registry's own origin and only while no hop has led elsewhere (S7, S8);
    a guest's token goes to its own origin only (row C21); the secret itself goes to the realm that `trusted_realm`
    let through.
    """
    headers: list[tuple[str, str]] = []
    if errand.purpose in _TOKENS:
        headers.append(("Accept", "application/json"))
        if errand.method == "POST":
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        elif _may_show_password(state, errand):
            headers.append(("Authorization", basic(state.secret)))
        return headers
    if errand.purpose in _DOCUMENTS:
        headers.append(("Accept", ACCEPT))
    elif errand.is_probe and errand.method == "GET":
        headers.append(("Range", "bytes=0-0"))
    if errand.has_left_home or errand.purpose is Purpose.TRIAL:
        login = guest_header(state, errand)
    else:
        login = state.login.header if _is_at_home(state, errand) else ""
    if login:
        headers.append(("Authorization", login))
    return headers


def _may_show_password(state: State, errand: Errand) -> bool:
    realm = state.login.realm
    is_for_us = errand.purpose is Purpose.TOKEN and state.secret.password != ""
    return is_for_us and realm is not None and origin_of(errand.url) == realm.origin


def guest_header(state: State, errand: Errand) -> str:
    """Return the guest's Authorization, if the errand is where that belongs (row C21)."""
    guest = state.guest
    return guest.header if guest and guest.header and origin_of(errand.url) == guest.origin else ""


def limit_bytes(state: State, errand: Errand) -> int:
    """Return how much of a reply is read: no more than its descriptor says, once that is beyond the ordinary."""
    limits = state.limits
    if errand.purpose in _SHORT:
        return limits.token_bytes
    if errand.is_probe:
        return _PROBE_BYTES
    if errand.descriptor is not None:
        return min(max(errand.descriptor.size_bytes, limits.config_bytes), limits.manifest_bytes)
    return limits.manifest_bytes
