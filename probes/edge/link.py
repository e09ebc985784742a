"""A connection of one's own to the broker, for a thread that sends."""

from contextlib import suppress
from typing import Any, Final, Protocol

from celery import Celery

from probes.broker.address import BrokerAddress
from probes.broker.queues import RESULTS, results_exchange

_CONFIRM_SECONDS: Final = 10.0


class LinkDown(Exception):
    """The broker could not be used just now. The message is the cause, for the log."""


class Link(Protocol):
    """What a sending thread needs of the broker."""

    def send(self, task: str, envelope: dict[str, Any]) -> None:
        """Send one envelope to the results queue. Raises `LinkDown`; it may have arrived all the same."""

    def queue_length(self, queue: str) -> int:
        """Return how many messages wait. Raises `LinkDown`."""

    def close(self) -> None: ...


class BrokerLink:
    """Opens its connection when it is first needed and anew after each failure. For one thread at a time."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        address = BrokerAddress(app.conf.broker_url)
        self._is_amqp = address.is_amqp
        # Left to itself, Celery writes to the default exchange, which on RabbitMQ is not a region's to write to.
        exchange = results_exchange(address)
        self._route: dict[str, Any] = {"exchange": exchange, "routing_key": RESULTS} if exchange else {}
        self._connection: Any = None
        self._producer: Any = None

    def send(self, task: str, envelope: dict[str, Any]) -> None:
        try:
            self._connect()
            self._app.send_task(
                task,
                args=[envelope],
                queue=RESULTS,
                producer=self._producer,
                retry=False,
                ignore_result=True,
                # Celery would put a shortened copy of the arguments into the headers, for logs.
                argsrepr="(envelope)",
                kwargsrepr="{}",
                **self._route,
                confirm_timeout=_CONFIRM_SECONDS,  # on RabbitMQ, which may make publishers wait
            )
        except Exception as error:
            raise self._down(error) from error

    def queue_length(self, queue: str) -> int:
        try:
            self._connect()
            # On Redis a queue that nothing waits in does not exist, and to declare it is no more than to ask.
            declared = self._connection.default_channel.queue_declare(
                queue=queue, durable=True, auto_delete=False, passive=self._is_amqp
            )
        except Exception as error:
            raise self._down(error) from error
        return int(declared.message_count)

    def close(self) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            # It is being thrown away because it does not work; how it fails once more is of no interest.
            with suppress(Exception):
                connection.release()

    def _connect(self) -> None:
        if self._connection is None:
            self._connection = self._app.connection_for_write()
            self._producer = self._app.amqp.Producer(self._connection)

    def _down(self, error: Exception) -> LinkDown:
        self.close()
        return LinkDown(f"{type(error).__name__}: {error}")
