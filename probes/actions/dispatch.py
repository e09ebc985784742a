"""Handing out checks: what is due, what somebody asked for, and what is to be confirmed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from probes.actions import counters, missed, plans
from probes.actions.orders import Check, Errand
from probes.actions.quota import Manner
from probes.models import Region, Resource
from probes.policy import shedding, slots
from probes.policy.counting import Tally
from probes.policy.rationing import Key
from probes.policy.slots import MissedCause
from probes.protocol.taxonomy import Depth
from probes.protocol.versions import ENDPOINTS_SINCE
from probes.selectors import workers
from probes.selectors.subscriptions import regions_of

RESOURCES_AT_ONCE: Final = 1000

_MOVE_ON: Final = """
UPDATE probes_resource AS resource SET next_due_at = given.next_due_at
FROM unnest(%s::bigint[], %s::timestamptz[]) AS given (id, next_due_at)
WHERE resource.id = given.id
"""

# What follows from a crontab: the time about the slot that was claimed, and its number.
_TURN: Final = """
UPDATE probes_resource AS resource SET spacing_seconds = given.spacing_seconds, turn = given.turn
FROM unnest(%s::bigint[], %s::integer[], %s::integer[]) AS given (id, spacing_seconds, turn)
WHERE resource.id = given.id
"""

_MARK_ASKED: Final = """
UPDATE probes_resource AS resource SET asked_slot = given.slot
FROM unnest(%s::bigint[], %s::timestamptz[]) AS given (id, slot)
WHERE resource.id = given.id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one claim handed out: messages to publish on commit, and how many resources were due."""

    messages: list[plans.Message]
    resources: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for by hand: messages to publish on commit, and the slot of each resource.

    `checks` are what was drawn up, of which those of `sent` were handed out, and `put_off` had no room in a quota.
    """

    messages: list[plans.Message]
    slots: dict[int, datetime]
    checks: list[Check]
    sent: frozenset[Key]
    put_off: frozenset[Key]


def claim_due(now: datetime, limit: int = RESOURCES_AT_ONCE, *, crowded: Collection[str] = frozenset()) -> Claimed:
    """Claim up to `limit` due resources, move them on, and draw up their checks.

    Rows that another dispatcher holds are skipped, so two of them never claim the same slot. `crowded` are slugs
    of regions whose queue is full: their slots are recorded as shed, and so are those that a region of a stride is
    spared; those of endpoints in regions that could not read them as outdated, and those that our share of a quota
    leaves no room for as such. After downtime each resource gets one check and a record of the slots it missed. A
    constant number of queries.
    """
    with transaction.atomic():
        due = list(
            Resource.objects.filter(paused_at=None, next_due_at__lte=now)
            .select_related("registry", "endpoint", "schedule")
            .order_by("next_due_at")
            .select_for_update(skip_locked=True, no_key=True, of=("self",))[:limit]
        )
        if not due:
            return Claimed([], 0)
        claims = {resource.pk: _claim(resource, now) for resource in due}
        with connection.cursor() as cursor:
            cursor.execute(_MOVE_ON, [list(claims), [claim.next_due_at for claim in claims.values()]])
            if turned := [item for item in due if item.turn is not None]:
                columns = zip(*((item.pk, item.spacing_seconds, item.turn) for item in turned), strict=True)
                cursor.execute(_TURN, [list(column) for column in columns])
        tally = Tally()
        missed.record_downtime({pk: claim.missed for pk, claim in claims.items() if claim.missed}, tally)
        regions = {pk: [item for item in found if item.is_active] for pk, found in _regions_of(claims).items()}
        outdated = _too_old(due, regions, now)
        checks: list[Check] = []
        shed: list[missed.Shed] = []
        for resource in due:
            slot, sent = claims[resource.pk].slot, []
            for region in regions[resource.pk]:
                if resource.is_endpoint and region.pk in outdated:
                    shed.append(missed.Shed(resource, region.pk, slot, 1, MissedCause.OUTDATED))
                    continue
                # A full queue has no room for any slot; what it has room for is spread by the stride.
                stride = 1 if region.slug in crowded else region.stride
                if region.slug not in crowded and shedding.is_sent(_number(resource, slot), stride):
                    sent.append(region)
                else:
                    shed.append(missed.Shed(resource, region.pk, slot, stride))
            checks.append(Check(resource, slot, sent))
        drawn = plans.draw_up(checks, manner=Manner.SCHEDULED, now=now)
        missed.record_shed(shed + drawn.put_off, tally)
        counters.add(tally)
        return Claimed(drawn.messages, len(due))


