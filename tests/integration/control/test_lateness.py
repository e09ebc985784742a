"""When a region is late, by the lag of its queue and by what expires there."""

from datetime import datetime
from uuid import UUID

import pytest

from probes.models import Verdict
from probes.policy.liveness import RegionCondition
from probes.policy.verdict import Inputs, Presence, VerdictState
from probes.selectors.regions import events
from tests.fakes.far_region import FarRegion
from tests.fakes.heart import BEAT, Heart, changes
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.rounds import check_everywhere, hear_of_all

pytestmark = pytest.mark.django_db


def test_queue_s_lag_is_told_apart_from_the_clock_s_offset(heart: Heart) -> None:
    region = heart.beat(ahead_seconds=-300.0, shortest_wait_seconds=-298.0, longest_wait_seconds=-255.0)
    assert region.queue_lag_seconds == 45.0


def test_region_is_late_after_three_beats_and_has_caught_up_after_six(heart: Heart) -> None:
    seen = [heart.beat(longest_wait_seconds=31.0, shortest_wait_seconds=30.0).condition for _ in range(3)]
    assert seen == ["active", "active", "late"]
    assert heart.beat(longest_wait_seconds=20.0, shortest_wait_seconds=20.0).late_since == heart.now - BEAT
    seen = [heart.beat(longest_wait_seconds=1.0, shortest_wait_seconds=0.5).condition for _ in range(6)]
    assert seen == ["late"] * 5 + ["active"]
    assert changes() == ["active", "late", "active"]
    assert events(heart.region.row)[1].detail == "batches wait 31 s in the queue, or expire there"


def test_batches_that_expire_in_the_queue_make_a_region_late_only_while_they_do(heart: Heart) -> None:
    assert [heart.beat(refused={"expired": count}).condition for count in (1, 1, 2, 3, 4)][-1] == "late"
    assert changes() == ["active", "late"]


def test_checks_that_find_no_seat_in_time_make_a_region_late(heart: Heart) -> None:
    """Where intervals are short, batches do not wait long in the queue: they expire in the worker's hands."""
    assert [heart.beat(starved=count).condition for count in (0, 3, 5, 9)] == ["active"] * 3 + ["late"]
    assert [heart.beat(starved=9).condition for _ in range(6)] == ["late"] * 5 + ["active"]


def test_queue_from_which_nothing_is_taken_lags(heart: Heart) -> None:
    for waited in (31.0, 41.0, 51.0):
        region = heart.beat(queue_length=7, head_waits_seconds=waited)
    assert (region.condition, region.queue_lag_seconds) == (RegionCondition.LATE, 51.0)


def test_several_workers_are_one_region_and_one_of_them_sets_the_pace(regions: Regions, now: datetime) -> None:
    """A worker without anything to do does not hide that another is late, nor are readings counted twice."""
    busy, idle = (Heart(FarRegion(regions["eu-west"].row, regions["eu-west"].keys), now) for _ in range(2))
    idle.region.worker, busy.region.worker = (str(UUID(int=number)) for number in (1, 2))
    seen = []
    for _ in range(4):
        seen.append(busy.beat(longest_wait_seconds=40.0, shortest_wait_seconds=1.0).condition)
        seen.append(idle.beat().condition)
    assert seen == ["active"] * 4 + ["late"] * 4


def test_queue_that_one_of_two_workers_empties_does_not_lag(regions: Regions, now: datetime) -> None:
    """The other has its hands full of a registry that hangs, and sees that something waits whenever it looks."""
    stuck, busy = (Heart(FarRegion(regions["eu-west"].row, regions["eu-west"].keys), now) for _ in range(2))
    stuck.region.worker, busy.region.worker = (str(UUID(int=number)) for number in (1, 2))
    for waited in range(10, 90, 10):
        region = stuck.beat(queue_length=3, head_waits_seconds=float(waited))
        busy.beat(queue_length=3, head_waits_seconds=0.5, longest_wait_seconds=2.0, shortest_wait_seconds=0.1)
    assert region.condition is RegionCondition.ACTIVE
    assert region.queue_lag_seconds == pytest.approx(2.0)


def test_last_words_of_a_worker_that_is_gone_are_read_once(regions: Regions, now: datetime) -> None:
    """It is remembered for three beats of the others, and three readings make a region late."""
    stays, gone = (Heart(FarRegion(regions["eu-west"].row, regions["eu-west"].keys), now) for _ in range(2))
    stays.region.worker, gone.region.worker = (str(UUID(int=number)) for number in (1, 2))
    for heart in (stays, gone):
        heart.beat()
    gone.beat(starved=9, refused={"expired": 3}, longest_wait_seconds=40.0, shortest_wait_seconds=0.1)
    assert [stays.beat().condition for _ in range(5)] == ["active"] * 5
    assert stays.beat().queue_lag_seconds == 0.0


def test_late_region_keeps_its_vote(now: datetime, regions: Regions, make_images: MakeImages, heart: Heart) -> None:
    make_images()
    hear_of_all(now)
    for _ in range(3):
        heart.beat(longest_wait_seconds=40.0)
    check_everywhere(regions, now)
    assert {vote.presence for vote in Inputs.from_json(Verdict.objects.get().inputs).votes} == {Presence.PRESENT}
    assert Verdict.objects.get().state == VerdictState.AVAILABLE
