"""A connection of one's own to the broker, for a thread that sends."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from amqp.exceptions import MessageNacked
from celery import Celery

from probes.broker.address import BrokerAddress
from probes.broker.queues import MOST_WAITING, results_exchange
from probes.extras import without

with without("opentelemetry"):
    from redis.exceptions import NoPermissionError

_CONFIRM_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 2.0
"""How long a queue that had room is taken to have some."""


class LinkDown(Exception):
    """The broker could not be used just now. The message is the cause, for the log."""


class QueueFull(LinkDown):
    """So much waits in the queue that no more is sent: the control plane does not take it, or not fast enough."""


class NotAllowed(LinkDown):
    """The broker is there and does not let us write to the queue; nothing was sent."""


class Link(Protocol):
    """What a sending thread needs of the broker."""

    def send(self, task: str, envelope: dict[str, Any], *, queue: str) -> None:
        """Send one envelope to a queue of the control plane. Raises `LinkDown`; it may have arrived all the same."""

    def queue_length(self, queue: str) -> int:
        """Return how many messages wait. Raises `LinkDown`."""

    def close(self) -> None: ...


class BrokerLink:
    """Opens its connection when it is first needed and anew after each failure. For one thread at a time."""

    def __init__(self, app: Celery, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._monotonic = monotonic
        address = BrokerAddress(app.conf.broker_url)
        self._is_amqp = address.is_amqp
        self._exchange = results_exchange(address)
        self._connection: Any = None
        self._producer: Any = None
        self._had_room: dict[str, float] = {}  # queue → when that was seen, monotonic

    def send(self, task: str, envelope: dict[str, Any], *, queue: str) -> None:
        try:
            self._connect()
            self._ensure_room(queue)
            # Left to itself, Celery writes to the default exchange, which on RabbitMQ is not a region's to write to.
            route: dict[str, Any] = {"exchange": self._exchange, "routing_key": queue} if self._exchange else {}
            self._app.send_task(
                task,
                args=[envelope],
                queue=queue,
                producer=self._producer,
                retry=False,
                ignore_result=True,
                # Celery would put a shortened copy of the arguments into the headers, for logs.
                argsrepr="(envelope)",
                kwargsrepr="{}",
                **route,
                confirm_timeout=_CONFIRM_SECONDS,  # on RabbitMQ, which may make publishers wait
            )
        except QueueFull:
            raise
        except Exception as error:
            raise self._not_sent(error, queue) from error

    def queue_length(self, queue: str) -> int:
        try:
            self._connect()
            return self._length(queue)
        except Exception as error:
            raise self._down(error) from error

    def close(self) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            # It is being thrown away because it does not work; how it fails once more is of no interest.
            with suppress(Exception):
                connection.release()

    def _ensure_room(self, queue: str) -> None:
        """Raise `QueueFull` where no more may wait. On RabbitMQ a policy says so, and the broker's answer to us."""
        now = self._monotonic()
        if self._is_amqp or now - self._had_room.get(queue, -_LOOK_SECONDS) < _LOOK_SECONDS:
            return
        with suppress(NoPermissionError):  # of an account that the control plane of the version before made
            if self._length(queue) >= MOST_WAITING[queue]:
                raise QueueFull(f"{MOST_WAITING[queue]} messages or more wait in {queue}")
        self._had_room[queue] = now

    def _length(self, queue: str) -> int:
        # On Redis a queue that nothing waits in does not exist, and to declare it is no more than to ask.
        declared = self._connection.default_channel.queue_declare(
            queue=queue, durable=True, auto_delete=False, passive=self._is_amqp
        )
        return int(declared.message_count)

    def _connect(self) -> None:
        if self._connection is None:
            self._connection = self._app.connection_for_write()
            self._producer = self._app.amqp.Producer(self._connection)

    def _not_sent(self, error: Exception, queue: str) -> LinkDown:
        match error.__cause__ or error:  # kombu wraps what its transport raises into errors of its own
            case MessageNacked():
                return QueueFull(f"the broker takes no more messages for {queue}")
            case NoPermissionError() as refusal:
                return NotAllowed(str(refusal))
        return self._down(error)

    def _down(self, error: Exception) -> LinkDown:
        self.close()
        return LinkDown(f"{type(error).__name__}: {error}")
