"""Time: every phase has its own, the check's comes on top, and no drip prolongs either."""

import asyncio

import pytest

from probes.protocol.exchange import FaultKind
from tests.integration.wire.peer import Client, Script, Visit, peer_that, stalling_after

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


def dripping(first: bytes, drop: bytes) -> Script:
    """Send `first`, then `drop` for ever, often."""

    async def script(visit: Visit) -> None:
        await visit.request()
        visit.send(first)
        while not visit.writer.transport.is_closing():
            visit.send(drop)
            await asyncio.sleep(0.01)

    return script


@pytest.mark.parametrize(
    ("first", "drop", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", FaultKind.TIMEOUT_HEADERS),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", FaultKind.TIMEOUT_HEADERS),
        (HEAD, b"x", FaultKind.TIMEOUT_BODY),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", FaultKind.TIMEOUT_BODY),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x", FaultKind.TIMEOUT_BODY),
    ],
    ids=["headers", "informational", "length", "chunks", "until close"],
)
async def test_a_drip_prolongs_nothing(client: Client, first: bytes, drop: bytes, kind: FaultKind) -> None:
    """N14, S16."""
    async with peer_that(dripping(first, drop)) as peer:
        fault, record = await client.fault(f"{peer.http}/", headers_seconds=0.1, body_seconds=0.1)
        await peer.left.wait()

    assert fault.kind is kind
    assert 100 <= record.total_ms < 1000


@pytest.mark.parametrize("first", [b"", HEAD + b"x"])
async def test_the_deadline_of_the_check_comes_before_all_others(client: Client, first: bytes) -> None:
    """N14, E20."""
    async with peer_that(stalling_after(first)) as peer:
        fault, record = await client.fault(f"{peer.http}/", seconds=0.1)

    assert fault.kind is FaultKind.TIMEOUT_TOTAL
    assert 50 <= record.total_ms < 1000  # the check began before the exchange


async def test_a_deadline_that_is_over_sends_nothing(client: Client) -> None:
    async with peer_that(stalling_after(HEAD)) as peer:
        fault, record = await client.fault(f"{peer.http}/", seconds=-1)

    assert fault.kind is FaultKind.TIMEOUT_TOTAL
    assert record.address is None
    assert peer.visits == 0


async def test_headers_in_time_give_the_body_its_own_time(client: Client) -> None:
    async def slow(visit: Visit) -> None:
        await visit.request()
        await asyncio.sleep(0.15)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        await asyncio.sleep(0.15)
        visit.send(b"ok")

    async with peer_that(slow) as peer:
        reply, record = await client.reply(f"{peer.http}/", headers_seconds=0.25, body_seconds=0.25)

    assert reply.body == b"ok"
    assert record.first_byte_ms is not None
    assert record.first_byte_ms >= 140


async def test_each_request_on_a_connection_has_its_own_time(client: Client) -> None:
    async def steady(visit: Visit) -> None:
        while True:
            await visit.request()
            await asyncio.sleep(0.06)
            visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with peer_that(steady) as peer:
        for _ in range(4):
            reply, _ = await client.reply(f"{peer.http}/", headers_seconds=0.2, body_seconds=0.2)
            assert reply.status == 200

    assert peer.visits == 1


async def test_an_earlier_deadline_counts_on_a_connection_at_rest(client: Client) -> None:
    async def answer_once_then_stall(visit: Visit) -> None:
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await visit.request()
        await visit.gone()

    async with peer_that(answer_once_then_stall) as peer:
        await client.reply(f"{peer.http}/")
        fault, record = await client.fault(f"{peer.http}/", headers_seconds=0.1)

    assert fault.kind is FaultKind.TIMEOUT_HEADERS
    assert record.connection == "reused"
    assert record.total_ms < 1000
