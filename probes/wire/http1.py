"""HTTP/1.1 as bytes: the request written, and one response read as it comes, within bounds.

The grammar is llhttp's, by way of httptools. Decided here: which responses have a body, when one is complete or
cut short, how much is held for a slow consumer, and what makes a connection unfit for another exchange.
"""

import asyncio
import re
from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache
from typing import Final, Protocol

import httptools

from probes.protocol.exchange import FaultKind
from probes.wire.channel import End
from probes.wire.faults import WireFault
from probes.wire.limits import Limits

_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(rb"[ -~]*")
_TARGET: Final = re.compile(rb"/[!-~]*")


def request_bytes(method: str, target: bytes, headers: Iterable[tuple[bytes, bytes]], body: bytes = b"") -> bytes:
    """Return a request as it goes out. Raises `ValueError` on anything that could end a line early (S17)."""
    if not (method.isascii() and method.isalpha()):
        raise ValueError("not an HTTP method")
    if not _TARGET.fullmatch(target):
        raise ValueError("the request's target holds a character that cannot be sent")
    parts = [b"%b %b HTTP/1.1\r\n" % (method.encode("ascii"), target)]
    for name, value in headers:
        if not _is_name(name):
            raise ValueError("the name of a request header holds a character that cannot be sent")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"the request header {name.decode('ascii')} holds a character that cannot be sent")
        parts.append(b"%b: %b\r\n" % (name, value))
    parts.append(b"\r\n")
    parts.append(body)
    return b"".join(parts)


@lru_cache(maxsize=256)
def _is_name(name: bytes) -> bool:
    return _NAME.fullmatch(name) is not None


class Source(Protocol):
    """The connection that a response is read from, as far as the reading has to do with it."""

    def pause(self) -> None: ...  # take no more from the peer
    def resume(self) -> None: ...
    def head_read(self) -> None: ...  # the headers are in, a body follows
    def body_read(self) -> None: ...  # the response is complete
    def abort(self) -> None: ...


class _State(IntEnum):
    HEAD = 0
    BODY = 1
    COMPLETE = 2


