"""The tasks as Celery runs them, on the real broker."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from celery.exceptions import Reject
from django.db import IntegrityError, OperationalError, connection, transaction
from kombu.exceptions import OperationalError as BrokerError
from pytest_django.fixtures import Settings

from kairos.celery import app
from probes import tasks
from probes.actions import enrolment, partitions, refusals
from probes.actions import regions as region_actions
from probes.actions.ingest import Ingested
from probes.actions.plans import Message
from probes.broker.entry import screen
from probes.models import (
    Batch,
    ControlBeat,
    MessageRefusal,
    MissedSlots,
    Outcome,
    Region,
    RegionKey,
    Resource,
    RollUpProgress,
)
from probes.tasks import publishing, results
from tests.fakes.far_region import FarRegion
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db(transaction=True)

RUN_BATCH = {"probes.edge.run_batch"}
Queue = Callable[[str], list[bytes]]


@pytest.fixture
def queue(broker: str) -> Queue:
    """Return what waits in a queue, the oldest first."""

    def waiting(name: str) -> list[bytes]:
        with redis.Redis.from_url(broker) as client:
            entries: Any = client.lrange(name, 0, -1)
            return list(reversed(entries))

    return waiting


def envelope_of(entry: bytes) -> dict[str, Any]:
    (envelope,), _, _ = json.loads(base64.b64decode(json.loads(entry)["body"]))
    assert isinstance(envelope, dict)
    return envelope


def test_tick_publishes_what_is_due_so_that_regions_take_it(
    regions: Regions, make_images: MakeImages, queue: Queue
) -> None:
    make_images(2)
    Resource.objects.update(next_due_at=datetime.now(UTC))
    tasks.tick()
    for slug in regions:
        (entry,) = queue(f"probe.{slug}")
        screen(entry, queue=f"probe.{slug}", tasks=RUN_BATCH)
        assert envelope_of(entry)["recipient"] == slug
    assert Batch.objects.count() == 3
    tasks.tick()
    assert len(queue("probe.eu-west")) == 1


def test_tick_stamps_the_beat_and_makes_today_s_partition(broker: str, db: None) -> None:
    today = datetime.now(UTC).date()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE probes_outcome_{today:%Y%m%d}")
    tasks.tick()
    assert datetime.now(UTC) - ControlBeat.objects.get().ticked_at < timedelta(seconds=30)
    assert partitions.ensure_partitions(today) == []


@pytest.mark.parametrize(("queue", "other"), [("results", "heartbeats"), ("heartbeats", "results")])
def test_tick_notes_which_queues_are_read_to_their_end(broker: str, db: None, queue: str, other: str) -> None:
    def empty_at(name: str) -> datetime:
        at: datetime = ControlBeat.objects.values_list(f"{name}_empty_at", flat=True).get()
        return at

    tasks.tick()
    with redis.Redis.from_url(broker) as client:
        client.lpush(queue, "a message")
        before = empty_at(queue)
        tasks.tick()
        assert empty_at(queue) == before < empty_at(other)
        client.delete(queue)
        read_at = datetime.now(UTC)
        tasks.tick()
        assert empty_at(queue) >= read_at


def test_full_queue_gets_no_more_and_its_slots_are_shed(
    regions: Regions, make_images: MakeImages, queue: Queue, broker: str
) -> None:
    with redis.Redis.from_url(broker) as client:
        client.lpush("probe.eu-west", *["{}"] * publishing.CROWDED_AT_MESSAGES)
        client.lpush("probe.us-east", *["{}"] * (publishing.CROWDED_AT_MESSAGES - 1))
    make_images()
    Resource.objects.update(next_due_at=datetime.now(UTC))
    tasks.tick()
    assert len(queue("probe.eu-west")) == publishing.CROWDED_AT_MESSAGES
    assert len(queue("probe.us-east")) == publishing.CROWDED_AT_MESSAGES
    assert MissedSlots.objects.get().region == regions["eu-west"].row


def test_nothing_is_claimed_while_the_broker_is_away(
    regions: Regions, make_images: MakeImages, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_images()
    Resource.objects.update(next_due_at=datetime.now(UTC))

    def refuse(*_: object, **__: object) -> None:
        raise BrokerError("connection refused")

    monkeypatch.setattr("probes.tasks.publishing.current_app.connection_or_acquire", refuse)
    with pytest.raises(BrokerError):
        tasks.tick()
    assert not Batch.objects.exists()
    assert Resource.objects.get().next_due_at <= datetime.now(UTC)


def test_messages_of_a_rolled_back_transaction_are_not_sent(regions: Regions, queue: Queue) -> None:
    message = Message("probe.eu-west", {"v": 1}, datetime.now(UTC), checks=1)
    with transaction.atomic():
        tasks.publish_on_commit([message])
        transaction.set_rollback(True)
    assert queue("probe.eu-west") == []


def test_report_and_heartbeat_are_taken_in(regions: Regions, make_images: MakeImages, queue: Queue) -> None:
    make_images()
    Resource.objects.update(next_due_at=datetime.now(UTC))
    tasks.tick()
    region = regions["eu-west"]
    (entry,) = queue("probe.eu-west")
    message = Message("probe.eu-west", envelope_of(entry), datetime.now(UTC), checks=1)
    tasks.ingest(region.report(region.open(message)))
    tasks.heartbeat(region.heartbeat())
    assert Outcome.objects.get().region == region.row
    assert Region.objects.get(slug="eu-west").last_seen_at is not None


@pytest.mark.parametrize(("task", "queue"), [(tasks.ingest, "results"), (tasks.heartbeat, "heartbeats")])
def test_refused_message_is_counted_and_dropped(task: Callable[[Any], None], queue: str, db: None) -> None:
    task({"not": "an envelope"})
    task("nor this")
    assert list(MessageRefusal.objects.values_list("queue", "cause", "count")) == [(queue, "malformed", 2)]


def test_message_is_held_while_the_database_is_away_then_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = []

    def fail(*_: object, **__: object) -> None:
        attempts.append(1)
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(results, "take_in", fail)
    monkeypatch.setattr(results, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(results, "PAUSE_SECONDS", 0.02)
    with pytest.raises(Reject) as rejected:
        tasks.ingest({})
    assert rejected.value.args[1]  # requeue
    assert len(attempts) > 1


def test_message_survives_a_database_that_comes_back(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    answers = iter([OperationalError("the server closed the connection"), None])
    note = refusals.note

    def falter(*arguments: Any, **values: Any) -> None:
        if error := next(answers):
            raise error
        note(*arguments, **values)

    monkeypatch.setattr(refusals, "note", falter)
    monkeypatch.setattr(results, "PAUSE_SECONDS", 0.01)
    tasks.heartbeat("not an envelope")
    assert MessageRefusal.objects.get().count == 1


def test_report_survives_that_something_is_deleted_meanwhile(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    """A channel or an account that is gone is noticed only when all is committed; the report is no less true."""
    answers = iter([IntegrityError("notice refers to no channel"), None])
    attempts = []

    def falter(*_: object, **__: object) -> Ingested:
        attempts.append(1)
        if error := next(answers):
            raise error
        return Ingested(stored=1, refused=0, changes=[])

    monkeypatch.setattr(results, "take_in", falter)
    tasks.ingest({})
    assert len(attempts) == 2


def test_report_that_stays_at_odds_with_a_constraint_is_no_endless_work(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = []

    def fail(*_: object, **__: object) -> None:
        attempts.append(1)
        raise IntegrityError("the same each time")

    monkeypatch.setattr(results, "take_in", fail)
    with pytest.raises(IntegrityError):
        tasks.ingest({})
    assert len(attempts) == 1 + results.OVERTAKEN_AT_MOST


def test_reap_gives_up_what_is_overdue(regions: Regions, make_images: MakeImages, broker: str) -> None:
    make_images()
    Resource.objects.update(next_due_at=datetime.now(UTC))
    tasks.tick()
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    Batch.objects.update(issued_at=long_ago - timedelta(seconds=1), expires_at=long_ago)
    region_actions.record_heartbeat(regions["eu-west"].heartbeat(), now=long_ago)
    ControlBeat.objects.update(running_since=long_ago)
    tasks.reap()
    assert MissedSlots.objects.count() == 3
    assert Region.objects.get(slug="eu-west").silent_since == long_ago


def test_reap_calls_nobody_silent_while_heartbeats_wait_at_the_broker(regions: Regions, broker: str) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    region_actions.record_heartbeat(regions["eu-west"].heartbeat(), now=long_ago)
    tasks.tick()
    ControlBeat.objects.update(running_since=long_ago)
    with redis.Redis.from_url(broker) as client:
        client.lpush("heartbeats", "a heartbeat")
        tasks.reap()
        assert not Region.objects.filter(silent_since__isnull=False).exists()
        client.delete("heartbeats")
        client.lpush("results", "a report")
        tasks.reap()
        assert Region.objects.get(slug="eu-west").silent_since == long_ago
        client.delete("results")


@pytest.mark.parametrize("queue", ["heartbeats", "results"])
def test_reap_ends_no_keys_while_something_waits_at_the_broker(regions: Regions, broker: str, queue: str) -> None:
    """What waits may be signed with those before, and would be refused when it is read."""
    now = datetime.now(UTC)
    old = regions["eu-west"]
    region_actions.record_heartbeat(old.heartbeat(), now=now - timedelta(minutes=9))
    new = FarRegion(old.row, enrolment.rotate("eu-west", now=now - timedelta(minutes=8)).keys)
    for number in range(1, 8):
        region_actions.record_heartbeat(new.heartbeat(number), now=now - timedelta(minutes=7 - number))
    with redis.Redis.from_url(broker) as client:
        client.lpush(queue, "a message")
        tasks.reap()
        client.delete(queue)
    assert RegionKey.objects.valid(datetime.now(UTC)).filter(region=old.row).count() == 2
    tasks.reap()
    assert RegionKey.objects.valid(datetime.now(UTC)).filter(region=old.row).count() == 1


def test_partitions_task_makes_and_drops_days(settings: Settings, db: None) -> None:
    today = datetime.now(UTC).date()
    partitions.ensure_partitions(today - timedelta(days=40), days_ahead=0)
    settings.KAIROS_RETENTION_DAYS = settings.KAIROS_FAILURES_RETENTION_DAYS = 1
    tasks.partitions()
    assert partitions.drop_partitions(today, retention_days=1) == []
    assert partitions.ensure_partitions(today) == [f"probes_outcome_{today - timedelta(days=2):%Y%m%d}"]


def test_rollup_leaves_while_another_process_does_what_takes_long(db: None) -> None:
    """So of two processes one is left for ticks and reports, whatever there is to be sent and summed up."""
    now = datetime.now(UTC)
    some_hours_ago = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=4)
    RollUpProgress.objects.create(unit="hour", starts_at=some_hours_ago, finished_at=now)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [0x6E6F7469636573])
        tasks.rollup()
        assert RollUpProgress.objects.count() == 1
        cursor.execute("SELECT pg_advisory_unlock(%s)", [0x6E6F7469636573])
    other.close()
    tasks.rollup()
    assert RollUpProgress.objects.filter(finished_at__gt=some_hours_ago).count() > 1


def test_every_task_has_its_stable_name_and_queue() -> None:
    queues = {name: app.amqp.router.route({}, name)["queue"].name for name in app.tasks if name.startswith("probes.")}
    assert queues == {
        "probes.accounts": "control",
        "probes.expiry": "control",
        "probes.heartbeat": "heartbeats",
        "probes.ingest": "results",
        "probes.notices": "control",
        "probes.partitions": "control",
        "probes.reap": "control",
        "probes.rollup": "control",
        "probes.scopes": "control",
        "probes.tags": "control",
        "probes.tick": "control",
        "probes.trim": "control",
    }
