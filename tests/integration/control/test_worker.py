"""A control worker as a process: what it survives, and what it lets by."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from celery import Celery, current_app
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from kombu import Exchange, Queue

from probes import tasks
from probes.actions import dispatch
from probes.models import Batch, ControlBeat, MessageRefusal, Outcome, Region, RegionEvent
from probes.policy.liveness import SILENT_AFTER
from tests.fakes.scraper import samples, value
from tests.integration.control.conftest import MakeImages, Regions
from tests.servers import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ROOT = Path(__file__).parents[3]
WAIT_SECONDS = 60.0


Send = Callable[..., None]


@pytest.fixture
def send(broker: str) -> Send:
    """Send a task with one argument, as a region does: by an app that knows no such task."""
    app = Celery("far", broker=broker, fixups=[], set_as_current=False)

    def send_one(task: str, argument: object, *, to: str = "results", times: int = 1) -> None:
        queue: Any = Queue(to, Exchange(""), routing_key=to)
        with app.producer_or_acquire() as producer:
            for _ in range(times):
                app.send_task(task, args=[argument], queue=queue, producer=producer)

    return send_one


@contextmanager
def running_worker(broker: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a control worker on the test's database and broker.

    Its command line was written for the version before, and names no queue for heartbeats.
    """
    address = connection.settings_dict
    place = f"{address['USER']}:{address['PASSWORD']}@{address['HOST']}:{address['PORT']}"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "celery", "--quiet", "--app", "kairos", "worker", "--concurrency", "1"),
            *("--queues", "control,results", "--without-gossip", "--without-mingle"),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": f"postgresql://{place}/{address['NAME']}",
            "BROKER_URL": broker,
            "KAIROS_STATE_DIR": str(settings.KAIROS_STATE_DIR),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def worker(broker: str, db: None) -> Iterator[subprocess.Popen[bytes]]:
    with running_worker(broker) as process:
        yield process


def test_worker_takes_reports_in_between_rubbish(
    now: datetime, regions: Regions, make_images: MakeImages, worker: subprocess.Popen[bytes], broker: str, send: Send
) -> None:
    make_images()
    reports = {}
    for message in dispatch.claim_due(now).messages:
        region = regions[message.queue.removeprefix("probe.")]
        reports[region.slug] = region.report(region.open(message))
    with redis.Redis.from_url(broker) as client:
        for slug, report in reports.items():
            client.lpush("results", b"\xff rubbish", b'{"body": 1}')
            send("probes.ingest", report)
            send("probes.ingest", report)
            send("probes.heartbeat", regions[slug].heartbeat())
        send("probes.tick", {})

    def all_taken() -> bool:
        with redis.Redis.from_url(broker) as client:
            is_empty = not client.llen("results") and not client.hlen("unacked")
        return is_empty and Region.objects.filter(last_seen_at__isnull=False).count() == 3

    wait_until(all_taken, WAIT_SECONDS, "every message to be taken", alive=worker)
    assert Outcome.objects.count() == 3
    assert dict(MessageRefusal.objects.values_list("cause", "count")) == {
        "malformed": 3,
        "content_type": 3,
        "replayed": 3,
        "unknown_task": 1,
    }


def test_heartbeats_are_taken_while_two_thousand_reports_wait(
    now: datetime, regions: Regions, make_images: MakeImages, worker: subprocess.Popen[bytes], broker: str, send: Send
) -> None:
    """And no region turns silent, though each was heard a minute ago and it is asked who is."""
    make_images()
    message = next(m for m in dispatch.claim_due(now).messages if m.queue == "probe.eu-west")
    region = regions["eu-west"]
    send("probes.ingest", region.report(region.open(message)), times=2000)
    wait_until(Outcome.objects.exists, WAIT_SECONDS, "the worker to begin", alive=worker)
    a_minute_ago = timezone.now() - SILENT_AFTER
    Region.objects.update(last_seen_at=a_minute_ago)
    ControlBeat.objects.create(ticked_at=timezone.now(), running_since=a_minute_ago - SILENT_AFTER)
    for region in regions.values():
        send("probes.heartbeat", region.heartbeat(), to="heartbeats")
    sent_at = timezone.now()
    current_app.send_task("probes.reap")

    def are_heard() -> bool:
        return not Region.objects.filter(last_seen_at=a_minute_ago).exists()

    with redis.Redis.from_url(broker) as client:
        wait_until(are_heard, WAIT_SECONDS, "the heartbeats to be taken", alive=worker)
        assert timezone.now() - sent_at < timedelta(seconds=5)
        assert client.llen("results") > 1000
        wait_until(lambda: not client.llen("control"), WAIT_SECONDS, "the question who is silent", alive=worker)
        client.delete("results")
    assert not RegionEvent.objects.filter(after="silent").exists()


def test_reports_that_wait_for_a_worker_are_told_to_wait_until_one_has_read_them(
    now: datetime, regions: Regions, make_images: MakeImages, broker: str, send: Send, admin_client: Client
) -> None:
    """Also while there is none that could tell of it, and while one only hands out checks."""

    def empty_at(queue: str) -> float:
        return value(samples(admin_client, "kairos_queue_last_empty_timestamp_seconds"), queue=queue)

    make_images()
    messages = dispatch.claim_due(now).messages
    tasks.tick()
    sent_at = timezone.now().timestamp()
    assert empty_at("results") < sent_at
    for message in messages:
        region = regions[message.queue.removeprefix("probe.")]
        send("probes.ingest", region.report(region.open(message)))
    before = empty_at("results")
    tasks.tick()
    assert empty_at("results") == before
    assert empty_at("heartbeats") >= sent_at

    def is_read() -> bool:
        current_app.send_task("probes.tick")
        return empty_at("results") >= sent_at

    with running_worker(broker) as worker:
        wait_until(is_read, WAIT_SECONDS, "the worker to have read them", alive=worker)
        assert Outcome.objects.count() == len(messages) == 3


def test_rubbish_without_end_keeps_no_order_waiting(db: None, worker: subprocess.Popen[bytes], broker: str) -> None:
    """What is refused reads as an empty pop, and kombu's round robin would look into the same queue again."""
    with redis.Redis.from_url(broker) as client:
        client.lpush("results", *[b"\xff rubbish"] * 5000)
        wait_until(MessageRefusal.objects.exists, WAIT_SECONDS, "the worker to begin", alive=worker)
        current_app.send_task("probes.tick")
        wait_until(ControlBeat.objects.exists, WAIT_SECONDS, "a tick", alive=worker)
        assert client.llen("results") > 1000
        client.delete("results")


def test_report_survives_the_process_that_was_taking_it_in(
    now: datetime, regions: Regions, make_images: MakeImages, worker: subprocess.Popen[bytes], send: Send
) -> None:
    make_images(3)
    message = next(m for m in dispatch.claim_due(now).messages if m.queue == "probe.eu-west")
    region = regions["eu-west"]
    report = region.report(region.open(message))

    def is_waiting_for_us() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return bool(cursor.fetchone()[0])

    with transaction.atomic():
        Batch.objects.select_for_update().get(region=region.row)
        send("probes.ingest", report)
        wait_until(is_waiting_for_us, WAIT_SECONDS, "the worker to be in the middle of it", alive=worker)
        (child,) = psutil.Process(worker.pid).children()
        child.kill()
    wait_until(lambda: Outcome.objects.count() == 3, WAIT_SECONDS, "another process to take it in", alive=worker)
    assert Batch.objects.get(region=region.row).state == Batch.State.REPORTED
    assert not MessageRefusal.objects.exists()
