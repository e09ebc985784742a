"""An outcome document as a ladder of steps: what was asked where, what came back, and which step failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from probes.admin import display
from probes.models import Outcome, RegionState
from probes.protocol import outcome as protocol
from probes.protocol.taxonomy import Confidence, Status


@dataclass(frozen=True, slots=True)
class Rung:
    """One step; its times in milliseconds as text, empty where a phase did not happen."""

    step: protocol.Step
    has_failed: bool
    phases: Sequence[str]


def ladder(row: Outcome | RegionState) -> dict[str, SafeString]:
    """Return what `ladder_page.html` shows below the fields of a row."""
    found = protocol.Outcome.from_json(row.document) if row.document else None
    return {"ladder": render_to_string("admin/probes/ladder.html", _context(found) if found else {"outcome": None})}


def _context(outcome: protocol.Outcome) -> dict[str, Any]:
    found, failed = outcome.conclusion, outcome.failed_step
    return {
        "outcome": outcome,
        "found": found,
        "badge": display.badge(found.status),
        "is_ambiguous": found.confidence is Confidence.AMBIGUOUS,
        "rungs": [Rung(step, step is failed, _phases(step)) for step in outcome.steps],
        "explains_apart": failed is None and found.status is not Status.AVAILABLE,
        "platforms": [(item, display.badge(item.status)) for item in found.platforms],
        "certificates": [(item, display.stamped(item.not_after)) for item in outcome.certificates],
        "retry_at": display.stamped(found.retry_at) if found.retry_at else None,
    }


def _phases(step: protocol.Step) -> list[str]:
    times = (step.dns_ms, step.connect_ms, step.tls_ms, step.first_byte_ms, step.total_ms)
    return ["" if time is None else f"{time:.1f}" for time in times]
