"""Many images, checked at once from everywhere, each found as a test says; and the incidents that come of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from probes.actions import dispatch, scopes, verdicts
from probes.actions.incidents import Done
from probes.actions.ingest import ingest
from probes.models import Incident, Resource
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Outcome
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.far_region import FarRegion, found

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)

Finds = Callable[[str, CheckPlan], Outcome | None]
"""What is found of a check from a region; None where it is well."""


def failing(reason: Reason, stage: Stage | None = None, host: str | None = None, *, only: str = "") -> Finds:
    """Everything fails so whose reference has `only` in it, at `host` where it is not the registry's."""

    def find(_: str, plan: CheckPlan) -> Outcome | None:
        if only not in plan.reference:
            return None
        outcome = found(plan, reason, stage)
        ended_at = host or outcome.conclusion.host
        return replace(outcome, conclusion=replace(outcome.conclusion, host=ended_at))

    return find


def from_there(slug: str, finds: Finds) -> Finds:
    """What fails so is seen from one region alone."""
    return lambda region, plan: finds(region, plan) if region == slug else None


class Watch:
    """Regions that check images whenever they are told to, and the clock."""

    def __init__(self, regions: Mapping[str, FarRegion], now: datetime) -> None:
        self.regions = regions
        self.now = now

    def round(self, *finds: Finds, only: str = "", times: int = 1) -> None:
        """Have all images (or those whose reference has `only` in it) checked, a minute later each time."""
        for _ in range(times):
            self.now += MINUTE
            ids = Resource.objects.filter(reference__contains=only).values_list("pk", flat=True)
            for message in dispatch.check_now(ids, now=self.now).messages:
                region = self.regions[message.queue.removeprefix("probe.")]

                def find(plan: CheckPlan, slug: str = region.slug) -> Outcome:
                    told = [outcome for item in finds if (outcome := item(slug, plan))]
                    return told[0] if told else found(plan)

                ingest(region.report(region.open(message), find), now=self.now + SECOND)

    def infer(self, after: timedelta = 20 * SECOND) -> list[Done]:
        self.now += after
        verdicts.refresh_lapsed(now=self.now)
        return scopes.infer_scopes(now=self.now)


def scope_incidents(**asked: object) -> list[tuple[str, str, str]]:
    """Return kind, name and cause of failure of the incidents of scopes, in order."""
    rows = Incident.objects.filter(resource=None, **asked).order_by("scope_kind", "scope_name", "pk")
    return list(rows.values_list("scope_kind", "scope_name", "failure"))


def alone() -> set[str]:
    """Return the references of what has an open incident that nothing explains."""
    rows = Incident.objects.filter(resolved_at=None, parent=None, resource__isnull=False)
    return set(rows.values_list("resource__reference", flat=True))


def told(done: list[Done]) -> list[tuple[str, str]]:
    """Return of whom what was done, to be told."""
    return [(item.incident.subject, type(item.deed).__name__) for item in done]
