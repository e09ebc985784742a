"""The login: from a 401 to an Authorization header, or to the reason why there is none.

Source: behaviour rows C1 to C23 and T7 to T33. One exchange serves all errands of the check: those that meet
a 401 meanwhile wait for it. A static bearer needs none: it is shown from the first request on.
"""

from dataclasses import replace
from typing import Final

from probes.protocol.challenge import Challenge, parse_challenges
from probes.protocol.conversation.guests import try_as_anyone
from probes.protocol.conversation.hops import is_worth_a_retry
from probes.protocol.conversation.state import Errand, Failure, Login, Memory, Purpose
from probes.protocol.conversation.turn import Turn
from probes.protocol.errors import TRANSIENT_STATUSES, common_refusal, pause_seconds, read_error, token_refusal
from probes.protocol.exchange import Reply
from probes.protocol.redaction import scrub
from probes.protocol.redirects import REDIRECTS
from probes.protocol.taxonomy import Reason, Stage
from probes.protocol.token import (
    LoginRefused,
    basic,
    grants_nothing,
    is_bearer,
    narrowed_scope,
    preferred,
    pull_scope,
    read_token,
    token_query,
    trusted_realm,
)
from probes.protocol.urls import UrlRefused, origin_of, resolve_url

_PINGS: Final = frozenset({Purpose.PING, Purpose.CONFIRM})
_REJECTED: Final = frozenset({Reason.AUTH_BAD_CREDENTIALS, Reason.AUTH_EXPIRED})


def recall(turn: Turn, memory: Memory, first: Errand) -> None:
    """Begin with what an earlier check learned: its header, or its challenge, or nothing (row C1).

    A static bearer is like a remembered header, but the operator's: nothing is learned, and nothing renews it.
    """
    state = turn.state
    if state.secret.bearer:
        if not is_bearer(state.secret.bearer):
            _stop(turn, Reason.AUTH_BAD_CREDENTIALS, "the static token holds what no header may hold")
            return
        turn.begin_with(Login(header=f"Bearer {state.secret.bearer}", path="fresh"))
        turn.send(first)
        return
    state.challenge_url = memory.challenge_url
    turn.begin_with(
        Login(challenge=memory.challenge, header=memory.header, path="cached" if memory.header else "none")
    )
    if memory.challenge and not memory.header:
        turn.hold(first)
        _begin(turn, (memory.challenge,))
        return
    turn.send(first)


def on_refusal(turn: Turn, errand: Errand, reply: Reply) -> bool:
    """Take up a refusal as a matter of the login. Return False when it is none."""
    login = turn.state.login
    if reply.status not in (400, 401, 403) or errand.has_left_home or errand.purpose in _PINGS:
        return False
    if login.is_under_way:
        turn.hold(errand)
    elif errand.login_generation != login.generation:
        turn.send(errand)  # it was asked under a login that has been replaced meanwhile
    elif _means_401(turn, errand, reply):
        _on_unauthorised(turn, errand, reply)
    elif login.path == "cached":
        _renew(turn, errand)
    else:
        return False
    return True


def _means_401(turn: Turn, errand: Errand, reply: Reply) -> bool:
    """Some registries say in a 400 or 403 what others say by 401; its code must be there in words (rows C23, E2).

    A 403 is one only with a challenge, and a 400 only if there are credentials that were not shown yet.
    """
    if reply.status == 401:
        return True
    if turn.state.login.header or errand.purpose not in (Purpose.MANIFEST, Purpose.CHILD):
        return False
    can_be = "www-authenticate" in reply.headers if reply.status == 403 else not turn.state.secret.is_anonymous
    return can_be and "UNAUTHORIZED" in read_error(reply.body).codes


