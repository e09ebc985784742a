"""What there is in a scenario, before anything happens. Its fields: docs/how-to/simulate.md."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from kairos.simulation.document import Part, ScenarioInvalid, read_document
from kairos.simulation.expectation import Expectation, read_expectation
from kairos.simulation.script import Script, read_script
from kairos.simulation.spans import read_span
from probes.policy.terms import Quorum, Severity
from probes.protocol.taxonomy import Depth

NUMBER: Final = "{n}"
"""Where a resource has a `count`, this in its name is 1, 2, 3, …"""

_MOST: Final = 2000
_LONGEST: Final = timedelta(days=40)
_SLUG: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_COUNTS: Final = ("minimum_votes", "failures", "recoveries", "fresh_intervals")
_TERMS: Final = ("quorum", *_COUNTS, "severity", "degraded_after")
_FIELDS: Final = (
    *("title", "story", "starts", "lasts", "pace", "regions", "terms", "groups", "resources"),
    *("credentials", "windows", "script", "expect"),
)

Terms = Mapping[str, Any]
"""Columns of `TermFields` with their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How finely time passes; what is coarser than in earnest is faster, and found a little later.

    What is due waits for the next `tick`, what has lapsed for the next `reap`, what is shared for the next look at
    `scopes`, what is to be told for the next at `notices`. A `report` is sent so long after its batch came. A
    `heartbeat` comes so often while nothing changes for its region, and each ten seconds about any change.
    """

    tick: timedelta = timedelta(seconds=1)
    reap: timedelta = timedelta(seconds=15)
    scopes: timedelta = timedelta(seconds=5)
    notices: timedelta = timedelta(seconds=5)
    report: timedelta = timedelta(seconds=2)
    heartbeat: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A region; `joins` is when it is enrolled."""

    slug: str
    joins: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Something checked: an image, or an endpoint by its URL. No `regions` means all."""

    reference: str
    is_endpoint: bool
    every: timedelta
    depth: Depth | None = None
    group: str = ""
    regions: tuple[str, ...] = ()
    terms: Terms = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A credential that is stored for a registry, for repositories under a prefix, from one region or from all.

    `expires` is when it ends, where that is known.
    """

    registry: str
    prefix: str = ""
    region: str = ""
    expires: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A maintenance window. `of` are patterns of references; those that match are worked on."""

    name: str
    starts_on: date
    starts_at: time
    zone: str
    lasts: timedelta
    rule: str = ""
    of: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All that a scenario says. Times in it are spans from `starts`, which is in UTC."""

    title: str
    story: str
    starts: datetime
    lasts: timedelta
    pace: Pace
    regions: tuple[Seat, ...]
    terms: Terms
    groups: Mapping[str, Terms]
    subjects: tuple[Subject, ...]
    logins: tuple[Login, ...]
    windows: tuple[Work, ...]
    script: Script
    expectation: Expectation | None


def read_scenario(text: str) -> Scenario:
    """Return the scenario that a YAML text describes. Raises `ScenarioInvalid`, with the line and the field."""
    whole = read_document(text)
    whole.only(_FIELDS)
    lasts = whole.need("lasts").read(_length)
    seats = tuple(_seat(part) for part in whole.need("regions").items())
    slugs = [seat.slug for seat in seats]
    groups = {name: _terms_alone(part) for name, part in _named(whole, "groups").items()}
    subjects = tuple(
        subject for part in whole.need("resources").items() for subject in _subjects(part, slugs, groups)
    )
    if len(subjects) > _MOST:
        raise whole.need("resources").refuse(f"{len(subjects)} of them; at most {_MOST} are taken")
    references = [subject.reference for subject in subjects]
    if twice := sorted({item for item in references if references.count(item) > 1}):
        raise whole.need("resources").refuse(f"{twice[0]} is named twice")
    return Scenario(
        title=whole.need("title").text(),
        story=story.text().strip() if (story := whole.get("story")) else "",
        starts=whole.need("starts").read(_instant),
        lasts=lasts,
        pace=_pace(whole.get("pace")),
        regions=seats,
        terms=_terms_alone(whole.get("terms")),
        groups=groups,
        subjects=subjects,
        logins=tuple(_login(part, slugs) for part in _listed(whole, "credentials")),
        windows=tuple(_work(part, slugs, groups) for part in _listed(whole, "windows")),
        script=read_script(_listed(whole, "script"), regions=slugs, references=references, lasts=lasts),
        expectation=read_expectation(expect) if (expect := whole.get("expect")) else None,
    )


def known_region(part: Part, slugs: Sequence[str]) -> tuple[str, ...]:
    """Return the regions that a field names; each has to be one of the scenario's."""
    for slug in (named := part.texts()):
        if slug not in slugs:
            raise part.refuse(f"there is no region {slug}")
    return named


def _listed(whole: Part, name: str) -> Sequence[Part]:
    part = whole.get(name)
    return part.items() if part else ()


def _named(whole: Part, name: str) -> Mapping[str, Part]:
    part = whole.get(name)
    return part.named() if part else {}


