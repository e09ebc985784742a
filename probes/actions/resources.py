"""Making, changing, pausing, resuming and deleting what is checked."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Value
from django.db.models.functions import Greatest

from probes.actions import incidents, notices, verdicts
from probes.models import (
    Endpoint,
    Incident,
    Notice,
    Pause,
    Region,
    RegionState,
    Registry,
    Resource,
    TagWatch,
    Verdict,
    VerdictChange,
)
from probes.models.terms import TERM_FIELDS
from probes.policy import slots
from probes.policy.incidents import Cause
from probes.policy.networks import closed_target
from probes.policy.verdict import VerdictState
from probes.protocol.endpoint import EndpointPlan
from probes.protocol.reference import parse_reference
from probes.protocol.urls import UrlRefused, origin_of

LONGEST_PAUSE: Final = timedelta(days=366)
"""Whoever means longer than a year pauses for good."""

_ANOTHER: Final = "it names something else now"
_FROM_THE_REFERENCE: Final = ("registry", "repository", "tag", "digest")


def save(
    resource: Resource,
    *,
    endpoint: Endpoint | None = None,
    regions: Collection[Region] | None = None,
    now: datetime,
) -> Resource:
    """Validate and store a new or changed resource; make its registry where none is known.

    A new one, and one whose reference, interval, platforms or regions changed, is due at once. Where it names
    another image or URL now, what was known of the former one is forgotten. Where other platforms are wanted of it,
    or the same ones more strictly, what was proven is forgotten, so that the next check reads the manifests. Where
    other regions have a say, or on other terms, its verdict is computed anew; what those saw that check it no more is
    forgotten. `regions` None leaves them as they are; empty means all. `endpoint` is the detail of a resource that is
    one; None leaves that as it is, and is a plain GET of a new one. What a resource is, image or endpoint, does not
    change. Raises `ValidationError` by field, and then nothing is stored.
    """
    with transaction.atomic():
        before = Resource.objects.select_for_update(no_key=True).filter(pk=resource.pk).first()
        if before is not None and before.kind != resource.kind:
            raise ValidationError({"kind": "An image does not become an endpoint, nor an endpoint an image."})
        resource.turn = before.turn if before is not None else None
        asked_before = _asked(before)
        detail = _detail(resource, endpoint)
        _check(resource, detail)
        others_vote = before is not None and regions is not None and set(regions) != set(before.regions.all())
        resource.registry, _ = Registry.objects.get_or_create(host=host_of(resource))
        resource.follow_schedule(now)
        if before is None:
            resource.next_due_at = resource.reference_since = slots.whole_second(now)
        else:
            # The tick may have moved these on since the caller read the row.
            resource.next_due_at, resource.asked_slot = before.next_due_at, before.asked_slot
            resource.paused_at, resource.resume_at = before.paused_at, before.resume_at
            resource.stale_at, resource.retired_at = before.stale_at, before.retired_at
            _settle(before, resource, now)
            if others_vote or (detail is not None and detail.plan() != asked_before):
                resource.next_due_at = slots.whole_second(now)
            if others_vote or terms_of(before) != terms_of(resource):
                Verdict.objects.filter(resource=resource).update(stale_at=now)
        resource.save()
        if detail is not None:
            detail.resource = resource  # which has its id only now
            detail.save()
        if regions is not None:
            resource.regions.set(regions)
            if others_vote:
                forget_left([resource.pk])
    return resource


def forget_left(resource_ids: Collection[int]) -> None:
    """Forget how resources were seen from regions that check them no more: else they fail there for ever.

    Call it once their regions are stored, with their verdicts locked by what was written to them.
    """
    chosen = Resource.regions.through.objects.filter(resource=OuterRef("resource"))
    left = RegionState.objects.filter(
        Exists(chosen), ~Exists(chosen.filter(region=OuterRef("region"))), resource__in=resource_ids
    )
    left.delete()


def refuse_carried(resource: Resource, reference: str, *, given: Collection[str]) -> None:
    """Refuse to take what is not shown of an endpoint along to another host, port or scheme than it was given for.

    `reference` is the new URL, and `given` names what of the detail is set anew with it. Whoever may change a check
    but was never told its headers would else read them off at a host of their own. Raises `ValidationError` by field.
    """
    detail = Endpoint.of(resource)
    carried = [name for name in ("headers", "body") if getattr(detail, name) and name not in given]
    if carried and not _is_of_one_origin(resource.reference, reference):
        message = "It was set for another host: set it anew, or empty, with the new URL."
        raise ValidationError(dict.fromkeys(carried, message))


def refuse_closed_target(resource: Resource, registry: Registry | None) -> None:
    """Refuse a resource at an address that is not public, unless the settings of its registry open it.

    Whoever adds one by a program has opened it before. Raises `ValidationError` by field.
    """
    if sentence := closed_target(host_of(resource), (registry or Registry()).site):
        raise ValidationError({"reference": sentence})


def pause(resource_ids: Iterable[int], *, now: datetime, until: datetime | None = None) -> int:
    """Stop checking, for good or until then; returns how many were not paused before.

    What is on its way still arrives. An incident that is open is over with the next reap. What is paused already is
    so until the new end. Raises `ValidationError` for an end that is not ahead or too far.
    """
    if until is not None and not now < until <= now + LONGEST_PAUSE:
        raise ValidationError({"until": f"Say an instant of the next {LONGEST_PAUSE.days} days."})
    with transaction.atomic():
        chosen = Resource.objects.filter(pk__in=list(resource_ids)).order_by("pk").select_for_update(no_key=True)
        paused_at = dict(chosen.values_list("pk", "paused_at"))
        ids = [pk for pk, since in paused_at.items() if since is None]
        # Whoever is checked is not paused: the version before ended no pauses, and there is only room for one.
        Pause.objects.filter(resource__in=ids, ends_at=None).update(ends_at=Greatest("starts_at", Value(now)))
        Pause.objects.bulk_create(Pause(resource_id=pk, starts_at=now) for pk in ids)
        open_ones = Incident.objects.filter(resource__in=ids, resolved_at=None)
        # In the order of their ids, as by whoever takes in a report.
        concerned = Verdict.objects.filter(pk__in=open_ones.values("resource_id")).order_by("pk")
        held = list(concerned.select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))
        Verdict.objects.filter(pk__in=held).update(stale_at=now)
        count = Resource.objects.filter(pk__in=ids).update(paused_at=now, resume_at=until)
        Resource.objects.filter(pk__in=paused_at.keys() - set(ids)).exclude(resume_at=until).update(resume_at=until)
        return count


def resume(resource_ids: Iterable[int], *, now: datetime) -> int:
    """Check again, at once; returns how many were paused. Slots of the pause are not counted as missed.

    What is retired is to be restored instead, and stays as it is.
    """
    with transaction.atomic():
        there = Resource.objects.filter(pk__in=list(resource_ids), retired_at=None)
        paused = there.filter(paused_at__isnull=False).order_by("pk")
        ids = list(paused.select_for_update(no_key=True).values_list("pk", flat=True))
        Pause.objects.filter(resource__in=ids, ends_at=None).update(ends_at=Greatest("starts_at", Value(now)))
        return Resource.objects.filter(pk__in=ids).update(
            paused_at=None, resume_at=None, next_due_at=slots.whole_second(now)
        )


def resume_due(*, now: datetime) -> int:
    """Check again what was paused until now; returns how many. What was retired meanwhile stays so."""
    paused = Resource.objects.filter(paused_at__isnull=False, retired_at=None)
    due = paused.filter(resume_at__lte=now, resume_at__gt=F("paused_at"))
    # Whoever changes his mind meanwhile holds the row, and is waited for by nobody here.
    with transaction.atomic():
        ids = list(due.order_by("pk").select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True))
        return resume(ids, now=now) if ids else 0


def delete(resource_ids: Iterable[int], *, now: datetime) -> None:
    """Delete resources with all that is known of them. Reports on their way are left out when they come."""
    with transaction.atomic():
        doomed = Resource.objects.filter(pk__in=list(resource_ids)).order_by("pk")
        # Resources before verdicts, as by whoever changes or pauses them. A report waits for no resource.
        ids = list(doomed.select_for_update(no_key=True).values_list("pk", flat=True))
        verdicts.locked(ids, now=now)
        # Incidents before their notices, as by whoever tells of them: Django unties the notices first.
        doomed_incidents = Incident.objects.filter(resource__in=ids).order_by("pk")
        known_as = list(doomed_incidents.select_for_update(no_key=True).values_list("pk", flat=True))
        # And in their order, as by whoever tells, judges or sends them: Django unties them as they lie.
        told = Notice.objects.filter(incident__in=known_as).order_by("pk")
        list(told.select_for_update(no_key=True).values_list("pk"))
        Resource.objects.filter(pk__in=ids).delete()


def _is_of_one_origin(one: str, other: str) -> bool:
    try:
        return origin_of(one) == origin_of(other)
    except UrlRefused:
        return False


def _detail(resource: Resource, given: Endpoint | None) -> Endpoint | None:
    """Return the detail that is to be stored with the resource; None for an image."""
    if not resource.is_endpoint:
        return None
    detail = given or Endpoint.objects.filter(pk=resource.pk).first() or Endpoint()
    detail.resource = resource
    return detail


def _asked(before: Resource | None) -> EndpointPlan | None:
    """Return what is asked of an endpoint so far."""
    return Endpoint.of(before).plan() if before is not None and before.is_endpoint else None


def _check(resource: Resource, detail: Endpoint | None) -> None:
    """Raise what is wrong with either, together."""
    errors: dict[str, Any] = {}
    try:
        resource.full_clean(exclude=_FROM_THE_REFERENCE)
    except ValidationError as error:
        errors = error.update_error_dict(errors)
    try:
        if detail is not None:
            detail.full_clean(exclude=("resource",))
    except ValidationError as error:
        errors = error.update_error_dict(errors)
    if errors:
        raise ValidationError(errors)


def host_of(resource: Resource) -> str:
    """Return the host whose settings a checked resource goes by."""
    if resource.is_endpoint:
        return EndpointPlan(url=resource.reference).host
    return parse_reference(resource.reference).host


def names_another(before: Resource, resource: Resource) -> bool:
    """Tell whether it is another image or URL by now."""
    names = ("registry_id", "repository", "tag", "digest", *(("reference",) if resource.is_endpoint else ()))
    return any(getattr(before, name) != getattr(resource, name) for name in names)


def is_asked_for_others(before: Resource, resource: Resource) -> bool:
    """Tell whether other platforms are wanted of it, or the same ones more strictly."""
    return (before.platforms, before.strict_platform) != (resource.platforms, resource.strict_platform)


def is_rescheduled(before: Resource, resource: Resource) -> bool:
    return before.schedule_id != resource.schedule_id or (
        resource.schedule_id is None and before.interval_seconds != resource.interval_seconds
    )


def forget(resource_ids: Collection[int], *, now: datetime) -> None:
    """Forget what was known of resources under the names that they had; their incidents are over.

    Call it in a transaction, before the resources are written.
    """
    # Before the states, as whoever takes in a report does: else the two would wait for each other.
    judged = [(verdict.resource_id, verdict.state) for verdict in verdicts.locked(resource_ids, now=now)]
    for model in (RegionState, TagWatch, Verdict):
        model._default_manager.filter(resource__in=resource_ids).delete()  # noqa: SLF001 - Django's documented API
    notices.announce_incidents(incidents.close(resource_ids, Cause.REPLACED, now=now), now=now)
    VerdictChange.objects.bulk_create(
        VerdictChange(resource_id=pk, at=now, before=state, state=VerdictState.UNKNOWN, explanation=_ANOTHER)
        for pk, state in judged
        if state != VerdictState.UNKNOWN
    )


def forget_proofs(resource_ids: Collection[int], *, now: datetime) -> None:
    """Forget what was proven of resources, so that the next check reads the manifests. Call it in a transaction."""
    verdicts.locked(resource_ids, now=now)  # likewise
    RegionState.objects.filter(resource__in=resource_ids).update(
        proved_digest=None, manifest_proved_at=None, blobs_proved_at=None, platforms={}
    )


def _settle(before: Resource, resource: Resource, now: datetime) -> None:
    is_another, wants_others = names_another(before, resource), is_asked_for_others(before, resource)
    if is_another:
        resource.reference_since = slots.whole_second(now)
        forget([resource.pk], now=now)
    elif wants_others:
        forget_proofs([resource.pk], now=now)
    if is_another or wants_others or is_rescheduled(before, resource):
        resource.next_due_at = slots.whole_second(now)


def terms_of(resource: Resource) -> tuple[object, ...]:
    """Return the terms that a resource says itself, and whose it takes."""
    return resource.group_id, resource.policy_id, *(getattr(resource, name) for name in TERM_FIELDS)
