"""What checks found, newest first, and the public document of each."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet

from probes.models import Outcome, Resource
from probes.protocol.outcome import OUTCOME_VERSION, rfc3339
from probes.selectors import regions, registries

_UNREAD: Final = (
    *regions.UNREAD_JOINED,
    "region__verify_key",
    "region__box_public_key",
    "resource__labels",
    "resource__registry__ca_pem",
    *(f"resource__registry__{name}" for name in registries.UNREAD),
)

_NOT_KEPT: Final = (
    "platforms",
    "warnings",
    "notices",
    "hint",
    "detail",
    "retry_at",
    "attempts",
    "requests",
    "bytes_read",
    "auth_path",
    "connection",
    "proxy",
    "rate_limit",
    "certificates",
    "steps",
)
"""Fields of the document that a narrow row does not have."""


def outcomes() -> QuerySet[Outcome]:
    """Outcomes of resources that still exist, newest slot first, each joined with what its document names."""
    joined = Outcome.objects.select_related("resource__registry", "region")
    return joined.defer(*_UNREAD).order_by("-slot", "-id")


def kept(resource: Resource, region: str, slot: datetime) -> Outcome | None:
    """Return the outcome of that slot from the region of that slug, as long as there is one. One query."""
    return outcomes().filter(resource=resource, region__slug=region, slot=slot).first()


def failures_kept_since(now: datetime) -> datetime:
    """Return the slot since which what failed is kept with its whole document."""
    return now - timedelta(days=max(settings.KAIROS_RETENTION_DAYS, settings.KAIROS_FAILURES_RETENTION_DAYS))


def document_of(outcome: Outcome) -> dict[str, Any]:
    """Return the public document of an outcome: as stored, or what its narrow row still tells.

    Only news is stored whole. Of the rest (available, as the time before), the fields that are not kept are None;
    so are `reference` and `canonical` where the resource has been given another image since.
    """
    if outcome.document is not None:
        return {"notices": [], **outcome.document}  # documents from before there were any have none
    resource = outcome.resource
    is_same_image = outcome.slot >= resource.reference_since
    return {
        **dict.fromkeys(_NOT_KEPT),
        "version": OUTCOME_VERSION,
        "reference": resource.shown_reference if is_same_image else None,
        "canonical": resource.canonical if is_same_image else None,
        "kind": resource.kind,
        "status": outcome.status,
        "reason": outcome.reason,
        "stage": outcome.stage,
        "host": outcome.host,
        "confidence": outcome.confidence,
        "depth": outcome.depth,
        "digest": outcome.digest,
        "started_at": rfc3339(outcome.checked_at),
        "duration_ms": float(outcome.duration_ms),
    }