def _pace(part: Part | None) -> Pace:
    if part is None:
        return Pace()
    part.only([item.name for item in fields(Pace)])
    pace = replace(Pace(), **{name: item.read(_moment) for name, item in part.named().items()})
    if pace.tick > timedelta(seconds=15):
        raise part.need("tick").refuse("ticks that are further apart than 15s are a control plane that is away")
    if pace.heartbeat >= timedelta(seconds=60):
        raise part.need("heartbeat").refuse("after 60s without a heartbeat a region is silent")
    return pace


def _seat(part: Part) -> Seat:
    if isinstance(part.value, str):
        return Seat(slug=part.read(_slug))
    part.only(("region", "joins"))
    return Seat(slug=part.need("region").read(_slug), joins=part.need("joins").read(read_span))


def _subjects(part: Part, slugs: Sequence[str], groups: Mapping[str, Terms]) -> list[Subject]:
    part.only(("image", "endpoint", "count", "every", "depth", "group", "regions", *_TERMS))
    named = part.get("image") or part.get("endpoint") or part.need("image")
    count = number.whole() if (number := part.get("count")) else 1
    if (count > 1) is not (NUMBER in named.text()):
        raise named.refuse(f"{NUMBER} in the name goes with a count, and a count with {NUMBER}")
    group = part.get("group")
    if group and group.text() not in groups:
        raise group.refuse(f"there is no group {group.text()}")
    subject = Subject(
        reference=named.text(),
        is_endpoint=part.get("image") is None,
        every=every.read(_moment) if (every := part.get("every")) else timedelta(minutes=5),
        depth=depth.choice(Depth) if (depth := part.get("depth")) else None,
        group=group.text() if group else "",
        regions=known_region(regions, slugs) if (regions := part.get("regions")) else (),
        terms=_terms(part),
    )
    names = [named.text().replace(NUMBER, str(place)) for place in range(1, count + 1)]
    return [replace(subject, reference=name) for name in names]


def _terms_alone(part: Part | None) -> Terms:
    if part is None:
        return {}
    part.only(_TERMS)
    return _terms(part)


def _terms(part: Part) -> Terms:
    found: dict[str, Any] = {name: item.whole() for name in _COUNTS if (item := part.get(name))}
    if severity := part.get("severity"):
        found["severity"] = severity.choice(Severity).value
    if delay := part.get("degraded_after"):
        found["degraded_after_seconds"] = delay.read(read_span) // timedelta(seconds=1)
    if quorum := part.get("quorum"):
        wanted = quorum.read(_quorum)
        found |= {"quorum_votes": wanted.votes, "quorum_percent": wanted.percent}
    return found


def _login(part: Part, slugs: Sequence[str]) -> Login:
    part.only(("registry", "prefix", "region", "expires"))
    region = part.get("region")
    return Login(
        registry=part.need("registry").text(),
        prefix=prefix.text() if (prefix := part.get("prefix")) else "",
        region=known_region(region, slugs)[0] if region else "",
        expires=expires.read(read_span) if (expires := part.get("expires")) else None,
    )


def _work(part: Part, slugs: Sequence[str], groups: Mapping[str, Terms]) -> Work:
    part.only(("name", "day", "time", "zone", "lasts", "rule", "of", "groups", "registries", "regions"))
    for name in (chosen := item.texts() if (item := part.get("groups")) else ()):
        if name not in groups:
            raise part.need("groups").refuse(f"there is no group {name}")
    return Work(
        name=part.need("name").text(),
        starts_on=part.need("day").read(date.fromisoformat),
        starts_at=part.need("time").read(time.fromisoformat),
        zone=zone.read(_zone) if (zone := part.get("zone")) else "UTC",
        lasts=part.need("lasts").read(_moment),
        rule=rule.text() if (rule := part.get("rule")) else "",
        of=of.texts() if (of := part.get("of")) else (),
        groups=chosen,
        registries=registries.texts() if (registries := part.get("registries")) else (),
        regions=known_region(regions, slugs) if (regions := part.get("regions")) else (),
    )


def _length(text: str) -> timedelta:
    if timedelta(0) < (span := read_span(text)) <= _LONGEST:
        return span
    raise ValueError(f"a scenario lasts up to {_LONGEST.days} days")


def _moment(text: str) -> timedelta:
    if span := read_span(text):
        return span
    raise ValueError("no time at all would pass")


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def _slug(text: str) -> str:
    if _SLUG.fullmatch(text):
        return text
    raise ValueError(f"{text!r} is no region: lower-case letters, digits and inner hyphens")


def _zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (KeyError, OSError, ValueError):
        raise ValueError(f"there is no time zone {text}") from None


def _quorum(text: str) -> Quorum:
    number = text.removesuffix("%").strip()
    if not number.isdigit():
        raise ValueError(f"{text!r} is neither a number of regions nor a share such as 60%")
    return Quorum(percent=int(number)) if text.endswith("%") else Quorum(votes=int(number))


__all__ = ["Login", "Pace", "Scenario", "ScenarioInvalid", "Seat", "Subject", "Terms", "Work", "read_scenario"]
