"""What is known of a region's clock, and that nothing is lost to one that is wrong."""

from datetime import datetime, timedelta

import pytest

from probes.models import Outcome, RegionState
from probes.policy.liveness import RegionCondition
from tests.fakes.heart import Heart
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.rounds import batches, check_everywhere

pytestmark = pytest.mark.django_db


def test_batch_tells_the_region_how_far_its_clock_is_ahead(
    now: datetime, regions: Regions, make_images: MakeImages, heart: Heart
) -> None:
    make_images()
    heart.beat(ahead_seconds=299.5)
    batch = batches(regions, now)["eu-west"]
    assert batch.clock_offset_seconds == 299.5


def test_heartbeats_that_were_held_up_do_not_make_a_region_s_batches_expire(
    now: datetime, regions: Regions, make_images: MakeImages, heart: Heart
) -> None:
    """After ten minutes without a control plane the first heartbeats to be read are ten minutes old."""
    make_images()
    heart.beat(ahead_seconds=-0.1, shortest_wait_seconds=0.1)
    heart.now += timedelta(minutes=10)
    heart.beat(ahead_seconds=-600.0)
    assert batches(regions, now)["eu-west"].clock_offset_seconds == pytest.approx(0.0)


def test_region_of_which_nothing_was_heard_is_told_nothing(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    assert batches(regions, now)["eu-west"].clock_offset_seconds is None


def test_offset_and_its_uncertainty_come_from_both_ways(heart: Heart) -> None:
    region = heart.beat(ahead_seconds=299.0, shortest_wait_seconds=303.0, longest_wait_seconds=310.0)
    assert (region.clock_offset_seconds, region.clock_uncertainty_seconds) == (301.0, 2.0)


@pytest.mark.parametrize("ahead_seconds", [300.0, -300.0])
def test_time_of_a_check_is_by_our_clock(
    now: datetime, regions: Regions, make_images: MakeImages, heart: Heart, ahead_seconds: float
) -> None:
    make_images()
    heart.beat(ahead_seconds=ahead_seconds, shortest_wait_seconds=ahead_seconds)
    check_everywhere(regions, now)
    document = RegionState.objects.get(region__slug="eu-west").document
    began = datetime.fromisoformat(document["started_at"]) - timedelta(seconds=ahead_seconds)
    stored = Outcome.objects.get(region__slug="eu-west").checked_at
    assert abs(stored - began) < timedelta(milliseconds=1)


def test_clock_that_is_absurd_does_not_stop_its_region(
    regions: Regions, now: datetime, make_images: MakeImages, heart: Heart
) -> None:
    make_images()
    region = heart.beat(ahead_seconds=3e10)
    assert (region.clock_offset_seconds, region.condition) == (None, RegionCondition.ACTIVE)
    check_everywhere(regions, now)
    assert Outcome.objects.count() == 3


def test_clock_that_is_set_back_makes_no_batch_wait(heart: Heart) -> None:
    """A batch was taken before it was set back by five minutes, and one after; both at once."""
    heart.beat(ahead_seconds=0.0, shortest_wait_seconds=0.25, longest_wait_seconds=0.25)
    region = heart.beat(ahead_seconds=-300.0, shortest_wait_seconds=-299.75, longest_wait_seconds=0.25)
    assert region.queue_lag_seconds == 0.25
