"""What heartbeats tell of a region: its clock, its queue, its way out; and one event for each change."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from probes.actions import beat, dispatch, retention, verdicts
from probes.actions import regions as region_actions
from probes.actions.ingest import ingest
from probes.models import Outcome, Region, RegionEvent, RegionState, Verdict
from probes.policy.liveness import SILENT_AFTER, RegionCondition, Unread
from probes.policy.verdict import Inputs, Presence, VerdictState
from probes.protocol.egress import Canary, CanaryRound, Egress, EgressState
from probes.protocol.taxonomy import Reason
from probes.selectors.regions import events
from probes.trust.refusal import Refused
from tests.fakes.far_region import FarRegion, finding
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.test_ingest import batches, check_everywhere, hear_of_all

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
BEAT = timedelta(seconds=10)
UNREACHABLE = finding(Reason.CONNECT_UNREACHABLE)


class Heart:
    """Lets a region beat every ten seconds by our clock, from `at` on."""

    def __init__(self, region: FarRegion, at: datetime) -> None:
        self.region = region
        self.now = at
        self._sequence = 0
        self._round = 0

    def beat(self, *, ahead_seconds: float = 0.0, **values: Any) -> Region:
        self._sequence += 1
        self.now += BEAT
        sent_at = self.now + timedelta(seconds=ahead_seconds)
        envelope = self.region.heartbeat(self._sequence, sent_at=sent_at, **values)
        return region_actions.record_heartbeat(envelope, now=self.now)

    def canaries(self, *, answer: bool) -> Region:
        """Beat after a round of canaries."""
        self._round += 1
        canary = Canary(
            url="https://canary.test/",
            http_status=204 if answer else None,
            error=None if answer else "dns_temporary",
            total_ms=3.0,
        )
        return self.beat(
            egress=Egress(state=EgressState.OK if answer else EgressState.DOWN, since=self.now),
            canaries=CanaryRound(number=self._round, ended_at=self.now, canaries=(canary,)),
        )


@pytest.fixture
def heart(now: datetime, regions: Regions) -> Heart:
    """Hear of eu-west; the others are as good as enrolled a moment ago, and not yet to be missed."""
    Region.objects.exclude(slug="eu-west").update(condition_since=now + timedelta(days=1))
    return Heart(regions["eu-west"], now)


def changes(slug: str = "eu-west") -> Sequence[str]:
    """The conditions that the region came to, oldest first; what it was before each is what the last one left."""
    found = list(RegionEvent.objects.filter(region__slug=slug, worker=None).order_by("id"))
    assert [event.before for event in found] == ["announced", *(event.after for event in found[:-1])]
    return [event.after for event in found]


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


def test_queue_s_lag_is_told_apart_from_the_clock_s_offset(heart: Heart) -> None:
    region = heart.beat(ahead_seconds=-300.0, shortest_wait_seconds=-298.0, longest_wait_seconds=-255.0)
    assert region.queue_lag_seconds == 45.0


def test_clock_that_is_set_back_makes_no_batch_wait(heart: Heart) -> None:
    """A batch was taken before it was set back by five minutes, and one after; both at once."""
    heart.beat(ahead_seconds=0.0, shortest_wait_seconds=0.25, longest_wait_seconds=0.25)
    region = heart.beat(ahead_seconds=-300.0, shortest_wait_seconds=-299.75, longest_wait_seconds=0.25)
    assert region.queue_lag_seconds == 0.25


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


def test_nobody_is_silent_before_the_control_plane_has_listened_for_as_long(
    now: datetime, regions: Regions, heart: Heart
) -> None:
    """Ten minutes without a control plane are ten minutes in which nobody could be heard."""
    heart.beat()
    beat.stamp(now)
    back = now + timedelta(minutes=10)
    assert region_actions.note_silence(now=back) == []  # which may come before the first tick
    beat.stamp(back)
    assert region_actions.note_silence(now=back) == []
    for second in range(1, 70):
        beat.stamp(back + second * SECOND)
        fallen = region_actions.note_silence(now=back + second * SECOND)
        assert fallen == (["eu-west"] if second == SILENT_AFTER.total_seconds() else [])
    assert changes() == ["active", "silent"]


def test_nobody_is_silent_while_heartbeats_wait_to_be_read(heart: Heart, caplog: pytest.LogCaptureFixture) -> None:
    """Reports that wait say nothing: heartbeats do not wait behind them."""
    heart.beat()
    heart.now += timedelta(minutes=5)
    assert region_actions.note_silence(now=heart.now, unread=Unread(heartbeats=1)) == []
    assert "whether regions are silent cannot be told: 1 heartbeats and 0 reports wait" in caplog.text
    assert region_actions.note_silence(now=heart.now, unread=Unread(reports=2000)) == ["eu-west"]
    assert changes() == ["active", "silent"]


def test_region_of_the_version_before_is_not_silent_while_reports_wait(regions: Regions, heart: Heart) -> None:
    """Its heartbeats are among them: so are those of a region that was never heard, for all we know."""
    envelope = heart.region.heartbeat(1, sent_at=heart.now)
    region_actions.record_heartbeat(envelope, now=heart.now, among_reports=True)
    Region.objects.exclude(slug="eu-west").update(condition_since=heart.now)
    later = heart.now + timedelta(minutes=5)
    assert region_actions.note_silence(now=later, unread=Unread(reports=1)) == []
    assert set(region_actions.note_silence(now=later)) == set(regions)


def test_region_is_judged_by_the_queue_that_its_workers_use_by_now(heart: Heart) -> None:
    """Each worker sends its first heartbeats with the reports: it was not told yet that there is another queue."""
    envelope = heart.region.heartbeat(1, sent_at=heart.now)
    region_actions.record_heartbeat(envelope, now=heart.now, among_reports=True)
    heart._sequence = 1  # noqa: SLF001 - the same worker goes on
    heart.beat()
    heart.now += timedelta(minutes=5)
    assert region_actions.note_silence(now=heart.now, unread=Unread(reports=1)) == ["eu-west"]


def test_heartbeat_that_was_overtaken_by_one_in_the_other_queue_is_no_replay(heart: Heart) -> None:
    """A worker's first ones wait among the reports, while those after its first batch do not."""
    first = heart.region.heartbeat(1, sent_at=heart.now)
    heart._sequence = 1  # noqa: SLF001 - the same worker goes on
    seen_at = heart.beat().last_seen_at
    later = heart.now + BEAT
    assert region_actions.record_heartbeat(first, now=later, among_reports=True).last_seen_at == seen_at
    with pytest.raises(Refused, match="heartbeat 1 of a worker"):
        region_actions.record_heartbeat(first, now=later)


