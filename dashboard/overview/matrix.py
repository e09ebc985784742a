"""The matrix as the overview shows it. PURE: rows of the selector and a moment in, words out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dashboard import words
from dashboard.cells import (
    LATEST_TICK,
    Face,
    differ,
    face_of,
    look_of,
    name_of,
    next_check,
    region_name,
    unlisted_told,
    verdict_look,
    vote_told,
    work_told,
)
from dashboard.region_words import CONDITIONS, trouble
from dashboard.words import Look
from probes.models import Region, Resource
from probes.policy.liveness import SILENT_AFTER, RegionCondition
from probes.policy.verdict import VerdictState
from probes.protocol.taxonomy import Reason
from probes.selectors.overview import Cell, Overview, Row
from probes.selectors.severity import Group

_VERDICTS: Final = frozenset(Look(state) for state in VerdictState)
_OUT_OF_VOTE: Final = {
    RegionCondition.SILENT: Look.SILENT,
    RegionCondition.EGRESS_DOWN: Look.EGRESS_DOWN,
    RegionCondition.PAUSED: Look.PAUSED,
    RegionCondition.DRAINING: Look.PAUSED,
}
_SAID: Final = {
    Group.UNAVAILABLE: "unavailable",
    Group.DEGRADED: "degraded",
    Group.UNKNOWN: "unknown",
    Group.UNCHECKED: "not yet checked",
    Group.MAINTENANCE: "in maintenance",
    Group.PAUSED: "paused",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A region's head. `look` is None for one that works as it should."""

    name: str
    slug: str
    look: Look | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellView:
    """One resource from one region. `vote` is said where it is not what was found; `facts` are folded away."""

    id: str
    slug: str
    region: str
    face: Face
    hint: str
    vote: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """One resource. A cell is None where the resource is not checked from there. `work` is what is planned now.

    `unlisted` tells since when its source lists it no more, and is empty where it does.
    """

    id: int
    name: str
    reference: str
    registry: str
    schedule: str
    look: Look
    was: str
    since: str
    work: str
    unlisted: str
    digests_differ: bool
    cells: Sequence[CellView | None]


def columns(regions: Iterable[Region], now: datetime) -> list[Column]:
    """Return the heads of the matrix."""
    return [_column(region, now) for region in regions]


def rows(overview: Overview, now: datetime) -> list[RowView]:
    """Return the rows of the matrix, in the order given."""
    return [_row(row, now) for row in overview.rows]


def headline(
    tally: Mapping[Group, int], regions: Sequence[Region], *, is_current: bool, has_endpoints: bool = False
) -> str:
    """Return the one sentence that says how things stand, or stood when checks were last handed out."""
    total, good = sum(tally.values()), tally[Group.AVAILABLE]
    noun = "resource" if has_endpoints else "image"
    if total == tally[Group.UNCHECKED]:
        return f"No result yet for {words.counted(total, noun)}"
    where = "from everywhere" if all(map(_is_heard, regions)) else "from every region that reports"
    fare = f"{_fare(good, is_current=is_current, has_endpoints=has_endpoints)} {where}"
    if good == total:
        return f"{f'All {total:,} {noun}s' if total > 1 else f'The one {noun}'} {fare}"
    rest = ", ".join(f"{tally[group]:,} {said}" for group, said in _SAID.items() if tally[group])
    return f"{good:,} of {words.counted(total, noun)} {fare}; {rest}"


def _fare(count: int, *, is_current: bool, has_endpoints: bool) -> str:
    """Return what can be said of those that are well: images can be pulled, and endpoints cannot."""
    if not has_endpoints:
        return f"{'can' if is_current else 'could'} be pulled"
    singular, plural = ("is", "are") if is_current else ("was", "were")
    return f"{singular if count == 1 else plural} available"


def is_ticking(ticked_at: datetime | None, now: datetime) -> bool:
    """Tell whether checks are being handed out."""
    return ticked_at is not None and now - ticked_at <= LATEST_TICK


def problems(ticked_at: datetime | None, regions: Sequence[Region], now: datetime) -> list[str]:
    """Return what is wrong with Kairos itself, so that nobody takes an old picture for a good one."""
    said: list[str] = []
    if ticked_at is None:
        said.append("No check has been handed out yet: beat and the control worker have not been heard of.")
    elif not is_ticking(ticked_at, now):
        heard = words.ago(ticked_at, now)
        said.append(f"No checks are handed out: beat and the control worker were last heard of {heard}.")
    elif missing := [region_name(region) for region in regions if _is_missing(region, now)]:
        said.append(
            f"Nothing is heard of {', '.join(missing)}, and whether that is silence cannot be told: "
            "heartbeats may wait to be read."
        )
    return [*said, *filter(None, (trouble(region, now) for region in regions))]


