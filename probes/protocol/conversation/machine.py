"""The two functions that drive a conversation: `start` and `advance`."""

from dataclasses import replace
from functools import lru_cache
from typing import Final

from probes.protocol.conversation.authorisation import (
    offered_login,
    on_ping,
    on_refusal,
    on_token,
    recall,
    take_up_offer,
)
from probes.protocol.conversation.blobs import on_blob, on_config
from probes.protocol.conversation.documents import on_child, on_confirm, on_manifest, on_resolve, on_tag, resolve
from probes.protocol.conversation.guests import on_guest_token, on_strangers_refusal, on_trial
from probes.protocol.conversation.hops import follow, is_worth_a_retry, on_fault
from probes.protocol.conversation.known import NOTHING_KNOWN, Known
from probes.protocol.conversation.state import Done, Errand, Memory, Purpose, Send, State
from probes.protocol.conversation.turn import Turn
from probes.protocol.errors import common_refusal, is_double_auth, pause_seconds, read_error, read_rate_limit
from probes.protocol.exchange import Event, Fault, Reply
from probes.protocol.limits import DEFAULT_LIMITS, CheckLimits
from probes.protocol.notices import read_notices, within
from probes.protocol.outcome import Conclusion
from probes.protocol.plan import ALL_PLATFORMS, ANONYMOUS, Plan, Secret, Site
from probes.protocol.platform import Platform, PlatformInvalid
from probes.protocol.redirects import REDIRECTS
from probes.protocol.reference import Reference, ReferenceInvalid, parse_reference, serves
from probes.protocol.taxonomy import Reason, Stage, Warn
from probes.protocol.token import never_shown
from probes.protocol.urls import Origin, UrlRefused, origin_of

_ASIDE: Final = {
    Purpose.TOKEN: on_token,
    Purpose.GUEST_TOKEN: on_guest_token,
    Purpose.TRIAL: on_trial,
}
_READERS: Final = {
    Purpose.RESOLVE: on_resolve,
    Purpose.MANIFEST: on_manifest,
    Purpose.CHILD: on_child,
    Purpose.CONFIG: on_config,
    Purpose.BLOB: on_blob,
    Purpose.PING: on_ping,
    Purpose.CONFIRM: on_confirm,
}


class UnexpectedEventError(LookupError):
    """An event for an ask that is not in flight: the driver's mistake. The state is as it was."""


def start(
    plan: Plan,
    secret: Secret = ANONYMOUS,
    memory: Memory | None = None,
    known: Known = NOTHING_KNOWN,
    limits: CheckLimits = DEFAULT_LIMITS,
) -> Send | Done:
    """Begin the conversation for `plan`. A plan that cannot be asked about is done before any packet."""
    try:
        reference = parse_reference(plan.reference)
        for platform in plan.platforms:
            if platform != ALL_PLATFORMS:
                Platform.parse(platform)
        registry = registry_origin(plan.site, reference)
    except ReferenceInvalid as error:
        return _refused(plan, error.reason, f"{error.message} (at character {error.position + 1})")
    except (PlatformInvalid, UrlRefused) as error:
        return _refused(plan, Reason.REF_INVALID, str(error))
    state = State(
        plan=plan,
        secret=secret,
        reference=reference,
        registry=registry,
        known=known,
        limits=limits,
        warnings=reference.warnings,
        secrets=never_shown(secret),
    )
    turn = Turn(state)
    recall(turn, memory or Memory(), resolve(turn))
    return turn.finish()


def registry_origin(site: Site, reference: Reference) -> Origin:
    """Return where the API of the reference's registry is. Raises `UrlRefused`."""
    return _origin_at("http" if site.plain_http else "https", site.api_host or reference.api_host)


@lru_cache(maxsize=1024)
def _origin_at(scheme: str, host: str) -> Origin:
    return origin_of(f"{scheme}://{host}")


def advance(state: State, event: Event) -> Send | Done:
    """Move the conversation on by one reply or fault. `state` itself is not changed.

    Raises `UnexpectedEventError` when nothing with the event's `ask_id` is in flight.
    """
    if event.ask_id not in state.in_flight:
        raise UnexpectedEventError(event.ask_id)
    turn = Turn(state.copy())
    errand = turn.state.in_flight.pop(event.ask_id)
    turn.state.received_bytes += event.received_bytes
    if turn.state.settled and errand.purpose not in _ASIDE:
        return turn.finish()  # it was asked before the check was settled
    if isinstance(event, Fault):
        on_fault(turn, errand, event)
    else:
        _on_reply(turn, errand, event)
    return turn.finish()


def _on_reply(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Deal with what any reply may be, then hand it to the reader for its purpose."""
    if errand.purpose in _ASIDE:
        _ASIDE[errand.purpose](turn, errand, reply)
        return
    if not errand.has_left_home:
        _note_rate_limit(turn, reply)
        _note_words(turn, reply)
    if reply.status in REDIRECTS:
        follow(turn, errand, reply)
    elif errand.purpose is Purpose.TAG:
        on_tag(turn, reply)
    elif errand.has_left_home and reply.status == 401:
        on_strangers_refusal(turn, errand, reply)
    elif errand.has_left_home and is_double_auth(reply):
        turn.end(errand.failure(Reason.INTERNAL_ERROR, "a login went along with a redirect to storage"))  # row B12
    elif is_worth_a_retry(turn, errand, reply):
        error = read_error(reply.body)
        failure = errand.refusal(common_refusal(reply, error), reply, error)
        turn.retry(errand, failure, pause_seconds=pause_seconds(reply))
    elif not on_refusal(turn, errand, reply):
        _read(turn, errand, reply)


def _read(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Hand the reply to its reader; what comes of it waits for a login, if one was offered beside it."""
    offered = offered_login(turn, errand, reply)
    if offered:
        turn.state.login = replace(turn.state.login, is_under_way=True)
    _READERS[errand.purpose](turn, errand, reply)
    if offered:
        take_up_offer(turn, errand, offered)


def _note_words(turn: Turn, reply: Reply) -> None:
    """Keep what the registry says of itself beside its answer (rows M26, M27)."""
    state = turn.state
    if "warning" in reply.headers:
        notices = read_notices(reply.headers.all("warning"))
        state.notices = within((*state.notices, *notices), state.limits.notice_bytes)
        turn.warn(*[Warn.REGISTRY_WARNING for _ in notices[:1]])
    if state.plan.site.api_host and reply.status == 200:
        namespace = reply.headers.get("oci-namespace").strip()
        if namespace and not serves(namespace, state.reference.host):
            turn.warn(Warn.NAMESPACE_MISMATCH)


def _note_rate_limit(turn: Turn, reply: Reply) -> None:
    quota = read_rate_limit(reply.headers)
    if quota is None:
        return
    turn.state.rate_limit = quota
    if reply.status != 200 or quota.remaining is None:
        return
    if quota.remaining == 0:
        turn.warn(Warn.PULL_QUOTA_EXHAUSTED)
    elif quota.remaining * 10 < (quota.limit or 0):
        turn.warn(Warn.PULL_QUOTA_LOW)


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
