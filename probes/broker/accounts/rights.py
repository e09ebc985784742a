"""What a region may do on the broker: take from its own queue, add to `results`, and nothing else. Pure."""

import re
from typing import Any, Final

from probes.broker.queues import RESULTS, region_queue
from probes.trust.accounts import Account

POLICY: Final = "kairos-regions"
POLICY_PATTERN: Final = r"^probe\."
MOST_MESSAGES: Final = 1000
"""Above the length at which the dispatcher stops sending; the oldest go first."""

LONGEST_DAYS: Final = 1


def redis_words(account: Account, database: int = 0) -> tuple[str, ...]:
    """Return the words after `ACL SETUSER <name>`. They begin with `reset`, so no earlier right survives.

    `+llen` comes within `multi` and `exec`: that is how kombu asks for a length. `%W~` allows a key to be written
    and not read, in a selector of its own, so that no other command is allowed on it: Redis 7. A database other than
    the first must be selected, and no further one can be.
    """
    queue = region_queue(account.region)
    select = (f"+select|{database}",) if database else ()
    return (
        *("reset", "on", f"#{account.sha256}"),
        *(f"~{queue}", "+ping", "+brpop", "+llen", "+multi", "+exec", *select),
        f"(+lpush %W~{RESULTS})",
    )


def rabbitmq_permissions(account: Account) -> dict[str, str]:
    """Return the patterns of names that the account may configure, write to and read from.

    Writing is to an exchange: whoever may write to the default one may write to every queue, so a region gets one
    that leads to `results` alone.
    """
    return {
        "configure": "^$",
        "write": f"^{re.escape(RESULTS)}$",
        "read": f"^{_escaped(region_queue(account.region))}$",
    }


def rabbitmq_policy() -> dict[str, Any]:
    """Return the policy that bounds every region's queue, whoever declares it."""
    return {
        "pattern": POLICY_PATTERN,
        "apply-to": "queues",
        "priority": 0,
        "definition": {
            "max-length": MOST_MESSAGES,
            "overflow": "drop-head",
            "message-ttl": LONGEST_DAYS * 86_400_000,  # milliseconds
        },
    }


def _escaped(name: str) -> str:
    # Python would escape the hyphens of a slug too, which is harmless and hard to read.
    return name.replace(".", r"\.")
