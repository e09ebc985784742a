"""One response read as it comes, told as dialogues: these bytes arrive, and this is understood."""

import asyncio
import tracemalloc
from dataclasses import dataclass, field, replace

import pytest

from probes.protocol.exchange import FaultKind
from probes.wire.channel import End
from probes.wire.faults import WireFault
from probes.wire.http1 import Reading
from probes.wire.limits import Limits

LIMITS = Limits(header_bytes=1024, read_ahead_bytes=100)


@dataclass
class NotingSource:
    """Notes what a reading wants of its connection."""

    notes: list[str] = field(default_factory=list)

    def pause(self) -> None:
        self.notes.append("pause")

    def resume(self) -> None:
        self.notes.append("resume")

    def head_read(self) -> None:
        self.notes.append("head_read")

    def body_read(self) -> None:
        self.notes.append("body_read")

    def abort(self) -> None:
        self.notes.append("abort")


def reading_of(*pieces: bytes, bodiless: bool = False, end: End | None = None) -> Reading:
    reading = Reading(NotingSource(), LIMITS, bodiless=bodiless)
    for piece in pieces:
        reading.feed(piece)
    if end is not None:
        reading.end(end, "")
    return reading


async def fault_of(reading: Reading) -> WireFault:
    async def read() -> None:
        await reading.head()
        await reading.body(10_000)

    with pytest.raises(WireFault) as caught:
        await read()
    return caught.value


