"""HTTP/1.1 on the wire, byte by byte where a client library would not do it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from kairos.demo.http1 import Connection, Request, Response
from kairos.demo.registry import DemoRegistry

SECONDS = 5


class Server:
    """One listener with a handler of the test's own, without TLS."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self.requests: list[Request] = []
        self.port = 0

    def handle(self, request: Request) -> Response:
        self.requests.append(request)
        if request.path == "/bug":
            raise RuntimeError("a bug of the handler")
        if request.path == "/slow":
            return Response(200, b"slow", delay_seconds=0.2)
        if request.path == "/large":
            return Response(200, b"x" * 8_000_000)
        return Response(200, request.path.encode())

    @asynccontextmanager
    async def client(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def all_gone(self) -> None:
        await hold(lambda: not self.connections)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listener = await asyncio.get_running_loop().create_server(
        lambda: Connection(server.handle, server.connections), "127.0.0.1", 0
    )
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server
        for connection in tuple(server.connections):
            connection.abort()


async def hold(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds, for a while."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - a protocol object has nothing to wait on
            await asyncio.sleep(0.01)


async def all_of(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(SECONDS):
        return await reader.read()


async def until(reader: asyncio.StreamReader, end: bytes) -> bytes:
    async with asyncio.timeout(SECONDS):
        return await reader.readuntil(end)


def get(path: str, *lines: str, version: str = "1.1") -> bytes:
    return "\r\n".join((f"GET {path} HTTP/{version}", "Host: h", *lines, "\r\n")).encode()


async def test_pipelined_requests_are_answered_in_order_even_when_the_first_is_slow(server: Server) -> None:
    async with server.client() as (reader, writer):
        writer.write(get("/slow") + get("/a") + get("/b", "Connection: close"))
        answer = await all_of(reader)
    assert [part for part in (b"slow", b"/a", b"/b") if part in answer] == [b"slow", b"/a", b"/b"]
    assert answer.index(b"slow") < answer.index(b"/a") < answer.index(b"/b")
    assert answer.count(b"HTTP/1.1 200 OK") == 3


async def test_a_request_may_arrive_byte_by_byte(server: Server) -> None:
    async with server.client() as (reader, writer):
        for byte in get("/drip?a=1", "X-One: 1", "X-One: 2", "Connection: close"):
            writer.write(bytes([byte]))
            await writer.drain()
        await all_of(reader)
    (request,) = server.requests
    assert (request.path, request.query, request.headers["x-one"]) == ("/drip", "a=1", "1, 2")


async def test_a_path_is_decoded_once(server: Server) -> None:
    async with server.client() as (reader, writer):
        writer.write(get("/sha256%3Aab%252F", "Connection: close"))
        await all_of(reader)
    assert server.requests[0].path == "/sha256:ab%2F"


async def test_the_connection_stays_open_unless_asked_otherwise(server: Server) -> None:
    async with server.client() as (reader, writer):
        for path in ("/one", "/two"):
            writer.write(get(path))
            assert await until(reader, path.encode())
        writer.write(get("/old", version="1.0"))
        assert b"Connection: close" in await all_of(reader)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"this is no HTTP\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70_000, b"413"),
    ],
)
async def test_what_is_no_fair_request_is_refused_and_hung_up_on(server: Server, data: bytes, status: bytes) -> None:
    async with server.client() as (reader, writer):
        writer.write(data)
        answer = await all_of(reader)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"Connection: close" in answer


async def test_a_head_without_an_end_is_cut_off(server: Server) -> None:
    async with server.client() as (reader, writer):
        writer.write(get("/", "X-Long: " + "x" * 1_000_000))
        with suppress(ConnectionResetError):  # what it sent and nobody read may reset the connection
            assert (await all_of(reader)).startswith(b"HTTP/1.1 431 ")
    await server.all_gone()
    assert server.requests == []


async def test_a_flood_of_pipelined_requests_behind_a_slow_one_is_cut_off(server: Server) -> None:
    async with server.client() as (reader, writer):
        writer.write(get("/slow") + get("/a") * 100)
        with suppress(ConnectionResetError):
            assert await all_of(reader) == b""
    await server.all_gone()


async def test_an_upgrade_is_not_taken_up_and_the_request_has_its_answer(server: Server) -> None:
    async with server.client() as (reader, writer):
        writer.write(get("/h2", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AA"))
        answer = await all_of(reader)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"Connection: close\r\n\r\n/h2")


async def test_a_body_in_chunks_reaches_the_handler(server: Server) -> None:
    async with server.client() as (reader, writer):
        writer.write(
            b"POST /form HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            b"3\r\na=1\r\n4\r\n&b=2\r\n0\r\n\r\n"
        )
        await all_of(reader)
    assert server.requests[0].body == b"a=1&b=2"


async def test_a_bug_in_one_answer_is_a_500_and_the_connection_lives_on(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.client() as (reader, writer):
        writer.write(get("/bug") + get("/next"))
        assert (await until(reader, b"/next")).startswith(b"HTTP/1.1 500 ")
    assert "/bug" in caplog.text


async def test_a_client_that_leaves_during_a_delay_leaves_nothing_behind(server: Server) -> None:
    async with server.client() as (_, writer):
        writer.write(get("/slow"))
        await writer.drain()
        await hold(lambda: bool(server.requests))
    await server.all_gone()


async def test_a_client_that_does_not_read_is_not_read_either(server: Server) -> None:
    async with server.client() as (reader, writer):
        writer.write(get("/large"))
        await hold(lambda: bool(server.requests))
        writer.write(get("/after", "Connection: close"))
        await asyncio.sleep(0.1)
        assert [request.path for request in server.requests] == ["/large"]
        answer = await all_of(reader)
    assert len(answer) > 8_000_000
    assert answer.endswith(b"/after")


async def test_an_idle_connection_is_closed_and_a_busy_one_is_not(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kairos.demo.http1._IDLE_SECONDS", 0.05)
    async with server.client() as (reader, writer):
        writer.write(get("/slow"))
        assert (await all_of(reader)).endswith(b"slow")


async def test_closing_the_registry_ends_its_connections(demo: DemoRegistry) -> None:
    site = demo.sites.registry
    trust = ssl.create_default_context(cadata=demo.ca_pem)
    reader, writer = await asyncio.open_connection(site.address, site.port, ssl=trust, server_hostname=site.host)
    writer.write(get("/v2/"))
    await until(reader, b'required"}]}')
    await demo.__aexit__(None, None, None)
    with suppress(ConnectionResetError):
        assert await all_of(reader) == b""
    writer.close()
