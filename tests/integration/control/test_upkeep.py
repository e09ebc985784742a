"""What keeps the control plane honest between reports: lost batches, silent regions, lapsed verdicts, retention."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from dashboard import words
from probes.actions import dispatch, enrolment, missed, partitions, refusals, retention, verdicts
from probes.actions import regions as region_actions
from probes.actions.ingest import ingest
from probes.models import Batch, MessageRefusal, MissedSlots, Outcome, Region, Resource, Verdict
from probes.policy.liveness import PAUSE, PAUSES_KEPT, SILENT_AFTER
from probes.policy.slots import MissedCause
from probes.policy.verdict import Inputs, Presence, VerdictState
from tests.fakes import emptied
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.rounds import GONE, batches, check_everywhere

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
LOST_AFTER = timedelta(seconds=missed.LOST_AFTER_SECONDS)


def hear(regions: Regions, *slugs: str, at: datetime) -> None:
    """Let every region named, or each of them, give a sign of life."""
    for slug in slugs or regions:
        region = regions[slug]
        known = region.row.heartbeat.get("workers", {}).get(region.worker, {}).get("sequence", 0)
        region.row = region_actions.record_heartbeat(region.heartbeat(sequence=known + 1), now=at)


def test_batch_is_waited_for_a_while_after_expiry(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    make_images(interval_seconds=60)
    dispatch.claim_due(now)
    overdue = now + timedelta(seconds=60) + LOST_AFTER
    assert missed.reap_batches(now=overdue) == missed.Reaped(batches=0, slots=0)
    assert missed.reap_batches(now=overdue + SECOND) == missed.Reaped(batches=3, slots=3)
    assert missed.reap_batches(now=overdue + SECOND) == missed.Reaped(batches=0, slots=0)
    assert set(Batch.objects.values_list("state", flat=True)) == {Batch.State.LOST}


def test_lost_slots_tell_a_living_region_from_a_dead_one(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(interval_seconds=60)
    hear(regions, "us-east", at=now - SECOND)
    dispatch.claim_due(now)
    hear(regions, "eu-west", at=now + SECOND)
    missed.reap_batches(now=now + DAY)
    assert dict(MissedSlots.objects.values_list("region__slug", "cause")) == {
        "ap-south": MissedCause.EXPIRED,
        "eu-west": MissedCause.LOST,
        "us-east": MissedCause.EXPIRED,
    }


def test_words_for_a_missed_slot_tell_a_silent_region_from_one_that_was_too_late(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(interval_seconds=60)
    hear(regions, at=now - SECOND)
    dispatch.claim_due(now)
    for second in (1, 30, 59, 70):
        hear(regions, "eu-west", at=now + second * SECOND)
    missed.reap_batches(now=now + DAY)
    told = MissedSlots.objects.values_list("region__slug", "cause")
    assert {slug: words.missed(cause) for slug, cause in told} == {
        "ap-south": "the region gave no sign of life",
        "eu-west": "nothing usable came back in time",
        "us-east": "the region gave no sign of life",
    }


def test_outage_is_booked_as_what_it_was_though_the_region_is_back_by_then(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    """Away from noon for five minutes. A batch is given up a minute after its time: the last when it is back."""
    (image,) = make_images()
    region = regions["eu-west"].row
    begins = range(-15, 331, 15)
    for seconds in begins:
        issued_at = now + seconds * SECOND
        Batch.objects.create(
            region=region,
            issued_at=issued_at,
            expires_at=issued_at + 15 * SECOND,
            resource_ids=[image.pk],
            slots=[issued_at],
        )
    for seconds in (*range(-20, 1, 10), *range(300, 420, 10)):
        hear(regions, "eu-west", at=now + seconds * SECOND)
        missed.reap_batches(now=now + seconds * SECOND)
    booked = dict(MissedSlots.objects.values_list("first_slot", "cause"))
    assert booked.keys() == {now + seconds * SECOND for seconds in begins}
    expired = {slot for slot, cause in booked.items() if cause == MissedCause.EXPIRED}
    assert expired == {now + seconds * SECOND for seconds in range(15, 271, 15)}  # the next one could have been taken


def test_what_was_sent_before_the_first_sign_of_life_has_expired(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(interval_seconds=60)
    dispatch.claim_due(now)
    hear(regions, "eu-west", at=now + 61 * SECOND)
    hear(regions, "us-east", at=now + 59 * SECOND)
    missed.reap_batches(now=now + DAY)
    assert dict(MissedSlots.objects.values_list("region__slug", "cause")) == {
        "ap-south": MissedCause.EXPIRED,
        "eu-west": MissedCause.EXPIRED,
        "us-east": MissedCause.LOST,
    }


def test_region_remembers_its_last_pauses_and_no_more(now: datetime, regions: Regions) -> None:
    for number in range(2 * PAUSES_KEPT):
        hear(regions, "eu-west", at=now + 2 * number * PAUSE)
    pauses = Region.objects.get(slug="eu-west").liveness["pauses"]
    assert len(pauses) == PAUSES_KEPT
    assert pauses[-1]["until"] == (now + 2 * (2 * PAUSES_KEPT - 1) * PAUSE).isoformat()


def test_slots_of_deleted_images_are_not_recorded(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    doomed, kept = make_images(2)
    dispatch.claim_due(now)
    doomed.delete()
    assert missed.reap_batches(now=now + DAY) == missed.Reaped(batches=3, slots=3)
    assert set(MissedSlots.objects.values_list("resource", flat=True)) == {kept.pk}


def test_outcome_in_between_begins_a_new_record_of_shed_slots(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images(interval_seconds=60)
    for crowded in (["eu-west"], ["eu-west"], [], ["eu-west"]):
        image.refresh_from_db()
        due = image.next_due_at
        for message in dispatch.claim_due(due, crowded=crowded).messages:
            region = regions[message.queue.removeprefix("probe.")]
            ingest(region.report(region.open(message)), now=due)
    assert list(MissedSlots.objects.order_by("first_slot").values_list("count", flat=True)) == [2, 1]


def test_silent_region_loses_its_vote_and_gets_it_back(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images()
    hear(regions, at=now)
    check_everywhere(regions, now, eu_west=GONE)
    assert Verdict.objects.get().state == VerdictState.DEGRADED
    later = now + SILENT_AFTER + SECOND
    hear(regions, "ap-south", "us-east", at=later)
    assert region_actions.note_silence(now=later) == ["eu-west"]
    assert region_actions.note_silence(now=later) == []
    assert Region.objects.get(slug="eu-west").silent_since == now
    (change,) = verdicts.refresh_lapsed(now=later)
    assert (change.resource_id, change.after) == (image.pk, VerdictState.AVAILABLE)
    presences = {vote.region: vote.presence for vote in Inputs.from_json(Verdict.objects.get().inputs).votes}
    assert presences["eu-west"] is Presence.SILENT
    hear(regions, "eu-west", at=later)
    assert Region.objects.get(slug="eu-west").silent_since == now
    hear(regions, "eu-west", at=later)
    assert Region.objects.get(slug="eu-west").silent_since is None
    (change,) = verdicts.refresh_lapsed(now=later)
    assert change.after == VerdictState.DEGRADED


def test_region_that_was_enrolled_and_never_heard_moves_no_verdict(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    """One region checks; a second is enrolled, and its worker is started when somebody has the time."""
    enrolment.retire([regions.pop(slug).row.pk for slug in ("ap-south", "us-east")], now=now)
    (image,) = make_images(interval_seconds=300)
    hear(regions, at=now)
    check_everywhere(regions, now)
    enrolment.enroll("sa-east", now=now)
    assert verdicts.refresh_lapsed(now=now) == []
    later = now + timedelta(seconds=61)
    hear(regions, at=later)
    assert region_actions.note_silence(now=later) == ["sa-east"]
    assert verdicts.refresh_lapsed(now=later) == []
    image.refresh_from_db()
    due = image.next_due_at
    batch = next(message for message in dispatch.claim_due(due).messages if "eu" in message.queue)
    region = regions["eu-west"]
    assert ingest(region.report(region.open(batch), GONE), now=due).changes == [
        verdicts.Change(image.pk, VerdictState.AVAILABLE, VerdictState.UNAVAILABLE, due)
    ]
    presences = {vote.region: vote.presence for vote in Inputs.from_json(Verdict.objects.get().inputs).votes}
    assert presences == {"eu-west": Presence.PRESENT, "sa-east": Presence.UNHEARD}


def test_region_that_is_enrolled_again_is_not_waited_for_either(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    """What it found before it was retired is old, and says nothing of whether its worker has come back."""
    enrolment.retire([regions.pop("ap-south").row.pk], now=now)
    make_images(interval_seconds=60)
    hear(regions, at=now)
    check_everywhere(regions, now)
    enrolment.retire([regions.pop("us-east").row.pk], now=now + SECOND)
    later = now + timedelta(seconds=240)
    hear(regions, at=later)
    for message in dispatch.claim_due(later).messages:
        ingest(regions["eu-west"].report(regions["eu-west"].open(message)), now=later)
    enrolment.enroll("us-east", now=later)
    assert verdicts.refresh_lapsed(now=later) == []
    assert Verdict.objects.get().state == VerdictState.AVAILABLE


def test_all_silent_is_unknown_and_no_outage(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    make_images()
    hear(regions, at=now)
    check_everywhere(regions, now)
    later = now + SILENT_AFTER + SECOND
    assert len(region_actions.note_silence(now=later)) == 3
    assert [change.after for change in verdicts.refresh_lapsed(now=later)] == [VerdictState.UNKNOWN]


def test_verdict_lapses_when_nothing_comes_in(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    make_images(2, interval_seconds=60)
    check_everywhere(regions, now)
    stale_at = Verdict.objects.values_list("stale_at", flat=True)[0]
    assert stale_at == now + timedelta(seconds=210)
    assert verdicts.refresh_lapsed(now=stale_at - SECOND) == []
    assert [change.after for change in verdicts.refresh_lapsed(now=stale_at)] == [VerdictState.UNKNOWN] * 2
    assert verdicts.refresh_lapsed(now=stale_at + DAY) == []


def test_paused_region_loses_its_vote(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    make_images()
    check_everywhere(regions, now, eu_west=GONE)
    pk = regions["eu-west"].row.pk
    assert region_actions.pause([pk], now=now + SECOND) == 1
    assert region_actions.pause([pk], now=now + SECOND) == 0
    assert [change.after for change in verdicts.refresh_lapsed(now=now + SECOND)] == [VerdictState.AVAILABLE]
    assert region_actions.resume([pk], now=now + SECOND) == 1
    assert [change.after for change in verdicts.refresh_lapsed(now=now + SECOND)] == [VerdictState.DEGRADED]
    assert region_actions.retire([pk], now=now + SECOND) == 1
    assert [change.after for change in verdicts.refresh_lapsed(now=now + SECOND)] == [VerdictState.AVAILABLE]


def test_lapsed_verdicts_take_the_same_queries_for_many_as_for_few(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    def queries(count: int, due: datetime) -> int:
        make_images(count, interval_seconds=60)
        check_everywhere(regions, due)
        with CaptureQueriesContext(connection) as captured:
            assert len(verdicts.refresh_lapsed(now=due + DAY)) == count
        return len(captured)

    few = queries(1, now)
    Verdict.objects.all().delete()
    assert queries(40, now + SECOND) == few


def outcome_partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", ["probes_outcome"]
        )
        return {name for (name,) in cursor.fetchall()}


def test_partitions_are_made_ahead_once(now: datetime, db: None) -> None:
    start = (now + 100 * DAY).date()
    made = partitions.ensure_partitions(start, days_ahead=3)
    assert len(made) == partitions.DAYS_BACK + 4
    assert made[partitions.DAYS_BACK] == f"probes_outcome_{start:%Y%m%d}"
    assert partitions.ensure_partitions(start, days_ahead=3) == []
    assert set(made) <= outcome_partitions()


def test_partitions_that_a_test_committed_are_gone_for_the_next_one(now: datetime, db: None) -> None:
    emptied.make_room()
    usual = outcome_partitions()
    partitions.ensure_partitions((now - 40 * DAY).date(), days_ahead=0)
    for table in (*partitions.ROLL_UPS, *partitions.SUMS):
        assert partitions.ensure(table, [(now - 400 * DAY).date()])
    emptied.make_room()
    assert outcome_partitions() == usual
    assert not partitions.drop_partitions(now.date(), 32, partitions.ROLL_UPS[0])


def test_partitions_carry_the_table_s_keys_and_indexes(now: datetime, db: None) -> None:
    (name, *_) = partitions.ensure_partitions((now + 50 * DAY).date(), days_ahead=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE indexdef LIKE 'CREATE UNIQUE%%') FROM pg_indexes "
            "WHERE tablename = %s",
            [name],
        )
        assert cursor.fetchone() == (6, 1)
        cursor.execute(
            "SELECT count(*) FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE relkind = 'i' "
            "AND relname LIKE %s",
            [f"{name}%"],
        )
        assert cursor.fetchone() == (6,)


@pytest.mark.parametrize("age", [timedelta(0), DAY], ids=["today's", "yesterday's"])
def test_missing_partition_does_not_stop_ingest(
    now: datetime, regions: Regions, make_images: MakeImages, age: timedelta
) -> None:
    slot = now - age
    make_images(2)
    Resource.objects.update(next_due_at=slot, reference_since=slot)
    sent = batches(regions, slot)
    with connection.cursor() as cursor:
        for name in partitions.OUTCOMES.existing():
            cursor.execute(f"DROP TABLE {name}")
    for slug, batch in sent.items():
        assert ingest(regions[slug].report(batch), now=now + SECOND).stored == 2
    assert Outcome.objects.filter(slot=slot).count() == 6
    assert partitions.OUTCOMES.existing() == [f"probes_outcome_{slot:%Y%m%d}"]


def test_row_that_breaks_a_rule_is_no_missing_partition(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    check_everywhere(regions, now)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Outcome.objects.update(duration_ms=-1)
    assert not partitions.is_missing(refused.value)


def test_retention_drops_whole_days_with_their_outcomes(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    check_everywhere(regions, now)
    today = now.date()
    # A test that commits may have left the day of an older slot behind.
    partitions.drop_partitions(today + 12 * DAY, retention_days=14)
    assert partitions.drop_partitions(today + 14 * DAY, retention_days=14) == [
        f"probes_outcome_{today - offset * DAY:%Y%m%d}" for offset in (2, 1)
    ]
    assert Outcome.objects.count() == 3
    assert partitions.drop_partitions(today + 15 * DAY, retention_days=14) == [f"probes_outcome_{today:%Y%m%d}"]
    assert Outcome.objects.count() == 0


def test_ledger_and_missed_slots_are_kept_for_their_time(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    batches(regions, now)
    assert retention.drop_batches(before=now + SECOND) == 0
    missed.reap_batches(now=now + DAY)
    assert retention.drop_batches(before=now) == 0
    assert retention.drop_batches(before=now + SECOND) == 3
    assert retention.drop_missed(before=now) == 0
    assert retention.drop_missed(before=now + SECOND) == 3


def test_refusals_are_counted_and_logged_when_they_begin(
    now: datetime, db: None, caplog: pytest.LogCaptureFixture
) -> None:
    for minutes in (0, 1, 2, 70):
        refusals.note("results", "malformed", "a \0 detail", now=now + timedelta(minutes=minutes))
    refusals.note("results", "oversized", "x" * 999, now=now, times=3)
    counter = MessageRefusal.objects.get(cause="malformed")
    assert (counter.count, counter.first_seen_at, counter.last_seen_at) == (4, now, now + timedelta(minutes=70))
    assert counter.last_detail == "a  detail"
    assert MessageRefusal.objects.get(cause="oversized").count == 3
    assert [record.args for record in caplog.records] == [
        ("results", "malformed", "a  detail"),
        ("results", "malformed", "a  detail"),
        ("results", "oversized", "x" * 300),
    ]
