"""The matrix as the overview shows it. PURE: rows of the selector and a moment in, words out.

A cell tells how long it has been so: that changes when the state does, and not with each check.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dashboard import words
from dashboard.cells import (
    Face,
    differ,
    face_of,
    look_of,
    name_of,
    region_name,
    unlisted_told,
    verdict_look,
    vote_told,
    work_told,
)
from dashboard.region_words import CONDITIONS
from dashboard.words import Look
from probes.models import Region, Resource, Verdict
from probes.policy.liveness import RegionCondition
from probes.policy.verdict import VerdictState
from probes.protocol.taxonomy import Reason
from probes.selectors.overview import Cell, LastSeen, Overview, Row

LABELS_SHOWN: Final = 2

_VERDICTS: Final = frozenset(Look(state) for state in VerdictState)
_BAD: Final = frozenset({Look.UNAVAILABLE, Look.DEGRADED, Look.UNKNOWN})
_OUT_OF_VOTE: Final = {
    RegionCondition.SILENT: Look.SILENT,
    RegionCondition.EGRESS_DOWN: Look.EGRESS_DOWN,
    RegionCondition.PAUSED: Look.PAUSED,
    RegionCondition.DRAINING: Look.PAUSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A region's head. `look` is None for one that works as it should; then `heard_at` says when it was heard."""

    name: str
    slug: str
    look: Look | None
    note: str
    heard_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CellView:
    """One resource from one region. `said` is why, where it is not well; `at` since when it is so.

    What does not count any more is `at` the slot of its last result. `more` are the lines of its card.
    """

    slug: str
    look: Look
    counts: bool
    said: str
    at: datetime | None
    vote: str
    more: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """One resource. A cell is None where the resource is not checked from there. `work` is what is planned now.

    `because` says what cannot be done, and from how many regions, where a verdict is not good; why, the cells say.
    `unlisted` tells since when its source lists it no more, and is empty where it does. Of `labels` the first are
    told, and how many `others` there are. `slowest` is how long the last check took from where it took longest, where
    that is asked for.
    """

    id: int
    name: str
    reference: str
    registry: str
    schedule: str
    labels: Sequence[str]
    others: int
    look: Look
    was: str
    since: datetime | None
    because: str
    work: str
    unlisted: str
    digests_differ: bool
    slowest: str
    cells: Sequence[CellView | None]


def columns(regions: Iterable[Region], now: datetime) -> list[Column]:
    """Return the heads of the matrix."""
    return [_column(region, now) for region in regions]


def rows(overview: Overview, now: datetime, *, is_timed: bool = False) -> list[RowView]:
    """Return the rows of the matrix, in the order given; if it `is_timed`, each with its slowest last check."""
    return [_row(row, now, is_timed=is_timed) for row in overview.rows]


def _column(region: Region, now: datetime) -> Column:
    condition = region.condition
    heard = f"heard {words.ago(region.last_seen_at, now)}" if region.last_seen_at else "not heard yet"
    is_active = condition is RegionCondition.ACTIVE
    return Column(
        name=region_name(region),
        slug=region.slug,
        look=_OUT_OF_VOTE.get(condition),
        note=heard if is_active else f"{CONDITIONS[condition]}, {heard}",
        heard_at=region.last_seen_at if is_active else None,
    )


def _row(row: Row, now: datetime, *, is_timed: bool) -> RowView:
    resource, verdict = row.resource, row.verdict
    cells = [_cell(resource, cell, now) if cell else None for cell in row.cells]
    look = look_of(resource, verdict, now, work=row.work)
    labels = [_label(key, value) for key, value in sorted(resource.labels.items())]
    return RowView(
        id=resource.pk,
        name=name_of(resource),
        reference=words.shown(resource.canonical.replace(resource.digest, words.short_digest(resource.digest)), 700),
        registry=words.shown(resource.registry.name, 100),
        schedule=f"{words.every(resource.every_seconds)}, {_manner(resource)}",
        labels=labels[:LABELS_SHOWN],
        others=len(labels[LABELS_SHOWN:]),
        look=look,
        was=_beneath(row, look, now),
        since=resource.retired_at or resource.paused_at or _since(row, look),
        because=_because(verdict) if verdict and look in _BAD else "",
        work=work_told(row.work, now) if look is Look.MAINTENANCE and row.work else "",
        unlisted=unlisted_told(resource, now),
        digests_differ=differ(
            (view.look, cell.state.digest)
            for view, cell in zip(cells, row.cells, strict=True)
            if view and cell and cell.state
        ),
        slowest=_slowest(row) if is_timed else "",
        cells=cells,
    )


def _since(row: Row, look: Look) -> datetime | None:
    if look is Look.MAINTENANCE and row.work:
        return row.work.starts_at
    return row.verdict.since if row.verdict else None


def _slowest(row: Row) -> str:
    took = [ms for cell in row.cells if cell and cell.state and (ms := cell.state.duration_ms) is not None]
    return words.milliseconds(max(took)) if took else ""


def _label(key: object, value: object) -> str:
    """Return a label as the filter takes it."""
    return ":".join(filter(None, (words.shown(key, 60), words.shown(value, 60))))


def _beneath(row: Row, look: Look, now: datetime) -> str:
    """Return what the verdict says, where something else is shown over it."""
    said = Look(row.verdict_state).label.lower()
    if look is Look.STALE:
        return f"was {said}"
    if look is Look.MAINTENANCE and verdict_look(row.verdict, now) in _VERDICTS:
        return f"beneath it {said}"
    return ""


def _because(verdict: Verdict) -> str:
    """Return of an explanation what comes before the host and the reason, which the cells and "Wrong now" tell."""
    return words.shown(verdict.explanation, 300).partition(": ")[0]


def _manner(resource: Resource) -> str:
    return "HTTP endpoint" if resource.is_endpoint else f"{resource.depth or 'automatic'} depth"


def _cell(resource: Resource, cell: Cell[LastSeen], now: datetime) -> CellView:
    state, face = cell.state, face_of(resource, cell, now)
    at = None if state is None else state.since if face.counts else state.last_slot
    vote = vote_told(state, cell.terms) if state and face.counts else ""
    return CellView(
        slug=cell.region.slug,
        look=face.look,
        counts=face.counts,
        said=face.reason or face.was,
        at=at,
        vote=vote.partition(",")[0],
        more=_card(state, face, vote, now) if state else [face.look.meaning],
    )


def _card(state: LastSeen, face: Face, vote: str, now: datetime) -> list[str]:
    """Return what is said of a cell where somebody asks for more."""
    is_well = state.reason == Reason.OK
    failed = [f"at {words.shown(state.stage, 20)}"] if state.stage else []
    failed += [f"host {words.shown(state.host, 260)}"] if state.host else []
    held = words.span((now - state.since).total_seconds())
    # In the title of a cell there are no elements: times are those of UTC.
    told = (
        f"{face.look.label} since {words.clock(state.since, now)} UTC ({held})" if face.counts else face.look.meaning,
        "" if is_well else ", ".join([words.reason(state.reason), *failed]).capitalize(),
        "" if is_well else _hint(state.reason),
        f"Its vote is {vote}" if vote else "",
        "Since then the region reached nothing, so what it found does not count" if state.egress_down else "",
        " ".join(words.warning(code) for code in state.warnings),
        f"Digest {words.short_digest(state.digest)}" if state.digest and not is_well else "",
        f"Last check {words.moment(state.last_slot, now)} UTC",
    )
    return [line for line in told if line]


def _hint(code: str) -> str:
    try:
        return Reason(code).meaning.hint
    except ValueError:  # a reason of another version
        return ""
