"""What a region may do on the broker: take from its own queue, add to `results` and `heartbeats`, no more. Pure."""

import re
from typing import Any, Final

from probes.broker.queues import HEARTBEATS, MOST_WAITING, RESULTS, region_queue
from probes.trust.accounts import Account

MOST_MESSAGES: Final = 1000
"""Above the length at which the dispatcher stops sending; the oldest go first."""

LONGEST_DAYS: Final = 1
HEARTBEAT_LASTS_SECONDS: Final = 60
"""An older one says nothing: six others should have come since."""


def redis_words(account: Account, database: int = 0) -> tuple[str, ...]:
    """Return the words after `ACL SETUSER <name>`. They begin with `reset`, so no earlier right survives.

    `+llen` comes within `multi` and `exec`: that is how kombu asks for a length. `%W~` allows a key to be written
    and not read, in a selector of its own, so that no other command is allowed on it: Redis 7. To ask for a key's
    length is not to read it; a worker holds its reports back when too many wait. A database other than the first must
    be selected, and no further one can be.
    """
    queue = region_queue(account.region)
    select = (f"+select|{database}",) if database else ()
    return (
        *("reset", "on", f"#{account.sha256}"),
        *(f"~{queue}", "+ping", "+brpop", "+llen", "+multi", "+exec", *select),
        f"(+lpush +llen %W~{RESULTS} %W~{HEARTBEATS})",
    )


def rabbitmq_permissions(account: Account) -> dict[str, str]:
    """Return the patterns of names that the account may configure, write to and read from.

    Writing is to an exchange: whoever may write to the default one may write to every queue, so a region gets one
    that leads to `results` and `heartbeats` alone.
    """
    return {
        "configure": "^$",
        "write": f"^{re.escape(RESULTS)}$",
        "read": f"^{_escaped(region_queue(account.region))}$",
    }


def rabbitmq_policies() -> dict[str, dict[str, Any]]:
    """Return by name the policies that bound the queues, whoever declares them.

    A report that has no room is refused, and so kept by its worker; of all others the oldest make room.
    """
    return {
        "kairos-regions": _policy(r"^probe\.", MOST_MESSAGES, ttl_seconds=LONGEST_DAYS * 86_400),
        "kairos-heartbeats": _policy(
            f"^{HEARTBEATS}$", MOST_WAITING[HEARTBEATS], ttl_seconds=HEARTBEAT_LASTS_SECONDS
        ),
        "kairos-results": _policy(f"^{RESULTS}$", MOST_WAITING[RESULTS], overflow="reject-publish"),
    }


def _policy(
    pattern: str, most: int, *, overflow: str = "drop-head", ttl_seconds: int | None = None
) -> dict[str, Any]:
    definition: dict[str, Any] = {"max-length": most, "overflow": overflow}
    if ttl_seconds is not None:
        definition["message-ttl"] = ttl_seconds * 1000
    return {"pattern": pattern, "apply-to": "queues", "priority": 0, "definition": definition}


def _escaped(name: str) -> str:
    # Python would escape the hyphens of a slug too, which is harmless and hard to read.
    return name.replace(".", r"\.")
