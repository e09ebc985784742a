"""Taking out of a queue what nobody can use any more, while no worker does; and a region's queue, in the end.

A worker drops a batch that has expired as it takes it, and Redis knows no expiry of messages. So for a region that
is away what was sent in vain would pile up. RabbitMQ drops a message that has expired, but only at the queue's head.
The control worker's own queues fill likewise while it is away.
"""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from amqp.exceptions import NotFound
from kombu import Connection

from probes.broker.queues import CONTROL, HEARTBEATS, MOST_ORDERS, MOST_WAITING, waiting

_AT_ONCE: Final = 10
"""Batches may weigh a megabyte each."""


def trim(connection: Connection, queue: str, *, now: datetime, most: int) -> int:
    """Drop what has expired from a queue of batches, and the oldest beyond `most`; return how many were dropped.

    What cannot be read goes as well: a worker would drop it. What a worker takes meanwhile is left to it.
    """
    channel: Any
    with connection.channel() as channel:
        if connection.transport.driver_type == "redis":
            with channel.conn_or_acquire() as client:
                return _trim_list(client, queue, now=now, most=most)
        return _trim_amqp(channel, queue, now=now, most=most)


def relieve(connection: Connection) -> int:
    """Drop what has piled up in `control` and `heartbeats`; return how many messages were dropped.

    In `control` that is all: each task is ordered anew, and what is so late would be dropped unread. The newest
    heartbeats stay, which say that their regions live; on RabbitMQ a policy sees to that.
    """
    channel: Any
    dropped = 0
    with connection.channel() as channel:
        if waiting(channel, CONTROL) > MOST_ORDERS:
            dropped += channel.queue_purge(CONTROL)
        if connection.transport.driver_type == "redis":
            with channel.conn_or_acquire() as client:
                most = MOST_WAITING[HEARTBEATS]
                excess = max(0, client.llen(HEARTBEATS) - most)
                if excess:
                    client.ltrim(HEARTBEATS, 0, most - 1)
                dropped += excess
    return dropped


def drop(connection: Connection, queue: str) -> None:
    """Delete a queue with all that is in it; that it is not there is no error."""
    channel: Any
    with connection.channel() as channel:
        if connection.transport.driver_type == "redis":
            with channel.conn_or_acquire() as client:
                client.delete(queue)
        else:
            channel.queue_delete(queue)


def _trim_list(client: Any, queue: str, *, now: datetime, most: int) -> int:
    dropped = kept = 0
    # From its right end, where the oldest is and where a worker takes.
    while entries := client.lrange(queue, -kept - _AT_ONCE, -kept - 1):
        for entry in entries:
            if _has_expired(entry, _body_of_entry, now):
                dropped += client.lrem(queue, -1, entry)
            else:
                kept += 1
    excess = client.llen(queue) - most
    if excess > 0:
        client.ltrim(queue, 0, most - 1)
        dropped += excess
    return dropped


def _trim_amqp(channel: Any, queue: str, *, now: datetime, most: int) -> int:
    try:
        waiting = channel.queue_declare(queue, passive=True).message_count
    except NotFound:
        return 0
    expired: list[str] = []
    fresh: list[str] = []
    for _ in range(waiting):
        message = channel.basic_get(queue, no_ack=False)
        if message is None:
            break
        tags = expired if _has_expired(message.body, json.loads, now) else fresh
        tags.append(message.delivery_tag)
    excess = max(0, len(fresh) - most)
    for tag in (*expired, *fresh[:excess]):
        channel.basic_ack(tag)
    for tag in fresh[excess:]:  # each goes back to its place
        channel.basic_reject(tag, requeue=True)
    return len(expired) + excess


def _has_expired(entry: Any, body_of: Callable[[Any], Any], now: datetime) -> bool:
    """Tell whether an entry is of no more use. It is not verified: whoever can write here can drop it as well."""
    try:
        (envelope,), _, _ = body_of(entry)
        return datetime.fromisoformat(json.loads(envelope["body"])["expires_at"]) <= now
    except (ValueError, TypeError, KeyError, RecursionError):
        return True


def _body_of_entry(entry: bytes) -> Any:
    return json.loads(base64.b64decode(json.loads(entry)["body"]))
