"""Screening of one delivery of RabbitMQ, whose headers are a binary table of far more types than JSON has."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from probes.broker.task_message import MAX_MESSAGE_BYTES, check_body, check_headers, read_json
from probes.trust import strict_json
from probes.trust.refusal import RefusalCause, Refused


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came off the wire. `properties` is None where they could not be read; `size` is that of the body.

    `body` may be left out where `size` is too much.
    """

    properties: Mapping[str, Any] | None
    body: bytes
    size: int


def screen_delivery(
    delivery: Delivery, *, tasks: AbstractSet[str] | None = None, max_bytes: int = MAX_MESSAGE_BYTES
) -> None:
    """Raise `Refused` unless kombu and Celery can read the delivery, and it asks for nothing that it may not.

    To which queue it was sent is the broker's word, and need not be tested. With `tasks` it is held to them; see
    `check_body`.
    """
    if delivery.size > max_bytes:
        raise Refused(RefusalCause.OVERSIZED, f"a message of {delivery.size} bytes")
    if delivery.properties is None:
        raise Refused(RefusalCause.MALFORMED, "the properties cannot be read")
    properties = delivery.properties
    headers = check_headers(
        properties.get("content_type"),
        properties.get("content_encoding"),
        _plain(properties.get("application_headers")),
    )
    check_body(delivery.body, headers, tasks)


def _plain(headers: Any) -> Any:
    """Return headers that JSON can hold. Raises `Refused` for bytes, times and whatever else Celery does not send."""
    try:
        text = strict_json.dumps(headers)
    except (TypeError, ValueError, RecursionError):
        raise Refused(RefusalCause.MALFORMED, "the headers are not what JSON can hold") from None
    return read_json(text.encode(), "the headers")
