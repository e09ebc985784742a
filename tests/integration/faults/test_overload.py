"""A region with more to do than it can: said so, spared the same of every image, and still believed."""

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from probes.actions import resources
from probes.models import MissedSlots, Outcome, Region, Resource, Verdict
from probes.policy.liveness import RegionCondition
from probes.policy.slots import MissedCause
from tests.fakes.held_registry import HeldRegistry
from tests.fakes.pipeline import Pipeline, running_pipeline
from tests.integration.faults import accounts

pytestmark = pytest.mark.slow

IMAGES = 40
INTERVAL_SECONDS = 10
PAUSE_SECONDS = 0.7
CHECKS_AT_ONCE = 2
"""So the region can do not quite three checks in a second, and four are due."""

HEARTBEAT_SECONDS = 6
"""Heartbeats are read every five seconds at most."""

NOTICE_SECONDS = 120.0
"""A batch in hand expires before it is done (10 s); three heartbeats tell (18 s); the next look is in 15 s."""

_log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def pipeline(
    pytestconfig: pytest.Config, django_db_blocker: DjangoDbBlocker, registry: HeldRegistry
) -> Iterator[Pipeline]:
    with running_pipeline(pytestconfig, django_db_blocker, regions=("eu-west", "us-east")) as pipeline:
        pipeline.add_registry(registry.authority, plain_http=True)
        yield pipeline


@pytest.fixture
def images(pipeline: Pipeline, registry: HeldRegistry) -> Iterator[list[Resource]]:
    """Forty images, checked until the test ends, from a region that is too slow for them."""
    registry.pause_seconds["eu-west"] = PAUSE_SECONDS
    pipeline.kill("edge-eu-west")
    pipeline.processes.start_another(
        "edge-eu-west",
        "edge-eu-west-slow",
        KAIROS_EDGE_CHECKS_IN_FLIGHT=str(CHECKS_AT_ONCE),
        KAIROS_EDGE_HEARTBEAT_SECONDS=str(HEARTBEAT_SECONDS),
    )
    references = [f"{registry.authority}/busy/app-{number}:1" for number in range(IMAGES)]
    images = pipeline.add_images(*references, depth="resolve", interval_seconds=INTERVAL_SECONDS)
    yield images
    resources.pause([image.pk for image in images], now=timezone.now())


def missed_since(since: datetime, cause: MissedCause) -> int:
    records = MissedSlots.objects.filter(region__slug="eu-west", cause=cause, first_slot__gt=since)
    return records.count()


def test_region_with_too_much_to_do_is_late_and_spared_the_same_of_every_image(
    pipeline: Pipeline, images: list[Resource]
) -> None:
    region = Region.objects.filter(slug="eu-west")
    seconds = pipeline.wait_for(lambda: region.get().stride > 1, NOTICE_SECONDS, "the region to be spared")
    assert region.get().condition is RegionCondition.LATE
    _log.warning("too much to do: late and spared after %.0f s, lag %.1f s", seconds, region.get().queue_lag_seconds)
    # What was sent before is taken or has expired after an interval, and then it can keep up.
    caught_up_at = timezone.now() + timedelta(seconds=2 * INTERVAL_SECONDS)
    until = caught_up_at + timedelta(seconds=4 * INTERVAL_SECONDS)
    pipeline.wait_for(lambda: timezone.now() > until, 90, "some rounds")
    stride = region.get().stride
    rounds = Outcome.objects.filter(region__slug="eu-west", slot__range=(caught_up_at, until))
    in_time = Counter(rounds.exclude(reason__startswith="probe_").values_list("resource", flat=True))
    _log.warning("with a stride of %d: %s outcomes of an image in 4 intervals", stride, sorted(in_time.values()))
    assert len(in_time) == IMAGES
    assert max(in_time.values()) - min(in_time.values()) <= 1
    shed = MissedSlots.objects.filter(region__slug="eu-west", cause=MissedCause.SHED)
    assert shed.values("resource").distinct().count() == IMAGES
    assert shed.filter(stride=1).count() == 0
    assert missed_since(caught_up_at, MissedCause.LOST) == 0
    # It has its say all the same.
    inputs = Verdict.objects.get(pk=images[0].pk).inputs
    (vote,) = (item for item in inputs["votes"] if item["region"] == "eu-west")
    assert (vote["presence"], vote["stride"]) == ("present", stride)
    assert accounts.errors(accounts.drawn_up(images)) == []
    assert not MissedSlots.objects.exclude(region__slug="eu-west").exists()
