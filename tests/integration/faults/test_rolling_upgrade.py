"""Every program that handles a check is replaced, again and again, while it handles some; no slot is lost.

Nor is one while the keys of a region are changed, whose workers are restarted one after the other with the new file.
"""

import logging
import math
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import psutil
import pytest
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from probes.actions import enrolment, region_keys, resources, secrets
from probes.models import Batch, Credential, MessageRefusal, Outcome, RegionKey, Registry, Resource
from probes.models.control import ControlBeat
from probes.trust.keys import RegionKeys
from tests.fakes.held_registry import HeldRegistry
from tests.fakes.pipeline import Pipeline, running_pipeline
from tests.integration.faults import accounts

pytestmark = pytest.mark.slow

SHORTEST_INTERVAL_SECONDS = 15
BACK_SECONDS = 60
ROUNDS = 3
REGION = "eu-west"
WORKERS = ("edge-eu-west", "edge-eu-west-2")
STOP_SECONDS = 10.0
LOGIN_INTERVAL_SECONDS = 10
ROUND_SECONDS = 30.0

_log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def pipeline(
    pytestconfig: pytest.Config, django_db_blocker: DjangoDbBlocker, registry: HeldRegistry
) -> Iterator[Pipeline]:
    with running_pipeline(pytestconfig, django_db_blocker, regions=(REGION,)) as pipeline:
        pipeline.add_registry(registry.authority, plain_http=True)
        yield pipeline


