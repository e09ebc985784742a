"""A region that has lost its way out: what tells it, and what becomes of what it finds."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from probes.actions.ingest import ingest
from probes.models import Outcome, RegionEvent, RegionState, Verdict
from probes.policy.liveness import RegionCondition
from probes.policy.verdict import Inputs, VerdictState
from probes.protocol.egress import CanaryRound, Egress, EgressState
from probes.selectors.regions import events
from tests.fakes.far_region import FarRegion
from tests.fakes.heart import BEAT, SECOND, UNREACHABLE, Heart, changes
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.rounds import batches, check_everywhere, hear_of_all

pytestmark = pytest.mark.django_db


def test_egress_is_down_after_two_rounds_without_an_answer_and_back_after_two_with_one(heart: Heart) -> None:
    seen = [heart.canaries(answer=answer).condition for answer in (True, False, False, True, True)]
    assert seen == ["active", "active", "egress_down", "egress_down", "active"]
    assert changes() == ["active", "egress_down", "active"]
    assert events(heart.region.row)[1].detail == "no canary answers: https://canary.test/ dns_temporary"


def test_round_is_counted_once_however_often_it_is_told(heart: Heart) -> None:
    down = Egress(state=EgressState.DOWN, since=heart.now)
    canaries = CanaryRound(number=1, ended_at=heart.now, canaries=())
    seen = [heart.beat(egress=down, canaries=canaries).condition for _ in range(4)]
    assert set(seen) == {RegionCondition.ACTIVE}


def alternating(heart: Heart, number: int) -> dict[str, Any]:
    """What a region says that changes with every second heartbeat, and would be late and cut off in turn."""
    is_bad = number // 2 % 2 == 0
    return {
        "longest_wait_seconds": 40.0 if is_bad else 0.0,
        "egress": Egress(state=EgressState.DOWN if is_bad else EgressState.OK, since=heart.now),
        "canaries": CanaryRound(number=number + 1, ended_at=heart.now, canaries=()),
    }


def test_region_that_beats_hundreds_of_times_in_a_second_makes_one_event_at_most(heart: Heart) -> None:
    """Each would have all verdicts judged anew in which the region has a say."""
    heart.beat()
    for number in range(400):
        heart.now += SECOND / 400 - BEAT
        heart.beat(**alternating(heart, number))
    assert RegionEvent.objects.filter(region=heart.region.row).exclude(before="announced").count() <= 1


def test_worker_that_beats_dozens_of_times_in_a_second_makes_one_event_at_most(
    regions: Regions, heart: Heart
) -> None:
    other = Heart(FarRegion(heart.region.row, heart.region.keys), heart.now)
    other.region.worker = str(UUID(int=1))
    other.canaries(answer=True)
    heart.now = other.now
    for number in range(60):
        heart.now += SECOND / 60 - BEAT
        heart.beat(**alternating(heart, number))
    assert RegionEvent.objects.exclude(worker=None).count() <= 1


def test_region_that_beats_every_second_is_read_as_one_that_beats_every_ten(heart: Heart) -> None:
    seen = []
    for _ in range(12):
        heart.now += SECOND - BEAT
        seen.append(heart.beat(longest_wait_seconds=31.0, shortest_wait_seconds=30.0).condition)
    assert seen == ["active"] * 10 + ["late"] * 2


def test_one_worker_without_egress_does_not_take_the_region_s_vote(regions: Regions, now: datetime) -> None:
    lost, fine = (Heart(FarRegion(regions["eu-west"].row, regions["eu-west"].keys), now) for _ in range(2))
    lost.region.worker, fine.region.worker = (str(UUID(int=number)) for number in (1, 2))
    for _ in range(4):
        fine.canaries(answer=True)
        region = lost.canaries(answer=False)
    assert region.condition is RegionCondition.ACTIVE


@pytest.mark.parametrize("number", [1, 3], ids=["heard first", "heard last"])
def test_worker_of_before_that_knows_no_canaries_does_not_hide_that_egress_is_down(
    regions: Regions, now: datetime, number: int
) -> None:
    """During an upgrade; what it finds would vote."""
    asks, before = (Heart(FarRegion(regions["eu-west"].row, regions["eu-west"].keys), now) for _ in range(2))
    asks.region.worker, before.region.worker = (str(UUID(int=value)) for value in (2, number))
    for _ in range(3):
        asks.canaries(answer=False)
        region = before.beat()
    assert region.condition is RegionCondition.EGRESS_DOWN
    assert region.canaries is not None


def test_worker_that_is_started_again_and_again_does_not_bring_egress_back(heart: Heart) -> None:
    """A round that was not yet made says nothing; canaries that were turned off say that it is not down."""
    for _ in range(2):
        heart.canaries(answer=False)
    for number in range(1, 6):
        heart.region.worker = str(UUID(int=number))
        region = heart.beat(canaries=CanaryRound(number=0, ended_at=heart.now, canaries=()))
        assert region.condition is RegionCondition.EGRESS_DOWN
    seen = [heart.beat().condition for _ in range(5)]  # until the workers before this one are forgotten
    assert seen[-1] is RegionCondition.ACTIVE


def test_what_a_region_finds_without_egress_is_kept_and_does_not_vote(
    now: datetime, regions: Regions, make_images: MakeImages, heart: Heart
) -> None:
    (image,) = make_images(interval_seconds=60)
    hear_of_all(now)
    check_everywhere(regions, now)
    before = RegionState.objects.values().get(region__slug="eu-west")
    for _ in range(2):
        heart.canaries(answer=False)
    image.refresh_from_db()
    slot = image.next_due_at
    check_everywhere(regions, slot, eu_west=UNREACHABLE)

    kept = Outcome.objects.get(region__slug="eu-west", slot=slot)
    assert (kept.egress_down, kept.reason) == (True, "connect_unreachable")
    assert (kept.document or {})["reason"] == "connect_unreachable"
    assert RegionState.objects.values().get(region__slug="eu-west") == {**before, "egress_down": True}
    assert not Outcome.objects.exclude(pk=kept.pk).filter(egress_down=True).exists()
    verdict = Verdict.objects.get()
    assert verdict.state == VerdictState.AVAILABLE
    assert {vote.region: vote.presence for vote in Inputs.from_json(verdict.inputs).votes} == {
        "ap-south": "present",
        "eu-west": "egress_down",
        "us-east": "present",
    }


def test_report_that_says_down_moves_nothing_before_the_region_s_condition_does(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images(interval_seconds=60)
    check_everywhere(regions, now)
    image.refresh_from_db()
    slot = image.next_due_at
    egress = Egress(state=EgressState.DOWN, since=slot)
    for slug, batch in batches(regions, slot).items():
        ingest(regions[slug].report(batch, UNREACHABLE, egress=egress), now=slot + SECOND)
    assert Outcome.objects.filter(egress_down=True).count() == 3
    assert set(RegionState.objects.values_list("status", "consecutive_failures", "egress_down")) == {
        ("available", 0, True)
    }
    assert Verdict.objects.get().state == VerdictState.AVAILABLE


def test_first_outcome_that_counts_takes_the_mark_off(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images(interval_seconds=60)
    for egress in (EgressState.OK, EgressState.DOWN, EgressState.OK):
        image.refresh_from_db()
        slot = image.next_due_at
        for slug, batch in batches(regions, slot).items():
            ingest(regions[slug].report(batch, egress=Egress(state=egress, since=slot)), now=slot)
    states = RegionState.objects.values_list("egress_down", "consecutive_successes", "last_slot")
    assert set(states) == {(False, 2, slot)}


def test_nothing_is_known_of_an_image_that_was_only_checked_without_egress(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    egress = Egress(state=EgressState.DOWN, since=now)
    for slug, batch in batches(regions, now).items():
        assert ingest(regions[slug].report(batch, UNREACHABLE, egress=egress), now=now).stored == 1
    assert not RegionState.objects.exists()
    assert Verdict.objects.get().state == VerdictState.UNKNOWN
