"""What a stopping worker returned is handed out once more, for the same slot and while there is time."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
import redis
from django.db import connection
from django.test.utils import CaptureQueriesContext

from probes import tasks
from probes.actions import dispatch, enrolment, missed, reports
from probes.actions import regions as region_actions
from probes.actions.ingest import Ingested, ingest
from probes.models import Batch, MessageRefusal, MissedSlots, Outcome, Resource
from probes.policy.slots import MissedCause
from probes.protocol.batch import Batch as WireBatch
from probes.protocol.batch import Returned
from probes.protocol.taxonomy import Depth
from probes.trust.envelope import Kind
from tests.fakes.far_region import FarRegion, images
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
SECONDS_OF_INTERVAL = 300


@pytest.fixture
def region(regions: Regions) -> FarRegion:
    """A region with a worker of today's version; without a heartbeat it is spoken to in the oldest."""
    region = regions["eu-west"]
    region_actions.record_heartbeat(region.heartbeat(), now=datetime.now(UTC))
    return region


def taken(region: FarRegion, now: datetime) -> WireBatch:
    """Claim what is due, and open the region's one batch."""
    (message,) = (item for item in dispatch.claim_due(now).messages if item.queue == region.row.queue)
    return region.open(message)


def second(region: FarRegion, ingested: Ingested) -> WireBatch:
    (message,) = ingested.messages
    return region.open(message)


def missed_in(region: FarRegion) -> list[tuple[str, str]]:
    records = MissedSlots.objects.filter(region=region.row).order_by("resource")
    return [(str(record.resource_id), record.cause) for record in records]


def test_returned_checks_are_handed_out_again_for_the_same_slots(
    now: datetime, region: FarRegion, make_images: MakeImages
) -> None:
    make_images(3, interval_seconds=SECONDS_OF_INTERVAL)
    first = taken(region, now)
    ingested = ingest(region.report(first, returned=first.plans[1:]), now=now + SECOND)
    assert ingested.stored == 1
    assert missed_in(region) == []
    again = second(region, ingested)
    assert again.id != first.id
    assert [(plan.key, plan.slot) for plan in again.plans] == [(plan.key, plan.slot) for plan in first.plans[1:]]
    assert (again.issued_at, again.expires_at) == (now + SECOND, first.expires_at)
    row = Batch.objects.get(pk=again.id)
    assert (row.state, row.is_second, row.slots) == (Batch.State.SENT, True, [now, now])
    assert ingest(region.report(again), now=now + 2 * SECOND).stored == 2
    assert Outcome.objects.filter(region=region.row, slot=now).count() == 3


def test_check_is_handed_out_again_only_once(now: datetime, region: FarRegion, make_images: MakeImages) -> None:
    make_images(2, interval_seconds=SECONDS_OF_INTERVAL)
    first = taken(region, now)
    again = second(region, ingest(region.report(first, returned=first.plans), now=now))
    ingested = ingest(region.report(again, returned=again.plans[:1]), now=now)
    assert (ingested.stored, ingested.messages) == (1, [])
    assert missed_in(region) == [(again.plans[0].key, MissedCause.LOST)]


def test_check_that_comes_back_too_late_is_recorded_as_missed(
    now: datetime, region: FarRegion, make_images: MakeImages
) -> None:
    make_images(interval_seconds=SECONDS_OF_INTERVAL)
    first = taken(region, now)
    assert ingest(region.report(first, returned=first.plans), now=first.expires_at).messages == []
    assert missed_in(region) == [(first.plans[0].key, MissedCause.LOST)]


def test_check_of_a_batch_that_was_given_up_is_not_recorded_twice(
    now: datetime, region: FarRegion, make_images: MakeImages
) -> None:
    make_images(interval_seconds=SECONDS_OF_INTERVAL)
    first = taken(region, now)
    gone = first.expires_at + timedelta(seconds=missed.LOST_AFTER_SECONDS + 1)
    missed.reap_batches(now=gone)
    assert ingest(region.report(first, returned=first.plans), now=gone).messages == []
    assert len(missed_in(region)) == 1


def test_second_batch_that_never_comes_back_is_given_up_as_any_other(
    now: datetime, region: FarRegion, make_images: MakeImages
) -> None:
    make_images(interval_seconds=SECONDS_OF_INTERVAL)
    first = taken(region, now)
    ingest(region.report(first, returned=first.plans), now=now + SECOND)
    missed.reap_batches(now=first.expires_at + timedelta(seconds=missed.LOST_AFTER_SECONDS + 1))
    assert len(missed_in(region)) == 1


