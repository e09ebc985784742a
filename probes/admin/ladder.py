"""An outcome document as a ladder of steps: what was asked where, what came back, and which step failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from probes.admin import display
from probes.models import Outcome, RegionState
from probes.protocol.taxonomy import Status


@dataclass(frozen=True, slots=True)
class Rung:
    """One step; its times in milliseconds as text, empty where a phase did not happen."""

    step: Mapping[str, Any]
    failed: bool
    phases: Sequence[str]


def ladder(row: Outcome | RegionState) -> dict[str, SafeString]:
    """Return what `ladder_page.html` shows below the fields of a row."""
    context = _context(row.document) if row.document else {"document": None}
    return {"ladder": render_to_string("admin/probes/ladder.html", context)}


def _context(document: Mapping[str, Any]) -> dict[str, Any]:
    failed = _failed(document)
    return {
        "document": document,
        "badge": display.badge(document["status"]),
        "rungs": [Rung(step, step is failed, _phases(step)) for step in document["steps"]],
        "has_failed_rung": failed is not None,
        "is_available": document["status"] == Status.AVAILABLE,
        "platforms": [{**item, "badge": display.badge(item["status"])} for item in document["platforms"]],
        "certificates": [{**item, "expires": _instant(item["not_after"])} for item in document["certificates"]],
        "retry_at": _instant(document["retry_at"]) if document["retry_at"] else None,
    }


def _failed(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the last step at the failed host that did not succeed, if the failure was on the wire."""
    if document["status"] == Status.AVAILABLE:
        return None
    at_host = [step for step in document["steps"] if step["host"] == document["host"]]
    bad = [step for step in at_host if step["error"] or not 200 <= (step["http_status"] or 0) < 400]
    failed: Mapping[str, Any] | None = (bad or at_host or [None])[-1]
    return failed


def _phases(step: Mapping[str, Any]) -> list[str]:
    names = ("dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "total_ms")
    return ["" if step[name] is None else f"{step[name]:.1f}" for name in names]


def _instant(text: str) -> SafeString | str:
    return display.stamped(datetime.fromisoformat(text))
