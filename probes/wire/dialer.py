"""From an origin to a connection: resolve, test every address, dial a tested one, prove the name by TLS.

The guard decides on the address about to be dialled, never on a string (N4, N5, S3): nothing below this module
resolves a name again. Each phase has its own time and is measured by the loop's monotonic clock.
"""

import asyncio
import errno
import os
import socket
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, ip_address
from itertools import zip_longest
from typing import Final

from probes.protocol.addresses import Address, admit
from probes.protocol.exchange import FaultKind
from probes.protocol.urls import Origin
from probes.wire import tls
from probes.wire.channel import Channel
from probes.wire.connection import Connection
from probes.wire.faults import WireFault
from probes.wire.limits import Limits
from probes.wire.resolver import Resolver
from probes.wire.route import Terms

_OUT_OF_MEANS: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_TELLING: Final = (  # of several addresses' faults, the first kind here is reported
    FaultKind.INTERNAL,
    FaultKind.CONNECT_REFUSED,
    FaultKind.CONNECT_TIMEOUT,
    FaultKind.CONNECT_UNREACHABLE,
)


class Dialer:
    """Makes connections and knows all that are open. Use it on one event loop; `aclose` it at the end."""

    def __init__(self, limits: Limits) -> None:
        self._limits: Final = limits
        self._resolver = Resolver()
        self._open: set[Channel] = set()
        self._phases: set[asyncio.Timeout] = set()
        self._dialling = 0
        self._closed = False
        self._drained = asyncio.Event()

    @property
    def open_count(self) -> int:
        return len(self._open)

    async def dial(self, origin: Origin, terms: Terms) -> Connection:
        """Return a new connection to `origin`; note addresses, times and certificate in `terms.trace`.

        Raises `WireFault`.
        """
        if self._closed:
            raise WireFault(FaultKind.ABORTED, "closed on our side")
        self._dialling += 1
        try:
            addresses = await self._admitted(origin.host, terms)
            channel, address = await self._connect(addresses, origin.port, terms)
            try:
                if origin.scheme == "https":
                    await self._secure(channel, origin.host, terms)
            except BaseException:
                channel.abort()
                raise
            return Connection(channel, self._limits, address=str(address), certificate=terms.trace.certificate)
        finally:
            self._dialling -= 1
            self._note_drained()

    async def aclose(self) -> None:
        """Close every connection, stop every dial under way, and return when no socket is left."""
        self._closed = True
        for phase in self._phases:
            if not phase.expired():
                phase.reschedule(asyncio.get_running_loop().time())
        for channel in list(self._open):
            channel.abort()
        self._note_drained()
        await self._drained.wait()
        self._resolver.close()

    async def _admitted(self, host: str, terms: Terms) -> list[Address]:
        """Return the addresses of `host` that the guard admits, families taking turns."""
        bare = host.strip("[]")
        if (named := terms.route.resolve.get(host)) is None:
            named = (bare,) if _is_address(bare) else await self._look_up(bare, terms)
        verdicts = [admit(address, terms.route.allowed) for address in named]
        admitted = [verdict.address for verdict in verdicts if verdict.admitted]
        if not admitted:
            refused = verdicts[0]
            terms.trace.address = str(refused.address)
            why = refused.why.replace("_", " ")
            raise WireFault(FaultKind.ADDRESS_FORBIDDEN, f"{refused.address} may not be dialled: {why}")
        terms.trace.mixed_scope = len(admitted) < len(verdicts)
        return _taking_turns(admitted)[: self._limits.addresses_tried]

    async def _look_up(self, name: str, terms: Terms) -> tuple[str, ...]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with self._phase(terms, terms.limits.dns_seconds, FaultKind.DNS_TEMPORARY, "DNS"):
            found = await self._resolver.addresses(name)
        terms.trace.dns_ms = _ms(loop.time() - began)
        return found

    async def _connect(self, addresses: Sequence[Address], port: int, terms: Terms) -> tuple[Channel, Address]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        terms.trace.address = str(addresses[0])
        async with self._phase(terms, terms.limits.connect_seconds, FaultKind.CONNECT_TIMEOUT, "TCP"):
            connected, address = await _first_connected(addresses, port, terms.limits.stagger_seconds)
            terms.trace.address = str(address)
            terms.trace.connection = "new"
            channel = Channel(self._lost)
            self._open.add(channel)
            await loop.create_connection(lambda: channel, sock=connected)
        terms.trace.connect_ms = _ms(loop.time() - began)
        return channel, address

    async def _secure(self, channel: Channel, host: str, terms: Terms) -> None:
        loop = asyncio.get_running_loop()
        name = host.strip("[]").rstrip(".")
        context = tls.context_for(terms.route.ca_pem)
        began = loop.time()
        async with self._phase(terms, terms.limits.tls_seconds, FaultKind.CONNECT_TIMEOUT, "TLS"):
            peer = await channel.secure(context, name)
        terms.trace.tls_ms = _ms(loop.time() - began)
        terms.trace.certificate = tls.certificate_of(host, peer)

    @asynccontextmanager
    async def _phase(self, terms: Terms, seconds: float, late: FaultKind, what: str) -> AsyncIterator[None]:
        """Bound what is done inside by `seconds` and by the check's deadline."""
        due = asyncio.get_running_loop().time() + seconds
        bound = asyncio.timeout_at(min(due, terms.deadline))
        try:
            async with bound:
                self._phases.add(bound)
                yield
        except TimeoutError:
            if self._closed:
                raise WireFault(FaultKind.ABORTED, "closed on our side") from None
            if terms.deadline < due:
                raise WireFault(FaultKind.TIMEOUT_TOTAL, f"the check's time ran out in {what}") from None
            raise WireFault(late, f"{what} took more than {seconds:g} s") from None
        finally:
            self._phases.discard(bound)

    def _lost(self, channel: Channel) -> None:
        self._open.discard(channel)
        self._note_drained()

    def _note_drained(self) -> None:
        if self._closed and not self._open and not self._dialling:
            self._drained.set()


