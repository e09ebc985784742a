"""The channel between a peer and a receiver that both live in memory: no socket, no time."""

import asyncio
import ssl
from contextlib import suppress
from typing import Any, cast

import pytest
import trustme

from probes.protocol.exchange import FaultKind
from probes.wire.channel import Channel, End
from probes.wire.faults import WireFault
from tests.unit.wire.line import Line, MemoryTransport


class SecureLine(Line):
    """A line with a TLS server at its other end, driven by hand."""

    def __init__(self, authority: trustme.CA) -> None:
        super().__init__()
        self.trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.configure_trust(self.trust)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        self._to_server, self._to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = context.wrap_bio(self._to_server, self._to_client, server_side=True)

    def take(self) -> bytes:
        """Let the server take what was sent; return its answer for the client."""
        self._to_server.write(bytes(self.transport.sent))
        self.transport.sent.clear()
        return self._to_client.read()

    async def shake_hands(self) -> None:
        securing = asyncio.create_task(self.channel.secure(self.trust, "localhost"))
        while not securing.done():
            await asyncio.sleep(0)
            self.arrive(self.server_turn())
        await securing
        self.channel.receiver = self.receiver

    def server_turn(self) -> bytes:
        """Let the server take what was sent and go on with its handshake; return its answer."""
        self._to_server.write(bytes(self.transport.sent))
        self.transport.sent.clear()
        with suppress(ssl.SSLWantReadError):
            self.server.do_handshake()
        return self._to_client.read()

    def say(self, data: bytes) -> bytes:
        """Return `data` as the server sends it."""
        self.server.write(data)
        return self._to_client.read()


@pytest.fixture
def line() -> Line:
    line = Line()
    line.channel.receiver = line.receiver
    return line


@pytest.fixture
async def secure_line() -> SecureLine:
    line = SecureLine(trustme.CA())
    await line.shake_hands()
    return line


def test_plain_bytes_pass_both_ways(line: Line) -> None:
    line.channel.write(b"ask")
    line.arrive(b"answer")

    assert line.transport.sent == b"ask"
    assert line.receiver.received == b"answer"


def test_the_end_of_a_plain_stream_is_clean(line: Line) -> None:
    line.channel.eof_received()

    assert line.receiver.ends == [(End.CLEAN, "")]
    assert line.transport.notes == ["abort"]


@pytest.mark.parametrize("error", [None, ConnectionResetError(104, "Connection reset by peer")])
def test_a_lost_connection_is_cut_and_reported_once(line: Line, error: Exception | None) -> None:
    line.channel.connection_lost(error)

    assert [end for end, _ in line.receiver.ends] == [End.CUT]
    assert line.lost == [line.channel]


def test_after_its_end_nothing_moves(line: Line) -> None:
    line.channel.abort()
    line.channel.abort()
    line.channel.write(b"ask")
    line.arrive(b"answer")
    line.channel.resume()
    line.channel.connection_lost(None)

    assert line.receiver.ends == [(End.OURS, "")]
    assert line.receiver.received == b""
    assert line.transport.sent == b""
    assert line.lost == [line.channel]


def test_resuming_what_was_not_paused_changes_nothing(line: Line) -> None:
    line.channel.resume()

    assert line.transport.notes == []


def test_reading_pauses_and_resumes(line: Line) -> None:
    line.channel.pause()
    line.channel.resume()

    assert line.transport.notes == ["pause", "resume"]


def test_a_peer_that_speaks_before_anybody_listens_is_cut_off() -> None:
    line = Line()

    line.arrive(b"220 ready")

    assert line.channel.ended


async def test_tls_passes_both_ways(secure_line: SecureLine) -> None:
    secure_line.channel.write(b"ask")
    secure_line.take()
    assert secure_line.server.read() == b"ask"

    secure_line.arrive(secure_line.say(b"answer"))

    assert secure_line.receiver.received == b"answer"


