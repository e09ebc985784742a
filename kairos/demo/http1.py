"""HTTP/1.1 for the demonstration's hosts: one protocol object a connection, and a plain function behind it.

A host is a function from `Request` to `Response`, with no coroutine and no task anywhere: waiting is a value
(`Response.delay_seconds`) that the connection honours with a timer. That keeps a request at a few tens of
microseconds, so that a benchmark of the pipeline measures the pipeline. Source: RFC 9110 and RFC 9112.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

import httptools

_MAX_HEAD_BYTES: Final = 64 * 1024  # before its last read
_MAX_BODY_BYTES: Final = 64 * 1024
_MAX_PIPELINED: Final = 64
_IDLE_SECONDS: Final = 75.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `path` is decoded; header names are in lower case, repeated headers joined by commas."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Response:
    """One response. To HEAD the body is not sent, but its length is told."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay_seconds: float = 0.0


Handler = Callable[[Request], Response]


class Connection(asyncio.Protocol):
    """One client's connection: requests are answered in order, pipelined ones too."""

    def __init__(self, handle: Handler, connections: "set[Connection]") -> None:
        self._handle = handle
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._client = ""
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._delayed: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._last_seen = 0.0
        self._head_bytes = 0
        self._in_head = True
        self.on_message_begin()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows the base class's type
        self._transport = transport
        self._client = transport.get_extra_info("peername")[0]
        self._connections.add(self)
        self._last_seen = self._loop.time()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._connections.discard(self)
        for timer in (self._delayed, self._idle):
            if timer:
                timer.cancel()
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        self._last_seen = self._loop.time()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # not taken up: the request has its answer, and with it the connection ends
        except httptools.HttpParserError:
            self._refuse(400)
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self._refuse(431)

    def pause_writing(self) -> None:
        # A client that does not read its answers gets no more of its requests read.
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    # -- httptools

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        self._in_head = False

    def on_body(self, body: bytes) -> None:
        if len(self._body) <= _MAX_BODY_BYTES:
            self._body += body

    def on_message_complete(self) -> None:
        if len(self._body) > _MAX_BODY_BYTES:
            self._refuse(413)
            return
        if len(self._waiting) >= _MAX_PIPELINED:
            self.abort()
            return
        url = httptools.parse_url(self._url)
        path = url.path.decode("latin-1")
        request = Request(
            method=self._parser.get_method().decode("latin-1"),
            path=unquote(path) if "%" in path else path,
            query=url.query.decode("latin-1") if url.query else "",
            headers=self._headers,
            body=self._body,
            client=self._client,
        )
        self._in_head = True
        self._head_bytes = 0
        keep_alive = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        self._waiting.append((request, keep_alive))
        self._serve()

    # -- answers

    def _serve(self) -> None:
        while self._waiting and not self._delayed and not self._transport.is_closing():
            request, keep_alive = self._waiting.popleft()
            try:
                response = self._handle(request)
            except Exception:  # noqa: BLE001 - a bug in one answer must not cut off the others
                _log.exception("the demo registry failed at %s %s", request.method, request.path)
                response = Response(500)
            if response.delay_seconds:
                self._delayed = self._loop.call_later(
                    response.delay_seconds, self._send_late, request.method, response, keep_alive
                )
            else:
                self._send(request.method, response, keep_alive)

    def _send_late(self, method: str, response: Response, keep_alive: bool) -> None:  # noqa: FBT001 - call_later passes by position
        self._delayed = None
        self._send(method, response, keep_alive)
        self._serve()

    def _send(self, method: str, response: Response, keep_alive: bool) -> None:  # noqa: FBT001 - as above
        self._transport.write(_wire(method, response, keep_alive=keep_alive))
        if not keep_alive:
            self._transport.close()

    def _refuse(self, status: int) -> None:
        if self._waiting or self._delayed:
            self.abort()  # a refusal now would pass for the answer to an earlier request
        elif not self._transport.is_closing():
            self._send("GET", Response(status), keep_alive=False)

    def _watch(self) -> None:
        """Close the connection once nothing has come for a while and nothing is being answered."""
        rest = self._last_seen + _IDLE_SECONDS - self._loop.time()
        if rest <= 0 and not self._delayed:
            self._transport.close()
        else:
            self._idle = self._loop.call_later(max(rest, 1.0), self._watch)

    def abort(self) -> None:
        """Cut the connection at once."""
        self._transport.abort()


def _wire(method: str, response: Response, *, keep_alive: bool) -> bytes:
    lines = [
        _status_line(response.status),
        f"Date: {_date(int(time.time()))}",
        f"Content-Length: {len(response.body)}",
        *(f"{name}: {value}" for name, value in response.headers),
    ]
    if not keep_alive:
        lines.append("Connection: close")
    head = "\r\n".join((*lines, "\r\n")).encode("latin-1")
    return head if method == "HEAD" else head + response.body


@lru_cache
def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
