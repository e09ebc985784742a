"""Every program that handles a check is replaced, again and again, while it handles some; no slot is lost."""

import logging
from collections.abc import Iterator

import psutil
import pytest
from django.utils import timezone

from probes.actions import resources
from probes.models import Batch, Outcome, Resource
from tests.fakes.held_registry import HeldRegistry
from tests.fakes.pipeline import Pipeline
from tests.integration.faults import accounts

pytestmark = pytest.mark.slow

INTERVAL_SECONDS = 15
ROUNDS = 4
WORKERS = ("edge-eu-west", "edge-eu-west-2")

_log = logging.getLogger(__name__)


@pytest.fixture
def images(pipeline: Pipeline, registry: HeldRegistry) -> Iterator[list[Resource]]:
    """Eight images, half of them in repositories under `held/`, checked until the test ends."""
    names = [f"{place}/{place}-{number}" for place in ("held", "free") for number in range(4)]
    references = [f"{registry.authority}/{name}:1" for name in names]
    images = pipeline.add_images(*references, depth="resolve", interval_seconds=INTERVAL_SECONDS)
    yield images
    resources.pause([image.pk for image in images], now=timezone.now())


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
    pipeline.processes.start_another(*WORKERS)
    for _ in range(ROUNDS):
        with registry.holding("eu-west", "held/"):
            pipeline.wait_for(lambda: registry.waiting["eu-west"] > 0, 2 * INTERVAL_SECONDS, "checks to hang")
            pipeline.renew(worker_in_the_middle_of_it(pipeline, registry))
        # Now what it returned is on its way to the control plane, or back to the region already.
        pipeline.renew("control")
    sent = Batch.objects.filter(state=Batch.State.SENT, issued_at__lte=timezone.now())
    pipeline.wait_for(lambda: not sent.exists(), 3 * INTERVAL_SECONDS, "every batch to be answered")
    second = Batch.objects.filter(is_second=True)
    _log.warning("%d batches were returned and handed out again in %d upgrades", second.count(), ROUNDS)
    assert second.count() >= ROUNDS
    books = accounts.drawn_up(images)
    assert accounts.errors(books) == []
    assert accounts.missed(books) == {}
    assert not Outcome.objects.filter(resource__in=images, reason="probe_aborted").exists()
    assert pipeline.deaths == []
