"""A check that somebody ordered, as far as it is. PURE: rows of the selectors and a moment in, words out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dashboard import words
from dashboard.cells import region_name
from dashboard.words import Look
from probes.models import RunCheck
from probes.policy.runs import Answer, CheckState, RefusalReason, poll_after_seconds, verdict
from probes.protocol.taxonomy import Reason
from probes.selectors.runs import state_at

_REFUSALS: Final = {
    RefusalReason.NOT_ITS_REGION: "not sent: it is not checked from there",
    RefusalReason.OUTDATED: "not sent: the region's worker is too old",
    RefusalReason.QUOTA: "not sent: the registry's quota is used up",
    RefusalReason.RETIRED: "not sent: the region was just retired",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What became of the check from a region. `is_waiting` while nothing has."""

    slug: str
    name: str
    look: Look
    said: str
    took: str
    is_waiting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is. `again_ms` is when to look again, None once it is over; `look` what it comes to so far."""

    uuid: str
    summary: str
    look: Look
    again_ms: int | None
    answers: Sequence[Answered]


def progress(checks: Sequence[RunCheck], now: datetime) -> Progress | None:
    """Return how far the run of these checks is, which come with it and their regions; None without any."""
    if not checks:
        return None
    run = checks[0].run
    is_over = run.is_over(now)
    states = [state_at(CheckState(check.state), is_over=is_over) for check in checks]
    waiting = sum(state is CheckState.WAITING for state in states)
    found = verdict(
        Answer(state, check.status, check.reason, check.is_egress_down)
        for state, check in zip(states, checks, strict=True)
    )
    answered = f"{len(checks) - waiting} of {words.counted(len(checks), 'region')} answered"
    return Progress(
        uuid=str(run.uuid),
        summary=f"Ordered {words.ago(run.asked_at, now)}: {answered if waiting else 'done'}",
        look=Look.UNCHECKED if waiting else Look(found),
        again_ms=1000 * poll_after_seconds(run.asked_at, now) if waiting else None,
        answers=[_answered(check, state) for check, state in zip(checks, states, strict=True)],
    )


def _answered(check: RunCheck, state: CheckState) -> Answered:
    look, said = _told(check, state)
    return Answered(
        slug=check.region.slug,
        name=region_name(check.region),
        look=look,
        said=said,
        took="" if check.duration_ms is None else words.milliseconds(check.duration_ms),
        is_waiting=state is CheckState.WAITING,
    )


def _told(check: RunCheck, state: CheckState) -> tuple[Look, str]:
    match state:
        case CheckState.WAITING:
            return Look.UNCHECKED, "waiting …"
        case CheckState.MISSED:
            return Look.UNKNOWN, "no answer in time"
        case CheckState.REFUSED:
            return Look.INDETERMINATE, _REFUSALS.get(RefusalReason(check.refusal), "not sent")
        case CheckState.DONE if check.is_egress_down:
            return Look.EGRESS_DOWN, "the region reached nothing at all, so it does not count"
    where = ", ".join(filter(None, (check.stage, words.shown(check.host, 260))))
    depth = f"down to {check.depth}" if check.depth else ""
    said = depth if check.reason == Reason.OK else f"{words.reason(check.reason)}{f' ({where})' if where else ''}"
    return Look(check.status), said
