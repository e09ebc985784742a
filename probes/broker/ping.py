"""Whether the broker answers."""

from typing import Final

from kombu import Connection
from kombu.exceptions import KombuError

from probes.broker.url import place, tls

PING_SECONDS: Final = 3


class BrokerAway(Exception):
    """The broker did not answer. The message is one line that says where and why, and holds no password."""


def ping(url: str) -> None:
    """Connect and log in, once and within a few seconds. Raises `BrokerAway`."""
    options = {"socket_connect_timeout": PING_SECONDS, "socket_timeout": PING_SECONDS}
    is_redis = url.startswith("redis")
    try:
        with Connection(
            url, connect_timeout=PING_SECONDS, ssl=tls(url) or False, transport_options=options if is_redis else {}
        ) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=PING_SECONDS)
    except (KombuError, OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise BrokerAway(f"the broker does not answer at {place(url)}: {reason}") from None
