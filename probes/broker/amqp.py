"""Kombu's transport for RabbitMQ with a guard at the socket.

What a region publishes reaches us byte for byte: RabbitMQ looks at no text in it. py-amqp decodes properties and
routing keys as it reads frames, deep inside a worker's event loop, and gathers a body of any length before it tells
anybody. Here what cannot be read becomes a delivery that is refused, and what is too long is let go by as it comes.
"""

from collections.abc import Callable
from errno import ECONNABORTED
from struct import unpack_from
from typing import Any, Final

from amqp import spec
from amqp.basic_message import Message
from amqp.exceptions import AccessRefused, AMQPError, NotAllowed, UnexpectedFrame
from amqp.serialization import loads
from kombu.transport import pyamqp

from probes.broker.delivery import Delivery
from probes.broker.guard import Guard

_METHOD, _HEADER, _BODY, _HEARTBEAT = 1, 2, 3, 8
_DELIVER: Final = "sLbss"  # consumer tag, delivery tag, redelivered, exchange, routing key
_REFUSALS: Final = (AccessRefused, NotAllowed)  # no such user; a virtual host that is not there, or not the user's
_WITH_CONTENT: Final = frozenset({spec.Basic.Return, spec.Basic.Deliver, spec.Basic.GetOk})


class Content(Message):
    """A message that is being received. It never raises for what a stranger put into it."""

    def __init__(self, max_bytes: int, **frame: Any) -> None:
        super().__init__(**frame)
        self.max_bytes = max_bytes
        self.has_header = False
        self.is_readable = True

    def inbound_header(self, buf: bytes, offset: int = 0) -> int:
        class_id, self.body_size = unpack_from(">HxxQ", buf, offset)
        self.has_header = True
        try:
            self._load_properties(class_id, buf, offset + 12)  # type: ignore[attr-defined] # the stubs leave it out
        except Exception:  # noqa: BLE001 - text in any encoding, tables in tables, times beyond the calendar, …
            self.properties, self.is_readable = {}, False
        self.ready = not self.body_size
        return offset + 12

    def inbound_body(self, buf: bytes) -> None:
        if self.body_size <= self.max_bytes:
            super().inbound_body(buf)  # type: ignore[misc] # likewise
            return
        self.body_received += len(buf)
        self.ready = self.body_received >= self.body_size

    def delivery(self) -> Delivery:
        # A body without a byte is left as py-amqp made it: text.
        body = self.body if isinstance(self.body, bytes) else b""
        return Delivery(self.properties if self.is_readable else None, body, self.body_size)


class Frames:
    """Puts the frames of a connection together: py-amqp's `frame_handler`, with our `Content`.

    Called with each frame; true when that completed a method, which has then been given to `callback`.
    """

    def __init__(self, connection: Any, callback: Callable[..., None], *, max_bytes: int) -> None:
        self._connection = connection
        self._callback = callback
        self._max_bytes = max_bytes
        self._receiving: dict[int, Content] = {}  # channel → the message whose frames are coming

    def __call__(self, frame: tuple[int, int, bytes]) -> bool:
        kind, channel, buf = frame
        self._connection.bytes_recv += 1
        if kind == _HEARTBEAT:
            return False
        content = self._receiving.get(channel)
        if kind != self._expected(content):
            raise UnexpectedFrame(f"a frame of type {kind} on channel {channel}")
        if content is None:
            return self._method(channel, buf)
        if kind == _HEADER:
            content.inbound_header(buf)
        else:
            content.inbound_body(buf)
        if not content.ready:
            return False
        del self._receiving[channel]
        self._callback(channel, content.frame_method, content.frame_args, content)
        return True

    def _method(self, channel: int, buf: bytes) -> bool:
        method = unpack_from(">HH", buf, 0)
        if method in _WITH_CONTENT:
            self._receiving[channel] = Content(self._max_bytes, frame_method=method, frame_args=buf)
            return False
        self._callback(channel, method, buf, None)
        return True

    @staticmethod
    def _expected(content: Content | None) -> int:
        if content is None:
            return _METHOD
        return _BODY if content.has_header else _HEADER


class Channel(pyamqp.Channel):
    """A channel whose consumers get only what its connection's guard admits; the rest is rejected for good."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._queue_of: dict[str, str] = {}  # consumer tag → queue

    def basic_consume(self, queue: str = "", consumer_tag: str = "", *args: Any, **options: Any) -> str:
        self._queue_of[consumer_tag] = queue
        return super().basic_consume(queue, consumer_tag, *args, **options)

    def dispatch_method(self, method_sig: tuple[int, int], payload: bytes, content: Any) -> None:
        if method_sig == spec.Basic.Deliver and not self.is_closing:  # type: ignore[attr-defined] # likewise
            # The routing key comes last, is the sender's, and need not be text.
            (consumer_tag, delivery_tag), _ = loads("sL", payload, 4)
            guard, queue = self.connection.guard, self._queue_of.get(consumer_tag)
            if guard is not None and queue is not None and not _admits(guard, queue, payload, content):
                self.basic_reject(delivery_tag, requeue=False)
                return
        super().dispatch_method(method_sig, payload, content)


class Connection(pyamqp.Connection):
    """A connection that gets its guard through the transport option `guard`, and is kombu's own without one."""

    Channel = Channel

    def __init__(self, *args: Any, guard: Guard | None = None, **options: Any) -> None:
        self.guard = guard
        if guard is not None:
            options["frame_handler"] = lambda connection, callback: Frames(
                connection, callback, max_bytes=guard.max_bytes
            )
        super().__init__(*args, **options)

    def blocking_read(self, timeout: float | None = None) -> Any:
        """Read a frame. Without an answer in the transport option `read_timeout` the connection is given up.

        Else whoever closes it would wait as long again: for its consumers, its channels and itself.
        """
        try:
            return super().blocking_read(timeout)
        except TimeoutError:
            if timeout is None:
                self.collect()
            raise


class Transport(pyamqp.Transport):
    """Kombu's transport with guarded connections.

    A login that is refused may be granted later: a broker that lost its data gets its accounts again. As with Redis,
    it is tried anew, where py-amqp would have the worker end.
    """

    Connection = Connection
    connection_errors = (*pyamqp.Transport.connection_errors, *_REFUSALS)
    recoverable_connection_errors = (*pyamqp.Transport.recoverable_connection_errors, *_REFUSALS)

    def drain_events(self, connection: Any, **options: Any) -> Any:
        """Wait for an event. When the broker ends the connection, the error has a number, as a broken socket's has.

        In the first tenth of a second Celery passes over errors without one (`_quick_drain`), to wait for ever on a
        connection that py-amqp has closed.
        """
        try:
            return super().drain_events(connection, **options)
        except AMQPError as error:
            error.errno = ECONNABORTED  # type: ignore[attr-defined] # which its kind does not have
            raise


class SSLTransport(Transport, pyamqp.SSLTransport):
    """The same over TLS."""


def _admits(guard: Guard, queue: str, payload: bytes, content: Content) -> bool:
    try:
        loads(_DELIVER, payload, 4)
    except UnicodeDecodeError:
        content.is_readable = False
    return guard.admits(queue, content.delivery())
