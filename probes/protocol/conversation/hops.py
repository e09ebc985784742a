"""Redirects, followed by hand, and exchanges that gave no reply.

Source: behaviour rows N2 to N15, M28, B11 to B21, E16, E19. A redirect is a new request to a new place, built
from nothing; where it may lead is decided here, and which address may be dialled is decided by the dialer.
"""

from dataclasses import replace
from typing import Final

from probes.protocol.conversation.state import MAX_HOPS, Errand, Failure, Purpose
from probes.protocol.conversation.turn import Turn
from probes.protocol.exchange import Fault, FaultKind, Reply
from probes.protocol.taxonomy import Reason, Retry, Stage
from probes.protocol.urls import UrlRefused, origin_of, resolve_url

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_CONTACT_STAGES: Final = {
    FaultKind.DNS_NXDOMAIN: Stage.DNS,
    FaultKind.DNS_TEMPORARY: Stage.DNS,
    FaultKind.ADDRESS_FORBIDDEN: Stage.DNS,
    FaultKind.CONNECT_REFUSED: Stage.CONNECT,
    FaultKind.CONNECT_TIMEOUT: Stage.CONNECT,
    FaultKind.CONNECT_UNREACHABLE: Stage.CONNECT,
    FaultKind.TLS_EXPIRED: Stage.TLS,
    FaultKind.TLS_HOSTNAME: Stage.TLS,
    FaultKind.TLS_PROTOCOL: Stage.TLS,
    FaultKind.TLS_UNTRUSTED: Stage.TLS,
}
_SLOW: Final = frozenset({FaultKind.CONNECT_TIMEOUT, FaultKind.TIMEOUT_HEADERS, FaultKind.TIMEOUT_BODY})
_FINAL: Final = frozenset({FaultKind.TIMEOUT_TOTAL, FaultKind.PROTOCOL_ERROR, FaultKind.ABORTED, FaultKind.INTERNAL})
_RENAMED: Final = {
    FaultKind.ABORTED: Reason.PROBE_ABORTED,
    FaultKind.INTERNAL: Reason.INTERNAL_ERROR,
}


def follow(turn: Turn, errand: Errand, reply: Reply) -> None:
    """Go where the registry points, if it may be gone to."""
    location = reply.headers.get("location")
    if not location:
        turn.fail(errand, Reason.PROTOCOL_ERROR, f"HTTP {reply.status} without a Location")  # row M30
        return
    try:
        url = resolve_url(errand.url, location)
        origin = origin_of(url)
    except UrlRefused as refusal:
        turn.fail(errand, Reason.REDIRECT_FORBIDDEN, f"redirect: {refusal}")
        return
    if origin.scheme != "https" and origin != turn.state.registry:
        turn.fail(errand, Reason.REDIRECT_INSECURE, f"redirect to {origin}")
        return
    if errand.hops >= MAX_HOPS or url in (*errand.visited, errand.url):
        turn.fail(errand, Reason.REDIRECT_LOOP, f"after {errand.hops + 1} redirects")
        return
    turn.send(
        replace(
            errand,
            url=url,
            visited=(*errand.visited, errand.url),
            has_left_home=errand.has_left_home or origin != turn.state.registry,
            delay_seconds=0.0,
        )
    )


def on_fault(turn: Turn, errand: Errand, fault: Fault) -> None:
    """Retry an exchange that gave no reply, or record what it means."""
    origin = origin_of(errand.url)
    is_first_contact = origin == turn.state.registry and not errand.visited and errand.purpose is not Purpose.TOKEN
    failure = Failure(
        reason=_reason(errand, fault, is_own_target=origin.host == turn.state.registry.host),
        stage=_stage(errand, fault) if is_first_contact else errand.stage,
        host=origin.netloc,
        detail=fault.detail,
    )
    helps = failure.reason.meaning.retry in (Retry.ONCE, Retry.YES) and fault.kind not in _FINAL
    if helps and not errand.retries:
        turn.retry(errand, failure, fresh_connection=True)
    elif errand.purpose is Purpose.RESOLVE and fault.kind is FaultKind.CONNECTION_RESET:
        # Some front ends drop HEAD on the floor and answer GET (row N12).
        turn.send(replace(errand, purpose=Purpose.MANIFEST, method="GET"))
    elif fault.kind in _FINAL:
        turn.end(failure)
    else:
        turn.record(errand, errand.first_failure or failure)


def _stage(errand: Errand, fault: Fault) -> Stage:
    """The registry's own DNS, connect and TLS faults are stages; those on the way to a later hop are not."""
    if errand.purpose not in (Purpose.RESOLVE, Purpose.MANIFEST, Purpose.PING):
        return errand.stage
    return _CONTACT_STAGES.get(fault.kind, errand.stage)


def _reason(errand: Errand, fault: Fault, *, is_own_target: bool) -> Reason:
    if fault.kind is FaultKind.ADDRESS_FORBIDDEN:
        if is_own_target:
            return Reason.TARGET_FORBIDDEN
        return Reason.AUTH_REALM_FORBIDDEN if errand.purpose is Purpose.TOKEN else Reason.REDIRECT_FORBIDDEN
    if fault.kind is FaultKind.BODY_TOO_LARGE:
        if errand.purpose is Purpose.TOKEN:
            return Reason.AUTH_TOKEN_TOO_LARGE
        return Reason.SIZE_MISMATCH if errand.purpose is Purpose.CONFIG else Reason.MANIFEST_TOO_LARGE
    if errand.purpose is Purpose.TOKEN and fault.kind in _SLOW:
        return Reason.AUTH_SERVICE_TIMEOUT
    return _RENAMED.get(fault.kind) or Reason(fault.kind.value)
