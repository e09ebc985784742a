"""How a resource stands as a whole: the verdict, what is shown over it, and all that it came from."""

from dataclasses import dataclass
from datetime import datetime

from probes.models import Incident, MaintenanceOccurrence, Resource, Verdict
from probes.policy.uptime import Shown
from probes.policy.verdict import Decision, Inputs, VerdictState, decide
from probes.selectors import maintenance
from probes.selectors.resources import verdict_state
from probes.selectors.terms import InForce, in_force


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`verdict` is None before the first outcome; `inputs` and `decision` are where nothing was computed yet."""

    resource: Resource
    verdict: Verdict | None
    inputs: Inputs | None
    decision: Decision | None
    maintenance: MaintenanceOccurrence | None
    incident_id: int | None
    in_force: InForce

    @property
    def state(self) -> VerdictState:
        return verdict_state(self.resource)

    @property
    def shown(self) -> Shown:
        """What is shown of it: a pause over planned work, and that over the verdict."""
        if self.resource.is_paused:
            return Shown.PAUSED
        return Shown.MAINTENANCE if self.maintenance else Shown(self.state)


def of(resource: Resource, *, now: datetime) -> Standing:
    """Return how a resource stands, which comes with its verdict and group. Three queries."""
    verdict: Verdict | None = getattr(resource, "verdict", None)
    inputs = Inputs.from_json(verdict.inputs) if verdict and verdict.inputs else None
    work = maintenance.shown_over([resource], maintenance.on(now))
    return Standing(
        resource=resource,
        verdict=verdict,
        inputs=inputs,
        decision=decide(inputs) if inputs else None,
        maintenance=work.get(resource.pk),
        incident_id=Incident.objects.filter(resource=resource, resolved_at=None).values_list("pk", flat=True).first(),
        in_force=in_force(resource),
    )
