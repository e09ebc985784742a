"""Bytes to and from one peer, over TCP or over TLS on it; knows nothing of HTTP.

TLS is spoken here, on memory buffers, and not by asyncio: that gives the handshake a time and an exact error,
spares a layer of protocol on every read, and 256 KiB of buffer on every connection.
"""

import asyncio
import os
import ssl
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from typing import Any, Final, Protocol, cast

from probes.protocol.exchange import FaultKind
from probes.wire import tls
from probes.wire.faults import WireFault

_READ_BYTES: Final = 16 * 1024  # a TLS record's size; kept by every connection


class End(Enum):
    """How a channel ended."""

    CLEAN = auto()  # the peer said that it is done: close_notify, or end of stream on plain TCP
    CUT = auto()  # reset, or end of stream in the middle of TLS
    ALERT = auto()  # the peer ended TLS with a fatal alert: it says why
    OURS = auto()  # we closed it


class Receiver(Protocol):
    """Whoever reads a channel. Called from the event loop; must not raise."""

    def bytes_received(self, data: bytes | memoryview) -> None: ...  # `data` is valid during the call only
    def channel_ended(self, end: End, detail: str) -> None: ...  # once


class Channel(asyncio.BufferedProtocol):
    """One connection's bytes. Made by `loop.create_connection`, then perhaps `secure`d, then read and written."""

    def __init__(self, on_lost: Callable[["Channel"], None]) -> None:
        self.end: End | None = None
        self.receiver: Receiver | None = None
        self._on_lost = on_lost
        self._view = memoryview(bytearray(_READ_BYTES))
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._handshake: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        return self.end is not None

    @property
    def transport(self) -> asyncio.Transport:
        """What carries the bytes; there from `connection_made` on."""
        return cast("asyncio.Transport", self._transport)

    @property
    def is_secure(self) -> bool:
        return self._tls is not None

    async def secure(self, context: ssl.SSLContext, name: str) -> dict[str, Any]:
        """Speak TLS from now on, with a peer that proves to be `name`; return its verified certificate.

        Raises `WireFault`. The caller bounds the time, and aborts the channel when it gives up.
        """
        if self.end is not None:
            raise _cut_short(self.end, "")
        self._tls = secure = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._handshake = handshake = asyncio.get_running_loop().create_future()
        self._shake_hands(secure, handshake)
        await handshake
        self._handshake = None
        if self._incoming.pending:
            self._decrypt(secure)
        return cast("dict[str, Any]", secure.getpeercert())

    def write(self, data: bytes) -> None:
        """Send `data`; on an ended channel it goes nowhere."""
        if self.ended:
            return
        if self._tls is None:
            self.transport.write(data)
        else:
            self._tls.write(data)
            self._flush()

    def pause(self) -> None:
        """Take nothing more from the peer until `resume`; TCP makes it wait."""
        self._paused = True
        self.transport.pause_reading()

    def resume(self) -> None:
        if self._paused and not self.ended:
            self._paused = False
            self.transport.resume_reading()
            if self._tls is not None:
                self._decrypt(self._tls)

    def abort(self) -> None:
        """Close now. Under TLS the peer is told so, as far as it takes a few bytes at once."""
        self._end(End.OURS, "")

    # asyncio calls what follows

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self.ended:  # whoever dialled has given up meanwhile
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        del sizehint
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        if self.ended:
            return
        if self._tls is None:
            self._deliver(self._view[:nbytes])
            return
        self._incoming.write(self._view[:nbytes])
        if self._handshake is None:
            self._decrypt(self._tls)
        elif not self._handshake.done():
            self._shake_hands(self._tls, self._handshake)

    def eof_received(self) -> None:
        if self._tls is None:
            self._end(End.CLEAN, "")
        else:
            self._end(End.CUT, "the peer closed without saying so in TLS")

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and self._tls is not None and not self.ended:
            self._hear_last_words()
        self._end(End.CUT, getattr(exc, "strerror", None) or "connection lost")
        self._on_lost(self)

    def _hear_last_words(self) -> None:
        """Take what has arrived and was not read, because sending failed first.

        A server that refuses our certificate sends an alert and closes. To what we sent meanwhile its kernel answers
        with a reset, and the alert that says why lies before that.
        """
        with suppress(OSError):
            words = os.read(self.transport.get_extra_info("socket").fileno(), _READ_BYTES)
            self._view[: len(words)] = words
            self.buffer_updated(len(words))

    def _deliver(self, data: bytes | memoryview) -> None:
        if self.receiver is None:  # a peer that speaks before it is spoken to
            self._end(End.CUT, "data out of turn")
        else:
            self.receiver.bytes_received(data)

    def _shake_hands(self, secure: ssl.SSLObject, done: asyncio.Future[None]) -> None:
        try:
            secure.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._flush()  # the alert that tells the peer why
            done.set_exception(tls.fault_of(error, tls.presented_certificate(secure)))
            self._end(End.OURS, "")
        else:
            self._flush()
            done.set_result(None)

    def _decrypt(self, secure: ssl.SSLObject) -> None:
        try:
            while not (self._paused or self.ended):
                data = secure.read(_READ_BYTES)
                if not data:
                    self._end(End.CLEAN, "")
                    return
                self._deliver(data)
                if not (self._incoming.pending or secure.pending()):
                    break  # spares the exception that one more read would be
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            alert = tls.alert_of(error)
            self._end(End.ALERT if alert else End.CUT, alert or error.reason or "TLS error")
            return
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self.transport.write(self._outgoing.read())

    def _end(self, end: End, detail: str) -> None:
        if self.ended:
            return
        self.end = end
        if self._handshake is not None:
            if not self._handshake.done():
                self._handshake.set_exception(_cut_short(end, detail))
        elif self._tls is not None and end in (End.CLEAN, End.OURS):
            self._say_goodbye(self._tls)
        if self._transport is not None:
            self._transport.abort()
        if self.receiver is not None:
            self.receiver.channel_ended(end, detail)

    def _say_goodbye(self, secure: ssl.SSLObject) -> None:
        with suppress(ssl.SSLError):  # it wants the peer's own goodbye, for which we do not wait
            secure.unwrap()
        self._flush()


def _cut_short(end: End, detail: str) -> WireFault:
    kind = FaultKind.ABORTED if end is End.OURS else FaultKind.CONNECTION_RESET
    return WireFault(kind, f"closed in the TLS handshake: {detail}" if detail else "closed in the TLS handshake")
