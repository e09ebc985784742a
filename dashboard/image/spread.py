"""What regions see of the same name: platforms by region, and digests with how they changed. PURE."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dashboard import words
from dashboard.image.ladder import View
from dashboard.words import Look
from probes.models import Event, RegionState, Resource
from probes.policy.happenings import EventKind
from probes.policy.platforms import Listed
from probes.selectors.overview import Cell as Seen

_MOST_PLATFORMS: Final = 40
_MOST_CHANGES: Final = 10
_MARKS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_OF_TAGS: Final = frozenset(
    {
        EventKind.TAG_MOVED,
        EventKind.IMMUTABLE_TAG_MOVED,
        EventKind.TAG_SPLIT,
        EventKind.TAG_JOINED,
        EventKind.PLATFORM_APPEARED,
        EventKind.PLATFORM_VANISHED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformCell:
    """`look` is None where nobody has looked. `note` says why it is not there, or that it is known from before."""

    slug: str
    look: Look | None
    said: str
    digest: str
    short_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformRow:
    platform: str
    cells: Sequence[PlatformCell]


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestLine:
    """What a region sees. `mark` is a letter for each digest that differs, empty where all see the same."""

    slug: str
    name: str
    mark: str
    digest: str
    short_digest: str
    since: str
    counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    id: int
    at: datetime
    moment: str
    said: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """`differ` tells that regions see different images now."""

    heads: Sequence[tuple[str, str]]
    platforms: Sequence[PlatformRow]
    more_platforms: int
    digests: Sequence[DigestLine]
    differ: bool
    changes: Sequence[Change]


def spread(
    resource: Resource,
    seen: Sequence[Seen[RegionState]],
    views: Sequence[View],
    events: Sequence[Event],
    now: datetime,
) -> Spread:
    """Return what regions see; `seen` and `views` go together, `events` are those of the image, newest first."""
    platforms = list(dict.fromkeys([*_wanted(resource), *(name for view in views for name in _found(view))]))
    digests = _digests(seen, views, now)
    now_seen = {line.digest for line in digests if line.digest and line.counts}
    return Spread(
        heads=[(view.slug, view.name) for view in views],
        platforms=[_row(name, seen, views) for name in platforms[:_MOST_PLATFORMS]],
        more_platforms=max(len(platforms) - _MOST_PLATFORMS, 0),
        digests=digests,
        differ=len(now_seen) > 1,
        changes=[_change(event, now) for event in events if event.kind in _OF_TAGS][:_MOST_CHANGES],
    )


def _wanted(resource: Resource) -> list[str]:
    return [name for name in resource.platforms if name != "all"]


def _found(view: View) -> list[str]:
    return [item.platform for item in view.outcome.conclusion.platforms] if view.outcome else []


def _row(name: str, seen: Sequence[Seen[RegionState]], views: Sequence[View]) -> PlatformRow:
    return PlatformRow(
        platform=words.shown(name, 100),
        cells=[_platform(name, cell, view) for cell, view in zip(seen, views, strict=True)],
    )


def _platform(name: str, cell: Seen[RegionState], view: View) -> PlatformCell:
    """Return a platform from a region: as the last check found it, else as the last that looked left it."""
    found = (
        next((item for item in view.outcome.conclusion.platforms if item.platform == name), None)
        if view.outcome
        else None
    )
    if found is not None:
        look = Look(found.status)
        said = "there" if look is Look.AVAILABLE else words.reason(found.reason)
        return PlatformCell(
            slug=view.slug,
            look=look,
            said=said,
            digest=words.shown(found.digest, 140),
            short_digest=words.short_digest(found.digest),
        )
    known = _listed(cell, name)
    if known is None:
        return PlatformCell(slug=view.slug, look=None, said="not looked at", digest="", short_digest="")
    return PlatformCell(
        slug=view.slug,
        look=Look.AVAILABLE if known.is_there else Look.UNAVAILABLE,
        said=f"{'there' if known.is_there else 'gone'}, as last looked at",
        digest="",
        short_digest="",
    )


def _listed(cell: Seen[RegionState], name: str) -> Listed | None:
    kept: Any = cell.state.platforms if cell.state else {}
    try:
        return Listed.from_json(kept[name])
    except (KeyError, TypeError, ValueError):
        return None


def _digests(seen: Sequence[Seen[RegionState]], views: Sequence[View], now: datetime) -> list[DigestLine]:
    shown = [words.shown(cell.state.digest, 140) if cell.state else "" for cell in seen]
    known = list(dict.fromkeys(filter(None, shown)))
    marks = dict(zip(known, _MARKS, strict=False)) if len(known) > 1 else {}
    return [
        DigestLine(
            slug=view.slug,
            name=view.name,
            mark=marks.get(digest, ""),
            digest=digest,
            short_digest=words.short_digest(digest),
            since=words.since(cell.state.digest_since, now) if cell.state and cell.state.digest_since else "",
            counts=view.face.counts,
        )
        for cell, view, digest in zip(seen, views, shown, strict=True)
    ]


def _change(event: Event, now: datetime) -> Change:
    facts: Any = event.facts if isinstance(event.facts, dict) else {}
    return Change(
        id=event.pk,
        at=event.at,
        moment=words.clock(event.at, now),
        said=words.shown(event.text, 400),
        before=words.shown(facts.get("before"), 140),
        after=words.shown(facts.get("after"), 140),
    )
