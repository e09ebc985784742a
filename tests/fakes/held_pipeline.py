"""Fixtures of modules that run a pipeline: a conftest imports them, and may say by `variables` on which broker."""

from collections.abc import Iterator, Mapping

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.fakes.held_registry import HeldRegistry
from tests.fakes.pipeline import Pipeline, running_pipeline


@pytest.fixture(scope="module")
def variables() -> Mapping[str, str]:
    """What names the broker; by default it is a Redis of the pipeline's own."""
    return {}


@pytest.fixture(scope="module")
def registry() -> Iterator[HeldRegistry]:
    """One that can keep workers waiting."""
    with HeldRegistry() as registry:
        yield registry


@pytest.fixture(scope="module")
def pipeline(
    pytestconfig: pytest.Config,
    django_db_blocker: DjangoDbBlocker,
    variables: Mapping[str, str],
    registry: HeldRegistry,
) -> Iterator[Pipeline]:
    """Everything that `manage.py up` starts, which knows the registry."""
    with running_pipeline(pytestconfig, django_db_blocker, broker=variables) as pipeline:
        pipeline.add_registry(registry.authority, plain_http=True)
        yield pipeline
