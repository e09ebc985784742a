"""Events of everything in words, each with what it is about. PURE: rows and a moment in, words out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dashboard import words
from dashboard.cells import name_of
from dashboard.event_words import Line, line
from probes.models import Event
from probes.policy.happenings import EventKind

KINDS: Final[dict[str, str]] = {
    EventKind.TAG_MOVED: "Tag moved",
    EventKind.IMMUTABLE_TAG_MOVED: "Immutable tag moved",
    EventKind.TAG_SPLIT: "Regions see different images",
    EventKind.TAG_JOINED: "Regions see the same image again",
    EventKind.PLATFORM_VANISHED: "Platform is gone",
    EventKind.PLATFORM_APPEARED: "Platform is back",
    EventKind.CERTIFICATE_EXPIRING: "Certificate expires soon",
    EventKind.CERTIFICATE_EXPIRED: "Certificate expired",
    EventKind.CLIENT_CERTIFICATE_EXPIRING: "Our certificate expires soon",
    EventKind.CLIENT_CERTIFICATE_EXPIRED: "Our certificate expired",
    EventKind.CREDENTIAL_EXPIRING: "Login expires soon",
    EventKind.CREDENTIAL_EXPIRED: "Login expired",
    EventKind.QUOTA_SHORT: "Quota is short",
}
"""What a page calls a kind of event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an event is about: a resource by its id, or a registry by its host; `label` is what people call it."""

    label: str
    resource_id: int | None = None
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event in the list of all: its line, its kind and what it is about. `region` is who saw it."""

    line: Line
    kind: str
    about: Subject
    region: str


def entries(rows: Iterable[Event], now: datetime) -> Sequence[Entry]:
    """Return the events as a list shows them, in the order given."""
    return [_entry(row, now) for row in rows]


def _entry(event: Event, now: datetime) -> Entry:
    return Entry(
        line=line(event, now),
        kind=KINDS.get(event.kind, words.shown(event.kind, 40).replace("_", " ")),
        about=_subject(event),
        region=words.shown(event.region, 40),
    )


def _subject(event: Event) -> Subject:
    if event.resource is not None:
        return Subject(label=name_of(event.resource), resource_id=event.resource_id)
    if event.credential is not None:
        host = event.credential.registry.host
        return Subject(label=f"login {words.shown(str(event.credential), 300)}", host=host)
    host = event.registry.host if event.registry is not None else ""
    return Subject(label=words.shown(host, 260), host=host)
