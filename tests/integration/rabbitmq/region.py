"""The other end of a region's link to a RabbitMQ, and messages made byte by byte."""

from typing import Any, Final

import amqp
from amqp.serialization import dumps
from kombu import Connection

from probes.broker.queues import HEARTBEATS, RESULTS, queue_of_regions
from tests.fakes.rabbitmq_server import RabbitServer
from tests.integration.edge.region import Region

NO_PROPERTIES: Final = b"\x00\x00"


class RawMessage(amqp.Message):
    """A message whose properties are these bytes: the flags, then the values, as AMQP has them."""

    def __init__(self, body: bytes, properties: bytes) -> None:
        super().__init__(body)
        self._raw = properties

    def _serialize_properties(self) -> bytes:
        return self._raw


def raw_table(content: bytes) -> bytes:
    """Return properties of a JSON message of which the headers are a table of these bytes."""
    flags = (1 << 15) | (1 << 14) | (1 << 13)
    texts = dumps("ss", ("application/json", "utf-8"))
    return flags.to_bytes(2, "big") + texts + len(content).to_bytes(4, "big") + content


class RabbitRegion(Region):
    """As on Redis; a message to be spoilt is py-amqp's own."""

    server: RabbitServer  # type: ignore[assignment] # with what differs, below

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._app.conf.broker_transport_options = {"confirm_publish": True}

    def _connect(self, server: Any) -> None:
        with Connection(server.url) as connection:
            for name in (RESULTS, HEARTBEATS):
                queue_of_regions(name, server.address)(connection.default_channel).declare()
        self._connection = server.connection()
        self.channel = self._connection.channel()

    def close(self) -> None:
        self._connection.collect()  # without a farewell: the server may be another one by now

    def publish(self, message: amqp.Message, *, routing_key: Any = "", exchange: str = "") -> None:
        """Publish as somebody who may do everything."""
        self.channel.basic_publish(message, exchange=exchange, routing_key=routing_key or self.queue)

    def message(self, envelope: object, **options: Any) -> amqp.Message:
        """Return the message that `send` would send."""
        self.channel.queue_declare("scratch", durable=True, auto_delete=False)
        self._app.send_task("probes.edge.run_batch", args=[envelope], queue="scratch", **options)
        sent = self.channel.basic_get("scratch", no_ack=True)
        assert sent is not None
        body = sent.body.encode() if isinstance(sent.body, str) else sent.body
        return amqp.Message(body, **sent.properties)

    @property
    def waiting(self) -> int:
        return int(self.channel.queue_declare(self.queue, passive=True).message_count)

    def _pop(self) -> tuple[str, bytes] | None:
        for queue in self.reads:
            if (sent := self.channel.basic_get(queue, no_ack=True)) is not None:
                return sent.headers["task"], sent.body
        return None
