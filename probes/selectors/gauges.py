"""What is measured of regions and of the control plane: few rows, whatever is checked. Each is a query or two."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import connection
from django.db.models import Count, Min

from probes.models import Batch, Incident, MessageRefusal, Region, Resource
from probes.models.control import ControlBeat

_STANDING: Final = """
SELECT coalesce(registry.host, ''), resource.kind, coalesce(held_with.name, ''),
    CASE WHEN resource.paused_at IS NOT NULL THEN 'paused' ELSE coalesce(verdict.state, 'unknown') END, count(*)
FROM probes_resource AS resource LEFT JOIN probes_registry AS registry ON registry.id = resource.registry_id AND %s
LEFT JOIN probes_resourcegroup AS held_with ON held_with.id = resource.group_id
LEFT JOIN probes_verdict AS verdict ON verdict.resource_id = resource.id
WHERE resource.retired_at IS NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3
"""


class Standing(NamedTuple):
    """How many resources of a registry, kind and group are in a state; a paused one is that and nothing else."""

    registry: str
    kind: str
    group: str
    state: str
    resources: int


class Open(NamedTuple):
    """How many incidents of a level and severity are open."""

    level: str
    severity: str
    incidents: int


class Outstanding(NamedTuple):
    """How many batches a region has not answered yet, and when the oldest was issued."""

    batches: int
    oldest_at: datetime


class Empty(NamedTuple):
    """When nothing was last seen to wait among reports and among heartbeats; None before it was ever seen."""

    reports_at: datetime | None = None
    heartbeats_at: datetime | None = None


def standing(*, by_registry: bool) -> Sequence[Standing]:
    """Return how many resources there are of each registry (or of all), kind, group and state. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [by_registry])
        return [Standing(*row) for row in cursor.fetchall()]


def regions() -> Sequence[Region]:
    """Return the regions that are not retired, in the order of their slugs. One query."""
    return list(Region.objects.filter(retired_at=None).defer("liveness", "canaries").order_by("slug"))


def outstanding() -> Mapping[int, Outstanding]:
    """Return by its id what a region has not answered yet; one that owes nothing is left out. One query."""
    batches = Batch.objects.filter(state=Batch.State.SENT).order_by().values("region_id")
    counted = batches.annotate(count=Count("pk"), oldest=Min("issued_at"))
    return {pk: Outstanding(*told) for pk, *told in counted.values_list("region_id", "count", "oldest")}


def ticked_at() -> datetime | None:
    """Return when the last tick ran, None before the first. One query."""
    return ControlBeat.objects.values_list("ticked_at", flat=True).first()


def empty() -> Empty:
    """Return when the queues that regions write to were last seen empty. One query."""
    found = ControlBeat.objects.values_list("results_empty_at", "heartbeats_empty_at").first()
    return Empty(*found) if found else Empty()


def schedule_lag(now: datetime) -> timedelta:
    """Return for how long the check that is due longest has been waiting to be handed out. One query."""
    due: datetime | None = Resource.objects.filter(paused_at=None).aggregate(Min("next_due_at"))["next_due_at__min"]
    return max(timedelta(0), now - due) if due else timedelta(0)


def open_incidents() -> Sequence[Open]:
    """Return how many incidents are open, by level and severity. One query."""
    counted = Incident.objects.filter(resolved_at=None).order_by().values("level", "severity").annotate(Count("pk"))
    return [Open(*row) for row in counted.values_list("level", "severity", "pk__count")]


def refused() -> Iterator[tuple[str, str, int]]:
    """Yield how many messages were refused from which queue for which cause. One query."""
    yield from MessageRefusal.objects.values_list("queue", "cause", "count").order_by("queue", "cause")
