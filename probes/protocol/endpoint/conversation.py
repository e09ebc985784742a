"""The two functions that drive the check of an endpoint: `start` and `advance`."""

from dataclasses import dataclass, field, replace
from typing import Final

from probes.protocol.conversation.hops import CONTACT_STAGES, ENDING, RENAMED
from probes.protocol.conversation.machine import UnexpectedEventError
from probes.protocol.conversation.state import Done, Failure
from probes.protocol.endpoint.judgement import Fallen, Shortest, judge_content, judge_rest, judge_status
from probes.protocol.endpoint.plan import EndpointPlan
from probes.protocol.endpoint.problems import login_problem, problems
from probes.protocol.errors import TRANSIENT_STATUSES, clean_text, pause_seconds, retry_at
from probes.protocol.exchange import Ask, BodyRule, Event, Fault, FaultKind, Method, Reply
from probes.protocol.jitter import jitter_seconds
from probes.protocol.limits import DEFAULT_LIMITS, CheckLimits
from probes.protocol.outcome import Conclusion
from probes.protocol.plan import ANONYMOUS, Secret
from probes.protocol.redaction import scrub, scrub_host, scrub_url
from probes.protocol.redirects import REDIRECTS, HopRefused, next_place
from probes.protocol.taxonomy import Reason, Retry, Stage
from probes.protocol.token import basic, never_shown
from probes.protocol.urls import Origin, origin_of

