"""The queues of regions that are away, on RabbitMQ: kept short, deleted with their region, every slot accounted for.

What Redis does is in `tests/integration/control/test_trimming.py`. RabbitMQ knows the expiry of a message, too, but
looks only at the head of a queue.
"""

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import amqp
import pytest
from celery import Celery
from django.db.models import Sum
from django.utils import timezone
from pytest_django.fixtures import Settings

from kairos.celery import app
from probes import tasks
from probes.actions import dispatch, enrolment, missed
from probes.broker.accounts import Accounts
from probes.broker.transports import guard_queues
from probes.models import Batch, MissedSlots, Region, Resource
from probes.policy.slots import MissedCause
from probes.tasks import logins, publishing
from tests.fakes.control_plane import ControlPlane
from tests.fakes.rabbitmq_server import VIRTUAL_HOST, RabbitServer
from tests.integration.rabbitmq.region import NO_PROPERTIES, RawMessage, raw_table
from tests.servers import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)
QUEUE = "probe.eu-west"

Waiting = Callable[[], list[str]]


@pytest.fixture(scope="module")
def guarded_app(rabbit_for_all: RabbitServer) -> Iterator[Celery]:
    guarded = Celery("control", broker=rabbit_for_all.url, fixups=[], set_as_current=False)
    guarded.conf.broker_transport_options = {"confirm_publish": True}
    guard_queues(guarded, {}, on_refused=lambda queue, cause, detail: None)
    yield guarded
    guarded.close()


@pytest.fixture(autouse=True)
def _control_plane_sends_over_rabbitmq(
    guarded_app: Celery, rabbit: RabbitServer, settings: Settings
) -> Iterator[None]:
    settings.KAIROS_BROKER = rabbit.address
    settings.KAIROS_BROKER_MANAGEMENT_URL = rabbit.management_url
    guarded_app.set_current()
    yield
    app.set_current()


@pytest.fixture
def channel(rabbit: RabbitServer) -> Iterator[Any]:
    """A channel of somebody who may do everything, and the region's queue."""
    with rabbit.connection() as connection:
        channel = connection.channel()
        channel.queue_declare(QUEUE, durable=True, auto_delete=False)
        yield channel


@pytest.fixture
def waiting(rabbit: RabbitServer, channel: Any) -> Waiting:
    """Return the ids of the batches in the region's queue, the oldest first."""

    def ids() -> list[str]:
        with rabbit.connection() as connection:  # all goes back into the queue when it closes
            looking = connection.channel()
            messages = iter(lambda: looking.basic_get(QUEUE), None)
            envelopes = [json.loads(message.body)[0][0] for message in messages]
        return [json.loads(envelope["body"])["id"] for envelope in envelopes]

    return ids


def send(now: datetime, **due: Any) -> list[str]:
    """Hand out and publish what is due at `now`; return the ids of the batches for the region."""
    Resource.objects.filter(**due).update(next_due_at=now)
    publishing.publish_on_commit(dispatch.claim_due(now).messages)
    sent = Batch.objects.filter(region__slug="eu-west", issued_at=now).order_by("expires_at")
    return [str(pk) for pk in sent.values_list("pk", flat=True)]


def check_now(image: Resource, now: datetime) -> str:
    """Ask for a check by hand, which a full queue does not prevent; return the id of its batch."""
    publishing.publish_on_commit(dispatch.check_now([image.pk], ["eu-west"], now=now).messages)
    return str(Batch.objects.get(region__slug="eu-west", issued_at=now).pk)


def test_expired_batches_go_and_the_others_keep_their_order(plane: ControlPlane, waiting: Waiting) -> None:
    """Short and long intervals are mixed, so that what has expired lies between what has not."""
    plane.image("ghcr.io/org/short:1", interval_seconds=60)
    plane.image("ghcr.io/org/long:1", interval_seconds=3600)
    now = timezone.now()
    sent = [send(now + number * MINUTE) for number in range(30)]
    assert waiting() == [pk for minute in sent for pk in minute]
    later = now + 30 * MINUTE
    assert publishing.trim([QUEUE], now=later) == {QUEUE: 30}
    assert waiting() == [pk for minute in sent for pk in minute[1:]]
    assert publishing.trim([QUEUE], now=later) == {}


def test_what_was_trimmed_is_recorded_as_missed(plane: ControlPlane, waiting: Waiting) -> None:
    image = plane.image(interval_seconds=60)
    now = timezone.now().replace(microsecond=0)
    for minute in range(5):
        send(now + minute * MINUTE)
    later = now + timedelta(hours=1)
    dropped = publishing.trim([QUEUE], now=later)
    assert (dropped, waiting()) == ({QUEUE: 5}, [])
    missed.reap_batches(now=later)
    records = MissedSlots.objects.filter(region__slug="eu-west")
    assert [(record.resource_id, record.cause, record.count) for record in records] == [
        (image.pk, MissedCause.EXPIRED, 1)
    ] * dropped[QUEUE]
    assert set(records.values_list("first_slot", flat=True)) == {now + minute * MINUTE for minute in range(5)}


