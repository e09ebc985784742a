"""A database to play in, made once for all scenarios."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from pytest_django.plugin import DjangoDbBlocker


@pytest.fixture(scope="module")
def scratch_database(postgres_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    from kairos.simulation.scratch import scratch  # noqa: PLC0415 - models, once Django is set up

    assert settings.DATABASES
    with django_db_blocker.unblock(), scratch() as name:
        yield name