def check_now(
    resource_ids: Iterable[int],
    region_slugs: Collection[str] | None = None,
    *,
    depth: Depth | None = None,
    errand: Errand | None = None,
    now: datetime,
) -> Asked:
    """Draw up a check of each resource for a slot of its own, besides its schedule and even while it is paused.

    One that is retired is left out.
    `region_slugs` None means all regions of the resource; of those named, the ones that it is checked from.
    `depth` overrules the resource's; `errand` is the run it is for. Raises `ValidationError` on `regions` for a slug
    that no active region has.
    """
    with transaction.atomic():
        resources = list(
            Resource.objects.filter(pk__in=list(resource_ids), retired_at=None)
            .select_related("registry", "endpoint")
            .order_by("pk")
            .select_for_update(no_key=True, of=("self",))
        )
        regions = {
            pk: [item for item in found if item.is_active]
            for pk, found in _regions_of(resource.pk for resource in resources).items()
        }
        if region_slugs is not None:
            refuse_unknown(region_slugs)
            regions = {pk: [item for item in found if item.slug in region_slugs] for pk, found in regions.items()}
        return _asked(resources, regions, depth, now, manner=Manner.BY_HAND, errand=errand)


def confirm(region_slugs: Mapping[int, Collection[str]], *, now: datetime) -> list[plans.Message]:
    """Draw up a check of each resource from the regions named for it, for a slot of its own, unless it is paused.

    A resource that somebody else is at is left out: whoever takes in a report holds verdicts, and may not wait for
    rows that are locked before those elsewhere.
    """
    with transaction.atomic():
        resources = list(
            Resource.objects.filter(pk__in=list(region_slugs), paused_at=None)
            .select_related("registry", "endpoint")
            .order_by("pk")
            .select_for_update(skip_locked=True, no_key=True, of=("self",))
        )
        regions = {
            pk: [item for item in found if item.is_active and item.slug in region_slugs[pk]]
            for pk, found in _regions_of(resource.pk for resource in resources).items()
        }
        return _asked(resources, regions, None, now, manner=Manner.CONFIRMING).messages


def _asked(
    resources: Sequence[Resource],
    regions: Mapping[int, Sequence[Region]],
    depth: Depth | None,
    now: datetime,
    *,
    manner: Manner,
    errand: Errand | None = None,
) -> Asked:
    """Draw up a check of each resource, whose row is locked, for a slot besides its schedule."""
    asked = {item.pk: slots.asked_slot(now, item.asked_slot) for item in resources}
    with connection.cursor() as cursor:
        cursor.execute(_MARK_ASKED, [list(asked), list(asked.values())])
    checks = [Check(item, asked[item.pk], regions[item.pk], depth) for item in resources]
    drawn = plans.draw_up(checks, manner=manner, now=now, errand=errand)
    put_off = frozenset((item.resource.pk, item.region_id) for item in drawn.put_off)
    return Asked(drawn.messages, asked, checks, drawn.sent, put_off)


def _too_old(due: Iterable[Resource], regions: Mapping[int, Collection[Region]], now: datetime) -> frozenset[int]:
    """Return the regions to which no endpoint may be handed out."""
    concerned = (region for item in due if item.is_endpoint for region in regions[item.pk])
    return workers.too_old(concerned, ENDPOINTS_SINCE, now=now)


def _regions_of(resource_ids: Iterable[int]) -> Mapping[int, Sequence[Region]]:
    return regions_of(resource_ids, read=workers.READ_TO_ADDRESS)


def _number(resource: Resource, slot: datetime) -> int:
    return resource.slot_number(slot)


def _claim(resource: Resource, now: datetime) -> slots.Claim:
    """Return what a due resource gets; where a crontab says when, the resource is moved on to the slot it gets."""
    calendar = resource.schedule.calendar if resource.schedule and resource.turn is not None else None
    if calendar is None:
        return slots.claim(
            due_at=resource.next_due_at, now=now, interval_seconds=resource.every_seconds, key=resource.pk
        )
    claim = slots.claim_by(calendar, due_at=resource.next_due_at, now=now, key=resource.pk)
    resource.follow_schedule(claim.slot)
    resource.turn = (resource.turn or 0) + 1 + (claim.missed.count if claim.missed else 0)
    return claim


def refuse_unknown(slugs: Collection[str]) -> None:
    """Raise `ValidationError` on `regions` for slugs that no active region has."""
    asked = [slug for slug in slugs if "\0" not in slug]  # which PostgreSQL takes of nobody
    known = set(Region.objects.active().filter(slug__in=asked).values_list("slug", flat=True))
    if unknown := sorted(set(slugs) - known):
        raise ValidationError({"regions": f"No active region: {', '.join(unknown)}."})