def test_region_that_was_enrolled_and_never_heard_is_silent(now: datetime, regions: Regions) -> None:
    """Its bundle was not brought there, or it does not reach the broker."""
    Region.objects.update(condition_since=now)
    assert region_actions.note_silence(now=now + SILENT_AFTER) == []
    assert set(region_actions.note_silence(now=now + SILENT_AFTER + SECOND)) == set(regions)
    assert changes() == ["active", "silent"]


def test_silent_region_is_back_after_two_heartbeats_in_a_row(regions: Regions, heart: Heart) -> None:
    heart.beat()
    last = heart.now
    heart.now += timedelta(minutes=5)
    assert region_actions.note_silence(now=heart.now) == ["eu-west"]
    assert heart.beat().condition is RegionCondition.SILENT
    heart.now += timedelta(minutes=5)
    assert heart.beat().condition is RegionCondition.SILENT
    assert heart.beat().condition is RegionCondition.ACTIVE
    assert changes() == ["active", "silent", "active"]
    told = events(heart.region.row)[1].detail
    assert told == f"no heartbeat since {last:%Y-%m-%dT%H:%M:%S}.000Z, and none waits to be read"


def test_what_the_operator_says_comes_before_what_is_found(heart: Heart) -> None:
    region = heart.beat()
    region_actions.pause([region.pk], now=heart.now, detail="by anna")
    heart.now += timedelta(minutes=5)
    assert region_actions.note_silence(now=heart.now) == ["eu-west"]
    region_actions.resume([region.pk], now=heart.now)
    found = [(event.after, event.detail) for event in reversed(events(region))]
    assert found[:2] == [("active", "enrolled"), ("paused", "by anna")]
    assert changes() == ["active", "paused", "silent"]


