"""The rolling upgrade of `tests/integration/faults`, over RabbitMQ: the same test, on a pipeline of this broker."""

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.fakes.held_registry import HeldRegistry
from tests.fakes.pipeline import Pipeline, running_pipeline
from tests.integration.faults.test_rolling_upgrade import (
    images,
    test_rolling_upgrade_of_workers_and_control_plane_loses_no_slot,
)

__all__ = ["images", "test_rolling_upgrade_of_workers_and_control_plane_loses_no_slot"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def registry() -> Iterator[HeldRegistry]:
    with HeldRegistry() as registry:
        yield registry


@pytest.fixture(scope="module")
def pipeline(
    pytestconfig: pytest.Config,
    django_db_blocker: DjangoDbBlocker,
    variables: dict[str, str],
    registry: HeldRegistry,
) -> Iterator[Pipeline]:
    with running_pipeline(pytestconfig, django_db_blocker, broker=variables) as pipeline:
        pipeline.add_registry(registry.authority, plain_http=True)
        yield pipeline
