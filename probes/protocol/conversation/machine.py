"""The two functions that drive a conversation: `start` and `advance`."""

from typing import Final

from probes.protocol.conversation.authorisation import on_ping, on_token, on_unauthorised, recall, renew
from probes.protocol.conversation.blobs import on_blob, on_config
from probes.protocol.conversation.documents import ALL_PLATFORMS, on_child, on_manifest, on_resolve, resolve
from probes.protocol.conversation.hops import REDIRECTS, follow, on_fault
from probes.protocol.conversation.state import Done, Errand, Failure, Memory, Purpose, Send, State
from probes.protocol.conversation.turn import Turn
from probes.protocol.errors import TRANSIENT_STATUSES, common_refusal, read_error, read_rate_limit, retry_at
from probes.protocol.exchange import Event, Fault, Reply
from probes.protocol.outcome import Conclusion
from probes.protocol.plan import ANONYMOUS, Plan, Secret
from probes.protocol.platform import Platform, PlatformInvalid
from probes.protocol.reference import ReferenceInvalid, parse_reference
from probes.protocol.taxonomy import Reason, Stage, Warn
from probes.protocol.urls import UrlRefused, origin_of

_READERS: Final = {
    Purpose.RESOLVE: on_resolve,
    Purpose.MANIFEST: on_manifest,
    Purpose.CHILD: on_child,
    Purpose.CONFIG: on_config,
    Purpose.BLOB: on_blob,
    Purpose.PING: on_ping,
    Purpose.TOKEN: on_token,
}


class UnexpectedEventError(LookupError):
    """An event for an ask that is not in flight: the driver's mistake. The state is as it was."""


def start(plan: Plan, secret: Secret = ANONYMOUS, memory: Memory | None = None) -> Send | Done:
    """Begin the conversation for `plan`. A plan that cannot be asked about is done before any packet."""
    try:
        reference = parse_reference(plan.reference)
        for platform in plan.platforms:
            if platform != ALL_PLATFORMS:
                Platform.parse(platform)
        scheme = "http" if plan.site.plain_http else "https"
        registry = origin_of(f"{scheme}://{plan.site.api_host or reference.api_host}")
    except ReferenceInvalid as error:
        return _refused(plan, error.reason, f"{error.message} (at character {error.position + 1})")
    except (PlatformInvalid, UrlRefused) as error:
        return _refused(plan, Reason.REF_INVALID, str(error))
    turn = Turn(State(plan=plan, secret=secret, reference=reference, registry=registry, warnings=reference.warnings))
    recall(turn, memory or Memory(), resolve(turn))
    return turn.finish()


def advance(state: State, event: Event) -> Send | Done:
    """Move the conversation on by one reply or fault. `state` itself is not changed.

    Raises `UnexpectedEventError` when nothing with the event's `ask_id` is in flight.
    """
    if event.ask_id not in state.in_flight:
        raise UnexpectedEventError(event.ask_id)
    turn = Turn(state)
    errand = turn.state.in_flight.pop(event.ask_id)
    if isinstance(event, Fault):
        on_fault(turn, errand, event)
    else:
        _on_reply(turn, errand, event)
    return turn.finish()


def _on_reply(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Deal with what any reply may be, then hand it to the reader for its purpose."""
    state = turn.state
    is_from_registry = not errand.has_left_home and errand.purpose is not Purpose.TOKEN
    if is_from_registry:
        state.rate_limit = read_rate_limit(reply.headers) or state.rate_limit
        if state.rate_limit and state.rate_limit.remaining == 0 and reply.status == 200:
            turn.warn(Warn.PULL_QUOTA_EXHAUSTED)
    if "warning" in reply.headers:
        turn.warn(Warn.REGISTRY_WARNING)
    if errand.purpose in (Purpose.TOKEN, Purpose.PING):
        _READERS[errand.purpose](turn, errand, reply)
    elif reply.status in REDIRECTS:
        follow(turn, errand, reply)
    elif reply.status == 401 and is_from_registry:
        on_unauthorised(turn, errand, reply)
    elif reply.status == 401:
        turn.fail(errand, Reason.REDIRECT_AUTH_REQUIRED)
    elif reply.status in (400, 403) and is_from_registry and state.login.path == "cached":
        renew(turn, errand)
    elif reply.status in TRANSIENT_STATUSES and not errand.retries and errand.purpose is not Purpose.RESOLVE:
        error = read_error(reply.body)
        failure = Failure(
            reason=common_refusal(reply, error),
            stage=errand.stage,
            host=origin_of(errand.url).netloc,
            detail=error.text or f"HTTP {reply.status}",
            retry_at=retry_at(reply.headers, reply.received_at) if reply.status == 503 else None,
        )
        turn.retry(errand, failure, fresh_connection=False)
    else:
        _READERS[errand.purpose](turn, errand, reply)


def _refused(plan: Plan, reason: Reason, detail: str) -> Done:
    return Done(
        Conclusion(
            reason=reason,
            canonical=plan.reference,
            stage=Stage.PARSE,
            hint=reason.meaning.hint,
            detail=detail,
        )
    )
