"""What is checked, with how it stands."""

from django.db.models import Prefetch, QuerySet

from probes.models import Region, RegionState, Resource, Verdict
from probes.policy.verdict import Decision, Inputs, VerdictState, decide
from probes.selectors import registries
from probes.selectors.regions import UNREAD, UNREAD_JOINED


def resources() -> QuerySet[Resource]:
    """Resources with their registry, group, verdict, chosen regions and state per region. Three queries."""
    states = RegionState.objects.select_related("region").defer("document", "platforms", *UNREAD_JOINED)
    return (
        Resource.objects.select_related("registry", "verdict", "group", "endpoint")
        .defer(*(f"registry__{name}" for name in registries.UNREAD), "verdict__inputs")
        .prefetch_related(
            Prefetch("states", states.order_by("region__slug")),
            Prefetch("regions", Region.objects.defer(*UNREAD)),
        )
    )


def verdict_state(resource: Resource) -> VerdictState:
    """Return the verdict on a resource that was read with it; without one it is unknown."""
    verdict: Verdict | None = getattr(resource, "verdict", None)
    return VerdictState(verdict.state) if verdict else VerdictState.UNKNOWN


def decision_of(verdict: Verdict) -> Decision | None:
    """Return how a verdict came about, recomputed from its inputs; None where it has had none yet."""
    return decide(Inputs.from_json(verdict.inputs)) if verdict.inputs else None
