"""Servers whose every byte the test decides, and the client that asks them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import cast

import httpx

from probes.protocol.exchange import Ask, BodyRule, Event, Fault, Method, Reply
from probes.protocol.plan import Site
from probes.protocol.taxonomy import Stage
from probes.wire.exchange import ExchangeRecord, perform
from probes.wire.limits import Limits
from probes.wire.route import TERMS, Route, Terms
from probes.wire.transport import GuardedTransport

LOOPBACK = Site(allow_cidrs=("127.0.0.0/8", "::1/128"), plain_http=True)


@dataclass
class Visit:
    """One connection that a peer was given."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    peer: "Peer"

    async def request(self) -> bytes:
        """Return the next request's head, and note it."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.peer.requests.append(head)
        return head

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)

    def reset(self) -> None:
        """End the connection without a word."""
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the client hangs up."""
        while await self.reader.read(65536):
            pass


Script = Callable[[Visit], Awaitable[None]]


@dataclass
class Peer:
    """A server on loopback. `visits` counts its connections, `requests` holds the heads that came."""

    port: int = 0
    visits: int = 0
    requests: list[bytes] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)  # a client hung up

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def https(self) -> str:
        return f"https://localhost:{self.port}"


@asynccontextmanager
async def peer_that(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Run a server that plays `script` on every connection, then closes it."""
    peer = Peer()

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.visits += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            await script(Visit(reader, writer, peer))
        peer.left.set()
        writer.close()

    server = await asyncio.start_server(visit, "127.0.0.1", 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        await server.wait_closed()


def answering(*pieces: bytes) -> Script:
    """Answer every request of a connection with `pieces`."""

    async def script(visit: Visit) -> None:
        while True:
            await visit.request()
            visit.send(*pieces)

    return script


def answering_once(*pieces: bytes) -> Script:
    """Answer one request with `pieces`, then close."""

    async def script(visit: Visit) -> None:
        await visit.request()
        visit.send(*pieces)

    return script


def stalling_after(*pieces: bytes) -> Script:
    """Answer one request with `pieces` and fall silent."""

    async def script(visit: Visit) -> None:
        await visit.request()
        visit.send(*pieces)
        await visit.gone()

    return script


@dataclass
class Client:
    """Asks through one transport; a test says only what matters to it."""

    transport: GuardedTransport
    limits: Limits
    route: Route

    async def ask(
        self,
        url: str,
        method: str = "GET",
        *,
        seconds: float = 10,
        fresh: bool = False,
        probe: bool = False,
        limit_bytes: int = 1 << 20,
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
        site: Site | None = None,
        identity_pem: str = "",
        **limits: float,
    ) -> tuple[Event, ExchangeRecord]:
        ask = Ask(
            id=7,
            method=cast("Method", method),
            url=url,
            stage=Stage.MANIFEST,
            headers=headers,
            body=body,
            body_rule=BodyRule.PROBE if probe else BodyRule.DOCUMENT,
            limit_bytes=limit_bytes,
            fresh_connection=fresh,
            shows_identity=True,
        )
        route = Route.of(site) if site else self.route
        deadline = asyncio.get_running_loop().time() + seconds
        chosen = replace(self.limits, **limits)  # type: ignore[arg-type]  # names and types of Limits
        return await perform(self.transport, ask, route, chosen, deadline, identity_pem=identity_pem)

    async def reply(self, url: str, method: str = "GET", **more: object) -> tuple[Reply, ExchangeRecord]:
        event, record = await self.ask(url, method, **more)  # type: ignore[arg-type]  # as of `ask`
        assert isinstance(event, Reply), event
        return event, record

    async def fault(self, url: str, method: str = "GET", **more: object) -> tuple[Fault, ExchangeRecord]:
        event, record = await self.ask(url, method, **more)  # type: ignore[arg-type]  # as of `ask`
        assert isinstance(event, Fault), event
        return event, record

    def terms(self, *, seconds: float = 10) -> Terms:
        deadline = asyncio.get_running_loop().time() + seconds
        return Terms(route=self.route, limits=self.limits, deadline=deadline)

    async def open(self, url: str) -> httpx.Response:
        """Send a GET through httpx's seam; the response's body is left to read."""
        request = httpx.Request("GET", url, extensions={TERMS: self.terms()})
        return await self.transport.handle_async_request(request)


async def until(condition: Callable[[], bool], *, seconds: float = 5) -> None:
    """Wait for a condition; a test that waits in vain fails."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for rings no bell
            await asyncio.sleep(0.005)
