"""Servers whose every byte the test decides: on loopback, over TCP or TLS, one script a connection."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_BACKLOG = 1024  # a queue of connections that overflows costs a second


@dataclass(eq=False)
class Visit:
    """One connection that a peer was given; `number` counts from 1."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    peer: "Peer"
    number: int = 0

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
    """A server on loopback. `visits` counts its connections, `open` those under way, `requests` holds heads."""

    port: int = 0
    visits: int = 0
    open: int = 0
    requests: list[bytes] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)  # a client hung up
    failures: list[Exception] = field(default_factory=list)  # of the script itself

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def https(self) -> str:
        return f"https://localhost:{self.port}"


@asynccontextmanager
async def peer_that(
    script: Script, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1"
) -> AsyncIterator[Peer]:
    """Run a server that plays `script` on every connection, then closes it. What a script raises is raised here."""
    with socket.create_server((address, 0), backlog=_BACKLOG) as listener:
        listener.setblocking(False)
        peer = Peer(port=listener.getsockname()[1])
        receiving: set[asyncio.Task[None]] = set()
        accepting = asyncio.create_task(_accept(listener, peer, script, tls, receiving))
        try:
            yield peer
        finally:
            for task in (accepting, *receiving):
                task.cancel()
            ended = await asyncio.gather(*receiving, accepting, return_exceptions=True)
    for end in (*peer.failures, *ended):
        if isinstance(end, Exception):
            raise end


async def _accept(
    listener: socket.socket,
    peer: Peer,
    script: Script,
    tls: ssl.SSLContext | None,
    receiving: set[asyncio.Task[None]],
) -> None:
    loop = asyncio.get_running_loop()
    while True:
        accepted, _ = await loop.sock_accept(listener)
        peer.visits += 1
        task = asyncio.create_task(_receive(accepted, peer, peer.visits, script, tls))
        receiving.add(task)
        task.add_done_callback(receiving.discard)


async def _receive(
    accepted: socket.socket, peer: Peer, number: int, script: Script, tls: ssl.SSLContext | None
) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    writer = None
    peer.open += 1
    try:
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=tls)
            writer = asyncio.StreamWriter(transport, protocol, reader, loop)
            await script(Visit(reader, writer, peer, number))
    except Exception as error:  # noqa: BLE001 - told at the end, when the test can hear it
        peer.failures.append(error)
    finally:
        peer.open -= 1
        peer.left.set()
        if writer is not None:
            writer.close()


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
