"""A region that cannot keep up: spared fairly, with every slot accounted for and votes that stay fresh."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from probes import tasks
from probes.actions import dispatch, shedding, verdicts
from probes.actions.ingest import ingest
from probes.models import Batch, MissedSlots, Outcome, Region, Resource, Verdict
from probes.policy import slots
from probes.policy.shedding import PATIENCE, SHOWS_AFTER
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


def lag(region: FarRegion, seconds: float, *, now: datetime, is_late: bool = True) -> None:
    """Let the region's heartbeats have told so of its queue."""
    Region.objects.filter(pk=region.row.pk).update(
        queue_lag_seconds=seconds, late_since=now if is_late else None, last_seen_at=now
    )


def test_late_region_is_sent_less_and_later_more_again(now: datetime, regions: Regions) -> None:
    region, at, told = regions["eu-west"], now, []
    for is_late in [True] * 3 + [False] * 3:
        lag(region, 50.0 if is_late else 1.0, now=at, is_late=is_late)
        told += shedding.adjust_strides(now=at)
        at += SHOWS_AFTER if is_late else PATIENCE
    assert [(item.region, item.before, item.after) for item in told] == [
        ("eu-west", before, after) for before, after in ((1, 2), (2, 4), (4, 8), (8, 4), (4, 2))
    ]
    assert [item.lag_seconds for item in told] == [50.0] * 3 + [1.0] * 2
    assert dict(Region.objects.values_list("slug", "stride")) == {"ap-south": 1, "eu-west": 2, "us-east": 1}


def test_region_that_is_away_or_gets_no_checks_keeps_its_stride(now: datetime, regions: Regions) -> None:
    """Its queue tells nothing of what it could do."""
    region = regions["eu-west"]
    lag(region, 50.0, now=now)
    for column in ("silent_since", "egress_down_since", "paused_at", "draining_at", "retired_at"):
        Region.objects.filter(pk=region.row.pk).update(**{column: now})
        assert shedding.adjust_strides(now=now) == []
        Region.objects.filter(pk=region.row.pk).update(**{column: None})
    assert len(shedding.adjust_strides(now=now)) == 1


def test_changed_stride_has_the_verdicts_computed_again(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    """A vote that would be stale with every slot is fresh with every second one."""
    (image,) = make_images(interval_seconds=60)
    image.regions.set([regions["eu-west"].row])
    run(regions, now, 1)
    stale_at = Verdict.objects.get().stale_at
    assert stale_at is not None
    lag(regions["eu-west"], 50.0, now=now)
    shedding.adjust_strides(now=now + MINUTE)
    assert verdicts.refresh_lapsed(now=now + MINUTE) == []
    assert Verdict.objects.get().stale_at == stale_at + timedelta(seconds=180)


@pytest.mark.usefixtures("broker")  # the reaper asks how many heartbeats wait
def test_reap_looks_after_the_strides(now: datetime, regions: Regions, caplog: pytest.LogCaptureFixture) -> None:
    lag(regions["eu-west"], 50.0, now=timezone.now())
    tasks.reap()
    assert Region.objects.get(slug="eu-west").stride == 2
    assert "region eu-west is sent every 2nd slot instead of every slot: its queue lags 50 s" in caplog.text


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