@pytest.fixture
def pair(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """Two workers of the region, until the test ends."""
    pipeline.processes.start_another(*WORKERS)
    yield WORKERS
    assert pipeline.processes.stop([WORKERS[1]], STOP_SECONDS) == []


@pytest.fixture
def images(pipeline: Pipeline, registry: HeldRegistry) -> Iterator[list[Resource]]:
    """Eight images, half of them in repositories under `held/`, checked until the test ends.

    Their interval is twice as long as the control plane is away when it is renewed: seconds, and many of them on a
    busy machine. A slot that comes and is over while nobody is there to hand it out is missed, and rightly so. How
    long that may take is not judged here, as nothing is by the clock of a busy machine.
    """
    interval_seconds = max(SHORTEST_INTERVAL_SECONDS, math.ceil(2 * seconds_of_a_renewal(pipeline)))
    names = [f"{place}/{place}-{number}" for place in ("held", "free") for number in range(4)]
    references = [f"{registry.authority}/{name}:1" for name in names]
    images = pipeline.add_images(*references, depth="resolve", interval_seconds=interval_seconds)
    yield images
    resources.pause([image.pk for image in images], now=timezone.now())


def seconds_of_a_renewal(pipeline: Pipeline) -> float:
    """Renew the control plane; return how long it takes until it hands out checks again."""
    began = time.monotonic()
    pipeline.renew("control")
    ticked = ControlBeat.objects.filter(ticked_at__gt=timezone.now())
    pipeline.wait_for(ticked.exists, BACK_SECONDS, "the control plane to be back")
    return time.monotonic() - began


def worker_in_the_middle_of_it(pipeline: Pipeline, registry: HeldRegistry, pair: tuple[str, str]) -> str:
    """Return a worker that the registry keeps waiting."""
    return next(
        name
        for name in pair
        for connection in psutil.Process(pipeline.processes.pids[name]).net_connections("tcp")
        if connection.laddr.port in registry.ports
    )


def test_rolling_upgrade_of_workers_and_control_plane_loses_no_slot(
    pipeline: Pipeline, registry: HeldRegistry, pair: tuple[str, str], images: list[Resource]
) -> None:
    interval_seconds, deaths = images[0].interval_seconds, list(pipeline.deaths)
    second = Batch.objects.filter(is_second=True, issued_at__gt=timezone.now())
    answered = second.exclude(state=Batch.State.SENT)
    for number in range(ROUNDS):
        with registry.holding("eu-west", "held/"):
            pipeline.wait_for(lambda: registry.waiting["eu-west"] > 0, 2 * interval_seconds, "checks to hang")
            pipeline.renew(worker_in_the_middle_of_it(pipeline, registry, pair))
        # Now what it returned is on its way to the control plane, or back to the region already.
        pipeline.renew("control")
        # What is returned twice is missed, and rightly so: each upgrade meets checks that none has met before.
        returned = partial(lambda number: answered.count() > number, number)
        pipeline.wait_for(returned, 3 * interval_seconds, "what was returned to be checked")
    sent = Batch.objects.filter(state=Batch.State.SENT, issued_at__lte=timezone.now())
    pipeline.wait_for(lambda: not sent.exists(), 3 * interval_seconds, "every batch to be answered")
    _log.warning(
        "%d batches were returned and handed out again in %d upgrades, with an interval of %d s",
        second.count(),
        ROUNDS,
        interval_seconds,
    )
    assert second.count() >= ROUNDS
    books = accounts.drawn_up(images)
    assert accounts.errors(books) == []
    assert accounts.missed(books) == {}
    assert not Outcome.objects.filter(resource__in=images, reason="probe_aborted").exists()
    assert pipeline.deaths == deaths


@pytest.fixture
def images_behind_a_login(pipeline: Pipeline, registry: HeldRegistry) -> Iterator[list[Resource]]:
    """Images of a registry with a login, each due every ten seconds: a check whose secret does not open fails."""
    credential = Credential(registry=Registry.objects.get(host=registry.authority), username="robot")
    secrets.store_secret(credential, password="correct-horse", now=timezone.now())
    references = [f"{registry.authority}/team/app-{number}:1" for number in range(8)]
    images = [
        pipeline.add_image(reference, depth="resolve", interval_seconds=LOGIN_INTERVAL_SECONDS)
        for reference in references
    ]
    yield images
    resources.pause([image.pk for image in images], now=timezone.now())


def wait_for_a_round(pipeline: Pipeline, images: list[Resource]) -> None:
    """Wait until every image has an outcome of a slot that is yet to come."""
    now = timezone.now()

    fresh = Outcome.objects.filter(resource__in=images, slot__gt=now).values("resource").distinct()
    pipeline.wait_for(lambda: fresh.count() == len(images), ROUND_SECONDS, "an outcome of every image")


def refusals() -> int:
    """Return how many messages were refused so far."""
    return sum(MessageRefusal.objects.values_list("count", flat=True))


def test_no_check_is_lost_while_keys_are_changed(
    pipeline: Pipeline,
    pair: tuple[str, str],
    images_behind_a_login: list[Resource],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images, refused, deaths = images_behind_a_login, refusals(), list(pipeline.deaths)
    wait_for_a_round(pipeline, images)

    issued = enrolment.rotate(REGION, now=timezone.now())
    assert enrolment.put_here(issued.keys) == pipeline.region_key_file(REGION)
    wait_for_a_round(pipeline, images)  # both workers still have the keys before
    pipeline.renew(pair[0])
    wait_for_a_round(pipeline, images)  # each has its own
    assert region_keys.end_replaced(now=timezone.now()) == []
    pipeline.renew(pair[1])

    # Not for two minutes, so that the test does not take them.
    monkeypatch.setattr(region_keys, "SETTLED_AFTER", timedelta(seconds=15))
    pipeline.wait_for(lambda: region_keys.end_replaced(now=timezone.now()), 60, "the keys before to end")
    (valid,) = RegionKey.objects.valid(timezone.now())
    assert valid.verify_key == RegionKeys.load(pipeline.region_key_file(REGION)).public.verify_key_text
    wait_for_a_round(pipeline, images)  # sealed to the new key alone

    resources.pause([image.pk for image in images], now=timezone.now())
    pipeline.wait_for(lambda: not accounts.in_flight(), ROUND_SECONDS, "every check to be answered")
    books = accounts.drawn_up(images)
    assert accounts.errors(books) == []
    assert accounts.missed(books) == {}
    # A secret that did not open would be `target_forbidden`. What a restart cut off was returned, and made after all.
    assert set(Outcome.objects.filter(resource__in=images).values_list("reason", flat=True)) == {"ok"}
    assert refusals() == refused
    assert pipeline.deaths == deaths
