"""Ways to answer badly, down to the byte. Each is told of in the words of who suffers it.

registry.once("GET layer1", closes_mid_body)
registry.always("HEAD 1", drips(b"x"))
"""

import asyncio
import gzip
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from tests.fakes.dialogue import Says
from tests.fakes.fake_registry.answers import Misbehaviour, Turn, to_bytes

_MIB: Final = 1024 * 1024
_PIECE: Final = 64 * 1024
_BEAT_SECONDS: Final = 0.02


# The connection ends before the answer does


async def closes_before_reply(turn: Turn) -> bool:
    del turn
    return False


async def resets_before_reply(turn: Turn) -> bool:
    turn.visit.reset()
    return False


async def closes_mid_header(turn: Turn) -> bool:
    turn.send(turn.head[: len(turn.head) // 2])
    return False


async def closes_mid_body(turn: Turn) -> bool:
    """Cut off after half of the body; of a body that does not come (HEAD), nothing."""
    turn.send(turn.wire[: len(turn.head) + len(turn.body) // 2])
    return False


async def resets_mid_body(turn: Turn) -> bool:
    turn.send(turn.wire[: len(turn.head) + len(turn.body) // 2])
    await turn.visit.writer.drain()
    turn.visit.reset()
    return False


# The answer does not end in time


async def stalls_before_reply(turn: Turn) -> bool:
    await turn.visit.gone()
    return False


def waits_for(holds: Callable[[], bool]) -> Misbehaviour:
    """Answer rightly, when this holds."""

    async def wait(turn: Turn) -> bool:
        while not holds():  # noqa: ASYNC110 - it can be anything, and nobody is told when it begins to hold
            await asyncio.sleep(_BEAT_SECONDS)
        turn.send(turn.wire)
        return True

    return wait


async def stalls_mid_header(turn: Turn) -> bool:
    turn.send(turn.head[: len(turn.head) // 2])
    await turn.visit.gone()
    return False


async def stalls_mid_body(turn: Turn) -> bool:
    turn.send(turn.wire[: len(turn.head) + len(turn.body) // 2])
    await turn.visit.gone()
    return False


def drips(first: bytes, drop: bytes) -> Misbehaviour:
    """Send `first`, then `drop` for ever."""

    async def drip(turn: Turn) -> bool:
        turn.send(first)
        while not turn.visit.writer.is_closing():
            turn.send(drop)
            await asyncio.sleep(_BEAT_SECONDS)
        return False

    return drip


drips_headers: Final = drips(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")
drips_body: Final = drips(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x")
drips_chunks: Final = drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")
drips_continues: Final = drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n")


# There is too much of it


async def sends_an_oversized_field(turn: Turn) -> bool:
    turn.send(b"HTTP/1.1 200 OK\r\nX-Padding: ")
    await _pour(turn, b"y" * _PIECE, times=4)
    return False


async def sends_too_many_fields(turn: Turn) -> bool:
    turn.send(b"HTTP/1.1 200 OK\r\n")
    await _pour(turn, b"X-Padding: yyy\r\n" * (_PIECE // 16), times=4)
    return False


async def floods_with_continues(turn: Turn) -> bool:
    await _pour(turn, b"HTTP/1.1 100 Continue\r\n\r\n" * 600, times=None)
    return False


def pours(declared: bytes = b"Transfer-Encoding: chunked") -> Misbehaviour:
    """Send a body without end, for as long as the client takes it; its type is JSON."""
    piece = b" " * _PIECE
    if b"chunked" in declared:
        piece = b"%x\r\n%b\r\n" % (_PIECE, piece)

    async def pour(turn: Turn) -> bool:
        turn.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", declared, b"\r\n\r\n")
        await _pour(turn, piece, times=None)
        return False

    return pour


async def _pour(turn: Turn, piece: bytes, *, times: int | None) -> None:
    """Send `piece` so many times, or for ever, as long as the client is there."""
    sent = 0
    while sent != times and not turn.visit.writer.is_closing():
        turn.send(piece)
        sent += 1
        await turn.visit.writer.drain()
        # asyncio's TLS drops what is written once the peer has said goodbye, and `drain` then waits for nothing.
        await asyncio.sleep(0)


# It is compressed though nobody asked for it


def compressed(coding: str = "gzip", *, body: bytes | None = None) -> Misbehaviour:
    """Send the right answer, or `body`, under a content coding: gzip, deflate, or one that is only claimed."""

    async def compress(turn: Turn) -> bool:
        plain = turn.body if body is None else body
        packed = gzip.compress(plain) if coding == "gzip" else zlib.compress(plain) if coding == "deflate" else plain
        said = replace(
            turn.right, body=packed, headers=_without_length(turn.right.headers) | {"Content-Encoding": coding}
        )
        turn.send(to_bytes(said, turn.request.method))
        return True

    return compress


def gzip_bomb(size_bytes: int = 64 * _MIB) -> Misbehaviour:
    """A small body that inflates to `size_bytes` of blanks, which JSON admits."""
    packer = zlib.compressobj(9, wbits=31)
    packed = b"".join(packer.compress(b" " * _MIB) for _ in range(size_bytes // _MIB)) + packer.flush()

    async def explode(turn: Turn) -> bool:
        headers = _without_length(turn.right.headers) | {"Content-Encoding": "gzip"}
        turn.send(to_bytes(replace(turn.right, body=packed, headers=headers), turn.request.method))
        return True

    return explode


# Its framing lies


def tells_the_length(change: int) -> Misbehaviour:
    """Tell a Content-Length that is `change` too large or too small, send the body as it is, and close."""

    async def lie(turn: Turn) -> bool:
        length = str(len(turn.body) + change)
        headers = _without_length(turn.right.headers) | {"Content-Length": length}
        turn.send(to_bytes(replace(turn.right, headers=headers), turn.request.method))
        return False

    return lie


def says_raw(answer: bytes, *, stays: bool = False) -> Misbehaviour:
    """Send these bytes in place of an answer."""

    async def say(turn: Turn) -> bool:
        turn.send(answer)
        return stays

    return say


sends_chunked_garbage: Final = says_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n\r\n")
contradicts_its_length: Final = says_raw(
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)
tells_two_lengths: Final = says_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc")
speaks_smtp: Final = says_raw(b"220 mail.example ESMTP\r\n")
switches_protocols: Final = says_raw(
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nPRI * HTTP/2.0\r\n\r\n"
)


async def speaks_http10(turn: Turn) -> bool:
    """Answer as servers did before 1.1: no length, the end is where the connection ends."""
    said = replace(turn.right, headers=_without_length(turn.right.headers))
    text = to_bytes(said, turn.request.method, version="1.0")
    told = f"Content-Length: {len(turn.body)}\r\n".encode()
    turn.send(text if turn.request.method == "HEAD" else text.replace(told, b""))
    return False


async def lies_about_keeping_alive(turn: Turn) -> bool:
    """Promise to keep the connection, and drop it."""
    turn.send(turn.head.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\nKeep-Alive: timeout=600\r\n\r\n"))
    if turn.request.method != "HEAD":
        turn.send(turn.body)
    return False


async def goes_on_after_the_end(turn: Turn) -> bool:
    """Answer rightly, and then say more: what may be mistaken for the next request's answer."""
    turn.send(turn.wire + to_bytes(Says(200, b"poisoned"), "GET"))
    return True


async def times_out_early(turn: Turn) -> bool:
    """Answer rightly, then, on the connection at rest, a 408 that nobody asked for; as some balancers do."""
    turn.send(turn.wire)
    await turn.visit.writer.drain()
    await asyncio.sleep(_BEAT_SECONDS)
    turn.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    return False


async def continues_first(turn: Turn) -> bool:
    """Send a few informational answers before the right one, as is allowed."""
    turn.send(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3, turn.wire)
    return True


def _without_length(headers: Mapping[str, str | tuple[str, ...]]) -> dict[str, str | tuple[str, ...]]:
    return {name: value for name, value in headers.items() if name.lower() != "content-length"}