def test_what_the_broker_drops_by_itself_is_recorded_as_missed(plane: ControlPlane, waiting: Waiting) -> None:
    plane.image(interval_seconds=60)
    now = timezone.now()
    for minute in range(5):
        send(now - timedelta(hours=3) + minute * MINUTE)
    wait_until(lambda: waiting() == [], 10, "what has expired to go")
    missed.reap_batches(now=now)
    records = MissedSlots.objects.filter(region__slug="eu-west", cause=MissedCause.EXPIRED)
    assert records.aggregate(Sum("count")) == {"count__sum": 5}


def test_what_has_expired_behind_what_has_not_is_out_of_the_broker(
    plane: ControlPlane, channel: Any, waiting: Waiting
) -> None:
    """RabbitMQ alone would keep it until somebody takes the first."""
    plane.image("ghcr.io/org/long:1", interval_seconds=3600)
    now = timezone.now()
    (fresh,) = send(now)
    plane.image("ghcr.io/org/short:1", interval_seconds=60)
    Region.objects.filter(slug="eu-west").update(silent_since=now)
    for minute in range(5):
        send(now - timedelta(hours=3) + minute * MINUTE, interval_seconds=60)
    time.sleep(1.5)  # a message that has expired is given a second
    assert channel.queue_declare(QUEUE, passive=True).message_count == 6
    tasks.trim()
    assert channel.queue_declare(QUEUE, passive=True).message_count == 1
    assert waiting() == [fresh]


def test_queue_is_bounded_even_by_what_has_not_expired(
    plane: ControlPlane, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "MOST_MESSAGES", 20)
    image = plane.image(interval_seconds=3600)
    now = timezone.now()
    sent = [check_now(image, now + timedelta(seconds=number)) for number in range(25)]
    assert publishing.trim([QUEUE], now=now) == {QUEUE: 5}
    assert waiting() == sent[5:]


def test_nothing_fresh_goes_where_there_is_room_once_the_expired_went(
    plane: ControlPlane, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue is longer than it may be by what has expired, which is its newer half."""
    monkeypatch.setattr(publishing, "MOST_MESSAGES", 20)
    lasting = plane.image("ghcr.io/org/long:1", interval_seconds=3600)
    brief = plane.image("ghcr.io/org/short:1", interval_seconds=60)
    now = timezone.now()
    fresh = [check_now(lasting, now + timedelta(seconds=number)) for number in range(15)]
    for number in range(15, 25):
        check_now(brief, now + timedelta(seconds=number))
    assert publishing.trim([QUEUE], now=now + 10 * MINUTE) == {QUEUE: 10}
    assert waiting() == fresh


def test_what_cannot_be_read_goes_too(channel: Any, waiting: Waiting) -> None:
    garbage = [
        *(amqp.Message(body) for body in (b"", b"rubbish", b"{}", b"\xff", b"[" * 5000)),
        amqp.Message(b'[[{"body": "{}"}], {}, {}]', content_type="application/json", content_encoding="utf-8"),
        RawMessage(b"[[{}], {}, {}]", raw_table(b"\x01\xffS\x00\x00\x00\x01x")),
        RawMessage(b"[[{}], {}, {}]", NO_PROPERTIES),
    ]
    for message in garbage:
        channel.basic_publish(message, routing_key=QUEUE)
    assert publishing.trim([QUEUE], now=timezone.now()) == {QUEUE: len(garbage)}
    assert waiting() == []


def test_queue_that_is_not_there_is_no_obstacle(channel: Any, plane: ControlPlane, waiting: Waiting) -> None:
    """RabbitMQ closes the channel on which it is asked for one."""
    for _ in range(publishing.CROWDED_AT_MESSAGES):
        channel.basic_publish(amqp.Message(b"{}"), routing_key=QUEUE)
    channel.queue_declare("probe.ap-south", durable=True, auto_delete=False)
    queues = ["probe.nowhere", QUEUE, "probe.nowhere", "probe.ap-south", "probe.elsewhere"]
    for _ in range(3):
        assert publishing.crowded(queues) == {QUEUE}
        assert publishing.trim(["probe.nowhere"], now=timezone.now()) == {}
    channel.queue_purge(QUEUE)
    plane.image(interval_seconds=60)
    assert send(timezone.now()) == waiting()


def test_queue_goes_with_its_region(plane: ControlPlane, accounts: Accounts, rabbit: RabbitServer) -> None:
    """With its account and its keys; and again, if a batch that was on its way has made it anew."""
    region = plane.region("eu-west")
    assert logins.at_the_broker().issue(region, now=timezone.now(), overlap=timedelta(0)) is not None
    plane.image(interval_seconds=60)
    (batch,) = send(timezone.now())
    with rabbit.api() as api:

        def is_there() -> bool:
            return QUEUE in {queue["name"] for queue in api.get("queues", VIRTUAL_HOST)}

        assert is_there()
        assert enrolment.retire([region.pk], now=timezone.now(), logins=logins.at_the_broker()) == 1
        assert accounts.names() == set()
        assert not is_there()

        with rabbit.connection() as late:
            late.channel().queue_declare(QUEUE, durable=True, auto_delete=False)
        assert is_there()
        for _ in range(2):  # that it is not there is no error
            tasks.trim()
            assert not is_there()
    missed.reap_batches(now=timezone.now() + timedelta(hours=1))
    assert Batch.objects.get(pk=batch).state != Batch.State.SENT
    assert MissedSlots.objects.get(region=region).count == 1