def test_verdicts_of_several_regions_are_locked_at_once_and_in_order(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    """One region after the other, they met those of a report half-way: whoever paused regions found a deadlock."""
    make_images(2)
    check_everywhere(regions, now)
    with CaptureQueriesContext(connection) as queries:
        assert region_actions.pause([region.row.pk for region in regions.values()], now=now) == 3
    assert sum("UPDATE probes_verdict" in query["sql"] for query in queries.captured_queries) == 1
    assert set(Verdict.objects.values_list("stale_at", flat=True)) == {now}


def test_draining_region_gets_no_new_checks_and_what_is_in_flight_is_taken(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images(interval_seconds=60)
    in_flight = batches(regions, now)
    region = regions["eu-west"].row
    assert region_actions.drain([region.pk], now=now) == 1
    assert region_actions.drain([region.pk], now=now) == 0
    for slug, batch in in_flight.items():
        ingest(regions[slug].report(batch), now=now)
    assert Outcome.objects.count() == 3
    votes = Inputs.from_json(Verdict.objects.get().inputs).votes
    assert {vote.region: vote.presence for vote in votes}["eu-west"] == "draining"
    image.refresh_from_db()
    assert set(batches(regions, image.next_due_at)) == {"ap-south", "us-east"}
    assert region_actions.resume([region.pk], now=now) == 1
    assert changes() == ["active", "draining", "active"]


def test_region_that_loses_its_vote_moves_the_verdicts_it_had_a_say_in(
    now: datetime, regions: Regions, make_images: MakeImages, heart: Heart
) -> None:
    make_images()
    check_everywhere(regions, now, eu_west=UNREACHABLE)
    assert Verdict.objects.get().state == VerdictState.DEGRADED
    for _ in range(2):
        heart.canaries(answer=False)
    (change,) = verdicts.refresh_lapsed(now=heart.now)
    assert change.after is VerdictState.AVAILABLE


def test_condition_is_known_since_when(heart: Heart) -> None:
    for _ in range(2):
        region = heart.canaries(answer=False)
    assert region.condition_since == region.egress_down_since == heart.now


def test_events_are_dropped_when_they_are_old(now: datetime, regions: Regions) -> None:
    RegionEvent.objects.update(at=now - timedelta(days=100))
    region_actions.pause([regions["eu-west"].row.pk], now=now)
    assert retention.drop_region_events(before=now - retention.EVENTS_KEPT_FOR) == 3
    assert [event.after for event in RegionEvent.objects.all()] == ["paused"]


def test_claims_of_a_region_that_is_late_go_on(
    now: datetime, regions: Regions, make_images: MakeImages, heart: Heart
) -> None:
    make_images()
    for _ in range(3):
        heart.beat(longest_wait_seconds=40.0)
    assert len(dispatch.claim_due(now).messages) == 3


def test_region_has_no_say_in_lines_of_our_log(heart: Heart, caplog: pytest.LogCaptureFixture) -> None:
    canary = Canary(url="https://canary.test/\nERROR forged", http_status=None, error="e" * 9000, total_ms=3.0)
    for number in (1, 2):
        region = heart.beat(
            egress=Egress(state=EgressState.DOWN, since=heart.now),
            canaries=CanaryRound(number=number, ended_at=heart.now, canaries=(canary,)),
        )
    assert len(events(region)[0].detail) == 300
    assert "\nERROR forged" not in caplog.text
