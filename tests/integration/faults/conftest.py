"""A pipeline for all tests of a module, and a registry that can keep its workers waiting."""

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.fakes.held_registry import HeldRegistry
from tests.fakes.pipeline import Pipeline, running_pipeline


@pytest.fixture(scope="module")
def registry() -> Iterator[HeldRegistry]:
    with HeldRegistry() as registry:
        yield registry


@pytest.fixture(scope="module")
def pipeline(
    pytestconfig: pytest.Config, django_db_blocker: DjangoDbBlocker, registry: HeldRegistry
) -> Iterator[Pipeline]:
    with running_pipeline(pytestconfig, django_db_blocker) as pipeline:
        pipeline.add_registry(registry.authority, plain_http=True)
        yield pipeline
