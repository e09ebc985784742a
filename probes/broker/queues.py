"""The queues and how messages get there, which is all that differs between Redis and RabbitMQ.

| queue            | written by        | read by           | on RabbitMQ, through            | bound                 |
|------------------|-------------------|-------------------|---------------------------------|-----------------------|
| `probe.<region>` | the control plane | the region        | the default exchange            | `tasks.publishing`    |
| `results`        | every region      | the control plane | the direct exchange `results`   | regions keep reports  |
| `heartbeats`     | every region      | the control plane | the direct exchange `results`   | regions leave it out  |
| `control`        | the control plane | the control plane | the default exchange            | beat drops old orders |

On Redis everything takes the default exchange, which needs no bindings: they live in Redis, and a publisher that has
declared them once would send into nothing after they were lost. On RabbitMQ a right to the default exchange is one to
every queue, so regions have an exchange of their own to write to.

While nobody takes from them the queues must not fill the broker (ADR 23). What is done then differs: a report is
worth keeping, a heartbeat is worth nothing after a minute, and of each order to the control worker the newest does.
"""

from typing import Any, Final

from amqp.exceptions import ChannelError
from kombu import Exchange, Queue

from probes.broker.address import BrokerAddress

CONTROL: Final = "control"
RESULTS: Final = "results"
HEARTBEATS: Final = "heartbeats"

MOST_WAITING: Final = {RESULTS: 5000, HEARTBEATS: 1000}
"""So many messages wait in a queue that regions write to; then they send no more. Reports have tens of kilobytes."""

MOST_ORDERS: Final = 500
"""More in `control` are of minutes ago: beat sends less than two a second, and nearly all expire within five."""


_NOT_FOUND: Final = "404"


def region_queue(slug: str) -> str:
    return f"probe.{slug}"


def results_exchange(address: BrokerAddress) -> str:
    """Return the name of the exchange through which messages reach `results` and `heartbeats`."""
    return RESULTS if address.is_amqp else ""


def plain_queue(name: str, *, no_declare: bool = False) -> Queue:
    """Return a queue that is written to by its name."""
    return Queue(name, Exchange(""), routing_key=name, no_declare=no_declare)


def queue_of_regions(name: str, address: BrokerAddress, *, no_declare: bool = False) -> Queue:
    """Return `results` or `heartbeats`."""
    exchange = Exchange(results_exchange(address), type="direct", no_declare=no_declare)
    return Queue(name, exchange, routing_key=name, no_declare=no_declare)


def waiting(channel: Any, name: str) -> int:
    """Return how many messages wait in a queue, which need not be there. Raises what the transport does."""
    try:
        count: int = channel.queue_declare(name, passive=True).message_count
    except ChannelError as error:
        # Redis has no empty queues: what nobody waits in does not exist. RabbitMQ closes the channel over such a
        # question, and py-amqp opens it again before it raises.
        if str(error.reply_code) == _NOT_FOUND:  # kombu gives a text for Redis, RabbitMQ a number
            return 0
        raise
    return count
