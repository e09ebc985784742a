"""A forward proxy on loopback that speaks CONNECT, with its own idea of where a name leads."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import cast

from probes.protocol.proxy import Proxy
from probes.protocol.urls import Origin


@dataclass
class ForwardProxy:
    """`heads` are what it was asked; `answer`, when given, is what it says in place of connecting."""

    names: dict[str, str] = field(default_factory=dict)  # what its DNS says
    answer: bytes = b""
    established: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
    scheme: str = "http"
    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    visits: set["asyncio.Task[None]"] = field(default_factory=set)
    is_leaving: bool = False

    def configured(self, username: str = "", password: str = "", ca_pem: str = "") -> Proxy:
        origin = Origin(self.scheme, "localhost" if self.scheme == "https" else "127.0.0.1", self.port)
        return Proxy(origin=origin, username=username, password=password, ca_pem=ca_pem)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits.add(cast("asyncio.Task[None]", asyncio.current_task()))
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, ssl.SSLError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            if self.answer:
                writer.write(self.answer)
                await writer.drain()
            else:
                await self._tunnel(head.split(b" ")[1].decode(), reader, writer)
        if self.is_leaving:
            writer.transport.abort()
        else:
            writer.close()

    async def _tunnel(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = target.rpartition(":")
        there, back = await asyncio.open_connection(self.names.get(host, host.strip("[]")), int(port))
        writer.write(self.established)
        try:
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            back.transport.abort()

    async def leave(self) -> None:
        """End every connection."""
        self.is_leaving = True
        for visit in self.visits:
            visit.cancel()
        await asyncio.gather(*self.visits, return_exceptions=True)
        await asyncio.sleep(0)  # transports say goodbye to their sockets in the next turn of the loop


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


@asynccontextmanager
async def proxy_that(proxy: ForwardProxy, tls: ssl.SSLContext | None = None) -> AsyncIterator[ForwardProxy]:
    """Run a proxy; over TLS when it is given a context."""
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=tls)
    proxy.scheme = "https" if tls else "http"
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.leave()
        await server.wait_closed()