async def test_a_body_of_declared_length_is_complete_with_its_last_byte() -> None:
    reading = reading_of(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    await reading.head()
    assert await reading.chunk() == b"ab"

    reading.feed(b"cd")

    assert reading.is_complete
    assert reading.is_reusable
    assert (reading.status, reading.declared_length, reading.received_bytes) == (200, 4, 4)
    assert await reading.body(4) == b"cd"


async def test_a_response_is_understood_byte_by_byte() -> None:
    whole = b"HTTP/1.1 404 Not Found\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"

    reading = reading_of(*(bytes([byte]) for byte in whole))

    assert reading.status == 404
    assert reading.headers == [(b"x-a", b"b"), (b"transfer-encoding", b"chunked")]
    assert await reading.body(5) == b"abcde"
    assert reading.is_reusable


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5000\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"",
    ],
)
async def test_the_answer_to_a_head_has_no_body_whatever_its_headers_say(headers: bytes) -> None:
    reading = reading_of(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n", bodiless=True)

    assert reading.is_complete
    assert reading.is_reusable
    assert await reading.body(0) == b""


async def test_a_head_answered_with_close_leaves_nothing_to_reuse() -> None:
    assert not reading_of(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", bodiless=True).is_reusable
    assert not reading_of(b"HTTP/1.0 200 OK\r\n\r\n", bodiless=True).is_reusable


@pytest.mark.parametrize("pieces", [1, 2])
async def test_a_body_sent_after_a_head_spoils_the_connection_and_not_the_answer(pieces: int) -> None:
    sent = [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"hello"]
    reading = reading_of(*(sent if pieces == 2 else [b"".join(sent)]), bodiless=True)

    await reading.head()

    assert reading.is_complete
    assert not reading.is_reusable
    assert reading.received_bytes == 0


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_statuses_without_a_body_are_complete_with_their_headers(status: bytes) -> None:
    reading = reading_of(b"HTTP/1.1 " + status + b"\r\nX: y\r\n\r\n")

    assert reading.is_complete
    assert reading.is_reusable


async def test_informational_answers_are_passed_over() -> None:
    reading = reading_of(
        b"HTTP/1.1 100 Continue\r\nX-Hint: a\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )

    assert reading.status == 200
    assert reading.headers == [(b"content-length", b"2")]
    assert await reading.body(2) == b"ok"


async def test_switching_protocols_is_no_answer() -> None:
    fault = await fault_of(reading_of(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"))

    assert fault.kind is FaultKind.PROTOCOL_ERROR


async def test_without_length_the_body_ends_with_the_stream() -> None:
    reading = reading_of(b"HTTP/1.1 200 OK\r\n\r\nab", b"cd", end=End.CLEAN)

    assert await reading.body(10) == b"abcd"
    assert not reading.is_reusable


async def test_without_length_a_cut_stream_is_a_truncated_body() -> None:
    fault = await fault_of(reading_of(b"HTTP/1.1 200 OK\r\n\r\nab", end=End.CUT))

    assert fault.kind is FaultKind.BODY_TRUNCATED


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
@pytest.mark.parametrize("end", [End.CLEAN, End.CUT])
async def test_a_body_that_stops_short_is_truncated(sent: bytes, end: End) -> None:
    """N15."""
    fault = await fault_of(reading_of(sent, end=end))

    assert fault.kind is FaultKind.BODY_TRUNCATED
    assert "after 3" in fault.detail


@pytest.mark.parametrize("end", [End.CLEAN, End.CUT])
async def test_an_end_before_any_byte_is_a_reset_that_was_not_answered(end: End) -> None:
    """N12."""
    fault = await fault_of(reading_of(end=end))

    assert fault.kind is FaultKind.CONNECTION_RESET
    assert fault.unanswered


async def test_an_end_in_the_headers_is_a_reset_that_was_answered() -> None:
    """N12."""
    fault = await fault_of(reading_of(b"HTTP/1.1 200 OK\r\nConte", end=End.CUT))

    assert fault.kind is FaultKind.CONNECTION_RESET
    assert not fault.unanswered


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ],
)
async def test_what_is_not_http_is_a_protocol_error(sent: bytes) -> None:
    reading = reading_of(sent)

    assert (await fault_of(reading)).kind is FaultKind.PROTOCOL_ERROR
    assert not reading.is_reusable


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1100,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 60,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: " + b"t" * 1100,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=" + b"e" * 1100,
    ],
    ids=["many headers", "one long header", "informational answers", "trailers", "chunk extensions"],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_header_bytes_are_bounded(sent: bytes, at_once: bool) -> None:  # noqa: FBT001
    """N13, S14."""
    reading = reading_of(*([sent] if at_once else [sent[at : at + 50] for at in range(0, len(sent), 50)]))

    fault = await fault_of(reading)

    assert fault.kind is FaultKind.PROTOCOL_ERROR
    assert fault.detail == "headers_too_large"


async def test_a_long_body_in_small_chunks_is_no_flood_of_headers() -> None:
    reading = reading_of(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *([b"1\r\nx\r\n"] * 400), b"0\r\n\r\n"
    )

    assert reading.received_bytes == 400
    assert reading.is_complete


async def test_header_values_may_hold_any_byte_that_llhttp_lets_through() -> None:
    reading = reading_of(b"HTTP/1.1 200 \xff\xfe\r\nX: caf\xe9 \xe2\x80\xae\r\nContent-Length: 0\r\n\r\n")

    assert reading.headers[0] == (b"x", b"caf\xe9 \xe2\x80\xae")


async def test_repeated_headers_stay_apart() -> None:
    reading = reading_of(
        b"HTTP/1.1 401 U\r\nWWW-Authenticate: Basic\r\nwww-authenticate: Bearer\r\nContent-Length: 0\r\n\r\n"
    )

    assert [value for name, value in reading.headers if name == b"www-authenticate"] == [b"Basic", b"Bearer"]


@pytest.mark.parametrize(
    "surplus", [b"HTTP/1.1 200 OK\r\n\r\n", b"x", b"\r\nHTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nabc"]
)
@pytest.mark.parametrize("apart", [True, False])
async def test_more_than_one_answer_spoils_the_connection_and_not_the_answer(
    surplus: bytes,
    apart: bool,  # noqa: FBT001
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    reading = reading_of(*([answer, surplus] if apart else [answer + surplus]))

    assert reading.status == 200
    assert await reading.body(10) == b"ok"
    assert not reading.is_reusable


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_its_limit_is_too_large(declared: bool) -> None:  # noqa: FBT001
    framing = b"Content-Length: 8" if declared else b"Transfer-Encoding: chunked"
    reading = reading_of(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n", b"8\r\nabcdefgh\r\n")

    with pytest.raises(WireFault) as caught:
        await reading.body(7)

    assert caught.value.kind is FaultKind.BODY_TOO_LARGE


async def test_of_a_lenient_body_the_first_bytes_are_kept() -> None:
    reading = reading_of(b"HTTP/1.1 500 E\r\nContent-Length: 100\r\n\r\n" + b"e" * 50)

    assert await reading.body_so_far(20) == b"e" * 20


async def test_of_a_lenient_body_that_breaks_off_the_beginning_is_kept() -> None:
    reading = reading_of(b"HTTP/1.1 500 E\r\nContent-Length: 100\r\n\r\n" + b"e" * 50, end=End.CUT)

    assert await reading.body_so_far(1000) == b"e" * 50


async def test_a_lenient_body_is_not_lenient_with_our_own_shutdown() -> None:
    reading = reading_of(b"HTTP/1.1 500 E\r\nContent-Length: 100\r\n\r\ne", end=End.OURS)

    with pytest.raises(WireFault) as caught:
        await reading.body_so_far(1000)

    assert caught.value.kind is FaultKind.ABORTED


async def test_headers_are_counted() -> None:
    """N13, S14: each costs a hundred times its bytes."""
    fields = b"".join(b"%x:\r\n" % number for number in range(256))
    await reading_of(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n").head()

    fault = await fault_of(reading_of(b"HTTP/1.1 200 OK\r\n" + fields + b"a:\r\n\r\n"))

    assert (fault.kind, fault.detail) == (FaultKind.PROTOCOL_ERROR, "headers_too_large")


async def test_body_is_held_as_bytes_not_as_chunks() -> None:
    """S14: four million chunks of two bytes would be two hundred megabytes."""
    source = NotingSource()
    reading = Reading(source, replace(LIMITS, read_ahead_bytes=1 << 20), bodiless=False)
    reading.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunks = b"2\r\nab\r\n" * 50_000
    tracemalloc.start()
    try:
        for at in range(0, len(chunks), 16_384):
            reading.feed(chunks[at : at + 16_384])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 200_000
    assert await reading.chunk() == b"ab" * 50_000


async def test_a_slow_consumer_makes_the_peer_wait() -> None:
    source = NotingSource()
    reading = Reading(source, LIMITS, bodiless=False)
    reading.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n")

    reading.feed(b"a" * 60)
    assert source.notes == ["head_read"]
    reading.feed(b"b" * 60)
    reading.feed(b"c" * 60)
    assert source.notes == ["head_read", "pause"]

    assert await reading.chunk() == b"a" * 60 + b"b" * 60 + b"c" * 60
    assert source.notes == ["head_read", "pause", "resume"]


async def test_whoever_waits_is_woken_by_news() -> None:
    reading = reading_of()
    waiting = asyncio.create_task(reading.head())
    await asyncio.sleep(0)
    assert not waiting.done()

    reading.feed(b"HTTP/1.1 200 OK\r\n")
    await asyncio.sleep(0)
    assert not waiting.done()
    reading.feed(b"Content-Length: 0\r\n\r\n")

    await waiting


async def test_a_cancelled_reader_does_not_disturb_later_news() -> None:
    reading = reading_of()
    waiting = asyncio.create_task(reading.head())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    reading.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    assert reading.is_complete


@pytest.mark.parametrize(
    ("sent", "check_is_over", "kind"),
    [
        (b"", False, FaultKind.TIMEOUT_HEADERS),
        (b"HTTP/1.1 200 OK\r\n", False, FaultKind.TIMEOUT_HEADERS),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", False, FaultKind.TIMEOUT_BODY),
        (b"", True, FaultKind.TIMEOUT_TOTAL),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", True, FaultKind.TIMEOUT_TOTAL),
    ],
)
async def test_lateness_says_what_was_waited_for(sent: bytes, check_is_over: bool, kind: FaultKind) -> None:  # noqa: FBT001
    reading = reading_of(sent) if sent else reading_of()

    reading.late(check_is_over=check_is_over)

    assert (await fault_of(reading)).kind is kind


async def test_the_first_fault_stands() -> None:
    reading = reading_of(b"garbage")
    reading.end(End.CUT, "")
    reading.late(check_is_over=True)

    assert (await fault_of(reading)).kind is FaultKind.PROTOCOL_ERROR


async def test_nothing_strikes_a_complete_answer() -> None:
    reading = reading_of(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    reading.end(End.CUT, "")
    reading.late(check_is_over=True)

    assert await reading.body(2) == b"ok"
