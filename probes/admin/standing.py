"""How one resource stands now, for its page: the verdict, and a row for each region, kept current without reload."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from probes.admin import display
from probes.models import Resource, RunCheck
from probes.policy.liveness import RegionCondition
from probes.policy.runs import Answer, CheckState, verdict
from probes.policy.verdict import VerdictState
from probes.protocol.taxonomy import Reason
from probes.selectors.overview import Cell, LastSeen, rows
from probes.selectors.runs import last_of, state_at


@dataclass(frozen=True, slots=True)
class Line:
    """One region's row of the panel."""

    region: str
    note: str
    badge: SafeString
    reason: SafeString | str
    hint: str
    checked: SafeString | str
    since: SafeString | str
    outcomes: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """The check that somebody ordered last, which may be on its way still."""

    asked: SafeString | str
    by: str
    verdict: SafeString
    counts: str
    address: str


def panel(request: HttpRequest, resource_id: int) -> SafeString | None:
    """Return the panel, or None without such a resource. A constant number of queries."""
    found = rows(Resource.objects.filter(pk=resource_id))
    if not found:
        return None
    (row,) = found
    context: dict[str, Any] = {
        "resource": row.resource,
        "verdict": display.badge(row.verdict_state.value),
        "is_unknown": row.verdict_state is VerdictState.UNKNOWN,
        "since": display.aged(row.verdict.since) if row.verdict else None,
        "explanation": row.verdict.explanation if row.verdict else "",
        "resumes": display.stamped(row.resource.resumes_at) if row.resource.resumes_at else "",
        "stale": display.stamped(row.resource.stale_at) if row.resource.stale_at else "",
        "retired": display.aged(row.resource.retired_at) if row.resource.retired_at else "",
        "ordered": _ordered(last_of(resource_id), timezone.now()),
        "next_check": display.due(row.resource.next_due_at, timezone.now()),
        "lines": [_line(row.resource, cell) for cell in row.cells if cell],
    }
    return render_to_string("admin/probes/resource/standing.html", context, request)


def _ordered(checks: Sequence[RunCheck], now: datetime) -> Ordered | None:
    """Return what became of the check that was ordered last, as far as its regions have answered."""
    if not checks:
        return None
    run = checks[0].run
    states = [state_at(CheckState(check.state), is_over=run.is_over(now)) for check in checks]
    answers = [
        Answer(state, check.status, check.reason, check.is_egress_down)
        for state, check in zip(states, checks, strict=True)
    ]
    counts = ((state.value, states.count(state)) for state in CheckState)
    return Ordered(
        asked=display.aged(run.asked_at),
        by=str(run.asked_by or ""),
        verdict=display.badge(verdict(answers).value),
        counts=", ".join(f"{number} {state}" for state, number in counts if number),
        address=reverse("admin:probes_run_change", args=[run.pk]),
    )


def _line(resource: Resource, cell: Cell[LastSeen]) -> Line:
    state = cell.state
    note = "" if cell.condition is RegionCondition.ACTIVE else cell.condition.value
    outcomes = reverse("admin:probes_outcome_changelist")
    query = f"?resource={resource.pk}&region__id__exact={cell.region.pk}"
    if state is None:
        waiting = display.badge("unchecked", "waiting for its first check")
        return Line(str(cell.region), note, waiting, "", "", display.NOTHING, display.NOTHING, "")
    return Line(
        region=str(cell.region),
        note=note,
        badge=display.badge(state.status),
        reason=display.reason(state.reason, state.stage, state.host),
        hint="" if state.reason == Reason.OK else _hint(state.reason),
        checked=display.aged(state.checked_at),
        since=display.aged(state.since),
        outcomes=outcomes + query,
    )


def _hint(reason: str) -> str:
    """Return the sentence for a reason; empty for one that this version does not know."""
    return Reason(reason).meaning.hint if reason in set(Reason) else ""
