"""Claiming what is due: once, in batches, and nothing skipped in silence."""

import threading
from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from probes.actions import dispatch, resources
from probes.actions import regions as region_actions
from probes.models import Batch, Credential, MissedSlots, Region, Registry, Resource
from probes.policy.slots import MissedCause
from probes.protocol.taxonomy import Depth
from tests.fakes.far_region import images
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def test_due_image_is_planned_once_for_each_region(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images(platforms=["linux/amd64", "linux/arm64"])
    claimed = dispatch.claim_due(now)
    assert claimed.resources == 1
    assert sorted(message.queue for message in claimed.messages) == [f"probe.{slug}" for slug in sorted(regions)]
    for message in claimed.messages:
        batch = regions[message.queue.removeprefix("probe.")].open(message)
        (plan,) = images(batch)
        assert (plan.key, plan.reference) == (str(image.pk), "ghcr.io/org/app-0:1")
        assert plan.platforms == ("linux/amd64", "linux/arm64")
        assert plan.depth is Depth.PLATFORM
        assert datetime.fromisoformat(plan.slot) == now
        assert batch.expires_at == message.expires_at == now + timedelta(seconds=image.interval_seconds)
        row = Batch.objects.get(pk=batch.id)
        assert (row.state, row.resource_ids, row.slots) == (Batch.State.SENT, [image.pk], [now])


def test_claimed_image_is_due_again_on_its_grid(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images(interval_seconds=60)
    dispatch.claim_due(now)
    image.refresh_from_db()
    assert now + MINUTE / 2 <= image.next_due_at <= now + MINUTE * 1.5
    assert dispatch.claim_due(image.next_due_at - timedelta(milliseconds=1)).resources == 0
    assert dispatch.claim_due(image.next_due_at).resources == 1


def test_paused_image_is_not_claimed_until_resumed(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images()
    assert resources.pause([image.pk], now=now) == 1
    assert dispatch.claim_due(now).resources == 0
    assert resources.resume([image.pk], now=now + 90 * MINUTE) == 1
    assert dispatch.claim_due(now + 90 * MINUTE).resources == 1
    assert not MissedSlots.objects.exists()


def test_chosen_regions_only_get_the_image(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images()
    image.regions.set([regions["us-east"].row])
    assert [message.queue for message in dispatch.claim_due(now).messages] == ["probe.us-east"]


def test_paused_retired_and_unenrolled_regions_get_nothing(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    Region.objects.create(slug="announced", name="Announced")
    region_actions.pause([regions["eu-west"].row.pk], now=now)
    region_actions.retire([regions["us-east"].row.pk], now=now)
    assert [message.queue for message in dispatch.claim_due(now).messages] == ["probe.ap-south"]


def test_batches_hold_a_hundred_checks_of_one_interval(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(130, interval_seconds=60)
    make_images(5, interval_seconds=3600)
    messages = [m for m in dispatch.claim_due(now).messages if m.queue == "probe.eu-west"]
    assert sorted((m.checks, (m.expires_at - now).total_seconds()) for m in messages) == [
        (5, 3600),
        (30, 60),
        (100, 60),
    ]


def test_limit_leaves_the_rest_for_the_next_claim(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    make_images(5)
    assert [dispatch.claim_due(now, limit=3).resources for _ in range(3)] == [3, 2, 0]


def test_claim_takes_the_same_queries_for_many_as_for_few(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    registry = Registry.objects.create(host="ghcr.io")
    Credential.objects.create(registry=registry, username="robot")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            dispatch.claim_due(now + 30 * MINUTE, crowded={"us-east"})
        return len(captured)

    make_images(2)
    queries()  # its accounts with the registry are made once
    make_images(2)
    few = queries()
    make_images(240)
    assert queries() == few <= 14


def test_downtime_is_one_check_and_one_record(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images(interval_seconds=60)
    dispatch.claim_due(now)
    image.refresh_from_db()
    due = image.next_due_at
    later = due + 60 * MINUTE
    claimed = dispatch.claim_due(later)
    assert claimed.resources == 1
    batch = regions["eu-west"].open(next(m for m in claimed.messages if m.queue == "probe.eu-west"))
    assert datetime.fromisoformat(batch.plans[0].slot) == later
    record = MissedSlots.objects.get()
    assert (record.cause, record.region, record.count) == (MissedCause.DOWNTIME, None, 60)
    assert (record.first_slot, record.last_slot) == (due, later - MINUTE)


def test_crowded_region_has_its_slots_shed_in_one_growing_record(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images(interval_seconds=60)
    slots = []
    for _ in range(3):
        image.refresh_from_db()
        slots.append(image.next_due_at)
        claimed = dispatch.claim_due(image.next_due_at, crowded={"eu-west"})
        assert {message.queue for message in claimed.messages} == {"probe.ap-south", "probe.us-east"}
    record = MissedSlots.objects.get()
    assert (record.cause, record.region, record.count) == (MissedCause.SHED, regions["eu-west"].row, 3)
    assert (record.first_slot, record.last_slot) == (slots[0], slots[-1])


@pytest.mark.parametrize("deep", [Depth.RESOLVE, Depth.BLOBS])
def test_operator_forces_any_depth(now: datetime, regions: Regions, make_images: MakeImages, deep: Depth) -> None:
    make_images(depth=deep)
    region = regions["eu-west"]
    (batch,) = [region.open(m) for m in dispatch.claim_due(now).messages if m.queue == "probe.eu-west"]
    assert images(batch)[0].depth is deep


def test_short_interval_leaves_time_for_the_report(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    make_images(interval_seconds=15)
    message = dispatch.claim_due(now).messages[0]
    batch = regions[message.queue.removeprefix("probe.")].open(message)
    assert batch.plans[0].timeout_seconds < (batch.expires_at - batch.issued_at).total_seconds()


def test_check_now_asks_besides_the_schedule(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images()
    dispatch.claim_due(now)
    due = Resource.objects.get().next_due_at
    resources.pause([image.pk], now=now)
    asked = dispatch.check_now([image.pk], now=now)
    assert len(asked.messages) == 3
    assert asked.slots == {image.pk: now + timedelta(milliseconds=1)}
    assert Resource.objects.get().next_due_at == due


def test_check_now_twice_at_the_same_moment_gives_two_slots(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    ids = [image.pk for image in make_images(2)]
    first, second = (dispatch.check_now(ids, now=now).slots for _ in range(2))
    assert all(first[pk] < second[pk] for pk in ids)


def test_check_now_goes_where_and_as_deep_as_told(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images()
    asked = dispatch.check_now([image.pk], ["eu-west"], depth=Depth.BLOBS, now=now)
    (message,) = asked.messages
    assert images(regions["eu-west"].open(message))[0].depth is Depth.BLOBS


def test_check_now_from_an_unknown_region_is_a_field_error(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images()
    with pytest.raises(ValidationError, match="No active region: mars") as error:
        dispatch.check_now([image.pk], ["eu-west", "mars"], now=now)
    assert list(error.value.message_dict) == ["regions"]
    assert not Batch.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_second_dispatcher_takes_what_the_first_does_not_hold(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(1)
    dispatch.claim_due(now)  # the registry's accounts are made once, and whoever makes them too waits for the first
    make_images(4)
    claimed = []

    def claim_elsewhere() -> None:
        try:
            claimed.append(dispatch.claim_due(now).resources)
        finally:
            connections.close_all()

    with transaction.atomic():
        first = dispatch.claim_due(now, limit=3)
        other = threading.Thread(target=claim_elsewhere)
        other.start()
        other.join(30)
    assert (first.resources, claimed) == (3, [1])


@pytest.mark.django_db(transaction=True)
def test_concurrent_dispatchers_never_claim_the_same_slot(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(60)
    start = threading.Barrier(4)
    claimed: list[int] = []

    def claim_until_nothing_is_due() -> None:
        try:
            start.wait(30)
            while resources_claimed := dispatch.claim_due(now, limit=7).resources:
                claimed.append(resources_claimed)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=claim_until_nothing_is_due) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(claimed) == 60
    handed_out = Counter(
        (batch.region_id, resource_id) for batch in Batch.objects.all() for resource_id in batch.resource_ids
    )
    assert len(handed_out) == 180
    assert set(handed_out.values()) == {1}
