"""Making, changing, pausing, resuming and deleting what is checked."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from django.db import transaction

from probes.actions import incidents, verdicts
from probes.models import Incident, Region, RegionState, Registry, Resource, Verdict, VerdictChange
from probes.models.terms import TERM_FIELDS
from probes.policy import slots
from probes.policy.incidents import Cause
from probes.policy.verdict import VerdictState
from probes.protocol.reference import parse_reference

_ANOTHER: Final = "it names another image now"
_FROM_THE_REFERENCE: Final = ("registry", "repository", "tag", "digest")


def save(resource: Resource, *, regions: Collection[Region] | None = None, now: datetime) -> Resource:
    """Validate and store a new or changed resource; make its registry where none is known.

    A new one, and one whose reference, interval, platforms or regions changed, is due at once. Where it names another
    image now, what was known of the former one is forgotten. Where other platforms are wanted of it, or the same ones
    more strictly, what was proven is forgotten, so that the next check reads the manifests. Where other regions have
    a say, or on other terms, its verdict is computed anew. `regions` None leaves them as they are; empty means all.
    Raises `ValidationError` by field, and then nothing is stored.
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
            others_vote = regions is not None and set(regions) != set(before.regions.all())
            if others_vote:
                resource.next_due_at = slots.whole_second(now)
            if others_vote or _terms(before) != _terms(resource):
                Verdict.objects.filter(resource=resource).update(stale_at=now)
        resource.save()
        if regions is not None:
            resource.regions.set(regions)
    return resource


def pause(resource_ids: Iterable[int], *, now: datetime) -> int:
    """Stop checking; returns how many were not paused before. What is on its way still arrives.

    An incident that is open is over with the next reap.
    """
    with transaction.atomic():
        ids = list(resource_ids)
        count = Resource.objects.filter(pk__in=ids, paused_at=None).update(paused_at=now)
        open_ones = Incident.objects.filter(resource__in=ids, resolved_at=None)
        Verdict.objects.filter(pk__in=open_ones.values("resource_id")).update(stale_at=now)
        return count


def resume(resource_ids: Iterable[int], *, now: datetime) -> int:
    """Check again, at once; returns how many were paused. Slots of the pause are not counted as missed."""
    paused = Resource.objects.filter(pk__in=list(resource_ids), paused_at__isnull=False)
    return paused.update(paused_at=None, next_due_at=slots.whole_second(now))


def delete(resource_ids: Iterable[int], *, now: datetime) -> None:
    """Delete resources with all that is known of them. Reports on their way are left out when they come."""
    with transaction.atomic():
        ids = list(resource_ids)
        verdicts.locked(ids, now=now)
        Resource.objects.filter(pk__in=ids).delete()


def _settle(before: Resource, resource: Resource, now: datetime) -> None:
    is_another = (before.registry_id, before.repository, before.tag, before.digest) != (
        resource.registry_id,
        resource.repository,
        resource.tag,
        resource.digest,
    )
    if is_another:
        resource.reference_since = slots.whole_second(now)
        # Before the states, as whoever takes in a report does: else the two would wait for each other.
        (verdict,) = verdicts.locked([resource.pk], now=now)
        RegionState.objects.filter(resource=resource).delete()
        Verdict.objects.filter(resource=resource).delete()
        incidents.close([resource.pk], Cause.REPLACED, now=now)
        if verdict.state != VerdictState.UNKNOWN:
            VerdictChange.objects.create(
                resource=resource, at=now, before=verdict.state, state=VerdictState.UNKNOWN, explanation=_ANOTHER
            )
    is_asked_for_others = (before.platforms, before.strict_platform) != (resource.platforms, resource.strict_platform)
    if is_asked_for_others and not is_another:
        verdicts.locked([resource.pk], now=now)  # likewise
        RegionState.objects.filter(resource=resource).update(
            proved_digest=None, manifest_proved_at=None, blobs_proved_at=None
        )
    rescheduled = before.interval_seconds != resource.interval_seconds
    if is_another or rescheduled or is_asked_for_others:
        resource.next_due_at = slots.whole_second(now)


def _terms(resource: Resource) -> tuple[object, ...]:
    return resource.group_id, *(getattr(resource, name) for name in TERM_FIELDS)
