"""Several workers of one region: of each its clock and its way out, and what is said of the region with many."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from probes.actions.ingest import ingest
from probes.actions.workers import WORKERS_REMEMBERED
from probes.models import Outcome, Region, RegionEvent, Verdict
from probes.policy.liveness import RegionCondition
from probes.policy.verdict import VerdictState
from probes.protocol.egress import CanaryRound, Egress, EgressState
from probes.protocol.taxonomy import Reason
from probes.selectors.regions import last_round
from probes.selectors.workers import are_more
from tests.fakes.far_region import FarRegion, finding
from tests.fakes.heart import BEAT, SECOND, Heart
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.rounds import batches

pytestmark = pytest.mark.django_db

UNREACHABLE = finding(Reason.CONNECT_UNREACHABLE)


class Workers:
    """The workers of one region, by their numbers, which beat one after the other."""

    def __init__(self, region: FarRegion, at: datetime, count: int) -> None:
        self.row = region.row
        self.hearts = [Heart(FarRegion(region.row, region.keys), at) for _ in range(count)]
        for number, heart in enumerate(self.hearts):
            heart.region.worker = str(UUID(int=(number + 1) << 96))
            heart.now += number * timedelta(milliseconds=100)

    def __getitem__(self, number: int) -> Heart:
        return self.hearts[number]

    def beat(self, **values: Any) -> Region:
        """Let all of them beat once."""
        return [heart.beat(**values) for heart in self.hearts][-1]

    def canaries(self, *answers: bool) -> Region:
        """Let as many as there are answers beat after a round of canaries."""
        pairs = zip(self.hearts, answers, strict=False)
        return [heart.canaries(answer=answer) for heart, answer in pairs][-1]

    @property
    def events(self) -> Sequence[tuple[int, str, str]]:
        """What is told of single workers, oldest first: the worker's number, and its condition before and after."""
        found = RegionEvent.objects.filter(region=self.row).exclude(worker=None).order_by("id")
        return [(((event.worker or UUID(int=0)).int >> 96) - 1, event.before, event.after) for event in found]


@pytest.fixture
def two(now: datetime, regions: Regions) -> Workers:
    return Workers(regions["eu-west"], now, 2)


@pytest.fixture
def many(now: datetime, regions: Regions) -> Workers:
    return Workers(regions["eu-west"], now, WORKERS_REMEMBERED + 5)


def test_worker_that_alone_lost_its_way_out_is_one_event_and_its_region_is_as_it_was(two: Workers) -> None:
    for answer in (True, False, False, False, True, True, True):
        region = two.canaries(True, answer)
        assert region.condition is RegionCondition.ACTIVE
    assert two.events == [(1, "active", "egress_down"), (1, "egress_down", "active")]
    told = RegionEvent.objects.exclude(worker=None).order_by("id").values_list("detail", flat=True)
    assert list(told) == [
        "worker 00000002: no canary answers: https://canary.test/ dns_temporary",
        "worker 00000002: https://canary.test/ 204",
    ]


def test_event_of_a_worker_names_its_machine(two: Workers) -> None:
    for number in (1, 2):
        two[0].canaries(answer=True)
        two[1].beat(
            host="edge-7",
            egress=Egress(state=EgressState.DOWN, since=two[1].now),
            canaries=CanaryRound(number=number, ended_at=two[1].now, canaries=()),
        )
    assert RegionEvent.objects.get(worker=two[1].region.worker).detail.startswith("edge-7 (00000002): no canary")


def test_readings_of_a_worker_that_alternate_are_no_event(two: Workers) -> None:
    for answer in (True, False) * 4:
        two.canaries(True, answer)
    assert two.events == []


def test_way_out_that_all_workers_lose_is_the_region_s_event(two: Workers) -> None:
    two.canaries(True, True)
    for _ in range(3):
        region = two.canaries(False, False)
    assert region.condition is RegionCondition.EGRESS_DOWN
    assert two.events == []


def test_region_whose_first_worker_has_its_way_back_tells_of_the_one_that_has_not(two: Workers) -> None:
    for answer in (False, False, False, True, True, True, True):
        region = two.canaries(answer, False)
    assert region.condition is RegionCondition.ACTIVE
    assert two.events == [(1, "active", "egress_down")]


def test_worker_that_ends_without_its_way_out_is_told_as_gone(two: Workers) -> None:
    for _ in range(2):
        two.canaries(True, False)
    for _ in range(8):
        two[0].canaries(answer=True)
    assert two.events == [(1, "active", "egress_down"), (1, "egress_down", "silent")]


def test_what_a_worker_finds_without_its_way_out_does_not_vote(
    now: datetime, regions: Regions, make_images: MakeImages, two: Workers
) -> None:
    """Also when its report does not know: its canaries answered once more, or it has ceased to ask."""
    (image,) = make_images(interval_seconds=60)
    for _ in range(2):
        two.canaries(True, False)
    for slug, batch in batches(regions, now).items():
        worker = two[1].region if slug == "eu-west" else regions[slug]
        ingest(worker.report(batch, UNREACHABLE if slug == "eu-west" else None), now=now + SECOND)
    image.refresh_from_db()
    assert list(Outcome.objects.filter(egress_down=True).values_list("region__slug", flat=True)) == ["eu-west"]
    assert Verdict.objects.get().state == VerdictState.AVAILABLE
    slot = image.next_due_at
    ingest(two[0].region.report(batches(regions, slot)["eu-west"]), now=slot + SECOND)
    assert not Outcome.objects.get(region__slug="eu-west", slot=slot).egress_down


