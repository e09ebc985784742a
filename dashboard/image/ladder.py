"""The pull ladder as a table: a row a rung, a column a region, and under it what is broken and who has to act.

PURE: outcomes by region in, words out. Whatever a registry had a say in passes `words.shown`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from dashboard import words
from dashboard.cells import Face, face_of, region_name
from dashboard.image.rungs import OF_ENDPOINT, OF_IMAGE, Found, Rung, State, goal_of, layer_of, rungs
from dashboard.words import Look
from probes.models import RegionState, Resource
from probes.policy.owners import Owner, owner_of
from probes.protocol.outcome import Outcome
from probes.protocol.taxonomy import Stage, Status
from probes.selectors.overview import Cell as Seen

_NAMES: Final = {
    Rung.DNS: ("DNS", "The host's name is found"),
    Rung.CONNECT: ("Connect", "A connection is made"),
    Rung.TLS: ("TLS", "It is secured, by a certificate that is trusted"),
    Rung.CHALLENGE: ("Challenge", "The registry says how to log in"),
    Rung.TOKEN: ("Token", "The login service gives a token"),
    Rung.TAG: ("Tag", "The registry knows the tag"),
    Rung.DIGEST: ("Digest", "What the tag points at is there, and intact"),
    Rung.PLATFORM: ("Platform", "An image for each wanted platform is there"),
    Rung.CONFIG: ("Config", "The image's config is there"),
    Rung.LAYERS: ("Layers", "Each layer can be read"),
    Rung.REQUEST: ("Request", "The request is answered"),
    Rung.ASSERTIONS: ("Assertions", "The answer is as it should be"),
}
_SAID: Final = {
    State.OK: "ok",
    State.NOT_REACHED: "not reached",
    State.NOT_ASKED: "not asked",
    State.NOT_NEEDED: "not needed",
}
OWNERS: Final[Mapping[Owner, str]] = {
    Owner.NOBODY: "nobody",
    Owner.IMAGE: "whoever builds and pushes the image",
    Owner.REGISTRY: "whoever runs the registry",
    Owner.TOKEN_SERVICE: "whoever runs the login service",
    Owner.STORAGE: "whoever runs the registry's blob storage",
    Owner.LOGIN: "whoever keeps the login that is used, or grants it its rights",
    Owner.POLICY: "whoever set the rule by which it is withheld",
    Owner.ENDPOINT: "whoever runs the service",
    Owner.NETWORK: "whoever runs the region's network",
    Owner.CHECK: "whoever set up this check",
    Owner.KAIROS: "whoever runs Kairos",
    Owner.WAIT: "nobody, unless it lasts",
}
"""Who has to act, in words that follow on "has to act"."""

_MOST_HOSTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is known from a region. `outcome` is None before the first, or where it cannot be read.

    `proved` says of deep rungs that were not asked this time since when they are proved, by earlier checks.
    """

    slug: str
    name: str
    face: Face
    outcome: Outcome | None
    proved: Mapping[Rung, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    slug: str
    name: str
    look: Look
    age: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One rung from one region. `state` is its style; `look` its symbol, empty where a dash does."""

    slug: str
    state: State | None
    look: Look | None
    said: str
    host: str
    address: str
    answer: str
    time: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tread:
    """A rung in a row of them: its name and state alone. `look` is that of the broken one."""

    name: str
    state: State
    look: Look | None
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`hosts` are those that all regions met; empty where they differ, which each cell tells then.

    Empty as well where they are those of the row before.
    """

    rung: Rung
    name: str
    meaning: str
    hosts: str
    hosts_differ: bool
    is_broken: bool
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """What is broken alike from some regions: which rung, what it is, and who has to act."""

    look: Look
    rung: str
    regions: str
    sentence: str
    owner: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """`breaks` has what most regions see first."""

    heads: Sequence[Head]
    rows: Sequence[Row]
    breaks: Sequence[Break]


def ladder(views: Sequence[View], *, is_endpoint: bool, registry: str, now: datetime) -> Ladder:
    """Return the ladder as seen from each region; `registry` is the host that the reference names."""
    climbs = {view.slug: {item.rung: item for item in rungs(view.outcome)} for view in views if view.outcome}
    return Ladder(
        heads=[_head(view, now) for view in views],
        rows=_once([_row(rung, views, climbs, now) for rung in (OF_ENDPOINT if is_endpoint else OF_IMAGE)]),
        breaks=_breaks(views, climbs, registry=registry, is_endpoint=is_endpoint),
    )


def view_of(resource: Resource, cell: Seen[RegionState], now: datetime) -> View:
    """Return what is known from a region; `cell` is how the resource stands there."""
    state = cell.state
    return View(
        slug=cell.region.slug,
        name=region_name(cell.region),
        face=face_of(resource, cell, now),
        outcome=outcome_of(state.document) if state else None,
        proved=_proved(state),
    )


def outcome_of(document: Any) -> Outcome | None:
    """Return the outcome that a document is; None for one of another version."""
    try:
        return Outcome.from_json(document)
    except (ArithmeticError, AttributeError, TypeError, ValueError):
        return None


def _proved(state: RegionState | None) -> Mapping[Rung, datetime]:
    if state is None or not state.proved_digest or state.proved_digest != state.digest:
        return {}
    manifest, blobs = state.manifest_proved_at, state.blobs_proved_at
    by_depth = ((manifest, (Rung.DIGEST, Rung.PLATFORM)), (blobs, (Rung.CONFIG, Rung.LAYERS)))
    return {rung: at for at, proved in by_depth if at is not None for rung in proved}


def treads(outcome: Outcome) -> list[Tread]:
    """Return the ladder of one outcome at a glance."""
    return [
        Tread(
            name=_NAMES[item.rung][0],
            state=item.state,
            look=Look(outcome.status) if item.state is State.BROKEN else None,
            said="broken" if item.state is State.BROKEN else _SAID[item.state],
        )
        for item in rungs(outcome)
    ]


def failing(outcome: Outcome) -> tuple[str, str]:
    """Return what fails from a region, as a verb and its object, and by what: what `sentence` is made of."""
    return _cannot(outcome), _because(outcome)


def _head(view: View, now: datetime) -> Head:
    face = view.face
    return Head(
        slug=view.slug,
        name=view.name,
        look=face.look,
        age=words.ago(face.at, now) if face.at else "nothing yet",
        note="" if face.counts or not face.was else face.was,
    )


def _row(rung: Rung, views: Sequence[View], climbs: Mapping[str, Mapping[Rung, Found]], now: datetime) -> Row:
    name, meaning = _NAMES[rung]
    found = [climbs.get(view.slug, {}).get(rung) for view in views]
    met = {item.hosts for item in found if item and item.hosts}
    differ = len(met) > 1
    return Row(
        rung=rung,
        name=name,
        meaning=meaning,
        hosts="" if differ or not met else _hosts(next(iter(met))),
        hosts_differ=differ,
        is_broken=any(item is not None and item.state is State.BROKEN for item in found),
        cells=[_cell(view, item, rung, tells_host=differ, now=now) for view, item in zip(views, found, strict=True)],
    )


def _once(rows: Sequence[Row]) -> list[Row]:
    """Tell hosts once of rungs that are about the same ones, on the first of them."""
    before = ("", *(row.hosts for row in rows))
    return [replace(row, hosts="") if row.hosts == hosts else row for row, hosts in zip(rows, before, strict=False)]


def _cell(view: View, found: Found | None, rung: Rung, *, tells_host: bool, now: datetime) -> Cell:
    if found is None or view.outcome is None:
        return Cell(
            slug=view.slug, state=None, look=None, said="no data", host="", address="", answer="", time="", note=""
        )
    is_broken, step = found.state is State.BROKEN, found.step
    note = found.note
    if found.state is State.NOT_ASKED and (at := view.proved.get(rung)):
        note = f"proved {words.ago(at, now)}"
    return Cell(
        slug=view.slug,
        state=found.state,
        look=Look(view.outcome.status) if is_broken else Look.AVAILABLE if found.state is State.OK else None,
        said=words.reason(view.outcome.conclusion.reason) if is_broken else _SAID[found.state],
        host=_hosts(found.hosts) if tells_host or is_broken else "",
        address=words.shown(step.address, 60) if step and is_broken else "",
        answer=str(step.http_status) if is_broken and step and step.http_status is not None else "",
        time=words.milliseconds(found.time_ms) if found.time_ms is not None else "",
        note=note,
    )


def _breaks(
    views: Sequence[View], climbs: Mapping[str, Mapping[Rung, Found]], *, registry: str, is_endpoint: bool
) -> list[Break]:
    well = {
        host
        for view in views
        if view.outcome and view.face.look is Look.AVAILABLE
        for host in (step.host for step in view.outcome.steps if not step.is_bad)
    }
    alike: dict[tuple[str, ...], list[View]] = {}
    for view in views:
        # What does not count any more is shown in its column, and nobody is called for it.
        if view.outcome and view.face.counts and view.outcome.status is not Status.AVAILABLE:
            found = view.outcome.conclusion
            key = (found.reason, found.stage or "", found.host or "")
            alike.setdefault(key, []).append(view)
    ordered = sorted(alike.values(), key=len, reverse=True)
    return [_break(group, climbs, well, registry=registry, is_endpoint=is_endpoint) for group in ordered]


def _break(
    group: Sequence[View],
    climbs: Mapping[str, Mapping[Rung, Found]],
    well: Collection[str],
    *,
    registry: str,
    is_endpoint: bool,
) -> Break:
    first = group[0]
    outcome = first.outcome
    assert outcome is not None  # noqa: S101 - only those with one are grouped
    found = outcome.conclusion
    broken = next((item.rung for item in climbs[first.slug].values() if item.state is State.BROKEN), None)
    cannot, because = failing(outcome)
    return Break(
        look=Look(outcome.status),
        rung=_NAMES[broken][0] if broken else "Before the first step",
        regions=words.listed([view.name for view in group]),
        sentence=f"{cannot[:1].upper()}{cannot[1:]}: {because}",
        owner=OWNERS[
            owner_of(
                found.reason,
                asked_for=_asked_for(outcome),
                is_elsewhere=is_elsewhere(outcome, registry),
                is_reached_by_others=found.host is not None and found.host in well,
                is_endpoint=is_endpoint,
            )
        ],
        hint=words.shown(found.hint or found.reason.meaning.hint, 400),
    )


def is_elsewhere(outcome: Outcome, registry: str) -> bool:
    """Tell whether what failed is another host than the registry's: neither that of the reference nor the first."""
    host = outcome.conclusion.host
    at_home = next((step.host for step in outcome.steps if step.stage is Stage.MANIFEST), registry)
    return bool(host) and host not in (registry, at_home)


def _asked_for(outcome: Outcome) -> Stage | None:
    return outcome.failed_step.stage if outcome.failed_step else outcome.conclusion.stage


def _cannot(outcome: Outcome) -> str:
    """Return what a region cannot do, as in "2 of 3 regions …"."""
    found, failed = outcome.conclusion, outcome.failed_step
    if found.stage in _ON_THE_WAY:
        said = _ON_THE_WAY[found.stage].format(words.shown(found.host, 260) or "a host")
        goal = goal_of(failed) if failed else None
        return f"{said} on the way to the {goal}" if goal in _FAR_GOALS else said
    if found.stage is Stage.LAYER:
        return f"cannot read {_layer(outcome)}"
    return _CANNOT.get(found.stage, "cannot tell")


_ON_THE_WAY: Final[Mapping[Stage | None, str]] = {
    Stage.DNS: "cannot find {}",
    Stage.CONNECT: "cannot connect to {}",
    Stage.TLS: "cannot connect safely to {}",
}
_FAR_GOALS: Final = (Rung.TOKEN, Rung.CONFIG, Rung.LAYERS)
_CANNOT: Final[Mapping[Stage | None, str]] = {
    Stage.PARSE: "cannot make sense of the reference",
    Stage.CHALLENGE: "get no usable login instructions",
    Stage.TOKEN: "cannot log in",
    Stage.MANIFEST: "cannot read the manifest",
    Stage.INDEX: "cannot get each platform",
    Stage.CHILD: "cannot read a platform's manifest",
    Stage.CONFIG: "cannot read the config",
    Stage.REQUEST: "get another answer than expected",
    Stage.REDIRECT: "get another answer than expected after a redirect",
}


def _layer(outcome: Outcome) -> str:
    layer = layer_of(outcome)
    if layer is None:
        return "a layer"
    if layer.number is None:
        return f"layer {words.short_digest(layer.digest)}" if layer.digest else "a layer"
    return f"layer {layer.number} of {layer.of}"


def _because(outcome: Outcome) -> str:
    found, failed = outcome.conclusion, outcome.failed_step
    reason = words.reason(found.reason)
    host = words.shown(found.host, 260)
    if not host:
        return reason
    if failed is None or failed.http_status is None:
        return f"{reason} at {host}"
    kind = ""
    if failed.stage in (Stage.CONFIG, Stage.LAYER) and outcome.steps[0].host != failed.host:
        kind = "blob host "
    elif failed.stage is Stage.TOKEN:
        kind = "login host "
    return f"{kind}{host} answered {failed.http_status}, {reason}"


def _hosts(hosts: Sequence[str]) -> str:
    shown = [words.shown(host, 260) for host in hosts[:_MOST_HOSTS]]
    left = len(hosts) - len(shown)
    return f"{', '.join(shown)}{f' and {left} more' if left > 0 else ''}"


def most_common(outcomes: Iterable[Outcome]) -> tuple[Outcome | None, int]:
    """Return one of those that most of them are alike to, and how many these are; None and 0 of none."""
    alike: dict[tuple[str, ...], list[Outcome]] = {}
    for outcome in outcomes:
        found = outcome.conclusion
        alike.setdefault((found.reason, found.stage or "", found.host or ""), []).append(outcome)
    most = max(alike.values(), key=len, default=[])
    return (most[0] if most else None), len(most)
