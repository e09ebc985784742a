"""Whether the broker answers."""

from typing import Final

from amqp.exceptions import AMQPError
from kombu import Connection
from kombu.exceptions import KombuError

from probes.broker.address import BrokerAddress

PING_SECONDS: Final = 3


class BrokerAway(Exception):
    """The broker did not answer. The message is one line that says where and why, and holds no password."""


def ping(address: BrokerAddress) -> None:
    """Connect and log in, once and within a few seconds. Raises `BrokerAway`."""
    options = {"socket_connect_timeout": PING_SECONDS, "socket_timeout": PING_SECONDS}
    try:
        with Connection(
            address.url,
            connect_timeout=PING_SECONDS,
            ssl=address.kombu_ssl or False,
            transport_options=options if address.is_redis else {},
        ) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=PING_SECONDS)
    except (KombuError, AMQPError, OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise BrokerAway(f"the broker does not answer at {address.place}: {reason}") from None
