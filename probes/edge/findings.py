"""Findings for checks that did not run to their end, and findings cut to a size that travels."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from probes.protocol.batch import Finding
from probes.protocol.bounds import check_bounds
from probes.protocol.check import CheckPlan, Target
from probes.protocol.outcome import Conclusion, Outcome, Step
from probes.protocol.taxonomy import Reason, Stage
from probes.trust import strict_json


def cut_short(
    plan: CheckPlan,
    target: Target | None,
    reason: Reason,
    *,
    started_at: datetime,
    duration_ms: float = 0.0,
    stage: Stage | None = None,
    detail: str = "",
    hint: str = "",
) -> Finding:
    """Return the finding of a check that ended on our side, without an outcome of the engine's."""
    conclusion = Conclusion(
        reason=reason,
        canonical=target.canonical if target else plan.reference,
        stage=stage,
        host=target.host if target else None,
        hint=hint or reason.meaning.hint,
        detail=detail,
    )
    return Finding(
        key=plan.key,
        slot=plan.slot,
        outcome=Outcome(
            reference=plan.reference,
            conclusion=conclusion,
            started_at=started_at,
            duration_ms=duration_ms,
            requests=0,
            bytes_read=0,
            connection=None,
            kind=plan.kind,
        ),
    )


def fitted(finding: Finding, plan: CheckPlan, max_bytes: int) -> Finding:
    """Return `finding` as it is, or with hardly a step, or as an internal error: one that travels.

    A registry has a say in texts of an outcome. One hostile answer must not cost the whole report, which the
    receiver refuses for a NUL or for its size; nor one that the receiver refuses alone the finding itself.
    """
    if _travels(finding, max_bytes):
        return finding
    bare = replace(finding, outcome=replace(finding.outcome, steps=_telling(finding.outcome.steps)))
    if _travels(bare, max_bytes):
        return bare
    outcome = finding.outcome
    return cut_short(
        plan,
        None,
        Reason.INTERNAL_ERROR,
        started_at=outcome.started_at,
        duration_ms=outcome.duration_ms,
        detail="the outcome does not fit into a report",
    )


def _telling(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Return the few steps that tell whether documents were read: without them they would count as read (E.2)."""
    asked: dict[tuple[Stage, str], Step] = {}
    for step in steps:
        if step.http_status == 200 and step.stage in (Stage.MANIFEST, Stage.CHILD):
            asked.setdefault((step.stage, step.method), step)
    return tuple(asked.values())


def _travels(finding: Finding, max_bytes: int) -> bool:
    try:
        check_bounds(finding.outcome)
        return len(strict_json.dumps(finding.to_json()).encode()) <= max_bytes
    except ValueError:
        return False