_SHOWN_DETAIL: Final = 500
_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})  # RFC 9110, 9.2.2
_BECOME_GET: Final = frozenset({301, 302, 303})
_THROTTLED: Final = frozenset({FaultKind.RATE_LIMITED, FaultKind.RATE_LIMITED_AUTH, FaultKind.RATE_LIMITED_UPSTREAM})
_NEVER_SENT: Final = frozenset(CONTACT_STAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The whole of a check between two events. `url` and `method` are those of the ask `asked`, the only one."""

    plan: EndpointPlan
    secret: Secret
    home: Origin
    limits: CheckLimits
    url: str = field(repr=False)
    method: Method
    asked: int = -1
    visited: tuple[str, ...] = field(default=(), repr=False)
    has_left_home: bool = False  # nothing of ours is sent any more (S7, S8)
    retries: int = 0
    first_failure: Failure | None = field(default=None, repr=False)  # what a second try must not overwrite
    elapsed_ms: float = 0.0  # of the answers that led here
    shortest: Shortest | None = field(default=None, repr=False)

    @property
    def stage(self) -> Stage:
        return Stage.REDIRECT if self.visited else Stage.REQUEST

    @property
    def secrets(self) -> tuple[str, ...]:
        """What is never to be shown, whoever echoes it."""
        return never_shown(self.secret)

    @property
    def has_login(self) -> bool:
        return bool(self.secret.password or self.secret.bearer)

    def failure(self, reason: Reason, detail: str = "") -> Failure:
        return Failure(reason=reason, stage=self.stage, host=origin_of(self.url).netloc, detail=detail)


@dataclass(frozen=True, slots=True)
class Send:
    """Ask this, and hand what comes of it to `advance`."""

    state: State
    ask: Ask


def start(plan: EndpointPlan, secret: Secret = ANONYMOUS, limits: CheckLimits = DEFAULT_LIMITS) -> Send | Done:
    """Begin the check of `plan`. One that cannot be made is done before any packet."""
    if found := problems(plan):
        return _refused(plan, "; ".join(f"{name}: {sentence}" for name, sentence in found.items()))
    if why := login_problem(plan, secret):
        return _refused(plan, why)
    state = State(plan=plan, secret=secret, home=origin_of(plan.url), limits=limits, url=plan.url, method=plan.method)
    return _send(state)


def advance(state: State, event: Event) -> Send | Done:
    """Move the check on by the reply or fault that came of its ask. `state` itself is not changed.

    Raises `UnexpectedEventError` for an event of another ask.
    """
    if event.ask_id != state.asked:
        raise UnexpectedEventError(event.ask_id)
    return _on_fault(state, event) if isinstance(event, Fault) else _on_reply(state, event)


def _on_reply(state: State, reply: Reply) -> Send | Done:
    expect = state.plan.expect
    before, state = state, _with_answer(state, reply)
    if state.plan.follow_redirects and reply.status in REDIRECTS and "location" in reply.headers:
        return _follow(state, reply)
    fallen = judge_status(expect, reply, by_stranger=state.has_left_home)
    if fallen and _is_worth_a_retry(state, reply):
        failure = state.failure(fallen.reason, fallen.detail)
        return _retry(before, failure, pause_seconds=pause_seconds(reply))
    fallen = fallen or judge_content(expect, reply, state.limits.endpoint_bytes, secrets=state.secrets)
    fallen = fallen or judge_rest(expect, at=reply.received_at, shortest=state.shortest, elapsed_ms=state.elapsed_ms)
    if fallen is None:
        return _done(state, None)
    return _done(state, _failure(state, fallen, reply))


def _failure(state: State, fallen: Fallen, reply: Reply) -> Failure:
    failure = state.failure(fallen.reason, fallen.detail)
    back_at = retry_at(reply) if fallen.reason is Reason.ENDPOINT_THROTTLED else None
    return replace(failure, host=fallen.host or failure.host, retry_at=back_at)


def _with_answer(state: State, reply: Reply) -> State:
    """Take account of how long the answer took, and of the certificate with which it came."""
    state = replace(state, elapsed_ms=state.elapsed_ms + reply.elapsed_ms)
    if reply.certificate_not_after is None:
        return state
    shown = Shortest(origin_of(state.url).netloc, reply.certificate_not_after)
    is_shorter = state.shortest is None or shown.not_after < state.shortest.not_after
    return replace(state, shortest=shown) if is_shorter else state


def _follow(state: State, reply: Reply) -> Send | Done:
    """Go where the endpoint points. A request with a body stays at home, and so does whatever is ours."""
    try:
        url = next_place(state.url, reply, home=state.home, visited=state.visited, most=state.limits.hops)
    except HopRefused as refusal:
        return _done(state, state.failure(refusal.reason, str(refusal)))
    there = origin_of(url)
    method: Method = state.method
    if reply.status in _BECOME_GET and method != "HEAD":
        method = "GET"
    leaves = state.has_left_home or there != state.home
    if leaves and method not in ("GET", "HEAD"):
        detail = f"redirect of a {method} to {there}"
        return _done(state, state.failure(Reason.REDIRECT_FORBIDDEN, detail))
    return _send(replace(state, url=url, method=method, visited=(*state.visited, state.url), has_left_home=leaves))


def _is_worth_a_retry(state: State, reply: Reply) -> bool:
    """Rows H6, H7: once, where asking twice does no harm, and after no longer a wait than there is time for."""
    pause = pause_seconds(reply)
    if state.retries or state.method not in _REPEATABLE or pause > state.limits.pause_seconds:
        return False
    if pause >= state.plan.timeout_seconds:
        return False
    return pause > 0 if reply.status == 429 else reply.status in TRANSIENT_STATUSES


def _on_fault(state: State, fault: Fault) -> Send | Done:
    reason = _reason(state, fault)
    failure = replace(state.failure(reason, fault.detail), stage=_stage(state, fault), retry_at=fault.retry_at)
    if fault.kind in ENDING:
        return _done(state, failure)
    helps = reason.meaning.retry in (Retry.ONCE, Retry.YES)
    helps = helps and fault.kind not in (FaultKind.PROTOCOL_ERROR, FaultKind.TIMEOUT_TOTAL)
    is_harmless = state.method in _REPEATABLE or fault.kind in _NEVER_SENT
    if helps and is_harmless and not state.retries:
        return _retry(state, failure)
    return _done(state, state.first_failure or failure)


def _stage(state: State, fault: Fault) -> Stage:
    """First contact has its own stages; a fault on the way to where it led is that hop's."""
    return state.stage if state.visited else CONTACT_STAGES.get(fault.kind, state.stage)


def _reason(state: State, fault: Fault) -> Reason:
    if fault.kind is FaultKind.ADDRESS_FORBIDDEN:
        is_own = origin_of(state.url).host == state.home.host
        return Reason.TARGET_FORBIDDEN if is_own else Reason.REDIRECT_FORBIDDEN
    if fault.kind in _THROTTLED:
        return Reason.ENDPOINT_THROTTLED
    if fault.kind is FaultKind.BODY_TOO_LARGE:
        return Reason.ENDPOINT_TOO_LARGE
    return RENAMED.get(fault.kind) or Reason(fault.kind.value)


def _retry(state: State, failure: Failure, pause_seconds: float = 0.0) -> Send:
    """Ask once more on a new connection after a short pause. What the first try took is not the answer's time."""
    delay = max(jitter_seconds(state.plan, state.url), pause_seconds)
    return _send(replace(state, retries=1, first_failure=failure), delay_seconds=delay)


def _send(state: State, *, delay_seconds: float = 0.0) -> Send:
    plan = state.plan
    is_home = not state.has_left_home
    ask = Ask(
        id=state.asked + 1,
        method=state.method,
        url=state.url,
        stage=state.stage,
        headers=_headers(state) if is_home else (),
        body=plan.body.encode("utf-8", "replace") if is_home and state.method == plan.method else b"",
        body_rule=BodyRule.BEGINNING,
        limit_bytes=state.limits.endpoint_bytes,
        # What may not be sent twice must not meet a connection that has died at rest.
        fresh_connection=state.retries > 0 or state.method not in ("GET", "HEAD"),
        delay_seconds=delay_seconds,
        shows_identity=bool(state.secret.client_identity) and is_home,
        is_guest=state.has_left_home,
    )
    return Send(replace(state, asked=ask.id), ask)


def _headers(state: State) -> tuple[tuple[str, str], ...]:
    """Return what is sent to the endpoint's own origin, and nowhere else: the one place where a login comes from."""
    name = state.plan.login_header
    if not state.has_login:
        return state.plan.headers
    if state.plan.is_login_as_it_is:
        login = state.secret.bearer or state.secret.password
    elif state.secret.bearer:
        login = f"Bearer {state.secret.bearer}"
    else:
        login = basic(state.secret)
    return (*state.plan.headers, (name, login))


def _done(state: State, failure: Failure | None) -> Done:
    reason = failure.reason if failure else Reason.OK
    secrets = state.secrets
    return Done(
        Conclusion(
            reason=reason,
            canonical=scrub_url(state.plan.reference, secrets),
            stage=failure.stage if failure else None,
            host=scrub_host(failure.host, secrets) if failure else None,
            hint=reason.meaning.hint,
            detail=scrub(clean_text(failure.detail, _SHOWN_DETAIL), secrets) if failure else "",
            retry_at=failure.retry_at if failure else None,
            attempts=state.retries + 1,
            auth_path="fresh" if state.has_login else "none",
        ),
        secrets=secrets,
    )


def _refused(plan: EndpointPlan, detail: str) -> Done:
    reason = Reason.ENDPOINT_INVALID
    return Done(
        Conclusion(
            reason=reason,
            canonical=plan.reference,
            stage=Stage.PARSE,
            hint=reason.meaning.hint,
            detail=clean_text(detail, _SHOWN_DETAIL),
        )
    )
