"""Kombu's Redis transport with a guard at the socket."""

from functools import partial
from typing import Any

from kombu.transport import virtual

from probes.broker.guard import Guard
from probes.extras import without

with without("opentelemetry"):
    from kombu.transport import redis as kombu_redis


class GuardedRedis(kombu_redis.PrefixedStrictRedis):
    """A client whose blocking pops yield only what the guard admits; a refused entry reads as an empty pop."""

    def __init__(self, *args: Any, guard: Guard, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guard = guard

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        reply = super().parse_response(connection, command_name, **options)
        if command_name == "BRPOP" and reply:
            key, entry = reply
            queue = key.decode().partition(Channel.sep)[0]  # a list of lower priority has it behind the name
            if not self._guard.admits(queue, entry):
                return None
        return reply


class QoS(kombu_redis.QoS):
    """Kombu's count of what is in hand, which a message leaves also when the broker cannot be told that it is done.

    Celery logs an acknowledgement that fails, and goes on. Were the message still counted, it would be for ever; and
    a consumer whose hands are full does not look at its socket, which would tell it that the link is broken.
    """

    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        finally:
            virtual.QoS.ack(self, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's signature
        try:
            super().reject(delivery_tag, requeue=requeue)
        finally:
            virtual.QoS.ack(self, delivery_tag)


class Channel(kombu_redis.Channel):
    """A channel that gets its guard through the transport option `guard`, and is kombu's own without one."""

    guard: Guard | None = None
    from_transport_options = (*kombu_redis.Channel.from_transport_options, "guard")
    QoS = QoS

    def _get_client(self) -> Any:
        if self.guard is None:
            return super()._get_client()  # type: ignore[misc] # kombu's types leave it out
        return partial(GuardedRedis, guard=self.guard, global_keyprefix=self.global_keyprefix)


class Transport(kombu_redis.Transport):
    """Kombu's Redis transport with guarded channels."""

    Channel = Channel

    def _reject_inbound_message(self, raw_message: Any) -> None:
        """Take what a pop brings that was under way when we ceased to consume.

        Kombu writes it back to its queue, which a region's account may not: the message would be lost.
        """
        channels: Any = self.channels
        channel = channels[0]
        if channel.guard is None or channel.guard.on_late is None:
            super()._reject_inbound_message(raw_message)
            return
        (envelope,), _, _ = channel.Message(raw_message, channel=channel).decode()
        channel.guard.on_late(envelope)
