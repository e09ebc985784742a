"""A connection between channel and reading: whose end is whose, without a socket."""

import asyncio

import pytest

from probes.protocol.exchange import FaultKind
from probes.wire.channel import End
from probes.wire.connection import Connection
from probes.wire.faults import WireFault
from probes.wire.limits import Limits
from probes.wire.route import PUBLIC_INTERNET, Terms
from tests.unit.wire.line import Line

LIMITS = Limits()


def terms() -> Terms:
    return Terms(route=PUBLIC_INTERNET, limits=LIMITS, deadline=asyncio.get_running_loop().time() + 5)


def connection_on(line: Line) -> Connection:
    return Connection(line.channel, LIMITS, address="192.0.2.1", certificate=None)


@pytest.mark.parametrize(("ours", "kind"), [(True, FaultKind.ABORTED), (False, FaultKind.CONNECTION_RESET)])
async def test_a_request_on_an_ended_channel_fails_unanswered(ours: bool, kind: FaultKind) -> None:  # noqa: FBT001
    line = Line()
    connection = connection_on(line)
    if ours:
        line.channel.abort()
    else:
        line.channel.eof_received()

    reading = connection.begin(b"GET / HTTP/1.1\r\n\r\n", terms(), bodiless=False)

    with pytest.raises(WireFault) as caught:
        await reading.head()
    assert caught.value.kind is kind
    assert line.transport.sent == b""
    assert not connection.finish()


async def test_an_exchange_read_whole_leaves_the_connection_ready() -> None:
    line = Line()
    connection = connection_on(line)
    asked = terms()

    reading = connection.begin(b"GET / HTTP/1.1\r\n\r\n", asked, bodiless=False)
    line.arrive(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    assert await reading.body(2) == b"ok"
    assert asked.trace.first_byte_ms is not None
    assert connection.finish()
    assert line.channel.end is None


async def test_an_exchange_left_unread_ends_the_connection() -> None:
    line = Line()
    connection = connection_on(line)
    connection.begin(b"GET / HTTP/1.1\r\n\r\n", terms(), bodiless=False)
    line.arrive(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")

    assert not connection.finish()
    assert line.channel.end is End.OURS


async def test_a_finished_exchange_is_not_finished_twice() -> None:
    line = Line()
    connection = connection_on(line)

    assert not connection.finish()
    assert line.channel.end is End.OURS