def test_card_shows_canaries_that_answer_while_one_worker_has_a_way_out(two: Workers) -> None:
    for _ in range(3):
        region = two.canaries(True, False)
        found = last_round(region)
        assert found is not None
        assert found.is_good
    for _ in range(2):
        region = two.canaries(False, False)
    found = last_round(region)
    assert found is not None
    assert not found.is_good


def test_clock_of_each_worker_is_its_own(
    now: datetime, regions: Regions, make_images: MakeImages, two: Workers
) -> None:
    """Taken together, they contradicted each other with every heartbeat."""
    make_images()
    right, ahead = two.hearts
    for _ in range(3):
        right.beat(shortest_wait_seconds=0.0, longest_wait_seconds=2.0)
        region = ahead.beat(ahead_seconds=300.0, shortest_wait_seconds=300.0, longest_wait_seconds=303.0)
    assert (region.clock_offset_seconds, region.clock_uncertainty_seconds) == (300.0, 0.0)
    assert (region.queue_lag_seconds, region.condition) == (3.0, RegionCondition.ACTIVE)
    batch = batches(regions, right.now)["eu-west"]
    assert batch.clock_offsets == {right.region.worker: 0.0, ahead.region.worker: 300.0}
    assert batch.clock_offset_seconds == 300.0


@pytest.mark.parametrize("number", [0, 1])
def test_time_of_a_check_is_by_the_clock_of_its_worker(
    now: datetime, regions: Regions, make_images: MakeImages, two: Workers, number: int
) -> None:
    make_images()
    two[0].beat(shortest_wait_seconds=0.0)
    two[1].beat(ahead_seconds=300.0, shortest_wait_seconds=300.0)
    batch = batches(regions, two[1].now)["eu-west"]
    ingest(two[number].region.report(batch), now=two[1].now)
    stored = Outcome.objects.get()
    began = datetime.fromisoformat((stored.document or {})["started_at"])
    assert abs(began - stored.checked_at - timedelta(seconds=300 * number)) < timedelta(milliseconds=1)


def test_clock_of_a_new_worker_whose_heartbeats_were_held_up_is_taken_for_the_region_s(
    regions: Regions, make_images: MakeImages, two: Workers
) -> None:
    make_images()
    two[0].beat(shortest_wait_seconds=0.0)
    two[1].now += timedelta(minutes=10)
    two[1].beat(ahead_seconds=-600.0)
    batch = batches(regions, two[1].now)["eu-west"]
    assert (batch.clock_offset_seconds, batch.clock_offsets) == (0.0, {})


def test_worker_that_was_killed_does_not_hold_up_readings(regions: Regions, now: datetime) -> None:
    """It comes first by its id, and another like it is started and killed before it is forgotten, again and again."""
    stays = Heart(regions["eu-west"], now)
    stays.region.worker = str(UUID(int=99))
    for number in range(6):
        doomed = Heart(FarRegion(regions["eu-west"].row, regions["eu-west"].keys), stays.now)
        doomed.region.worker = str(UUID(int=number))
        doomed.beat()
        region = stays.beat(longest_wait_seconds=40.0, shortest_wait_seconds=1.0)
    assert region.condition is RegionCondition.LATE


def test_last_words_of_a_killed_worker_bring_no_egress_back_and_take_none(two: Workers) -> None:
    for _ in range(2):
        two.canaries(False, False)
    two[1].canaries(answer=True)  # and it is killed
    seen = [two[0].canaries(answer=False).condition for _ in range(6)]
    assert seen[0] == seen[-1] == RegionCondition.EGRESS_DOWN
    two.canaries(True, True)
    two.canaries(True, True)
    two[1].canaries(answer=False)
    assert {two[0].canaries(answer=True).condition for _ in range(6)} == {RegionCondition.ACTIVE}


def test_of_many_workers_those_listed_keep_their_places_while_they_live(many: Workers) -> None:
    for _ in range(3):
        region = many.beat()
        assert set(region.heartbeat["workers"]) == {heart.region.worker for heart in many.hearts[:WORKERS_REMEMBERED]}
    assert are_more(region)
    many.hearts = many.hearts[5:]
    for _ in range(5):
        region = many.beat()
    assert set(region.heartbeat["workers"]) == {heart.region.worker for heart in many.hearts}
    for _ in range(4):
        region = many.beat()
    assert not are_more(region)


def test_what_long_expired_with_a_worker_that_was_not_listed_makes_no_region_late(many: Workers) -> None:
    """Its counts are since it began; when they were made is not known."""
    for _ in range(3):
        many.beat(refused={"expired": 7})
    many.hearts = many.hearts[5:]
    for _ in range(8):
        region = many.beat(refused={"expired": 7})
        assert region.condition is RegionCondition.ACTIVE


def test_many_workers_are_written_to_in_what_the_oldest_of_all_reads(
    regions: Regions, make_images: MakeImages, many: Workers
) -> None:
    make_images()
    for _ in range(2):
        many.beat()
        many[-1].now -= BEAT
        many[-1].beat(speaks=(1,))
    assert batches(regions, many[0].now)["eu-west"].version == 1


def test_one_of_many_workers_that_has_a_way_out_is_enough_though_it_is_not_listed(many: Workers) -> None:
    answers = [False] * (len(many.hearts) - 1) + [True]
    for _ in range(3):
        region = many.canaries(*answers)
    assert region.condition is RegionCondition.ACTIVE


def test_one_of_many_workers_that_takes_from_the_queue_is_enough_though_it_is_not_listed(many: Workers) -> None:
    for number in range(1, 6):
        for heart in many.hearts[:WORKERS_REMEMBERED]:
            region = heart.beat(head_waits_seconds=10.0 * number)
        many[-1].beat(head_waits_seconds=0.5)
    assert (region.condition, region.queue_lag_seconds) == (RegionCondition.ACTIVE, 0.5)