def test_region_that_gets_no_checks_any_more_does_not_get_its_own_back(
    now: datetime, region: FarRegion, make_images: MakeImages
) -> None:
    make_images(interval_seconds=SECONDS_OF_INTERVAL)
    first = taken(region, now)
    region_actions.pause([region.row.pk], now=now)
    assert ingest(region.report(first, returned=first.plans), now=now).messages == []
    assert missed_in(region) == [(first.plans[0].key, MissedCause.LOST)]


def test_region_that_is_retired_while_its_report_is_read_has_its_slots_recorded(
    now: datetime, region: FarRegion, make_images: MakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_images(interval_seconds=SECONDS_OF_INTERVAL)
    first = taken(region, now)
    receive = reports.receive

    def receive_before_it_is_retired(envelope: object, *, now: datetime) -> reports.Received:
        received = receive(envelope, now=now)
        enrolment.retire([region.row.pk], now=now)
        return received

    monkeypatch.setattr(reports, "receive", receive_before_it_is_retired)
    assert ingest(region.report(first, returned=first.plans), now=now).messages == []
    assert missed_in(region) == [(first.plans[0].key, MissedCause.LOST)]


def test_image_that_is_gone_or_another_since_is_not_handed_out_again(
    now: datetime, region: FarRegion, make_images: MakeImages
) -> None:
    doomed, other, kept = make_images(3, interval_seconds=SECONDS_OF_INTERVAL)
    first = taken(region, now)
    doomed.delete()
    Resource.objects.filter(pk=other.pk).update(reference_since=now + SECOND)
    again = second(region, ingest(region.report(first, returned=first.plans), now=now + 2 * SECOND))
    assert [plan.key for plan in again.plans] == [str(kept.pk)]
    assert missed_in(region) == []


def test_check_asked_for_by_hand_is_as_deep_the_second_time(
    now: datetime, region: FarRegion, make_images: MakeImages
) -> None:
    (image,) = make_images()
    (message,) = dispatch.check_now([image.pk], ["eu-west"], depth=Depth.BLOBS, now=now).messages
    first = region.open(message)
    again = second(region, ingest(region.report(first, returned=first.plans), now=now + SECOND))
    assert (images(again)[0].depth, again.plans[0].slot) == (Depth.BLOBS, first.plans[0].slot)


def test_returned_checks_that_nobody_asked_for_are_refused(
    now: datetime, region: FarRegion, make_images: MakeImages
) -> None:
    make_images(2, interval_seconds=SECONDS_OF_INTERVAL)
    first = taken(region, now)
    body = json.loads(region.report(first, returned=first.plans[1:])["body"])
    stranger = Returned(key="999999", slot=first.plans[0].slot).to_json()
    found = Returned(key=first.plans[0].key, slot=first.plans[0].slot).to_json()
    body["returned"] += [stranger, found, body["returned"][0], "no check", {"key": "one", "slot": ""}]
    ingested = ingest(region.sign(Kind.REPORT, body), now=now)
    assert (ingested.stored, ingested.refused) == (1, 5)
    assert dict(MessageRefusal.objects.values_list("cause", "count")) == {
        "unsolicited": 1,
        "replayed": 2,
        "malformed": 2,
    }
    assert [plan.key for plan in second(region, ingested).plans] == [first.plans[1].key]


def test_returned_checks_take_the_same_queries_for_many_as_for_few(
    now: datetime, region: FarRegion, make_images: MakeImages
) -> None:
    def queries(count: int, due: datetime) -> int:
        make_images(count)
        first = taken(region, due)
        assert len(first.plans) == count
        with CaptureQueriesContext(connection) as captured:
            ingest(region.report(first, returned=first.plans), now=due)
        return len(captured)

    few = queries(2, now)
    assert queries(97, now + SECOND) == few <= 25


@pytest.mark.django_db(transaction=True)
def test_task_publishes_what_was_returned(region: FarRegion, make_images: MakeImages, broker: str) -> None:
    make_images(interval_seconds=SECONDS_OF_INTERVAL)
    now = datetime.now(UTC).replace(microsecond=0)
    Resource.objects.update(next_due_at=now)
    first = taken(region, now)
    tasks.ingest(region.report(first, returned=first.plans))
    with redis.Redis.from_url(broker) as client:
        raw = client.rpop(region.row.queue)
    assert isinstance(raw, bytes)
    (envelope,), _, _ = json.loads(base64.b64decode(json.loads(raw)["body"]))
    assert json.loads(envelope["body"])["plans"][0]["slot"] == first.plans[0].slot
