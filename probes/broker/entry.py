"""Screening of one entry of a Redis queue: a kombu message (virtual transport) that holds a task message."""

import base64
import binascii
from collections.abc import Set as AbstractSet
from typing import Any

from probes.broker.task_message import MAX_MESSAGE_BYTES, check_body, check_headers, is_short, read_json
from probes.trust.refusal import RefusalCause, Refused


def screen(
    entry: bytes, queue: str, *, tasks: AbstractSet[str] | None = None, max_bytes: int = MAX_MESSAGE_BYTES
) -> None:
    """Raise `Refused` unless kombu and Celery can read `entry`, and it asks for nothing that it may not.

    It must say that it was sent to `queue`: there kombu puts a message back whose acknowledgement does not come.
    With `tasks` it is held to them; see `check_body`.
    """
    if len(entry) > max_bytes:
        raise Refused(RefusalCause.OVERSIZED, f"an entry of {len(entry)} bytes")
    message = read_json(entry, "the entry")
    if not isinstance(message, dict):
        raise Refused(RefusalCause.MALFORMED, "the entry is not an object")
    headers = check_headers(message.get("content-type"), message.get("content-encoding"), message.get("headers"))
    _check_properties(message.get("properties"), queue)
    check_body(_body(message.get("body")), headers, tasks)


def _check_properties(properties: Any, queue: str) -> None:
    if not isinstance(properties, dict) or not isinstance(properties.get("delivery_info"), dict):
        raise Refused(RefusalCause.MALFORMED, "the message has no properties")
    if not is_short(properties.get("delivery_tag")) or properties.get("body_encoding") != "base64":
        raise Refused(RefusalCause.MALFORMED, "the message's properties are incomplete")
    delivery = properties["delivery_info"]
    if (delivery.get("exchange"), delivery.get("routing_key")) != ("", queue):
        raise Refused(RefusalCause.MALFORMED, "the message was not sent to this queue")


def _body(body: Any) -> bytes:
    try:
        if isinstance(body, str):
            return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise Refused(RefusalCause.MALFORMED, "the body is not base64")
