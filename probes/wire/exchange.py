"""One ask put on the wire, and the reply or fault that came of it: the door between driver and transport."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, cast

import httpx

from probes.protocol.exchange import Ask, BodyRule, Event, Fault, FaultKind, Headers, Reply
from probes.protocol.outcome import Certificate, ConnectionKind
from probes.protocol.request_ids import request_id
from probes.protocol.urls import Origin, origin_of
from probes.wire.faults import WireFault, printable
from probes.wire.http1 import Reading
from probes.wire.limits import Limits
from probes.wire.route import TERMS, Route, Terms, Trace
from probes.wire.transport import GuardedTransport, ReplyBody

Header = tuple[bytes, bytes]

_NO_BODY: Final = httpx.ByteStream(b"")
_OURS: Final = frozenset({b"host", b"user-agent", b"accept-encoding"})
_WITH_LENGTH: Final = frozenset({"POST", "PUT", "PATCH"})  # also of nothing (RFC 9110, 8.6)
_UP_TO_FRAGMENT: Final = re.compile(r"[^/?#]*//[^/?#]*([^#]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRecord:
    """How one exchange went. Durations in milliseconds; None where a phase did not happen.

    `host` carries its port unless that is the scheme's default. `bytes` counts the body as it was received.
    `http_status` is set as soon as a status arrived, also when the body then failed. `mixed_scope` tells that
    DNS named admitted and refused addresses side by side (row N5).
    """

    host: str
    address: str | None
    connection: ConnectionKind | None
    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None
    total_ms: float
    bytes: int
    http_status: int | None
    certificate: Certificate | None
    mixed_scope: bool
    local_address: str | None = None  # of ours, where a connection was made
    is_shared: bool = False
    request_id: str | None = None

    def shared(self, waited_ms: float) -> "ExchangeRecord":
        """Return the record for a check that waited for this exchange, used no connection and sent nothing."""
        return replace(
            self,
            connection=None,
            dns_ms=None,
            connect_ms=None,
            tls_ms=None,
            first_byte_ms=None,
            total_ms=waited_ms,
            bytes=0,
            is_shared=True,
        )


Record = tuple[Ask, str | None, ExchangeRecord]
"""What was asked, the kind of its fault if any, and how it went. Not its event: no body outlives its reading."""


def recorded(ask: Ask, event: Event, record: ExchangeRecord) -> Record:
    """Return what a check's account keeps of an exchange."""
    return ask, event.kind.value if isinstance(event, Fault) else None, record


async def perform(
    transport: GuardedTransport,
    ask: Ask,
    route: Route,
    limits: Limits,
    deadline: float,
    *,
    identity_pem: str = "",
    registry: str = "",
) -> tuple[Event, ExchangeRecord]:
    """Make the exchange that `ask` wants, and return its one event together with its record.

    `deadline` is the check's, on the running loop's clock. `ask.delay_seconds` is the driver's to wait.
    `identity_pem` is shown to the peers of asks that say so; `registry` is whom the check is about.
    An ask that cannot be put on the wire (control characters, not a URL, `http` off its route) is an
    INTERNAL fault. Only cancellation and the interpreter's own exits are raised.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    trace = Trace()
    host = ""
    status: int | None = None
    reading: Reading | None = None
    event: Event
    try:
        origin = origin_of(ask.url)
        host = origin.netloc
        terms = Terms(
            route=route,
            limits=limits,
            deadline=deadline,
            fresh=ask.fresh_connection,
            identity_pem=identity_pem if ask.shows_identity else "",
            registry=registry,
            trace=trace,
        )
        request = _request(ask, origin, transport.user_agent, terms)
        response = await transport.handle_async_request(request)
        status = response.status_code
        body = cast("ReplyBody", response.stream)
        reading = body.reading
        try:
            content, is_cut = await _content(ask, reading, limits)
        finally:
            body.release()
        event = Reply(
            ask_id=ask.id,
            status=status,
            headers=Headers(_texts(reading.headers)),
            body=content,
            received_at=datetime.now(UTC),
            elapsed_ms=round((loop.time() - started) * 1000, 3),
            is_cut=is_cut,
            certificate_not_after=trace.certificate.not_after if trace.certificate else None,
        )
    except WireFault as fault:
        received = reading.received_bytes if reading is not None else 0
        event = Fault(ask_id=ask.id, kind=fault.kind, detail=fault.detail, received_bytes=received)
    except (ValueError, httpx.InvalidURL) as error:
        event = Fault(ask_id=ask.id, kind=FaultKind.INTERNAL, detail=printable(str(error)))
    return event, ExchangeRecord(
        host=host,
        address=trace.address,
        connection=trace.connection,
        dns_ms=trace.dns_ms,
        connect_ms=trace.connect_ms,
        tls_ms=trace.tls_ms,
        first_byte_ms=trace.first_byte_ms,
        total_ms=round((loop.time() - started) * 1000, 3),
        bytes=reading.received_bytes if reading is not None else 0,
        http_status=status,
        certificate=trace.certificate,
        mixed_scope=trace.mixed_scope,
        local_address=trace.local_address,
        request_id=request_id(_texts(reading.headers)) if reading is not None else None,
    )


def _texts(headers: Iterable[Header]) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


async def _content(ask: Ask, reading: Reading, limits: Limits) -> tuple[bytes, bool]:
    """Return as much of the body as the ask's rule lets through, and whether it is known to be more."""
    if 300 <= reading.status < 400:
        return b"", False  # row B20
    if ask.body_rule is BodyRule.BEGINNING:
        return await reading.beginning(ask.limit_bytes)
    if not 200 <= reading.status < 300:
        return await reading.body_so_far(limits.error_body_bytes), False
    limit = ask.limit_bytes
    if ask.body_rule is BodyRule.PROBE:
        limit = limits.probe_body_bytes
        if not reading.is_complete and (reading.declared_length is None or reading.declared_length > limit):
            return b"", True
    return await reading.body(limit), False


def _request(ask: Ask, origin: Origin, user_agent: str, terms: Terms) -> httpx.Request:
    """Build the request. Its target goes out byte for byte: signed URLs must not be normalised."""
    url, ours = _of_every_request(origin, user_agent)
    headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in ask.headers]
    given = {name.lower() for name, _ in headers}
    if not given.isdisjoint(_OURS):
        ours = tuple(header for header in ours if header[0].lower() not in given)
    first = 0 if b"host" in given else 1
    headers = [*ours[:first], *headers, *ours[first:]]
    stream = _NO_BODY
    if ask.body or ask.method in _WITH_LENGTH:
        headers.append((b"Content-Length", b"%d" % len(ask.body)))
        stream = httpx.ByteStream(ask.body)
    return httpx.Request(
        ask.method, url, headers=headers, stream=stream, extensions={TERMS: terms, "target": _target(ask.url)}
    )


def _target(url: str) -> bytes:
    """Return path and query of an absolute URL as they stand."""
    found = _UP_TO_FRAGMENT.match(url)
    target = found[1] if found else ""
    return (target if target.startswith("/") else f"/{target}").encode("ascii")


@lru_cache(maxsize=1024)
def _of_every_request(origin: Origin, user_agent: str) -> tuple[httpx.URL, tuple[Header, ...]]:
    """Return what does not change: parsing a URL costs httpx more than all else that it does for a request."""
    return httpx.URL(str(origin)), (
        (b"Host", origin.netloc.encode("ascii")),
        (b"User-Agent", user_agent.encode("ascii")),
        (b"Accept-Encoding", b"identity"),
    )
