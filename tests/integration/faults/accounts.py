"""What became of every slot: the books of the whole pipeline, drawn up from its tables by the rules of slots.

Of the schedule: checks that are asked for besides it, to confirm a failure, have slots that are never whole seconds.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Q

from probes.models import Batch, MissedSlots, Outcome, Region, RegionState, Resource
from probes.policy import slots
from probes.policy.shedding import is_sent


class Place(NamedTuple):
    """An image, by the last part of its repository, and a region, by its slug."""

    image: str
    region: str


class Check(NamedTuple):
    """A slot of an image in a region."""

    image: str
    region: str
    slot: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """The slots of one image in one region, from the first to the last that was claimed.

    `due` is what the arithmetic of slots asks for, `waiting` what is with the region now. `found` counts outcomes
    and `missed` records of missed slots, whose `causes` say why. `miscounts` tells of records that count wrongly.
    """

    due: frozenset[datetime]
    waiting: frozenset[datetime]
    found: Counter[datetime]
    missed: Counter[datetime]
    causes: Mapping[datetime, str]
    miscounts: tuple[str, ...]

    def errors(self) -> Iterator[str]:
        """Yield a line for each slot that is lost without a word, counted twice, or was never due."""
        yield from self.miscounts
        booked = self.found + self.missed
        for slot in sorted(self.due | booked.keys()):
            if slot not in self.due:
                yield f"{slot:%H:%M:%S} was not due"
            elif booked[slot] > 1:
                yield f"{slot:%H:%M:%S} has {self.found[slot]} outcomes and {self.missed[slot]} records of a miss"
            elif booked[slot] == 0 and slot not in self.waiting:
                yield f"{slot:%H:%M:%S} is lost without a word"


Books = Mapping[Place, Account]


def drawn_up(images: Iterable[Resource]) -> Books:
    """Draw up the accounts of these images in all regions, as they stood at one moment."""
    keys = [image.pk for image in images]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return {
            Place(_name(image), region.slug): _account(image, region)
            for image in Resource.objects.filter(pk__in=keys)
            for region in Region.objects.all()
        }


def errors(books: Books) -> list[str]:
    return [f"{place.image} from {place.region}: {line}" for place, book in books.items() for line in book.errors()]


def missed(books: Books) -> dict[Check, str]:
    """Return all missed slots with their causes."""
    return {Check(*place, slot): cause for place, book in books.items() for slot, cause in book.causes.items()}


def in_flight() -> set[Check]:
    """Return every check that was sent out and is not answered."""
    names = {image.pk: _name(image) for image in Resource.objects.all()}
    return {
        Check(names[resource_id], batch.region.slug, slot)
        for batch in Batch.objects.filter(state=Batch.State.SENT).select_related("region")
        for resource_id, slot in zip(batch.resource_ids, batch.slots, strict=True)
    }


def _account(image: Resource, region: Region) -> Account:
    due = list(_chain(image))
    causes: list[tuple[datetime, str]] = []
    miscounts = []
    for record in MissedSlots.objects.filter(Q(region=region) | Q(region=None), resource=image):
        covered = [
            slot
            for slot in due
            if record.first_slot <= slot <= record.last_slot
            and (
                record.stride == 1
                or not is_sent(
                    slots.number(slot, interval_seconds=image.interval_seconds, key=image.pk), record.stride
                )
            )
        ]
        causes += [(slot, record.cause) for slot in covered]
        if _is_scheduled(record.first_slot) and record.count != len(covered):
            miscounts.append(f"{record} covers {len(covered)} slots")
    told = Counter(Outcome.objects.filter(resource=image, region=region).values_list("slot", flat=True))
    state = RegionState.objects.filter(resource=image, region=region).first()
    if state and state.consecutive_successes > told.total():
        miscounts.append(f"{state.consecutive_successes} successes of {told.total()} outcomes")
    waiting = {
        slot
        for batch in Batch.objects.filter(region=region, state=Batch.State.SENT, resource_ids__contains=[image.pk])
        for resource_id, slot in zip(batch.resource_ids, batch.slots, strict=True)
        if resource_id == image.pk and _is_scheduled(slot)
    }
    return Account(
        due=frozenset(due),
        waiting=frozenset(waiting),
        found=Counter({slot: count for slot, count in told.items() if _is_scheduled(slot)}),
        missed=Counter(slot for slot, _ in causes),
        causes=dict(causes),
        miscounts=tuple(miscounts),
    )


def _was_sent(image: Resource, slot: datetime, stride: int) -> bool:
    """Tell whether a record of shed slots leaves this one out, because it was its turn."""
    number = slots.number(slot, interval_seconds=image.interval_seconds, key=image.pk)
    return stride > 1 and is_sent(number, stride)


def _chain(image: Resource) -> Iterator[datetime]:
    """Yield the slots of an image from the moment it was added, up to what has been claimed."""
    slot = image.reference_since
    while slot < image.next_due_at:
        yield slot
        slot = slots.claim(due_at=slot, now=slot, interval_seconds=image.interval_seconds, key=image.pk).next_due_at


def _name(image: Resource) -> str:
    return image.repository.rpartition("/")[2]


def _is_scheduled(slot: datetime) -> bool:
    return slot.microsecond == 0
