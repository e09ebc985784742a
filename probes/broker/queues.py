"""The queues and how messages get there, which is all that differs between Redis and RabbitMQ.

| queue            | written by        | read by           | on RabbitMQ, through            |
|------------------|-------------------|-------------------|---------------------------------|
| `probe.<region>` | the control plane | the region        | the default exchange            |
| `results`        | every region      | the control plane | the direct exchange `results`   |
| `control`        | the control plane | the control plane | the default exchange            |

On Redis everything takes the default exchange, which needs no bindings: they live in Redis, and a publisher that has
declared them once would send into nothing after they were lost. On RabbitMQ a right to the default exchange is one to
every queue, so regions have an exchange of their own to write to.
"""

from typing import Final

from kombu import Exchange, Queue

from probes.broker.address import BrokerAddress

CONTROL: Final = "control"
RESULTS: Final = "results"


def region_queue(slug: str) -> str:
    return f"probe.{slug}"


def results_exchange(address: BrokerAddress) -> str:
    """Return the name of the exchange through which messages reach `results`."""
    return RESULTS if address.is_amqp else ""


def plain_queue(name: str, *, no_declare: bool = False) -> Queue:
    """Return a queue that is written to by its name."""
    return Queue(name, Exchange(""), routing_key=name, no_declare=no_declare)


def results_queue(address: BrokerAddress, *, no_declare: bool = False) -> Queue:
    exchange = Exchange(results_exchange(address), type="direct", no_declare=no_declare)
    return Queue(RESULTS, exchange, routing_key=RESULTS, no_declare=no_declare)
