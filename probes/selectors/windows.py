"""Planned work: the windows, and what is on now or was at some time."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import Prefetch, Q, QuerySet

from probes.models import MaintenanceOccurrence, MaintenanceWindow, Region, Registry, Resource, ResourceGroup
from probes.policy.intervals import Interval


def windows() -> QuerySet[MaintenanceWindow]:
    """Windows with what they concern, each of it by the name it has. Five queries."""
    return MaintenanceWindow.objects.prefetch_related(
        Prefetch("resources", Resource.objects.only("pk")),
        Prefetch("groups", ResourceGroup.objects.only("pk", "name").order_by("name")),
        Prefetch("registries", Registry.objects.only("pk", "host").order_by("host")),
        Prefetch("regions", Region.objects.only("pk", "slug").order_by("slug")),
    )


def during(resources: Sequence[Resource], over: Interval) -> list[MaintenanceOccurrence]:
    """Return what of the range's work may concern one of these resources, in the order of the starts. One query.

    Whether it does, from where one looks, says `MaintenanceOccurrence.concerns`.
    """
    concerned = Q(resource_ids=[], group_ids=[], registry_ids=[])
    concerned |= Q(resource_ids__overlap=[resource.pk for resource in resources])
    concerned |= Q(registry_ids__overlap=list({resource.registry_id for resource in resources}))
    if groups := {resource.group_id for resource in resources if resource.group_id is not None}:
        concerned |= Q(group_ids__overlap=list(groups))
    return list(MaintenanceOccurrence.objects.filter(concerned, ends_at__gt=over.start, starts_at__lt=over.end))


def on(now: datetime) -> list[MaintenanceOccurrence]:
    """Return the work of this moment that concerns verdicts: as seen from everywhere. One query."""
    return list(MaintenanceOccurrence.objects.filter(region_ids=[], starts_at__lte=now, ends_at__gt=now))


def worked_on(work: MaintenanceOccurrence) -> Q:
    """Return what holds for the resources that it concerns."""
    return Q(pk__in=work.resource_ids) | Q(group__in=work.group_ids) | Q(registry__in=work.registry_ids)


def shown_over(
    resources: Sequence[Resource], work: Sequence[MaintenanceOccurrence]
) -> Mapping[int, MaintenanceOccurrence]:
    """Return for each resource that is worked on the work that lasts longest."""
    longest = sorted(work, key=lambda item: item.ends_at)
    return {resource.pk: item for item in longest for resource in resources if item.concerns(resource)}
