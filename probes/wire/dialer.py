"""From an origin to a connection: resolve, test every address, dial a tested one, prove the name by TLS.

The guard decides on the address about to be dialled, never on a string (N4, N5, S3): nothing below this module
resolves a name again. Where the region has a proxy, that resolves and dials, and only addresses that need no
resolving are tested here. Each phase has its own time and is measured by the loop's monotonic clock.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Final

from probes.protocol.addresses import EVERYWHERE, Address
from probes.protocol.endpoint.plan import OLDEST_TLS
from probes.protocol.exchange import FaultKind
from probes.protocol.proxy import Proxy
from probes.protocol.urls import Origin
from probes.wire import tls
from probes.wire.channel import Channel
from probes.wire.connection import Connection
from probes.wire.faults import WireFault
from probes.wire.limits import Limits
from probes.wire.race import first_connected, taking_turns
from probes.wire.resolver import Resolver
from probes.wire.route import Route, Terms, Trace
from probes.wire.shelf import Shelf
from probes.wire.tunnel import connect_through, over

CONTEXTS_KEPT: Final = 64  # about a megabyte each
_OUR_END: Final = {FaultKind.ABORTED, FaultKind.TIMEOUT_TOTAL, FaultKind.INTERNAL}


class Dialer:
    """Makes connections and knows all that are open. Use it on one event loop; `aclose` it at the end."""

    def __init__(self, limits: Limits) -> None:
        self._limits: Final = limits
        self._resolver = Resolver()
        self._contexts: Shelf[tuple[str, str, str], asyncio.Future[ssl.SSLContext]] = Shelf(CONTEXTS_KEPT)
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
            proxy = terms.route.proxy
            way = self._through(proxy, origin, terms) if proxy else self._direct(origin, terms)
            channel, address = await way
            try:
                if origin.scheme == "https":
                    channel = await self._secure(channel, origin.host, terms)
            except BaseException:
                channel.abort()
                raise
            return Connection(channel, self._limits, address=address, certificate=terms.trace.certificate)
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
        await self._resolver.aclose()

    async def _direct(self, origin: Origin, terms: Terms) -> tuple[Channel, str]:
        """Connect to an address of `origin` that the guard admits."""
        known = _known_addresses(origin, terms.route)
        named = await self._look_up(origin.host, terms) if known is None else known
        admitted = _admitted(named, origin, terms)
        channel, address = await self._connect(admitted[: self._limits.addresses_tried], origin.port, terms)
        return channel, str(address)

    async def _through(self, proxy: Proxy, origin: Origin, terms: Terms) -> tuple[Channel, str | None]:
        """Connect to `origin` through a proxy, which resolves its name. Addresses are tested as ever (row N4).

        The times of the way to the proxy and of what it does for us are one phase: connecting.
        """
        address, host = None, origin.host
        known = _known_addresses(origin, terms.route)
        if known is None and f".{host}".rstrip(".").endswith(".localhost"):
            known = ("127.0.0.1",)  # RFC 6761: it is nobody else, and to a proxy it is the proxy
        if known is not None:
            address = str(_admitted(known, origin, terms)[0])
            host = f"[{address}]" if ":" in address else address
        terms.trace.address = address
        loop = asyncio.get_running_loop()
        began = loop.time()
        channel = await self._to_proxy(proxy, terms)
        try:
            late = terms.limits.dns_seconds + terms.limits.connect_seconds
            async with self._phase(terms, late, FaultKind.CONNECT_TIMEOUT, f"CONNECT by the proxy {proxy.netloc}"):
                await connect_through(proxy, channel, f"{host}:{origin.port}", terms.limits)
        except BaseException:
            channel.abort()
            raise
        terms.trace.connection = "new"
        terms.trace.connect_ms = _ms(loop.time() - began)
        return channel, address

    async def _to_proxy(self, proxy: Proxy, terms: Terms) -> Channel:
        """Return a channel to the proxy. It may be anywhere but at a metadata address: its operator chose it."""
        anywhere = Route(allowed=EVERYWHERE, nat64=terms.route.nat64)
        aside = replace(terms, route=anywhere, trace=Trace(), identity_pem="", registry=proxy.netloc)
        try:
            channel, _ = await self._direct(proxy.origin, aside)
            terms.trace.local_address = aside.trace.local_address
            try:
                if proxy.origin.scheme == "https":
                    await self._prove(channel, proxy.origin.host, await self._context(proxy.ca_pem), aside)
            except BaseException:
                channel.abort()
                raise
        except WireFault as fault:
            if fault.kind in _OUR_END:
                raise
            raise WireFault(FaultKind.PROXY_FAILED, f"the proxy {proxy.netloc}: {fault.detail}") from fault
        return channel

    async def _look_up(self, host: str, terms: Terms) -> tuple[str, ...]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with self._phase(terms, terms.limits.dns_seconds, FaultKind.DNS_TEMPORARY, "DNS"):
            found = await self._resolver.addresses(host, asked_for=terms.registry)
        terms.trace.dns_ms = _ms(loop.time() - began)
        return found

    async def _connect(self, addresses: Sequence[Address], port: int, terms: Terms) -> tuple[Channel, Address]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        terms.trace.address = str(addresses[0])
        async with self._phase(terms, terms.limits.connect_seconds, FaultKind.CONNECT_TIMEOUT, "TCP"):
            connected, address = await first_connected(addresses, port, terms.limits.stagger_seconds)
            terms.trace.address = str(address)
            terms.trace.connection = "new"
            channel = Channel(self._lost)
            self._open.add(channel)
            await loop.create_connection(lambda: channel, sock=connected)
        terms.trace.local_address = str(connected.getsockname()[0])
        terms.trace.connect_ms = _ms(loop.time() - began)
        return channel, address

    async def _secure(self, channel: Channel, host: str, terms: Terms) -> Channel:
        """Return the channel on which TLS is spoken with `host`: this one, or one inside the TLS of a proxy."""
        if channel.is_secure:
            channel = over(channel)
        began = asyncio.get_running_loop().time()
        context = await self._context(terms.route.ca_pem, terms.identity_pem, terms.route.tls_minimum)
        peer = await self._prove(channel, host, context, terms)
        terms.trace.tls_ms = _ms(asyncio.get_running_loop().time() - began)
        terms.trace.certificate = tls.certificate_of(host, peer)
        return channel

    async def _context(self, ca_pem: str, identity_pem: str = "", minimum: str = OLDEST_TLS) -> ssl.SSLContext:
        """Return the context of these roots, this identity and no older TLS than `minimum`. Raises `ValueError`.

        Reading the system's roots takes tens of milliseconds. With more registries that have roots of their own than
        contexts are kept, that is each dial: so not on the event loop, where it would use up everybody's time.
        """
        key = ca_pem, identity_pem, minimum
        made = self._contexts.get(key)
        if made is None:
            made = asyncio.get_running_loop().run_in_executor(None, tls.context_for, *key)
            self._contexts.put(key, made)
        if not made.done():
            await asyncio.wait({made})
        if made.exception() is not None:
            self._contexts.drop(key)
        return made.result()

    async def _prove(self, channel: Channel, host: str, context: ssl.SSLContext, terms: Terms) -> dict[str, Any]:
        async with self._phase(terms, terms.limits.tls_seconds, FaultKind.CONNECT_TIMEOUT, "TLS"):
            return await channel.secure(context, host.strip("[]").rstrip("."))

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


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _known_addresses(origin: Origin, route: Route) -> tuple[str, ...] | None:
    """Return what needs no DNS: the addresses that the operator gave for the host, or the one that it spells."""
    if (given := route.resolve.get(origin.host)) is not None:
        return given
    spelt = _spelt(origin.host)
    return None if spelt is None else (spelt,)


def _spelt(host: str) -> str | None:
    """Return the address that a resolver would read in `host`, in any of C's notations (S3)."""
    name = host.strip("[]").rstrip(".")
    try:
        return str(ip_address(name))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        return None


def _admitted(named: Sequence[str], origin: Origin, terms: Terms) -> list[Address]:
    """Return the addresses that the guard admits, families taking turns. Raises `WireFault` when there is none."""
    verdicts = [terms.route.admission(origin, address) for address in named]
    admitted = [verdict.address for verdict in verdicts if verdict.admitted]
    if not admitted:
        refused = verdicts[0]
        terms.trace.address = str(refused.address)
        why = refused.why.replace("_", " ")
        raise WireFault(FaultKind.ADDRESS_FORBIDDEN, f"{refused.address} may not be dialled: {why}")
    terms.trace.mixed_scope = len(admitted) < len(verdicts)
    return taking_turns(admitted)
