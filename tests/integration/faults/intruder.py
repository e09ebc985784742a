"""Somebody who can write to every queue of the broker, and has the keys of nobody."""

import base64
from typing import Any, Final

import redis
from celery import Celery
from kombu import Exchange, Queue

from probes.broker.task_message import MAX_MESSAGE_BYTES

GARBAGE: Final = {"malformed": b"\xff garbage", "content_type": b"{}", "oversized": b"0" * (MAX_MESSAGE_BYTES + 1)}
"""What is no message at all, by the cause for which it must be refused."""

_STRANGE_SIGNATURE: Final = base64.b64encode(bytes(64)).decode()


class Intruder:
    """Pushes entries, and makes messages as Celery does."""

    def __init__(self, broker_url: str) -> None:
        self._redis = redis.Redis.from_url(broker_url)
        self._app = Celery("intruder", broker=broker_url, fixups=[], set_as_current=False)

    def push(self, queue: str, *entries: bytes) -> None:
        self._redis.lpush(queue, *entries)

    def send(self, queue: str, task: str, *arguments: Any) -> None:
        there: Any = Queue(queue, Exchange(""), routing_key=queue)  # Celery takes it, though its types ask for a name
        self._app.send_task(task, args=list(arguments), queue=there)


def forgeries(kind: str, sender: str, recipient: str) -> dict[str, dict[str, Any]]:
    """Return envelopes that were not made by the sender they name, by the cause for which they must be refused."""
    forged = {
        "v": 1,
        "kind": kind,
        "sender": sender,
        "recipient": recipient,
        "body": "{}",
        "signature": _STRANGE_SIGNATURE,
    }
    return {
        "bad_signature": forged,
        "unsigned": {**forged, "signature": ""},
        "unknown_sender": {**forged, "sender": "nowhere"},
        "wrong_recipient": {**forged, "recipient": "elsewhere"},
        "wrong_kind": {**forged, "kind": "will"},
        "version": {**forged, "v": 2},
    }
