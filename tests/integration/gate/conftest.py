"""A pipeline of two regions, and a registry that gets its image while somebody waits for it."""

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.fakes.pipeline import Pipeline, running_pipeline


@pytest.fixture(scope="module")
def pipeline(pytestconfig: pytest.Config, django_db_blocker: DjangoDbBlocker) -> Iterator[Pipeline]:
    with running_pipeline(pytestconfig, django_db_blocker, regions=("eu-west", "us-east")) as pipeline:
        yield pipeline
