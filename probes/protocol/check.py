"""Whatever can be checked: an image or an endpoint. What is alike in their plans is said here once."""

from dataclasses import dataclass
from typing import Any

from probes.protocol.endpoint.plan import EndpointPlan, is_endpoint
from probes.protocol.plan import Plan
from probes.protocol.reference import ReferenceInvalid, parse_reference

CheckPlan = Plan | EndpointPlan


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a plan is about: what a secret is bound to, and whose seats the check takes.

    `host` has its port unless that is the scheme's own; `path` is an image's repository or a URL's path.
    """

    host: str
    path: str
    canonical: str


def read_plan(document: Any) -> CheckPlan:
    """Return the plan that `document` describes, of whichever kind. Raises `ValueError` when it is none."""
    return EndpointPlan.from_json(document) if is_endpoint(document) else Plan.from_json(document)


def target_of(plan: CheckPlan) -> Target | None:
    """Return whom the plan is about; None where what it names cannot be asked."""
    if isinstance(plan, EndpointPlan):
        return Target(plan.host, plan.path, plan.reference) if plan.host else None
    try:
        reference = parse_reference(plan.reference)
    except ReferenceInvalid:
        return None
    return Target(reference.host, reference.repository, reference.canonical)
