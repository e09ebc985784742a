"""Outcomes of one image in words, each with its steps as far as they are kept. PURE."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.http import urlencode

from dashboard import words
from dashboard.cells import region_name
from dashboard.image import ladder
from dashboard.image.evidence import path_of
from dashboard.image.ladder import Tread
from dashboard.words import Look
from probes.models import Outcome
from probes.protocol.outcome import Outcome as Document
from probes.protocol.outcome import rfc3339
from probes.protocol.taxonomy import Reason

MOST_STEPS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    stage: str
    request: str
    host: str
    answer: str
    took: str
    is_failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One outcome. `treads` is its ladder at a glance; it and `steps` are empty where only a summary is kept.

    `query` is with what an image's page and its evidence show this one in full.
    """

    id: int
    slot: datetime
    slug: str
    region: str
    look: Look
    reason: str
    where: str
    took: str
    depth: str
    digest: str
    short_digest: str
    note: str
    detail: str
    treads: Sequence[Tread]
    steps: Sequence[StepLine]
    more_steps: int
    query: str


def lines(rows: Iterable[Outcome]) -> list[Line]:
    """Return outcomes as a list shows them, in the order given, which come with their regions."""
    return [_line(row) for row in rows]


def _line(row: Outcome) -> Line:
    document = ladder.outcome_of(row.document) if row.document is not None else None
    steps = document.steps if document else ()
    return Line(
        id=row.pk,
        slot=row.slot,
        slug=row.region.slug,
        region=region_name(row.region),
        look=Look.EGRESS_DOWN if row.egress_down else Look(row.status),
        reason="" if row.reason == Reason.OK else words.reason(row.reason),
        where=", ".join(filter(None, (row.stage, words.shown(row.host, 260)))),
        took=words.milliseconds(row.duration_ms),
        depth=row.depth or "",
        digest=words.shown(row.digest, 140),
        short_digest=words.short_digest(row.digest),
        note=f"{Look(row.status).label.lower()}, which does not count" if row.egress_down else "",
        detail=words.shown(document.conclusion.detail, 400) if document else "",
        treads=ladder.treads(document) if document else (),
        steps=_steps(document) if document else (),
        more_steps=max(len(steps) - MOST_STEPS, 0),
        query=urlencode({"from": row.region.slug, "slot": rfc3339(row.slot)}),
    )


def _steps(document: Document) -> list[StepLine]:
    failed = document.failed_step
    return [
        StepLine(
            stage=step.stage,
            request=f"{words.shown(step.method, 10)} {_path(step.url)}",
            host=words.shown(step.host, 120),
            answer=f"{step.http_status or ''} {words.reason(step.error) if step.error else ''}".strip(),
            took=words.milliseconds(step.total_ms),
            is_failed=step is failed,
        )
        for step in document.steps[:MOST_STEPS]
    ]


def _path(url: str) -> str:
    """Return what of a URL is told; also of one that is none, which a region may write."""
    try:
        return path_of(url)
    except ValueError:
        return words.shown(url, 160)
