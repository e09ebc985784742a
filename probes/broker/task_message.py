"""Screening of one Celery task message, whatever brought it, before Celery reads it.

What a message must be: a task message of protocol 2, in JSON. What more a queue may ask for: that the task is one of
a few, and that the message is one envelope and nothing else.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from probes.trust import strict_json
from probes.trust.refusal import RefusalCause, Refused

MAX_MESSAGE_BYTES: Final = 24 * 1024 * 1024
"""Room for the largest report (`MAX_REPORT_BYTES`) in its wrappings: JSON text in JSON, in base64, in JSON."""

_MAX_TEXT: Final = 4096
_NO_TIME_LIMIT: Final = [None, None]
_NAMES: Final = frozenset(
    {
        *("lang", "task", "id", "root_id", "parent_id", "argsrepr", "kwargsrepr", "origin", "ignore_result"),
        "redelivered",  # kombu's mark on a message that it put back: its worker died, or gave it up
    }
)


def check_headers(content_type: object, content_encoding: object, headers: object) -> dict[str, Any]:
    """Return the headers. Raises `Refused` unless Celery can read them; what they ask for is not looked at."""
    if content_type != "application/json" or content_encoding != "utf-8":
        raise Refused(RefusalCause.CONTENT_TYPE, shown(content_type))
    if not isinstance(headers, dict):
        raise Refused(RefusalCause.MALFORMED, "the message has no headers")
    if headers.get("compression"):
        raise Refused(RefusalCause.CONTENT_TYPE, "a compressed body")
    if not (is_short(headers.get("task")) and is_short(headers.get("id"))):
        raise Refused(RefusalCause.MALFORMED, "the message names no task or has no id")
    match headers.get("timelimit"):
        case None | [] | [int() | float() | None, int() | float() | None]:
            pass
        case _:
            raise Refused(RefusalCause.MALFORMED, "the time limit is not a pair of numbers")
    return headers


def check_body(text: bytes, headers: Mapping[str, Any], tasks: AbstractSet[str] | None) -> None:
    """Raise `Refused` unless Celery can read the body, and the message asks for nothing that it may not.

    With `tasks`, it must be for one of them, take one envelope as its only argument, and carry no further wish: no
    delay, retry, time limit or callback. Without, any task message will do.
    """
    match read_json(text, "the body"):
        case [list() as args, dict() as kwargs, dict() as embed]:
            pass
        case _:
            raise Refused(RefusalCause.MALFORMED, "the body is not arguments and options")
    if tasks is None:
        return
    if headers["task"] not in tasks:
        raise Refused(RefusalCause.UNKNOWN_TASK, shown(headers["task"]))
    if len(args) != 1 or not isinstance(args[0], dict) or kwargs:
        raise Refused(RefusalCause.MALFORMED, "the arguments are not one envelope")
    if any(embed.values()):
        raise Refused(RefusalCause.MALFORMED, "the message carries callbacks")
    for name, value in headers.items():
        if name in _NAMES:
            harmless = value is None or isinstance(value, bool) or is_short(value)
        else:
            harmless = not value or value == _NO_TIME_LIMIT
        if not harmless:
            raise Refused(RefusalCause.MALFORMED, f"the header {shown(name)} has no place here")


def read_json(text: bytes, where: str) -> Any:
    """Return the value. Raises `Refused` for what is no strict JSON, or would become an object of kombu's."""
    try:
        value = strict_json.loads(text.decode())
    except ValueError as error:
        # Of what was decoded only the kind of fault is told: the text may hold anything.
        fault = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)[:100]
        raise Refused(RefusalCause.MALFORMED, f"{where}: {fault}") from None
    if _has_type_marker(value):
        raise Refused(RefusalCause.MALFORMED, f"{where}: a type marker, from which kombu would make an object")
    return value


def is_short(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TEXT


def shown(value: object) -> str:
    return ascii(value)[:100]


def _has_type_marker(value: Any) -> bool:
    if isinstance(value, dict):
        return "__type__" in value or any(_has_type_marker(item) for item in value.values())
    return isinstance(value, list) and any(_has_type_marker(item) for item in value)
