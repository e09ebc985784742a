"""Every program that handles a check is replaced, again and again, while it handles some; no slot is lost."""

import logging
import math
import time
from collections.abc import Iterator
from functools import partial

import psutil
import pytest
from django.utils import timezone

from probes.actions import resources
from probes.models import Batch, Outcome, Resource
from probes.models.control import ControlBeat
from tests.fakes.held_registry import HeldRegistry
from tests.fakes.pipeline import Pipeline
from tests.integration.faults import accounts

pytestmark = pytest.mark.slow

SHORTEST_INTERVAL_SECONDS = 15
BACK_SECONDS = 60
ROUNDS = 4
WORKERS = ("edge-eu-west", "edge-eu-west-2")

_log = logging.getLogger(__name__)


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


def worker_in_the_middle_of_it(pipeline: Pipeline, registry: HeldRegistry) -> str:
    """Return a worker that the registry keeps waiting."""
    return next(
        name
        for name in WORKERS
        for connection in psutil.Process(pipeline.processes.pids[name]).net_connections("tcp")
        if connection.laddr.port in registry.ports
    )


def test_rolling_upgrade_of_workers_and_control_plane_loses_no_slot(
    pipeline: Pipeline, registry: HeldRegistry, images: list[Resource]
) -> None:
    interval_seconds = images[0].interval_seconds
    pipeline.processes.start_another(*WORKERS)
    second = Batch.objects.filter(is_second=True)
    answered = second.exclude(state=Batch.State.SENT)
    for number in range(ROUNDS):
        with registry.holding("eu-west", "held/"):
            pipeline.wait_for(lambda: registry.waiting["eu-west"] > 0, 2 * interval_seconds, "checks to hang")
            pipeline.renew(worker_in_the_middle_of_it(pipeline, registry))
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
    assert pipeline.deaths == []
