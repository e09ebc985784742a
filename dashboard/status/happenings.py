"""What a status page tells of incidents and announcements. PURE: rows of the selectors in, words out."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from dashboard import words
from dashboard.status import public_reasons
from dashboard.status.public_words import KINDS, LONGEST_NAME, Moment, paragraphs, plain
from dashboard.words import Look
from probes.models import Announcement, Resource, StatusGroup, StatusPage
from probes.policy.publishing import AnnouncementKind, Naming
from probes.selectors.status_incidents import Episode

_MOST_TOLD: Final = 5
"""Of reasons, hosts and regions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """An announcement. `uid` is for its address and for feeds; `is_over` is one that has expired."""

    uid: str
    look: Look
    symbol: str
    label: str
    title: str
    text: Sequence[Sequence[str]]
    plain: str
    began: Moment
    until: Moment | None
    is_pinned: bool
    is_over: bool
    at: datetime
    changed_at: datetime
    is_news: bool = True

    @property
    def end(self) -> str:
        return self.until.after(self.began) if self.until else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An incident in public words. `facts` is what the page's owner chose to tell of it besides."""

    uid: str
    look: Look
    label: str
    title: str
    sentence: str
    facts: Sequence[tuple[str, str]]
    began: Moment
    over: Moment | None
    at: datetime
    changed_at: datetime
    is_news: bool = False

    @property
    def end(self) -> str:
        return self.over.after(self.began) if self.over else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """What a page tells of what happens: its groups by their ids, and what has been read about the episodes."""

    page: StatusPage
    groups: Mapping[int, StatusGroup]
    subjects: Mapping[int, Resource]
    regions: Mapping[tuple[int, int], Sequence[str]]
    now: datetime

    def happenings(self, episodes: Iterable[Episode]) -> list[Happening]:
        return [self.happening(item) for item in episodes]

    def happening(self, episode: Episode) -> Happening:
        entry = self.groups[episode.group_id]
        is_bad = episode.is_unavailable if episode.is_open else episode.was_unavailable
        state = "unavailable" if is_bad else "degraded"
        over = episode.resolved_at
        subject = self._subject(episode, entry)
        lasted = _minutes((over or self.now) - episode.began_at)
        return Happening(
            uid=uid_of(self.page, f"incident/{episode.key}/{episode.group_id}"),
            look=Look.AVAILABLE if over else Look(state),
            label="Resolved" if over else Look(state).label,
            title=subject,
            sentence=f"Was {state} for {lasted}." if over else f"For {lasted} now.",
            facts=list(self._facts(episode)),
            began=Moment.of(episode.began_at),
            over=Moment.of(over) if over else None,
            at=episode.opened_at,
            changed_at=episode.changed_at,
        )

    def _subject(self, episode: Episode, entry: StatusGroup) -> str:
        """Return what it is about, by a name that the page tells of."""
        name = words.shown(entry.public_name, LONGEST_NAME)
        if entry.naming == Naming.TOGETHER:
            return name
        if entry.naming == Naming.NAMES and episode.named < episode.extent:
            return name  # how many have no name is not told
        if episode.extent > 1:
            return f"{name}, {words.counted(episode.extent, 'image')}"
        image = next((self.subjects[pk] for pk in episode.resources if pk in self.subjects), None)
        own = name_of(image, entry) if image is not None else ""
        return f"{name}, {own}" if own else name

    def _facts(self, episode: Episode) -> Iterator[tuple[str, str]]:
        page = self.page
        if page.shows_reasons and episode.failures:
            yield "Reason", _several(public_reasons.told(episode.failures))
        if page.shows_hosts and episode.hosts:
            yield "Host", _several([words.shown(host, 260) for host in episode.hosts])
        if page.shows_regions and (names := self.regions.get((episode.key, episode.group_id))):
            yield "Seen from", _several([words.shown(name, 100) for name in names])


def name_of(image: Resource, entry: StatusGroup) -> str:
    """Return what an image is called on a page: its name, or its reference where that is told; else nothing."""
    if image.group_id != entry.group_id:
        return ""
    name = words.shown(image.name, LONGEST_NAME)
    return name or (words.shown(image.shown_reference, 400) if entry.naming == Naming.REFERENCES else "")


def news(page: StatusPage, rows: Iterable[Announcement], now: datetime) -> list[News]:
    """Return announcements in the order given."""
    return [_news(page, row, now) for row in rows]


def _news(page: StatusPage, row: Announcement, now: datetime) -> News:
    look, label = KINDS[AnnouncementKind(row.kind)]
    return News(
        uid=uid_of(page, f"announcement/{row.pk}"),
        look=look,
        symbol="notice" if row.kind == AnnouncementKind.NOTICE else look,
        label=label,
        title=words.shown(row.title, 150),
        text=paragraphs(row.text),
        plain=plain(row.text),
        began=Moment.of(row.starts_at),
        until=Moment.of(row.expires_at) if row.expires_at else None,
        is_pinned=row.is_pinned,
        is_over=row.expires_at is not None and row.expires_at <= now,
        at=row.starts_at,
        # What was written before it is shown is news when it is.
        changed_at=max(row.changed_at, row.starts_at),
    )


def uid_of(page: StatusPage, name: str) -> str:
    """Return what names something of a page for ever, and tells nothing: not how many there are of it either."""
    return str(uuid.uuid5(page.uid, name))


@dataclass(frozen=True, slots=True)
class DayOf:
    """What began on one day of UTC."""

    title: str
    iso: str
    items: Sequence[News | Happening]


def by_day(items: Collection[News | Happening]) -> list[DayOf]:
    """Return what happened by days, the newest first."""
    found: dict[str, list[News | Happening]] = {}
    for item in sorted(items, key=lambda one: (one.at, one.uid), reverse=True):
        found.setdefault(f"{item.at.astimezone(UTC):%Y-%m-%d}", []).append(item)
    return [DayOf(_date(iso), iso, told) for iso, told in found.items()]


def _date(iso: str) -> str:
    day = datetime.fromisoformat(iso)
    return f"{day.day} {day:%B %Y}"


def _minutes(span: timedelta) -> str:
    """Return how long, to the minute: what has not changed is the same page."""
    minutes = span // timedelta(minutes=1)
    return words.amount(minutes * 60) if minutes else "less than a minute"


def _several(names: list[str]) -> str:
    told = sorted(set(filter(None, names)))
    left = len(told) - _MOST_TOLD
    return ", ".join(told[:_MOST_TOLD]) + (f" and {left} more" if left > 0 else "")
