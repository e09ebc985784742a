"""Making, changing, pausing and resuming what is checked."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db import transaction

from probes.models import Region, RegionState, Registry, Resource, Verdict
from probes.policy import slots
from probes.protocol.reference import parse_reference

_FROM_THE_REFERENCE: Final = ("registry", "repository", "tag", "digest")


def save(resource: Resource, *, regions: Iterable[Region] | None = None, now: datetime) -> Resource:
    """Validate and store a new or changed resource; make its registry where none is known.

    A new one, and one whose reference, interval or platforms changed, is due at once. Where it names another
    image now, what was known of the former one is forgotten. `regions` None leaves them as they are; empty
    means all. Raises `ValidationError` by field, and then nothing is stored.
    """
    with transaction.atomic():
        before = Resource.objects.select_for_update(no_key=True).filter(pk=resource.pk).first()
        resource.full_clean(exclude=_FROM_THE_REFERENCE)
        host = parse_reference(resource.reference).host
        resource.registry, _ = Registry.objects.get_or_create(host=host)
        if before is None:
            resource.next_due_at = resource.reference_since = slots.whole_second(now)
        else:
            # The tick may have moved these on since the caller read the row.
            resource.next_due_at, resource.asked_slot = before.next_due_at, before.asked_slot
            resource.paused_at = before.paused_at
            _settle(before, resource, now)
        resource.save()
        if regions is not None:
            resource.regions.set(regions)
    return resource


def pause(resource_ids: Iterable[int], *, now: datetime) -> int:
    """Stop checking; returns how many were not paused before. What is on its way still arrives."""
    return Resource.objects.filter(pk__in=list(resource_ids), paused_at=None).update(paused_at=now)


def resume(resource_ids: Iterable[int], *, now: datetime) -> int:
    """Check again, at once; returns how many were paused. Slots of the pause are not counted as missed."""
    paused = Resource.objects.filter(pk__in=list(resource_ids), paused_at__isnull=False)
    return paused.update(paused_at=None, next_due_at=slots.whole_second(now))


def _settle(before: Resource, resource: Resource, now: datetime) -> None:
    is_another = (before.registry_id, before.repository, before.tag, before.digest) != (
        resource.registry_id,
        resource.repository,
        resource.tag,
        resource.digest,
    )
    if is_another:
        resource.reference_since = slots.whole_second(now)
        RegionState.objects.filter(resource=resource).delete()
        Verdict.objects.filter(resource=resource).delete()
    rescheduled = before.interval_seconds != resource.interval_seconds
    if is_another or rescheduled or before.platforms != resource.platforms:
        resource.next_due_at = slots.whole_second(now)
