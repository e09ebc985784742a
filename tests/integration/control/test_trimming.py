"""Queues of regions that are away: what has expired goes, what has not stays, and every slot is accounted for."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django_celery_beat.schedulers import DatabaseScheduler
from kombu import Connection

from kairos.beat import Scheduler
from probes import tasks
from probes.actions import dispatch, enrolment, missed
from probes.actions import regions as region_actions
from probes.broker import trimming
from probes.broker.queues import MOST_ORDERS, MOST_WAITING
from probes.models import Batch, MissedSlots, Region, Resource
from probes.policy.slots import MissedCause
from probes.tasks import logins, publishing
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)
QUEUE = "probe.eu-west"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def client(broker: str) -> redis.Redis:
    return redis.Redis.from_url(broker)


def waiting(client: redis.Redis, queue: str = QUEUE) -> list[str]:
    """Return the ids of the batches in a queue, the oldest first."""
    entries: Any = client.lrange(queue, 0, -1)
    bodies = [json.loads(base64.b64decode(json.loads(entry)["body"])) for entry in reversed(entries)]
    return [json.loads(envelope["body"])["id"] for (envelope,), _, _ in bodies]


def send(now: datetime, **due: Any) -> list[str]:
    """Hand out and publish what is due at `now`; return the ids of the batches for the region."""
    Resource.objects.filter(**due).update(next_due_at=now)
    claimed = dispatch.claim_due(now)
    publishing.publish_on_commit(claimed.messages)
    sent = Batch.objects.filter(region__slug="eu-west", issued_at=now).order_by("expires_at")
    return [str(pk) for pk in sent.values_list("pk", flat=True)]


def away(regions: Regions, now: datetime) -> None:
    Region.objects.filter(pk=regions["eu-west"].row.pk).update(last_seen_at=now, silent_since=now)


def test_expired_batches_go_and_the_others_keep_their_order(
    now: datetime, regions: Regions, make_images: MakeImages, client: redis.Redis
) -> None:
    """Short and long intervals are mixed, so that what has expired lies between what has not."""
    make_images(interval_seconds=60)
    make_images(interval_seconds=3600)
    sent = [send(now + number * MINUTE) for number in range(30)]
    assert waiting(client) == [pk for minute in sent for pk in minute]
    later = now + 30 * MINUTE
    assert publishing.trim([QUEUE], now=later) == {QUEUE: 30}
    kept = waiting(client)
    assert kept == [pk for minute in sent for pk in minute[1:]]
    assert all(batch.expires_at > later for batch in Batch.objects.filter(pk__in=kept))
    assert publishing.trim([QUEUE], now=later) == {}


def test_what_was_trimmed_is_recorded_as_missed(
    now: datetime, regions: Regions, make_images: MakeImages, client: redis.Redis
) -> None:
    (image,) = make_images(interval_seconds=60)
    hours_ago = now - timedelta(hours=3)
    away(regions, hours_ago - MINUTE)
    for minute in range(5):
        send(hours_ago + minute * MINUTE)
    assert len(waiting(client)) == 5
    tasks.trim()
    assert waiting(client) == []
    missed.reap_batches(now=now)
    records = MissedSlots.objects.filter(region__slug="eu-west")
    assert [(record.resource_id, record.cause, record.count) for record in records] == [
        (image.pk, MissedCause.EXPIRED, 1)
    ] * 5
    assert set(records.values_list("first_slot", flat=True)) == {hours_ago + minute * MINUTE for minute in range(5)}


def test_queue_of_a_region_that_is_back_after_hours_holds_fresh_slots_only(
    now: datetime, regions: Regions, make_images: MakeImages, client: redis.Redis
) -> None:
    make_images(interval_seconds=60)
    away(regions, now)
    for minute in range(180):
        send(now + minute * MINUTE)
        publishing.trim([QUEUE], now=now + minute * MINUTE)
        assert len(waiting(client)) == 1
    back_at = now + 179 * MINUTE
    (fresh,) = waiting(client)
    assert Batch.objects.get(pk=fresh).slots == [back_at]


def test_queue_is_bounded_even_by_what_has_not_expired(
    now: datetime, regions: Regions, make_images: MakeImages, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checks asked for by hand are not kept from a full queue."""
    monkeypatch.setattr(publishing, "MOST_MESSAGES", 20)
    (image,) = make_images(interval_seconds=3600)
    for _ in range(25):
        publishing.publish_on_commit(dispatch.check_now([image.pk], ["eu-west"], now=now).messages)
        now += timedelta(seconds=1)
    sent = waiting(client)
    assert publishing.trim([QUEUE], now=now) == {QUEUE: 5}
    assert waiting(client) == sent[5:]


