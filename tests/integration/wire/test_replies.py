"""What comes of an answer: how much of it is read, what is counted, and what becomes of the connection."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from probes.protocol.exchange import ERROR_BODY_LIMIT_BYTES, FaultKind
from probes.wire.route import EXCHANGE, TERMS
from tests.integration.wire.peer import (
    Client,
    Visit,
    answering,
    answering_once,
    peer_that,
    stalling_after,
    until,
)


def http(status: str, body: bytes = b"", *fields: str) -> bytes:
    head = "".join(f"{field}\r\n" for field in (f"Content-Length: {len(body)}", *fields))
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


async def test_a_request_goes_out_short_and_without_extras(client: Client) -> None:
    """N18: `identity`, and nothing that was not asked for."""
    async with peer_that(answering(http("200 OK"))) as peer:
        await client.reply(f"{peer.http}/v2/?a=%2Fb&c=d|e", headers=(("Accept", "*/*"),))
        sent = peer.requests[0]
        host = f"Host: 127.0.0.1:{peer.port}\r\n".encode()

    assert sent == (
        b"GET /v2/?a=%2Fb&c=d|e HTTP/1.1\r\n" + host + b"Accept: */*\r\n"
        b"User-Agent: kairos/test (eu-west)\r\nAccept-Encoding: identity\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("path", "target"), [("", b"/"), ("?a=b/c", b"/?a=b/c"), ("/a#frag", b"/a"), ("/a%zz'(", b"/a%zz'(")]
)
async def test_a_target_goes_out_as_it_stands(client: Client, path: str, target: bytes) -> None:
    async with peer_that(answering(http("200 OK"))) as peer:
        await client.reply(f"{peer.http}{path}")

    assert peer.requests[0].startswith(b"GET " + target + b" HTTP/1.1\r\n")


async def test_headers_of_the_ask_come_before_our_own(client: Client) -> None:
    given = (("user-agent", "mine"), ("ACCEPT-ENCODING", "gzip"), ("Host", "other.example"))
    async with peer_that(answering(http("200 OK"))) as peer:
        await client.reply(f"{peer.http}/", headers=given)

    assert peer.requests[0] == (
        b"GET / HTTP/1.1\r\nuser-agent: mine\r\nACCEPT-ENCODING: gzip\r\nHost: other.example\r\n\r\n"
    )


async def test_host_comes_first_whatever_else_the_ask_gives(client: Client) -> None:
    async with peer_that(answering(http("200 OK"))) as peer:
        await client.reply(f"{peer.http}/", headers=(("User-Agent", "mine"),))

    host = f"Host: 127.0.0.1:{peer.port}\r\n".encode()
    assert peer.requests[0] == b"GET / HTTP/1.1\r\n" + host + b"User-Agent: mine\r\nAccept-Encoding: identity\r\n\r\n"


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\x00", "caf\u00e9", "tab\there"])
async def test_a_header_that_cannot_be_sent_is_our_own_bug(client: Client, value: str) -> None:
    async with peer_that(answering(http("200 OK"))) as peer:
        fault, _ = await client.fault(f"{peer.http}/", headers=(("X-A", value),))

    assert fault.kind is FaultKind.INTERNAL
    assert peer.visits == 0


async def test_a_form_is_posted_with_its_length(client: Client) -> None:
    async def echo(visit: Visit) -> None:
        await visit.request()
        visit.send(http("200 OK", await visit.reader.readexactly(7)))

    async with peer_that(echo) as peer:
        reply, _ = await client.reply(f"{peer.http}/token", "POST", body=b"a=b&c=d")

    assert b"Content-Length: 7\r\n" in peer.requests[0]
    assert reply.body == b"a=b&c=d"


async def test_a_reply_tells_status_headers_body_and_when(client: Client) -> None:
    """N17, S21: and no cookie comes back."""
    before = datetime.now(UTC)
    async with peer_that(answering(http("200 OK", b"{}", "X-A: caf\u00e9", "Set-Cookie: a=b"))) as peer:
        reply, record = await client.reply(f"{peer.http}/")
        await client.reply(f"{peer.http}/")

    assert (reply.ask_id, reply.status, reply.body) == (7, 200, b"{}")
    assert reply.headers.get("x-a") == "caf\u00c3\u00a9"  # bytes as Latin-1, whatever they were
    assert before <= reply.received_at <= datetime.now(UTC)
    assert (record.http_status, record.bytes, record.host) == (200, 2, f"127.0.0.1:{peer.port}")
    assert b"ookie" not in peer.requests[1]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 T", "308 P"])
async def test_a_redirect_is_not_followed_and_its_body_not_read(client: Client, status: str) -> None:
    """B20, S15."""
    head = f"HTTP/1.1 {status}\r\nLocation: /next\r\nContent-Length: 1000000\r\n\r\n".encode()
    async with peer_that(stalling_after(head)) as peer:
        reply, record = await client.reply(f"{peer.http}/")
        await peer.left.wait()

    assert reply.headers.get("location") == "/next"
    assert reply.body == b""
    assert record.bytes == 0
    assert len(peer.requests) == 1


async def test_a_redirect_that_came_whole_costs_no_connection(client: Client) -> None:
    async with peer_that(answering(http("307 T", b"<a>moved</a>", "Location: /next"))) as peer:
        reply, _ = await client.reply(f"{peer.http}/")
        _, second = await client.reply(f"{peer.http}/")

    assert reply.body == b""
    assert second.connection == "reused"


async def test_of_an_error_64_kib_are_read(client: Client) -> None:
    """E1, S14."""
    async with peer_that(answering_once(http("404 Not Found", b"e" * 1_000_000))) as peer:
        reply, record = await client.reply(f"{peer.http}/", limit_bytes=10)

    assert reply.status == 404
    assert reply.body == b"e" * ERROR_BODY_LIMIT_BYTES
    assert record.bytes < 300_000


async def test_an_error_keeps_its_status_though_its_body_breaks_off(client: Client) -> None:
    head = b"HTTP/1.1 503 Unavailable\r\nContent-Length: 100\r\n\r\n"
    async with peer_that(answering_once(head, b"out of")) as peer:
        reply, _ = await client.reply(f"{peer.http}/")

    assert (reply.status, reply.body) == (503, b"out of")


async def test_an_error_keeps_its_status_though_its_body_stalls(client: Client) -> None:
    head = b"HTTP/1.1 503 Unavailable\r\nContent-Length: 100\r\n\r\n"
    async with peer_that(stalling_after(head, b"out of")) as peer:
        reply, _ = await client.reply(f"{peer.http}/", body_seconds=0.05)

    assert (reply.status, reply.body) == (503, b"out of")


@pytest.mark.parametrize("framing", [b"Content-Length: 11", b"Transfer-Encoding: chunked"])
async def test_a_document_over_its_limit_is_too_large(client: Client, framing: bytes) -> None:
    """M21, T22, S14."""
    answer = b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\nb\r\nhello world\r\n"
    async with peer_that(stalling_after(answer)) as peer:
        fault, record = await client.fault(f"{peer.http}/", limit_bytes=10)
        await peer.left.wait()

    assert fault.kind is FaultKind.BODY_TOO_LARGE
    assert record.http_status == 200


async def test_a_document_at_its_limit_is_whole(client: Client) -> None:
    async with peer_that(answering(http("200 OK", b"hello world"))) as peer:
        reply, _ = await client.reply(f"{peer.http}/", limit_bytes=11)

    assert reply.body == b"hello world"


async def test_a_probe_reads_little_and_keeps_the_connection(client: Client) -> None:
    async with peer_that(answering(http("206 Partial Content", b"x"))) as peer:
        reply, _ = await client.reply(f"{peer.http}/", probe=True)
        _, second = await client.reply(f"{peer.http}/", probe=True)

    assert (reply.status, reply.body) == (206, b"x")
    assert second.connection == "reused"


@pytest.mark.parametrize("framing", [b"Content-Length: 65537", b"Transfer-Encoding: chunked", b"X-Length: none"])
async def test_a_probe_hangs_up_on_much_and_on_the_unknown(client: Client, framing: bytes) -> None:
    """B1, B3."""
    async with peer_that(stalling_after(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")) as peer:
        reply, record = await client.reply(f"{peer.http}/", probe=True)
        await peer.left.wait()

    assert (reply.status, reply.body) == (200, b"")
    assert record.bytes == 0


async def test_a_probe_that_breaks_off_is_truncated(client: Client) -> None:
    head = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\n"
    async with peer_that(answering_once(head)) as peer:
        fault, _ = await client.fault(f"{peer.http}/", probe=True)

    assert fault.kind is FaultKind.BODY_TRUNCATED


async def test_a_head_is_answered_without_a_body(client: Client) -> None:
    async with peer_that(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")) as peer:
        reply, _ = await client.reply(f"{peer.http}/", "HEAD", limit_bytes=1)
        _, second = await client.reply(f"{peer.http}/", "HEAD", limit_bytes=1)

    assert reply.headers.get("content-length") == "5000"
    assert reply.body == b""
    assert second.connection == "reused"


async def test_a_head_answered_with_a_body_is_read_and_the_connection_dropped(client: Client) -> None:
    async with peer_that(answering(http("200 OK", b"HTTP/1.1 500 Lies\r\n\r\n"))) as peer:
        first, _ = await client.reply(f"{peer.http}/", "HEAD")
        second, record = await client.reply(f"{peer.http}/", "HEAD")

    assert (first.status, second.status) == (200, 200)
    assert record.connection == "new"


async def test_a_wait_for_continue_is_passed_over(client: Client) -> None:
    async with peer_that(answering(b"HTTP/1.1 100 Continue\r\n\r\n", http("200 OK", b"ok"))) as peer:
        reply, _ = await client.reply(f"{peer.http}/")

    assert (reply.status, reply.body) == (200, b"ok")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", FaultKind.CONNECTION_RESET),
        (b"HTTP/1.1 200 OK\r\nContent-", FaultKind.CONNECTION_RESET),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", FaultKind.BODY_TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", FaultKind.BODY_TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", FaultKind.PROTOCOL_ERROR),
        (b"220 mail.example ESMTP\r\n", FaultKind.PROTOCOL_ERROR),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, FaultKind.PROTOCOL_ERROR),
        (b"HTTP/1.1 200 OK\r\n" + b"X: yyyyyyy\r\n" * 7_000, FaultKind.PROTOCOL_ERROR),
    ],
    ids=["nothing", "half a head", "short", "short chunk", "no chunk", "no HTTP", "long field", "many fields"],
)
async def test_a_broken_answer_says_how_it_is_broken(client: Client, answer: bytes, kind: FaultKind) -> None:
    """N12, N13, N15."""
    async with peer_that(answering_once(answer)) as peer:
        fault, record = await client.fault(f"{peer.http}/")

    assert fault.kind is kind
    assert record.connection == "new"


async def test_a_peer_that_speaks_first_is_not_answered(client: Client) -> None:
    async def greet(visit: Visit) -> None:
        visit.send(b"220 mail.example ESMTP\r\n")
        await visit.gone()

    async with peer_that(greet) as peer:
        fault, _ = await client.fault(f"{peer.http}/")

    assert fault.kind in (FaultKind.PROTOCOL_ERROR, FaultKind.CONNECTION_RESET)


async def test_memory_is_bounded_while_the_consumer_is_slow(client: Client) -> None:
    sent = 0

    async def pour(visit: Visit) -> None:
        nonlocal sent
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            visit.send(b"x" * 65536)
            await visit.writer.drain()
            sent += 65536

    async with peer_that(pour) as peer:
        response = await client.open(f"{peer.http}/")
        await until(lambda: sent > 0)
        still = -1
        while still != sent:
            still = sent
            await asyncio.sleep(0.05)
        await response.aclose()
        await peer.left.wait()

    assert sent < 16 * 1024 * 1024  # what the kernel's buffers take


async def test_httpx_finds_a_transport_like_any_other(client: Client) -> None:
    async with (
        peer_that(answering(http("200 OK", b"streamed"))) as peer,
        httpx.AsyncClient(transport=client.transport, trust_env=False) as ordinary,
    ):
        extensions = {TERMS: client.terms()}
        response = await ordinary.get(f"{peer.http}/caf\u00e9?a=b", extensions=extensions)
        posted = await ordinary.post(f"{peer.http}/", data={"a": "b"}, extensions=extensions)

    assert response.text == "streamed"
    assert response.extensions[EXCHANGE].address == "127.0.0.1"
    assert peer.requests[0].startswith(b"GET /caf%C3%A9?a=b HTTP/1.1\r\n")
    assert posted.status_code == 200


async def test_a_fault_is_an_httpx_error_like_any_other(client: Client) -> None:
    async with peer_that(answering_once()) as peer:
        with pytest.raises(httpx.TransportError, match="connection_reset"):
            await client.open(f"{peer.http}/")


async def test_a_request_without_terms_is_not_sent(client: Client) -> None:
    with pytest.raises(KeyError, match=r"kairos\.terms"):
        await client.transport.handle_async_request(httpx.Request("GET", "http://127.0.0.1:9/"))
