"""Asking as anyone may: at a host that the registry redirected us to, and to see whether a login is needed at all.

Source: behaviour rows C21, T34. A guest's token is had without any login of ours, goes to one origin, and is never
remembered. There is at most one in a check, and its requests count like all others.
"""

from dataclasses import replace
from typing import Final, cast

from probes.protocol.challenge import parse_challenges
from probes.protocol.conversation.hops import is_worth_a_retry
from probes.protocol.conversation.state import Errand, Failure, Guest, Purpose
from probes.protocol.conversation.turn import Turn
from probes.protocol.errors import TRANSIENT_STATUSES, pause_seconds, read_error, token_refusal
from probes.protocol.exchange import Reply
from probes.protocol.plan import ANONYMOUS
from probes.protocol.redaction import scrub
from probes.protocol.taxonomy import Reason, Stage
from probes.protocol.token import (
    LoginRefused,
    Realm,
    narrowed_scope,
    pull_scope,
    read_token,
    token_query,
    trusted_realm,
)
from probes.protocol.urls import origin_of

_CONTENT: Final = frozenset({Purpose.RESOLVE, Purpose.MANIFEST, Purpose.CHILD, Purpose.CONFIG, Purpose.BLOB})
ANONYMOUS_OK: Final = "anonymous_ok: it can be had without a login"


def on_strangers_refusal(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Read a 401 from a host that a redirect led to: what is ours is not for it (row C21)."""
    state, guest, origin = turn.state, turn.state.guest, origin_of(errand.url)
    if guest is None and origin != state.registry and errand.purpose in _CONTENT:
        _introduce(turn, errand, reply)
    elif guest and guest.origin == origin and guest.is_under_way:
        state.guest = replace(guest, waiting=(*guest.waiting, errand))
    elif guest and guest.origin == origin and guest.header and not errand.was_guest:
        turn.send(errand)  # it was asked before the token came
    else:
        turn.fail(errand, Reason.REDIRECT_AUTH_REQUIRED, read_error(reply.body).shown(reply.status, by_stranger=True))


def _introduce(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Ask the host's own realm for a token as anyone, under the rules for any realm."""
    challenges = parse_challenges(reply.headers.all("www-authenticate"))
    bearer = next((item for item in challenges if item.scheme == "bearer"), None)
    if bearer is None:
        turn.fail(errand, Reason.REDIRECT_AUTH_REQUIRED, read_error(reply.body).shown(reply.status, by_stranger=True))
        return
    origin = origin_of(errand.url)
    scope = narrowed_scope(bearer.get("scope")) or pull_scope(turn.state.reference.repository)
    try:
        realm = trusted_realm(bearer, sent_by=errand.url, registry=origin, secret=ANONYMOUS, trusted_hosts=())
        url = token_query(realm, scope)
    except LoginRefused as refusal:
        turn.fail(errand, Reason.REDIRECT_AUTH_REQUIRED, refusal.detail)
        return
    turn.state.guest = Guest(origin=origin, waiting=(errand,))
    turn.send(Errand(purpose=Purpose.GUEST_TOKEN, stage=Stage.TOKEN, home=url, url=url))


def try_as_anyone(turn: Turn, failure: Failure, realm: Realm, scope: str) -> None:
    """Our credentials were rejected, and the check ends with that. See whether they are needed (row T34)."""
    state = turn.state
    state.settled = failure
    home = f"{state.repository_url}/manifests/{state.reference.target}"
    trial = Errand(purpose=Purpose.TRIAL, stage=Stage.CHALLENGE, home=home, url=home, method="HEAD")
    state.guest = Guest(origin=state.registry, waiting=(trial,))
    url = token_query(realm, scope)
    turn.send(Errand(purpose=Purpose.GUEST_TOKEN, stage=Stage.CHALLENGE, home=url, url=url))


def on_trial(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Read what anyone is told; it only ever adds to the detail."""
    settled = cast("Failure", turn.state.settled)
    if reply.status == 200:
        detail = scrub(settled.detail, turn.state.secrets)  # a secret that was cut off shows only at the very end
        turn.state.settled = replace(settled, detail=f"{detail}; {ANONYMOUS_OK}")
    turn.record(errand, settled)


def on_guest_token(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Read the reply of a stranger's token service; without a token, its host refuses us."""
    state = turn.state
    if reply.status != 200:
        _on_no_token(turn, errand, reply)
        return
    try:
        token = read_token(reply.body, reply.received_at)
    except LoginRefused as refusal:
        turn.fail(errand, refusal.reason, refusal.detail)
        return
    state.secrets = (*state.secrets, token.value)
    guest = cast("Guest", state.guest)
    state.guest = replace(guest, header=f"Bearer {token.value}", waiting=(), is_under_way=False)
    for waiting in guest.waiting:
        turn.send(replace(waiting, delay_seconds=0.0))


def _on_no_token(turn: Turn, errand: Errand, reply: Reply) -> None:
    error = read_error(reply.body)
    if reply.status != 429 and reply.status not in TRANSIENT_STATUSES:
        turn.fail(
            errand, Reason.REDIRECT_AUTH_REQUIRED, f"its token service: {error.shown(reply.status, by_stranger=True)}"
        )
        return
    failure = errand.refusal(token_refusal(reply, error, has_login=False), reply, error, by_stranger=True)
    if not turn.state.settled and is_worth_a_retry(turn, errand, reply):
        turn.retry(errand, failure, pause_seconds=pause_seconds(reply))
    else:
        turn.record(errand, failure)