class Reading:
    """One response while it is read; headers in lower case, `declared_length` the Content-Length.

    States: HEAD until the headers of the final status are in, BODY until its last byte is, then COMPLETE.
    A fault may strike in the first two: a reader gets the bytes that came before it, and then the fault.
    """

    def __init__(self, source: Source, limits: Limits, *, bodiless: bool) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.declared_length: int | None = None
        self.received_bytes = 0
        self.is_reusable = False  # whether the connection stands ready for another exchange
        self._source = source
        self._limits = limits
        self._bodiless = bodiless  # the response to a HEAD, whatever its headers say
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._state = _State.HEAD
        self._began = False
        self._informational = False
        self._until_close = False
        self._fault: WireFault | None = None
        self._held = bytearray()  # of the body, for the reader; a list of chunks could be of one byte each
        self._paused = False
        self._quiet = 0  # bytes since the last one of the body
        self._waiter: asyncio.Future[None] | None = None

    @property
    def is_complete(self) -> bool:
        return self._state is _State.COMPLETE

    async def head(self) -> None:
        """Wait until status and headers are in. Raises `WireFault`."""
        while not self._state:
            await self._news()

    async def chunk(self) -> bytes:
        """Return the next bytes of the body, or none at its end. Raises `WireFault`."""
        while not self._held:
            if self.is_complete:
                return b""
            await self._news()
        chunk = bytes(self._held)
        self._held.clear()
        if self._paused:
            self._paused = False
            self._source.resume()
        return chunk

    async def body(self, limit_bytes: int) -> bytes:
        """Return the whole body. Raises `WireFault`, BODY_TOO_LARGE when it is more than `limit_bytes`."""
        too_large = not self.is_complete and (self.declared_length or 0) > limit_bytes
        content = bytearray()
        while not too_large and (chunk := await self.chunk()):
            content += chunk
            too_large = len(content) > limit_bytes
        if too_large:
            raise WireFault(FaultKind.BODY_TOO_LARGE, f"more than {limit_bytes} bytes")
        return bytes(content)

    async def beginning(self, limit_bytes: int) -> tuple[bytes, bool]:
        """Return up to `limit_bytes` of the body, and whether more of it came. Raises `WireFault`."""
        content = bytearray()
        while len(content) <= limit_bytes and (chunk := await self.chunk()):
            content += chunk
        return bytes(content[:limit_bytes]), len(content) > limit_bytes

    async def body_so_far(self, limit_bytes: int) -> bytes:
        """Return up to `limit_bytes` of the body, and what came before a fault in place of the fault.

        The status of an error is the evidence, its body only a comment. Raises `WireFault` when we shut down.
        """
        content = bytearray()
        try:
            while len(content) < limit_bytes and (chunk := await self.chunk()):
                content += chunk
        except WireFault as fault:
            if fault.kind is FaultKind.ABORTED:
                raise
        return bytes(content[:limit_bytes])

    def feed(self, data: bytes | memoryview) -> None:
        """Take bytes from the connection."""
        parser = self._parser
        if parser is None:
            self.is_reusable = False  # more than was asked for
            return
        self._began = True
        before = self.received_bytes
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._misread("the peer wants to speak another protocol")
        except httptools.HttpParserError as error:
            # What is no response at all may belong to the exchange before, whose body came late: a HEAD's, say.
            self._misread(str(error), unanswered=self._state is _State.HEAD and not self.headers)
        if not self.is_complete:
            self._quiet = self._quiet + len(data) if self.received_bytes == before else 0
            if self._quiet > self._limits.header_bytes:
                self._misread("headers_too_large")  # or trailers, or chunk extensions
        self._tell()

    def end(self, end: End, detail: str) -> None:
        """Take note that the connection ended."""
        if end is End.OURS:
            self.fail(WireFault(FaultKind.ABORTED, "closed on our side"))
        elif self._state is _State.HEAD:
            self.fail(self._unfinished_head(end, detail))
        elif self._until_close and end is End.CLEAN:
            self._complete()
            self._tell()
        else:
            promised = f" of {self.declared_length}" if self.declared_length else ""
            self.fail(WireFault(FaultKind.BODY_TRUNCATED, f"closed after {self.received_bytes}{promised} bytes"))

    def _unfinished_head(self, end: End, detail: str) -> WireFault:
        if end is End.ALERT and not self._began:
            return WireFault(FaultKind.TLS_PROTOCOL, detail, unanswered=True)
        where = "in the middle of the headers" if self._began else "before any response"
        detail = f"closed {where}: {detail}" if detail else f"closed {where}"
        return WireFault(FaultKind.CONNECTION_RESET, detail, unanswered=not self._began)

    def fail(self, fault: WireFault) -> None:
        """Let `fault` strike, unless the response is complete or another one struck before."""
        if self._fault is None and not self.is_complete:
            self._fault = fault
            self._parser = None
            self._source.abort()
            self._tell()

    def late(self, *, check_is_over: bool) -> None:
        """Give up, since the time of this state is over, or the time of the whole check."""
        in_head = self._state is _State.HEAD
        what = "headers" if in_head else f"body, after {self.received_bytes} bytes"
        if check_is_over:
            self.fail(WireFault(FaultKind.TIMEOUT_TOTAL, f"the check's time ran out in the {what}"))
        elif in_head:
            self.fail(WireFault(FaultKind.TIMEOUT_HEADERS, f"no headers in {self._limits.headers_seconds:g} s"))
        else:
            self.fail(WireFault(FaultKind.TIMEOUT_BODY, f"stalled in the {what}"))

    # llhttp calls what follows, in the middle of `feed`

    def on_message_begin(self) -> None:
        if self.is_complete:
            self.is_reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._state is not _State.HEAD:  # trailers go unheard
            return
        self.headers.append((name.lower(), value))
        if len(self.headers) > self._limits.header_fields:
            self._misread("headers_too_large")

    def on_headers_complete(self) -> None:
        parser = self._parser
        if parser is None or self._state is not _State.HEAD:
            return
        status = parser.get_status_code()
        if status < 200:
            self._informational = True
            self.headers.clear()
            return
        self.status = status
        self.is_reusable = parser.should_keep_alive()
        framed = self._read_framing()
        if self._bodiless:
            # llhttp does not know that this answers a HEAD: what it takes for a missing body is none.
            self.is_reusable = self.is_reusable or (not framed and self._wants_to_stay(parser))
            self._complete()
        else:
            self._until_close = not framed and status not in (204, 304)
            self._state = _State.BODY
            self._source.head_read()

    def on_body(self, data: bytes) -> None:
        if self.is_complete:
            self.is_reusable = False
            return
        self._held += data
        self.received_bytes += len(data)
        if len(self._held) > self._limits.read_ahead_bytes and not self._paused:
            self._paused = True
            self._source.pause()

    def on_message_complete(self) -> None:
        if self._informational:
            self._informational = False
        elif self._state is _State.BODY:
            self._complete()

    def _read_framing(self) -> bool:
        """Note the declared length; tell whether the headers say where the body ends."""
        framed = False
        for name, value in self.headers:
            if name == b"content-length":
                self.declared_length = int(value)
                framed = True
            elif name == b"transfer-encoding":
                framed = value.lower().endswith(b"chunked")
        return framed

    def _wants_to_stay(self, parser: httptools.HttpResponseParser) -> bool:
        closes = any(name == b"connection" and b"close" in value.lower() for name, value in self.headers)
        return parser.get_http_version() == "1.1" and not closes

    def _complete(self) -> None:
        self._state = _State.COMPLETE
        self._parser = None  # it holds this object as well: no work for the cycle collector
        self._source.body_read()

    def _misread(self, detail: str, *, unanswered: bool = False) -> None:
        self.is_reusable = False
        self.fail(WireFault(FaultKind.PROTOCOL_ERROR, detail, unanswered=unanswered))

    async def _news(self) -> None:
        if self._fault is not None:
            raise self._fault
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _tell(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