def test_what_cannot_be_read_goes_too(regions: Regions, client: redis.Redis) -> None:
    no_batch = base64.b64encode(json.dumps([[{"body": "{}"}], {}, {}]).encode()).decode()
    client.lpush(QUEUE, b"rubbish", b"{}", b"\xff", b"[" * 5000, json.dumps({"body": no_batch}), b'{"body": 1}')
    assert publishing.trim([QUEUE], now=datetime.now(UTC)) == {QUEUE: 6}


def test_queues_of_regions_that_are_there_are_left_alone(
    now: datetime, regions: Regions, make_images: MakeImages, client: redis.Redis
) -> None:
    make_images(interval_seconds=60)
    send(now - timedelta(hours=1))
    region_actions.pause([regions["us-east"].row.pk], now=now)
    region_actions.retire([regions["ap-south"].row.pk], now=now)
    tasks.trim()
    assert [len(waiting(client, f"probe.{slug}")) for slug in ("ap-south", "eu-west", "us-east")] == [0, 1, 0]


def test_queue_goes_with_its_region(
    now: datetime, regions: Regions, make_images: MakeImages, client: redis.Redis
) -> None:
    """With its account and its keys; and again, if a batch that was on its way has made it anew."""
    region = regions["eu-west"].row
    (image,) = make_images(interval_seconds=60)
    send(now)
    assert enrolment.retire([region.pk], now=now, logins=logins.at_the_broker()) == 1
    assert not client.exists(QUEUE)
    client.lpush(QUEUE, b"a batch that was on its way")
    tasks.trim()
    assert not client.exists(QUEUE)
    missed.reap_batches(now=now + timedelta(hours=1))
    record = MissedSlots.objects.get(region=region)
    assert (record.resource_id, record.count) == (image.pk, 1)


def test_worker_that_takes_meanwhile_is_no_hindrance(
    now: datetime, regions: Regions, make_images: MakeImages, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_images(interval_seconds=60)
    sent = [send(now + number * MINUTE)[0] for number in range(30)]
    lrange: Any = redis.Redis.lrange

    def lrange_and_take(self: redis.Redis, *args: Any) -> Any:
        entries = lrange(self, *args)
        client.rpop(QUEUE)
        return entries

    monkeypatch.setattr(redis.Redis, "lrange", lrange_and_take)
    publishing.trim([QUEUE], now=now + 20 * MINUTE)
    monkeypatch.undo()
    left = waiting(client)
    assert left == [pk for pk in sent if pk in left]
    assert set(left) >= set(sent[25:])


def test_beat_trims_and_does_so_seldom() -> None:
    entry = settings.CELERY_BEAT_SCHEDULE["trim"]
    assert (entry["task"], entry["schedule"]) == ("probes.trim", 60.0)


def test_what_beat_orders_of_a_control_worker_that_is_away_is_dropped(broker: str, client: redis.Redis) -> None:
    """Each task is ordered anew, and what is minutes old would be dropped by the worker unread."""
    client.lpush("control", *["an order"] * MOST_ORDERS)
    with Connection(broker) as connection:
        assert trimming.relieve(connection) == 0
        client.lpush("control", "one more")
        assert trimming.relieve(connection) == MOST_ORDERS + 1
    assert client.llen("control") == 0


def test_newest_heartbeats_stay_while_no_control_worker_takes_them(broker: str, client: redis.Redis) -> None:
    """Were there none, regions would seem to be silent."""
    most = MOST_WAITING["heartbeats"]
    client.lpush("heartbeats", *range(most + 5))
    with Connection(broker) as connection:
        assert trimming.relieve(connection) == 5
        assert trimming.relieve(connection) == 0
    assert client.lrange("heartbeats", 0, 0) == [str(most + 4).encode()]
    assert client.lrange("heartbeats", -1, -1) == [b"5"]
    client.delete("heartbeats")


def test_beat_looks_at_the_queues_once_in_a_while(
    broker: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(DatabaseScheduler, "apply_entry", lambda *_, **__: None)
    scheduler = Scheduler.__new__(Scheduler)
    with Connection(broker) as connection:
        producer = connection.Producer()
        for _ in range(2):
            client.lpush("control", *["an order"] * (MOST_ORDERS + 1))
            scheduler.apply_entry(None, producer=producer)
    assert caplog.text.count(f"dropped {MOST_ORDERS + 1} messages") == 1
    client.delete("control")
