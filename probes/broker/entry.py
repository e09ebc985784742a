"""Screening of one entry of a Redis queue, before kombu and Celery read it.

What an entry must be: a kombu message (virtual transport) that holds a Celery task message of protocol 2, in JSON.
What more a queue may ask for: that the task is one of a few, and that the message is one envelope and nothing else.
"""

import base64
import binascii
from collections.abc import Set as AbstractSet
from typing import Any, Final

from probes.trust import strict_json
from probes.trust.refusal import RefusalCause, Refused

MAX_ENTRY_BYTES: Final = 24 * 1024 * 1024
"""Room for the largest report (`MAX_REPORT_BYTES`) in its wrappings: JSON text in JSON, in base64, in JSON."""

_MAX_TEXT: Final = 4096
_NO_TIME_LIMIT: Final = [None, None]
_NAMES: Final = frozenset(
    {
        *("lang", "task", "id", "root_id", "parent_id", "argsrepr", "kwargsrepr", "origin", "ignore_result"),
        "redelivered",  # kombu's mark on a message that it put back: its worker died, or gave it up
    }
)


def screen(
    entry: bytes, queue: str, *, tasks: AbstractSet[str] | None = None, max_bytes: int = MAX_ENTRY_BYTES
) -> None:
    """Raise `Refused` unless kombu and Celery can read `entry`, and it asks for nothing that it may not.

    It must say that it was sent to `queue`: there kombu puts a message back whose acknowledgement does not come.

    With `tasks`, the message must be for one of them, take one envelope as its only argument, and carry no
    further wish: no delay, retry, time limit or callback. Without, any task message will do.
    """
    if len(entry) > max_bytes:
        raise Refused(RefusalCause.OVERSIZED, f"an entry of {len(entry)} bytes")
    message = _json(entry, "the entry")
    if not isinstance(message, dict):
        raise Refused(RefusalCause.MALFORMED, "the entry is not an object")
    headers = _headers(message)
    _check_properties(message.get("properties"), queue)
    args, kwargs, embed = _body(message)
    if tasks is None:
        return
    if headers["task"] not in tasks:
        raise Refused(RefusalCause.UNKNOWN_TASK, _shown(headers["task"]))
    if len(args) != 1 or not isinstance(args[0], dict) or kwargs:
        raise Refused(RefusalCause.MALFORMED, "the arguments are not one envelope")
    if any(embed.values()):
        raise Refused(RefusalCause.MALFORMED, "the message carries callbacks")
    for name, value in headers.items():
        if name in _NAMES:
            harmless = value is None or isinstance(value, bool) or _is_short(value)
        else:
            harmless = not value or value == _NO_TIME_LIMIT
        if not harmless:
            raise Refused(RefusalCause.MALFORMED, f"the header {_shown(name)} has no place here")


def _json(text: bytes, where: str) -> Any:
    try:
        value = strict_json.loads(text.decode())
    except ValueError as error:
        # Of what was decoded only the kind of fault is told: the text may hold anything.
        fault = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)[:100]
        raise Refused(RefusalCause.MALFORMED, f"{where}: {fault}") from None
    if _has_type_marker(value):
        raise Refused(RefusalCause.MALFORMED, f"{where}: a type marker, from which kombu would make an object")
    return value


def _has_type_marker(value: Any) -> bool:
    if isinstance(value, dict):
        return "__type__" in value or any(_has_type_marker(item) for item in value.values())
    return isinstance(value, list) and any(_has_type_marker(item) for item in value)


def _headers(message: dict[str, Any]) -> dict[str, Any]:
    headers = message.get("headers")
    if message.get("content-type") != "application/json" or message.get("content-encoding") != "utf-8":
        raise Refused(RefusalCause.CONTENT_TYPE, _shown(message.get("content-type")))
    if not isinstance(headers, dict):
        raise Refused(RefusalCause.MALFORMED, "the message has no headers")
    if headers.get("compression"):
        raise Refused(RefusalCause.CONTENT_TYPE, "a compressed body")
    if not (_is_short(headers.get("task")) and _is_short(headers.get("id"))):
        raise Refused(RefusalCause.MALFORMED, "the message names no task or has no id")
    match headers.get("timelimit"):
        case None | [] | [int() | float() | None, int() | float() | None]:
            pass
        case _:
            raise Refused(RefusalCause.MALFORMED, "the time limit is not a pair of numbers")
    return headers


def _check_properties(properties: Any, queue: str) -> None:
    if not isinstance(properties, dict) or not isinstance(properties.get("delivery_info"), dict):
        raise Refused(RefusalCause.MALFORMED, "the message has no properties")
    if not _is_short(properties.get("delivery_tag")) or properties.get("body_encoding") != "base64":
        raise Refused(RefusalCause.MALFORMED, "the message's properties are incomplete")
    delivery = properties["delivery_info"]
    if (delivery.get("exchange"), delivery.get("routing_key")) != ("", queue):
        raise Refused(RefusalCause.MALFORMED, "the message was not sent to this queue")


def _body(message: dict[str, Any]) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
    body = message.get("body")
    try:
        text = base64.b64decode(body, validate=True) if isinstance(body, str) else None
    except (binascii.Error, ValueError):
        text = None
    if text is None:
        raise Refused(RefusalCause.MALFORMED, "the body is not base64")
    match _json(text, "the body"):
        case [list() as args, dict() as kwargs, dict() as embed]:
            return args, kwargs, embed
        case _:
            raise Refused(RefusalCause.MALFORMED, "the body is not arguments and options")


def _is_short(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TEXT


def _shown(value: object) -> str:
    return ascii(value)[:100]
