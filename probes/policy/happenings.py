"""Events: what happened and is no failure by itself, each told once.

A tag that moved, a platform that is gone, a certificate that will soon expire. Whether an image can be pulled is what
outcomes say; an event is in addition to that. Its key is what it is known by: a second one of the same key is the
same event.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from probes.policy.terms import Severity


class EventKind(StrEnum):
    """What happened."""

    TAG_MOVED = "tag_moved"
    IMMUTABLE_TAG_MOVED = "immutable_tag_moved"  # in place of the former
    TAG_SPLIT = "tag_split"
    TAG_JOINED = "tag_joined"
    PLATFORM_VANISHED = "platform_vanished"
    PLATFORM_APPEARED = "platform_appeared"
    CERTIFICATE_EXPIRING = "certificate_expiring"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CLIENT_CERTIFICATE_EXPIRING = "client_certificate_expiring"
    CLIENT_CERTIFICATE_EXPIRED = "client_certificate_expired"
    CREDENTIAL_EXPIRING = "credential_expiring"
    CREDENTIAL_EXPIRED = "credential_expired"
    QUOTA_SHORT = "quota_short"


SEVERITIES: Final[Mapping[EventKind, Severity]] = {
    EventKind.TAG_MOVED: Severity.INFO,
    EventKind.IMMUTABLE_TAG_MOVED: Severity.CRITICAL,
    EventKind.TAG_SPLIT: Severity.WARNING,
    EventKind.TAG_JOINED: Severity.INFO,
    EventKind.PLATFORM_VANISHED: Severity.WARNING,
    EventKind.PLATFORM_APPEARED: Severity.INFO,
    EventKind.CERTIFICATE_EXPIRING: Severity.INFO,
    EventKind.CERTIFICATE_EXPIRED: Severity.CRITICAL,
    EventKind.CLIENT_CERTIFICATE_EXPIRING: Severity.INFO,
    EventKind.CLIENT_CERTIFICATE_EXPIRED: Severity.CRITICAL,
    EventKind.CREDENTIAL_EXPIRING: Severity.INFO,
    EventKind.CREDENTIAL_EXPIRED: Severity.CRITICAL,
    EventKind.QUOTA_SHORT: Severity.WARNING,
}
"""How much each matters. What expires matters more the nearer it is (`policy.expiry`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event that is to be recorded, about one of a resource, a registry and a credential, by their ids.

    `region` is the slug of the one that saw it, where one did. `facts` are JSON values.
    """

    kind: EventKind
    key: str
    at: datetime
    severity: Severity
    text: str
    resource: int | None = None
    registry: int | None = None
    credential: int | None = None
    region: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def in_words(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the facts of an event as terms and what is said of each; of what is not known nothing is said.

    What was before comes first: as it is stored, the order is lost.
    """
    ordered = sorted(facts.items(), key=lambda item: item[0] != "before")
    told = ((name.replace("_", " "), _said(value)) for name, value in ordered)
    return [(term, said) for term, said in told if said]


def _said(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Mapping():
            return ", ".join(f"{term} {said}" for term, said in in_words(value))
        case list():
            return ", ".join(filter(None, map(_said, value)))
        case int():
            return f"{value:,}"
        case _:
            return str(value)