async def _first_connected(
    addresses: Iterable[Address], port: int, stagger_seconds: float
) -> tuple[socket.socket, Address]:
    """Connect to the addresses in order, each with a head start over the next; return the first to answer.

    Raises the most telling of their `WireFault`s when none does.
    """
    waiting = deque(addresses)
    attempts: dict[asyncio.Task[socket.socket], Address] = {}
    pending: set[asyncio.Task[socket.socket]] = set()
    faults: list[WireFault] = []
    try:
        while waiting or pending:
            if waiting:
                address = waiting.popleft()
                attempt = asyncio.create_task(_attempt(address, port))
                attempts[attempt] = address
                pending.add(attempt)
            done, pending = await asyncio.wait(
                pending, timeout=stagger_seconds if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in done:
                address = attempts.pop(attempt)
                error = attempt.exception()
                if error is None:
                    return attempt.result(), address
                if not isinstance(error, OSError):
                    raise error
                faults.append(_connect_fault(error, address))
    finally:
        for attempt in attempts:
            _call_off(attempt)
    raise min(faults, key=lambda fault: _TELLING.index(fault.kind))


def _call_off(attempt: asyncio.Task[socket.socket]) -> None:
    """Let go of an attempt that lost: it closes its socket when cancelled, and one that it has is closed here."""
    if not attempt.cancel() and not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _attempt(address: Address, port: int) -> socket.socket:
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    attempt = socket.socket(family, socket.SOCK_STREAM)
    try:
        attempt.setblocking(False)
        await asyncio.get_running_loop().sock_connect(attempt, (str(address), port))
    except BaseException:
        attempt.close()
        raise
    return attempt


def _connect_fault(error: OSError, address: Address) -> WireFault:
    kind = FaultKind.CONNECT_UNREACHABLE
    if isinstance(error, ConnectionRefusedError):
        kind = FaultKind.CONNECT_REFUSED
    elif isinstance(error, TimeoutError):
        kind = FaultKind.CONNECT_TIMEOUT
    elif error.errno in _OUT_OF_MEANS:
        kind = FaultKind.INTERNAL
    return WireFault(kind, f"{address}: {os.strerror(error.errno) if error.errno else error}")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _taking_turns(addresses: Iterable[Address]) -> list[Address]:
    """Order addresses so that the families alternate, beginning with the resolver's favourite."""
    families: dict[int, list[Address]] = {}
    for address in dict.fromkeys(addresses):
        families.setdefault(address.version, []).append(address)
    return [address for turn in zip_longest(*families.values()) for address in turn if address is not None]


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
