"""Redirects, followed by hand, and exchanges that gave no reply.

Source: behaviour rows N2 to N15, M28, B11 to B21, E16, E19. A redirect is a new request to a new place, built
from nothing; `redirects` decides where it may lead, and the dialer which address may be dialled.
"""

from dataclasses import replace
from typing import Final

from probes.protocol.conversation.state import Errand, Purpose
from probes.protocol.conversation.turn import Turn
from probes.protocol.errors import TRANSIENT_STATUSES, pause_seconds
from probes.protocol.exchange import Fault, FaultKind, Reply
from probes.protocol.redirects import HopRefused, next_place
from probes.protocol.taxonomy import Reason, Retry, Stage
from probes.protocol.urls import origin_of

CONTACT_STAGES: Final = {
    FaultKind.DNS_NXDOMAIN: Stage.DNS,
    FaultKind.DNS_TEMPORARY: Stage.DNS,
    FaultKind.ADDRESS_FORBIDDEN: Stage.DNS,
    FaultKind.CONNECT_REFUSED: Stage.CONNECT,
    FaultKind.CONNECT_TIMEOUT: Stage.CONNECT,
    FaultKind.CONNECT_UNREACHABLE: Stage.CONNECT,
    FaultKind.PROXY_AUTH: Stage.CONNECT,
    FaultKind.PROXY_FAILED: Stage.CONNECT,
    FaultKind.TLS_EXPIRED: Stage.TLS,
    FaultKind.TLS_HOSTNAME: Stage.TLS,
    FaultKind.TLS_PROTOCOL: Stage.TLS,
    FaultKind.TLS_UNTRUSTED: Stage.TLS,
}
_SLOW: Final = frozenset({FaultKind.CONNECT_TIMEOUT, FaultKind.TIMEOUT_HEADERS, FaultKind.TIMEOUT_BODY})
ENDING: Final = frozenset({FaultKind.ABORTED, FaultKind.INTERNAL})
_FIRST_CONTACTS: Final = frozenset({Purpose.RESOLVE, Purpose.MANIFEST, Purpose.PING})
_TOKENS: Final = frozenset({Purpose.TOKEN, Purpose.GUEST_TOKEN})
RENAMED: Final = {
    FaultKind.ABORTED: Reason.PROBE_ABORTED,
    FaultKind.INTERNAL: Reason.INTERNAL_ERROR,
}


def follow(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Go where the registry points, if it may be gone to."""
    home = turn.state.registry
    try:
        url = next_place(errand.url, reply, home=home, visited=errand.visited, most=turn.state.limits.hops)
    except HopRefused as refusal:
        turn.fail(errand, refusal.reason, str(refusal))
        return
    turn.send(
        replace(
            errand,
            url=url,
            visited=(*errand.visited, errand.url),
            has_left_home=errand.has_left_home or origin_of(url) != home,
            delay_seconds=0.0,
        )
    )


def is_worth_a_retry(turn: Turn, errand: Errand, reply: Reply) -> bool:
    """Rows E13, E16: once, and after no longer a wait than the check has time for; that is for later checks.

    Throttling is tried again only if the registry says when. Of anything else that a HEAD meets, a GET makes sure
    in any case (row M8).
    """
    state, pause = turn.state, pause_seconds(reply)
    if errand.retries or errand.purpose is Purpose.TRIAL or pause > state.limits.pause_seconds:
        return False
    if state.pauses_seconds + pause >= state.plan.timeout_seconds:
        return False
    if reply.status == 429:
        return pause > 0
    return reply.status in TRANSIENT_STATUSES and not errand.is_only_a_head


def on_fault(turn: Turn, errand: Errand, fault: Fault) -> None:
    """Retry an exchange that gave no reply, or record what it means."""
    origin = origin_of(errand.url)
    reason = _reason(turn, errand, fault, is_own_target=origin.host == turn.state.registry.host)
    failure = replace(errand.failure(reason, fault.detail, fault.retry_at), stage=_stage(errand, fault))
    helps = reason.meaning.retry in (Retry.ONCE, Retry.YES) and fault.kind is not FaultKind.PROTOCOL_ERROR
    if errand.purpose is Purpose.TAG:
        return  # row R13
    if fault.kind is FaultKind.TIMEOUT_TOTAL:
        turn.end(errand.first_failure or failure)  # row E19: throttling, say, is not slowness
    elif fault.kind in ENDING or turn.state.settled:
        turn.end(failure)
    elif helps and not errand.retries:
        again = errand.read_after_all() if errand.known and errand.is_only_a_head else errand
        turn.retry(again, failure, fresh_connection=True)
    elif errand.purpose is Purpose.RESOLVE and fault.kind is FaultKind.CONNECTION_RESET:
        # Some front ends drop HEAD on the floor and answer GET (row N12).
        turn.send(replace(errand.restarted(), purpose=Purpose.MANIFEST, method="GET"))
    else:
        turn.record(errand, errand.first_failure or failure)


def _stage(errand: Errand, fault: Fault) -> Stage:
    """First contact with the registry has its own stages; a fault on the way to any other hop is that hop's."""
    is_first_contact = errand.purpose in _FIRST_CONTACTS and not errand.has_left_home
    return CONTACT_STAGES.get(fault.kind, errand.stage) if is_first_contact else errand.stage


def _reason(turn: Turn, errand: Errand, fault: Fault, *, is_own_target: bool) -> Reason:
    if fault.kind is FaultKind.ADDRESS_FORBIDDEN:
        if is_own_target:
            return Reason.TARGET_FORBIDDEN
        return Reason.AUTH_REALM_FORBIDDEN if errand.purpose in _TOKENS else Reason.REDIRECT_FORBIDDEN
    if fault.kind is FaultKind.BODY_TOO_LARGE:
        if errand.purpose in _TOKENS:
            return Reason.AUTH_TOKEN_TOO_LARGE
        said = errand.descriptor.size_bytes if errand.descriptor is not None else None
        is_beyond_its_word = said is not None and said <= turn.state.limits.manifest_bytes
        return Reason.SIZE_MISMATCH if is_beyond_its_word else Reason.MANIFEST_TOO_LARGE
    if errand.purpose in _TOKENS and fault.kind in _SLOW:
        return Reason.AUTH_SERVICE_TIMEOUT
    return RENAMED.get(fault.kind) or Reason(fault.kind.value)