def short_title(tally: Mapping[Group, int]) -> str:
    """Return what a browser's tab has room for."""
    bad = [f"{tally[group]:,} {_SAID[group]}" for group in (Group.UNAVAILABLE, Group.DEGRADED) if tally[group]]
    return f"{', '.join(bad)} · Kairos" if bad else "Kairos"


def _is_heard(region: Region) -> bool:
    return region.condition.votes and region.last_seen_at is not None


def _is_missing(region: Region, now: datetime) -> bool:
    """Tell whether a region would be silent by now if we knew that we have missed nothing."""
    if region.last_seen_at is None or region.silent_since is not None or region.retired_at is not None:
        return False
    return now - region.last_seen_at > SILENT_AFTER + LATEST_TICK


def _column(region: Region, now: datetime) -> Column:
    condition = region.condition
    heard = f"heard {words.ago(region.last_seen_at, now)}" if region.last_seen_at else "not heard yet"
    return Column(
        name=region_name(region),
        slug=region.slug,
        look=_OUT_OF_VOTE.get(condition),
        note=heard if condition is RegionCondition.ACTIVE else f"{CONDITIONS[condition]}, {heard}",
    )


def _row(row: Row, now: datetime) -> RowView:
    resource = row.resource
    cells = [_cell(resource, cell, now) if cell else None for cell in row.cells]
    look = look_of(resource, row.verdict, now, work=row.work)
    then = resource.retired_at or resource.paused_at or (row.verdict.since if row.verdict else None)
    return RowView(
        id=resource.pk,
        name=name_of(resource),
        reference=words.shown(resource.canonical.replace(resource.digest, words.short_digest(resource.digest)), 700),
        registry=words.shown(resource.registry.name, 100),
        schedule=f"{words.every(resource.every_seconds)}, {_manner(resource)}",
        look=look,
        was=_beneath(row, look, now),
        since=words.since(then, now) if then else "",
        work=work_told(row.work, now) if look is Look.MAINTENANCE and row.work else "",
        unlisted=unlisted_told(resource, now),
        digests_differ=differ(
            (view.face.look, cell.state.digest)
            for view, cell in zip(cells, row.cells, strict=True)
            if view and cell and cell.state
        ),
        cells=cells,
    )


def _beneath(row: Row, look: Look, now: datetime) -> str:
    """Return what the verdict says, where something else is shown over it."""
    said = Look(row.verdict_state).label.lower()
    if look is Look.STALE:
        return f"was {said}"
    if look is Look.MAINTENANCE and verdict_look(row.verdict, now) in _VERDICTS:
        return f"beneath it {said}"
    return ""


def _manner(resource: Resource) -> str:
    return "HTTP endpoint" if resource.is_endpoint else f"{resource.depth or 'automatic'} depth"


def _cell(resource: Resource, cell: Cell, now: datetime) -> CellView:
    state, face = cell.state, face_of(resource, cell, now)
    return CellView(
        id=f"cell-{resource.pk}-{cell.region.slug}",
        slug=cell.region.slug,
        region=region_name(cell.region),
        face=face,
        vote=vote_told(state, cell.terms) if state and face.counts else "",
        hint=_hint(state.reason) if state else "",
        facts=_facts(resource, cell, now),
    )


def _facts(resource: Resource, cell: Cell, now: datetime) -> list[tuple[str, str]]:
    state = cell.state
    due = next_check(resource, now)
    if state is None:
        return [("Next check", due)]
    proven = [
        (term, words.ago(then, now))
        for term, then in (("Manifest proven", state.manifest_proved_at), ("Layers proven", state.blobs_proved_at))
        if then
    ]
    facts = (
        ("Result", words.since(state.since, now)),
        ("Failed at", state.stage or ""),
        ("Host", words.shown(state.host, 260)),
        ("Hint", _hint(state.reason) if state.reason != Reason.OK else ""),
        ("Since then", "the region reached nothing, so what it found does not count" if state.egress_down else ""),
        ("Digest", words.short_digest(state.digest)),
        *proven,
        ("Warnings", " ".join(words.warning(code) for code in state.warnings)),
        ("Next check", due),
    )
    return [(term, said) for term, said in facts if said]


def _hint(code: str) -> str:
    try:
        return Reason(code).meaning.hint
    except ValueError:  # a reason of another version
        return ""
