"""Who is silent, what the operator says of a region, and one event for each change of its condition."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from probes.actions import beat, dispatch, retention, verdicts
from probes.actions import regions as region_actions
from probes.actions.ingest import ingest
from probes.models import Outcome, Region, RegionEvent, Verdict
from probes.policy.liveness import SILENT_AFTER, RegionCondition, Unread
from probes.policy.verdict import Inputs, VerdictState
from probes.protocol.egress import Canary, CanaryRound, Egress, EgressState
from probes.selectors.regions import events
from probes.trust.refusal import Refused
from tests.fakes.heart import BEAT, SECOND, UNREACHABLE, Heart, changes
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.rounds import batches, check_everywhere

pytestmark = pytest.mark.django_db


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
