"""Incidents in words: what is wrong now, and how one went. PURE: rows of the selectors and a moment in, words out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from dashboard import words
from dashboard.cells import name_of
from dashboard.instants import Told
from dashboard.words import Facts, Look
from probes.models import Incident, IncidentEntry
from probes.policy.ballot import Stance
from probes.policy.incidents import Cause, EntryKind
from probes.policy.terms import Severity
from probes.protocol.outcome import rfc3339
from probes.protocol.taxonomy import Status
from probes.selectors.incidents import OpenIncidents, Timeline

_CAUSES: Final[dict[str, str]] = {
    Cause.RECOVERED: "all is well again",
    Cause.PAUSED: "it is paused, so nobody looks any more",
    Cause.REPLACED: "another image is meant by now",
    Cause.RETIRED: "it is retired, so nobody looks any more",
}
_ENDS: Final[dict[str, Look]] = {
    Cause.RECOVERED: Look.AVAILABLE,
    Cause.PAUSED: Look.PAUSED,
    Cause.RETIRED: Look.RETIRED,
}
_STANCES: Final[dict[str, tuple[Look, str]]] = {
    Stance.GOOD: (Look.AVAILABLE, "good"),
    Stance.BAD: (Look.UNAVAILABLE, "bad"),
    Stance.IMPAIRED: (Look.DEGRADED, "impaired"),
    Stance.UNPROVED: (Look.UNCHECKED, "nothing proved"),
}
_WITHOUT_VOTE: Final[dict[str, Look]] = {
    "paused": Look.PAUSED,
    "draining": Look.PAUSED,
    "maintenance": Look.MAINTENANCE,
    "silent": Look.SILENT,
    "egress_down": Look.EGRESS_DOWN,
    "unheard": Look.UNCHECKED,
    "unchecked": Look.UNCHECKED,
    "unproved": Look.UNCHECKED,
    "stale": Look.STALE,
    "indeterminate": Look.INDETERMINATE,
    "config_error": Look.CONFIG_ERROR,
}
_SINCE: Final = re.compile(r" since (?:(?P<date>\d{1,2} [A-Z][a-z]{2}) )?(?P<time>\d\d:\d\d) UTC(?=;|$)")
"""As verdicts are explained (`probes.policy.explanation`)."""

_SCOPES: Final = {
    "auth_host": "login host",
    "blob_host": "blob host",
    "credential": "credential",
    "repository": "repository",
    "registry": "registry",
    "region": "region",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An incident in a list. `kind` is that of a scope; `tags` are notable, `explained_by` is that of its scope."""

    id: int
    look: Look
    label: str
    kind: str
    name: str
    sentence: str
    since: str
    tags: Sequence[str]
    seen_to: str
    explained_by: int | None
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongNow:
    """What is open, the worst first; `others` says how many more there are."""

    lines: Sequence[Line]
    others: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a timeline. `who` is a region or a person; `quote` is what a person wrote.

    `outcome` is the query with which the image's page shows what was found, as long as that is kept.
    """

    id: int | None
    at: datetime
    moment: str
    look: Look | None
    who: str
    said: str
    quote: str
    outcome: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """An incident in full. `resource_id` is None for one of a scope, which has `children`."""

    line: Line
    resource_id: int | None
    facts: Facts
    entries: Sequence[Entry]
    has_earlier: bool
    children: Sequence[Line]
    may_acknowledge: bool


def wrong_now(found: OpenIncidents, now: datetime) -> WrongNow:
    """Return what is wrong now, in the order given."""
    left = found.count - len(found.worst)
    return WrongNow(
        lines=[line(item, now) for item in found.worst],
        others=words.counted(left, "more incident is open", "more incidents are open") if left else "",
    )


def lines(rows: Iterable[Incident], now: datetime) -> list[Line]:
    return [line(item, now) for item in rows]


def line(incident: Incident, now: datetime) -> Line:
    """Return an incident as a list shows it."""
    is_over = incident.resolved_at is not None
    why = _without_since(incident.explanation, incident.began_at)
    return Line(
        id=incident.pk,
        look=_ENDS.get(incident.cause, Look.UNCHECKED) if is_over else Look(incident.level),
        label="Resolved" if is_over else Look(incident.level).label,
        kind=_SCOPES.get(incident.scope_kind, words.shown(incident.scope_kind, 20)),
        name=_name(incident),
        sentence=_sentence(f"last told: {why}" if is_over and why else why),
        since=_since(incident, now),
        tags=list(_tags(incident)),
        seen_to=_seen_to(incident, now),
        explained_by=incident.parent_id,
        is_open=not is_over,
    )


def story(
    incident: Incident,
    told: Timeline,
    children: Iterable[Incident],
    now: datetime,
    *,
    kept_since: datetime,
    names: Mapping[str, str] | None = None,
) -> Story:
    """Return an incident as its page tells it; what failed is kept since then.

    `names` are those of regions by their slugs.
    """
    return Story(
        line=line(incident, now),
        resource_id=incident.resource_id,
        facts=_facts(incident, now),
        entries=[_entry(item, now, kept_since, names or {}) for item in told.entries],
        has_earlier=told.has_earlier,
        children=lines(children, now),
        may_acknowledge=incident.is_open and incident.acknowledged_at is None,
    )


def _name(incident: Incident) -> str:
    if incident.resource:
        return name_of(incident.resource)
    return words.shown(incident.scope_label or incident.scope_name, 520)


def _without_since(explanation: str, began_at: datetime) -> str:
    """Return an explanation without since when it is so, where that is when it began: a line says so beside it."""
    began = began_at.astimezone(UTC)
    time, dates = f"{began:%H:%M}", (None, f"{began.day} {began:%b}")
    return _SINCE.sub(lambda found: "" if found["time"] == time and found["date"] in dates else found[0], explanation)


def _sentence(explanation: str) -> str:
    said = words.shown(explanation, 500)
    end = "" if said.endswith("…") else "."  # what was cut says so by itself
    return f"{said[:1].upper()}{said[1:]}{end}" if said else ""


def _since(incident: Incident, now: datetime) -> str:
    if incident.resolved_at is None:
        return words.since(incident.began_at, now)
    lasted = words.amount((incident.resolved_at - incident.began_at).total_seconds())
    return Told.of("{} ({})", words.between(incident.began_at, incident.resolved_at, now), lasted)


def _tags(incident: Incident) -> Iterable[str]:
    if incident.scope_kind:
        count = getattr(incident, "open_children", None)
        failing = incident.extent if count is None else count
        yield f"{words.counted(failing, 'incident')} explained" if failing else "explains no incident"
    if incident.severity != Severity.CRITICAL:
        yield incident.severity
    if incident.is_flapping:
        yield "flapping"


def _seen_to(incident: Incident, now: datetime) -> str:
    if incident.acknowledged_at is None:
        return ""
    since = words.since(incident.acknowledged_at, now)
    return Told.of("{} is at it, {}", _user(incident.acknowledged_by), since)


def _facts(incident: Incident, now: datetime) -> Facts:
    opened = incident.opened_at
    facts = (
        ("Severity", incident.severity),
        ("Worst", Look(incident.worst).label.lower() if incident.worst != incident.level else ""),
        ("Began", words.moment(incident.began_at, now)),
        ("Opened", words.moment(opened, now) if opened != incident.began_at else ""),
        ("Over", words.moment(incident.resolved_at, now) if incident.resolved_at else ""),
        ("As", _CAUSES.get(incident.cause, incident.cause)),
        ("Registry", words.shown(incident.resource.registry.host, 260) if incident.resource else ""),
        ("Group", str(incident.resource.group or "") if incident.resource else ""),
        ("Failed at once", f"up to {words.counted(incident.extent, 'resource')}" if incident.extent else ""),
    )
    return [(term, said) for term, said in facts if said]


def _entry(entry: IncidentEntry, now: datetime, kept_since: datetime, names: Mapping[str, str]) -> Entry:
    look, said = _told(entry)
    is_comment = entry.kind == EntryKind.COMMENT
    return Entry(
        id=entry.pk,
        at=entry.at,
        moment=words.moment(entry.at, now),
        look=look,
        who=names.get(entry.region, entry.region) or (_user(entry.by) if entry.kind in _BY_PEOPLE else ""),
        said=said,
        quote=entry.text[:_LONGEST_QUOTE] if is_comment else "",
        outcome=_outcome(entry, kept_since),
    )


def _outcome(entry: IncidentEntry, kept_since: datetime) -> str:
    """Return which outcome a failure from a region was; of what was good mostly nothing more is kept."""
    if entry.slot is None or entry.slot < kept_since or entry.after in _WELL:
        return ""
    return urlencode({"from": entry.region, "slot": rfc3339(entry.slot)})


_WELL: Final = frozenset({Stance.GOOD, Status.AVAILABLE})
_BY_PEOPLE: Final = frozenset({EntryKind.ACKNOWLEDGED, EntryKind.COMMENT})
_LONGEST_QUOTE: Final = 4000


def _told(entry: IncidentEntry) -> tuple[Look | None, str]:
    """Return how an entry looks, and what it tells besides who and when."""
    text = words.shown(entry.text, 500)
    match entry.kind:
        case EntryKind.OPENED:
            return Look(entry.after), f"Opened as {Look(entry.after).label.lower()}{f': {text}' if text else ''}."
        case EntryKind.TURNED if not entry.after:  # an outage of many goes on by another failure, as bad as before
            return None, f"Fails by something else now{f': {words.reason(entry.text)}' if text else ''}."
        case EntryKind.TURNED:
            return Look(entry.after), f"Turned {Look(entry.after).label.lower()}{f': {text}' if text else ''}."
        case EntryKind.RESOLVED:
            return _ENDS.get(entry.text, Look.UNCHECKED), f"Over: {_CAUSES.get(entry.text, text)}."
        case EntryKind.REGION:
            return _region_turn(entry)
        case EntryKind.DEPTH:
            found = "they are all there" if entry.after == Status.AVAILABLE else words.reason(entry.text)
            return Look(entry.after), f"looked at config and layers: {found}"
    plain = {
        EntryKind.BACK_DATED: f"A region that joined had failed before: it began at {text}.",
        EntryKind.FLAPPING: "It comes and goes: quiet until that has settled.",
        EntryKind.SETTLED: "It comes and goes no longer.",
        EntryKind.JOINED: f"Explained by an outage of what many share{f': {text}' if text else ''}.",
        EntryKind.LEFT: f"Stands alone: it did not recover with the rest{f': {text}' if text else ''}.",
        EntryKind.ACKNOWLEDGED: "is at it.",
        EntryKind.COMMENT: "",
    }
    return None, plain.get(EntryKind(entry.kind), text)


def _region_turn(entry: IncidentEntry) -> tuple[Look, str]:
    reason = words.reason(entry.text) if entry.text else ""
    if entry.after in _STANCES:
        look, stance = _STANCES[entry.after]
        return look, f"{stance}{f': {reason}' if reason else ''}"
    if not entry.after:
        return Look.UNKNOWN, "checks it no longer"
    why = words.LEFT_OUT.get(entry.after, words.shown(entry.after, 20).replace("_", " "))
    return _WITHOUT_VOTE.get(entry.after, Look.UNKNOWN), f"has no vote: {why}"


def _user(user: object | None) -> str:
    return words.shown(str(user), 150) if user else "somebody"