async def test_tls_is_understood_byte_by_byte_and_in_one_piece(secure_line: SecureLine) -> None:
    for byte in secure_line.say(b"slow"):
        secure_line.arrive(bytes([byte]))
    secure_line.arrive(b"".join(secure_line.say(b"%d " % number) for number in range(50)))

    assert secure_line.receiver.received == b"slow" + b"".join(b"%d " % number for number in range(50))


@pytest.mark.parametrize("pieces", [1, 2])
async def test_what_comes_with_the_end_of_the_handshake_is_not_lost(pieces: int) -> None:
    line = SecureLine(trustme.CA())
    line.trust.maximum_version = ssl.TLSVersion.TLSv1_2  # in which the last word of a handshake is the server's
    line.channel.receiver = line.receiver
    securing = asyncio.create_task(line.channel.secure(line.trust, "localhost"))
    await asyncio.sleep(0)
    line.arrive(line.server_turn())
    last_words = [line.server_turn(), line.say(b"early")]

    for words in last_words if pieces == 2 else [b"".join(last_words)]:
        line.arrive(words)
    await securing

    assert line.receiver.received == b"early"


async def test_a_tls_goodbye_is_clean(secure_line: SecureLine) -> None:
    with suppress(ssl.SSLWantReadError):
        secure_line.server.unwrap()
    secure_line.arrive(secure_line.take())

    assert secure_line.receiver.ends == [(End.CLEAN, "")]


async def test_the_end_of_the_stream_without_a_tls_goodbye_is_a_cut(secure_line: SecureLine) -> None:
    secure_line.channel.eof_received()

    assert [end for end, _ in secure_line.receiver.ends] == [End.CUT]


async def test_our_own_end_says_goodbye_in_tls(secure_line: SecureLine) -> None:
    secure_line.channel.abort()
    secure_line.take()

    assert secure_line.server.read() == b""


async def test_garbage_within_tls_is_a_cut(secure_line: SecureLine) -> None:
    secure_line.arrive(b"\x17\x03\x03\x00\x20" + b"\xaa" * 32)

    assert [end for end, _ in secure_line.receiver.ends] == [End.CUT]


async def test_paused_tls_keeps_what_it_has_for_later(secure_line: SecureLine) -> None:
    secure_line.channel.pause()
    secure_line.arrive(secure_line.say(b"later"))
    assert secure_line.receiver.received == b""

    secure_line.channel.resume()

    assert secure_line.receiver.received == b"later"


async def test_a_handshake_with_a_peer_that_is_gone_is_a_reset() -> None:
    line = SecureLine(trustme.CA())
    line.channel.eof_received()

    with pytest.raises(WireFault, match="in the TLS handshake") as caught:
        await line.channel.secure(line.trust, "localhost")

    assert caught.value.kind is FaultKind.CONNECTION_RESET


async def test_a_handshake_on_a_channel_that_we_closed_is_no_fault_of_the_peer() -> None:
    line = SecureLine(trustme.CA())
    line.channel.abort()

    with pytest.raises(WireFault) as caught:
        await line.channel.secure(line.trust, "localhost")

    assert caught.value.kind is FaultKind.ABORTED


@pytest.mark.parametrize(("ours", "kind"), [(True, FaultKind.ABORTED), (False, FaultKind.CONNECTION_RESET)])
async def test_an_end_in_the_handshake_says_whose_it_was(ours: bool, kind: FaultKind) -> None:  # noqa: FBT001
    line = SecureLine(trustme.CA())
    securing = asyncio.create_task(line.channel.secure(line.trust, "localhost"))
    await asyncio.sleep(0)

    if ours:
        line.channel.abort()
    else:
        line.channel.connection_lost(None)

    with pytest.raises(WireFault) as caught:
        await securing
    assert caught.value.kind is kind


def test_channel_given_up_before_it_is_connected_closes_its_transport_when_it_comes() -> None:
    """A dial that is called off at that very moment must leave no socket behind, and closing it must not fail."""
    channel = Channel(lambda _: None)
    channel.abort()
    transport = MemoryTransport()
    channel.connection_made(cast("Any", transport))
    assert channel.end is End.OURS
    assert transport.notes == ["abort"]
