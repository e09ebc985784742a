"""Keys changed under load: two workers of a region, restarted one after the other with the new file."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from probes.actions import enrolment, region_keys, resources, secrets
from probes.models import Credential, MessageRefusal, Outcome, RegionKey, Registry, Resource
from probes.trust.keys import RegionKeys
from tests.fakes.held_registry import HeldRegistry
from tests.fakes.pipeline import Pipeline, running_pipeline
from tests.integration.faults import accounts

pytestmark = pytest.mark.slow

REGION: Final = "eu-west"
WORKER: Final = f"edge-{REGION}"
IMAGES: Final = 20
INTERVAL_SECONDS: Final = 10
STOP_SECONDS: Final = 10.0
ROUND_SECONDS: Final = 30.0


@pytest.fixture(scope="module")
def pipeline(
    pytestconfig: pytest.Config, django_db_blocker: DjangoDbBlocker, registry: HeldRegistry
) -> Iterator[Pipeline]:
    with running_pipeline(pytestconfig, django_db_blocker, regions=(REGION,)) as pipeline:
        pipeline.add_registry(registry.authority, plain_http=True)
        yield pipeline


@pytest.fixture
def images(pipeline: Pipeline, registry: HeldRegistry) -> Iterator[list[Resource]]:
    """Images of a registry with a login, each due every ten seconds: a check whose secret does not open fails."""
    credential = Credential(registry=Registry.objects.get(host=registry.authority), username="robot")
    secrets.store_secret(credential, password="correct-horse", now=timezone.now())
    references = [f"{registry.authority}/team/app-{number}:1" for number in range(IMAGES)]
    images = [
        pipeline.add_image(reference, depth="resolve", interval_seconds=INTERVAL_SECONDS) for reference in references
    ]
    yield images
    resources.pause([image.pk for image in images], now=timezone.now())


def wait_for_a_round(pipeline: Pipeline, images: list[Resource]) -> None:
    """Wait until every image has an outcome of a slot that is yet to come."""
    now = timezone.now()

    fresh = Outcome.objects.filter(resource__in=images, slot__gt=now).values("resource").distinct()
    pipeline.wait_for(lambda: fresh.count() == len(images), ROUND_SECONDS, "an outcome of every image")


def restart(pipeline: Pipeline, name: str) -> None:
    """As its supervisor does for an operator: SIGTERM, and start it again."""
    assert pipeline.processes.stop([name], STOP_SECONDS) == []
    pipeline.processes.start_again(name)


def test_no_check_is_lost_while_keys_are_changed(
    pipeline: Pipeline, images: list[Resource], monkeypatch: pytest.MonkeyPatch
) -> None:
    second = f"{WORKER}-2"
    pipeline.processes.start_another(WORKER, second)
    wait_for_a_round(pipeline, images)

    issued = enrolment.rotate(REGION, now=timezone.now())
    assert enrolment.put_here(issued.keys) == pipeline.region_key_file(REGION)
    wait_for_a_round(pipeline, images)  # both workers still have the keys before
    restart(pipeline, WORKER)
    wait_for_a_round(pipeline, images)  # each has its own
    assert region_keys.end_replaced(now=timezone.now()) == []
    restart(pipeline, second)

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
    assert not MessageRefusal.objects.exists()
    assert pipeline.deaths == []
