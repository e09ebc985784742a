"""A region that cannot keep up: spared fairly, with every slot accounted for and votes that stay fresh."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from probes.actions import dispatch, verdicts
from probes.actions.ingest import ingest
from probes.models import Batch, MissedSlots, Outcome, Region, Resource, Verdict
from probes.policy import slots
from probes.policy.slots import MissedCause
from probes.policy.verdict import Inputs, VerdictState
from tests.fakes.far_region import FarRegion
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.faults import accounts

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def sent_to(region: FarRegion) -> Counter[int]:
    """Return how often each resource was sent to the region."""
    return Counter(pk for batch in Batch.objects.filter(region=region.row) for pk in batch.resource_ids)


def run(regions: Regions, start: datetime, minutes: int, **crowded: range) -> None:
    """Check all that is due each minute; `crowded` says of a region (with underscores) in which minutes it is."""
    for minute in range(minutes):
        now = start + minute * MINUTE
        full = {slug.replace("_", "-") for slug, when in crowded.items() if minute in when}
        for message in dispatch.claim_due(now, crowded=full).messages:
            region = regions[message.queue.removeprefix("probe.")]
            ingest(region.report(region.open(message)), now=now + SECOND)


def set_stride(region: FarRegion, stride: int) -> None:
    Region.objects.filter(pk=region.row.pk).update(stride=stride)


def test_region_with_a_stride_is_sent_its_part_of_each_resource(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(20, interval_seconds=60)
    set_stride(regions["eu-west"], 4)
    run(regions, now, 13)
    assert set(sent_to(regions["us-east"]).values()) <= {12, 13}
    counts = sent_to(regions["eu-west"])
    assert len(counts) == 20
    assert set(counts.values()) <= {2, 3, 4}  # the first slot of an image may lie off its grid


@pytest.mark.django_db(transaction=True)
def test_what_a_stride_leaves_out_is_one_growing_record_for_each_resource(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    images = make_images(20, interval_seconds=60)
    set_stride(regions["eu-west"], 4)
    run(regions, now, 30)
    records = MissedSlots.objects.all()
    assert {(item.cause, item.stride, item.region) for item in records} == {
        (MissedCause.SHED, 4, regions["eu-west"].row)
    }
    assert len(records) == 20
    assert accounts.errors(accounts.drawn_up(images)) == []


@pytest.mark.django_db(transaction=True)
def test_every_slot_is_accounted_for_while_strides_and_queues_change(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    images = make_images(12, interval_seconds=60)
    region = regions["eu-west"]
    at = now
    for stride, full in ((1, 0), (2, 0), (4, 3), (2, 0), (1, 0), (2, 2), (4, 0), (4, 5), (1, 1), (16, 0), (8, 1)):
        set_stride(region, stride)
        run(regions, at, 5, eu_west=range(full))
        at += 5 * MINUTE
    assert accounts.errors(accounts.drawn_up(images)) == []
    assert (
        Outcome.objects.filter(region=region.row).count()
        < Outcome.objects.filter(region=regions["us-east"].row).count() / 2
    )


def test_full_queue_is_one_growing_record_whatever_the_stride(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(interval_seconds=60)
    set_stride(regions["eu-west"], 4)
    run(regions, now, 20, eu_west=range(20))
    record = MissedSlots.objects.get()
    slots_elsewhere = Outcome.objects.filter(region=regions["us-east"].row).count()
    assert (record.cause, record.stride, record.count) == (MissedCause.SHED, 1, slots_elsewhere)


def test_check_by_hand_is_not_left_out(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    images = make_images(10)
    set_stride(regions["eu-west"], 16)
    dispatch.check_now([image.pk for image in images], ["eu-west"], now=now)
    assert sent_to(regions["eu-west"]).total() == 10


def test_vote_of_a_region_with_a_stride_is_fresh_for_as_many_of_its_own_intervals(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images(interval_seconds=60)
    Resource.objects.update(next_due_at=now)
    image.regions.set([regions["eu-west"].row])
    set_stride(regions["eu-west"], 4)
    run(regions, now, 8)
    slot = Outcome.objects.latest("slot").slot
    assert slots.number(slot, interval_seconds=60, key=image.pk) % 4 == 0
    verdict = Verdict.objects.get()
    assert verdict.stale_at == slot + timedelta(seconds=4 * 180 + 30)
    assert [vote.stride for vote in Inputs.from_json(verdict.inputs).votes] == [4]
    assert verdicts.refresh_lapsed(now=verdict.stale_at - SECOND) == []
    assert [change.after for change in verdicts.refresh_lapsed(now=verdict.stale_at)] == [VerdictState.UNKNOWN]
