"""Sending batches to the regions' queues, looking at how full those are, and tidying up what nobody takes."""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu import Exchange, Queue

from probes.actions.plans import Message
from probes.broker import trimming
from probes.broker.queues import HEARTBEATS, RESULTS, waiting
from probes.policy.liveness import Unread

RUN_BATCH: Final = "probes.edge.run_batch"
CROWDED_AT_MESSAGES: Final = 200
"""So many batches keep a region busy for a minute or more; what is sent on top would expire before it is read."""

MOST_MESSAGES: Final = 1000
"""No more wait for a region that is away, whoever asks for checks there and how often."""

_LOOKS: Final = 5
_BETWEEN_LOOKS_SECONDS: Final = 0.1


def publish_on_commit(messages: Sequence[Message]) -> None:
    """Publish the batches once the current transaction is committed; at once where there is none.

    When the broker does not answer then, its `kombu.exceptions.OperationalError` comes out of the commit. The
    batches stay in the ledger and are recorded as lost in time.
    """
    if messages:
        transaction.on_commit(partial(_publish, messages))


def crowded(queues: Iterable[str]) -> set[str]:
    """Return those of the queues that are too long to send more to."""
    with current_app.connection_or_acquire() as connection:
        return {queue for queue in queues if waiting(connection.default_channel, queue) >= CROWDED_AT_MESSAGES}


def unread_now() -> Unread:
    """Return how many messages of regions wait to be read, by one look: of those one is often on its way."""
    with current_app.connection_or_acquire() as connection:
        return _look(connection.default_channel)


def unread() -> Unread:
    """Return how many messages of regions wait to be read: the fewest of a few looks within half a second.

    While messages come, one is often on its way. But a queue that was once seen empty has been read up to then.
    """
    fewest = Unread()
    with current_app.connection_or_acquire() as connection:
        channel = connection.default_channel
        for look in range(_LOOKS):
            seen = _look(channel)
            if look:
                seen = Unread(
                    heartbeats=min(seen.heartbeats, fewest.heartbeats), reports=min(seen.reports, fewest.reports)
                )
            fewest = seen
            if fewest == Unread():
                break
            time.sleep(_BETWEEN_LOOKS_SECONDS)
    return fewest


def trim(queues: Iterable[str], *, now: datetime) -> dict[str, int]:
    """Drop from queues that nobody empties what has expired there; return how many messages from which."""
    with current_app.connection_or_acquire() as connection:
        dropped = {queue: trimming.trim(connection, queue, now=now, most=MOST_MESSAGES) for queue in queues}
    return {queue: count for queue, count in dropped.items() if count}


def drop(queues: Iterable[str]) -> None:
    """Delete queues that nobody will take from again, with what is in them. Raises what the broker's client does."""
    with current_app.connection_or_acquire() as connection:
        for queue in queues:
            trimming.drop(connection, queue)


def _publish(messages: Sequence[Message]) -> None:
    now = timezone.now()
    with current_app.producer_or_acquire() as producer:
        for message in messages:
            current_app.send_task(
                RUN_BATCH,
                args=[message.envelope],
                argsrepr="(a batch)",
                queue=_queue(message.queue),
                # For RabbitMQ, which then drops it in time. A region believes only the expiry that is signed.
                expiration=max(1.0, (message.expires_at - now).total_seconds()),
                producer=producer,
            )


def _look(channel: Any) -> Unread:
    return Unread(heartbeats=waiting(channel, HEARTBEATS), reports=waiting(channel, RESULTS))


def _queue(name: str) -> Any:
    """Return a queue as its region declares it. Celery takes such a value, though its types ask for a name."""
    return Queue(name, Exchange(""), routing_key=name)