def _on_unauthorised(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Read a 401, or what means one, that the registry itself gave."""
    login = turn.state.login
    if reply.status != 401:
        turn.state.head_status = None  # whatever a HEAD met, it met without the login
    challenges = parse_challenges(reply.headers.all("www-authenticate"))
    turn.state.challenge_url = errand.url
    if turn.state.secret.bearer:
        _refuse(turn, errand, reply, _bearer_refusal(reply, challenges))
    elif login.path == "cached":
        _renew(turn, errand, challenges)
    elif not login.header:
        _log_in(turn, errand, challenges)
    elif not login.header.startswith("Bearer "):
        if challenges and not any(item.scheme == "basic" for item in challenges):
            _renew(turn, errand, challenges)  # it took passwords when an earlier check asked (row C20)
            return
        _refuse(turn, errand, reply, Reason.AUTH_BAD_CREDENTIALS)
    else:
        _after_bearer(turn, errand, reply, challenges)


def _bearer_refusal(reply: Reply, challenges: tuple[Challenge, ...]) -> Reason:
    """The registry does not take the operator's own token: no exchange, no anonymous try (rows T24, T34)."""
    if any(item.get("error") == "insufficient_scope" for item in challenges):
        return Reason.AUTH_INSUFFICIENT_SCOPE
    return token_refusal(reply, read_error(reply.body), has_login=True)


def _renew(turn: Turn, errand: Errand, challenges: tuple[Challenge, ...] = ()) -> None:
    """Drop a remembered login that the registry no longer takes, and log in afresh (rows C20, T30, T31)."""
    login = turn.state.login
    if not challenges and login.challenge:
        challenges = (login.challenge,)
    turn.state.login = Login(generation=login.generation + 1)
    turn.state.learned = Memory()
    _log_in(turn, errand, challenges)


def on_ping(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Read the reply to `GET /v2/`, which was asked only because a 401 came without a challenge (row C10)."""
    error = read_error(reply.body)
    if reply.status == 429 or reply.status in TRANSIENT_STATUSES:
        turn.record(errand, errand.refusal(common_refusal(reply, error), reply, error))
        return
    challenges = parse_challenges(reply.headers.all("www-authenticate"))
    turn.state.challenge_url = errand.url
    asks = reply.status == 401 or (reply.status == 403 and "UNAUTHORIZED" in error.codes)  # row C23
    if not asks or not challenges:
        _stop(turn, Reason.AUTH_CHALLENGE_MISSING, "the registry asks for a login and does not say which")
        return
    _begin(turn, challenges)


def offered_login(turn: Turn, errand: Errand, reply: Reply) -> tuple[Challenge, ...]:
    """Return the logins that the registry offers beside what it gives to anyone, if we have one to show (row C17)."""
    state, login = turn.state, turn.state.login
    has_none_yet = not (login.header or login.is_under_way or login.exchanges or state.secret.is_anonymous)
    if reply.status != 200 or not has_none_yet or errand.has_left_home or errand.purpose in _PINGS:
        return ()
    return parse_challenges(reply.headers.all("www-authenticate"))


def take_up_offer(turn: Turn, errand: Errand, challenges: tuple[Challenge, ...]) -> None:
    """Log in for the requests that are to come, if any are. An offer that cannot be taken up is none (row C17)."""
    state = turn.state
    state.login = replace(state.login, is_under_way=False)
    if turn.ending or not (state.waiting or state.queue):
        return
    state.challenge_url = errand.url
    try:
        _answer(turn, preferred(challenges, state.secret))
    except LoginRefused:
        turn.release()


def on_token(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Read the token service's reply."""
    state = turn.state
    if reply.status in REDIRECTS:
        _follow_token(turn, errand, reply)
        return
    if reply.status != 200:
        _on_token_refusal(turn, errand, reply)
        return
    try:
        token = read_token(reply.body, reply.received_at)
    except LoginRefused as refusal:
        turn.fail(errand, refusal.reason, refusal.detail)
        return
    turn.warn(*token.warnings)
    header = f"Bearer {token.value}"
    state.learned = Memory(
        challenge=state.login.challenge,
        challenge_url=state.challenge_url,
        header=header,
        lifetime_seconds=token.lifetime_seconds,
    )
    turn.log_in(header, path="fresh")


def _log_in(turn: Turn, errand: Errand, challenges: tuple[Challenge, ...]) -> None:
    """Let the errand wait for a login; without a challenge, ask for one first."""
    turn.hold(errand)
    if challenges:
        _begin(turn, challenges)
    else:
        turn.state.login = replace(turn.state.login, is_under_way=True)
        ping = f"{turn.state.registry}/v2/"
        turn.send(Errand(purpose=Purpose.PING, stage=Stage.CHALLENGE, home=ping, url=ping))


def _begin(turn: Turn, challenges: tuple[Challenge, ...], scope: str = "") -> None:
    """Log in as one of the challenges asks, or end the check. The errands that need it are waiting."""
    try:
        _answer(turn, preferred(challenges, turn.state.secret), scope)
    except LoginRefused as refusal:
        _stop(turn, refusal.reason, refusal.detail)


def _answer(turn: Turn, challenge: Challenge, scope: str = "") -> None:
    """Log in as the challenge asks. Raises `LoginRefused`, with nothing changed, where that must not be."""
    state = turn.state
    if challenge.scheme == "basic":
        if not state.secret.password:
            raise LoginRefused(Reason.AUTH_REQUIRED, "")
        state.learned = Memory(challenge=challenge, challenge_url=state.challenge_url)
        turn.log_in(basic(state.secret), path="fresh", challenge=challenge)
        return
    scope = scope or pull_scope(state.reference.repository)
    realm = trusted_realm(
        challenge,
        sent_by=state.challenge_url,
        registry=state.registry,
        secret=state.secret,
        trusted_hosts=state.plan.site.trusted_auth_hosts,
    )
    url = token_query(realm, scope)
    state.login = replace(
        state.login,
        challenge=challenge,
        realm=realm,
        scope=scope,
        exchanges=state.login.exchanges + 1,
        is_under_way=True,
    )
    token = Errand(purpose=Purpose.TOKEN, stage=Stage.TOKEN, home=url, url=url)
    if state.secret.refresh_token:
        token = replace(token, method="POST", home=realm.url, url=realm.url)
    turn.send(token)


def _after_bearer(turn: Turn, errand: Errand, reply: Reply, challenges: tuple[Challenge, ...]) -> None:
    """A token was shown and refused (rows T29, T30, B8)."""
    state = turn.state
    login = state.login
    bearer = next((item for item in challenges if item.scheme == "bearer"), None)
    scope = narrowed_scope(bearer.get("scope")) if bearer else ""
    can_ask_again = bearer is not None and login.exchanges < state.limits.exchanges
    wants_other_scope = scope not in ("", login.scope)
    is_worth_asking = (
        wants_other_scope
        or (bearer is not None and bearer.get("error") == "invalid_token")
        or errand.purpose in (Purpose.CONFIG, Purpose.BLOB)
    )
    if bearer and can_ask_again and is_worth_asking:
        turn.hold(errand)
        _begin(turn, (bearer,), scope if wants_other_scope else login.scope)
        return
    _refuse(
        turn,
        errand,
        reply,
        Reason.AUTH_REQUIRED_OR_MISSING if state.secret.is_anonymous else Reason.AUTH_DENIED,
    )


def _refuse(turn: Turn, errand: Errand, reply: Reply, reason: Reason) -> None:
    """The registry's last word was 401. For a blob after a good manifest that is a denial (row B8)."""
    if errand.purpose in (Purpose.CONFIG, Purpose.BLOB):
        reason = Reason.BLOB_DENIED
    detail = read_error(reply.body).shown(reply.status)
    if grants_nothing(turn.state.login.header.partition(" ")[2]):  # row T33
        detail = f"{scrub(detail, turn.state.secrets)}; the token grants no access"
    turn.state.learned = Memory()
    turn.fail(errand, reason, detail)


def _stop(turn: Turn, reason: Reason, detail: str) -> None:
    """The login cannot even be tried. If it was to be by what an earlier check learned, that is of no more use."""
    turn.state.learned = Memory()
    turn.end(Failure(reason=reason, stage=Stage.CHALLENGE, host=turn.state.registry.netloc, detail=detail))


def _on_token_refusal(turn: Turn, errand: Errand, reply: Reply) -> None:
    state = turn.state
    realm = state.login.realm
    error = read_error(reply.body)
    reason = token_refusal(reply, error, has_login=not state.secret.is_anonymous)
    failure = errand.refusal(reason, reply, error, by_stranger=origin_of(errand.url) != state.registry)
    if errand.method == "POST" and reply.status in (400, 401, 404, 405) and state.secret.password and realm:
        url = token_query(realm, state.login.scope)  # a service without OAuth2 (row T11)
        turn.send(replace(errand, method="GET", home=url, url=url, first_failure=None))
    elif is_worth_a_retry(turn, errand, reply):
        turn.retry(errand, failure, pause_seconds=pause_seconds(reply))
    elif reason in _REJECTED and realm and not state.guest:
        state.learned = Memory()
        try_as_anyone(turn, failure, realm, state.login.scope)
    else:
        turn.record(errand, failure)


def _follow_token(turn: Turn, errand: Errand, reply: Reply) -> None:
    """A token service may move a request within its own origin and no further (row T7)."""
    try:
        url = resolve_url(errand.url, reply.headers.get("location"))
        is_same_origin = origin_of(url) == origin_of(errand.url)
    except UrlRefused:
        is_same_origin = False
    if errand.method != "GET" or not is_same_origin or errand.hops >= turn.state.limits.token_hops:
        turn.fail(errand, Reason.AUTH_REDIRECT, "the token service redirects away from itself")
        return
    turn.send(replace(errand, url=url, visited=(*errand.visited, errand.url)))
