"""Integration tests run on a real Postgres: `DATABASE_URL`'s, or one of the session's own."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connections

from kairos.environment import parse_database_url
from tests.fakes import postgres_server


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with postgres_server.running() as url:
        yield url


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres_url: str) -> None:
    """Point Django at the server before it makes the test database: settings were read before it ran."""
    settings.DATABASES["default"] = {**parse_database_url(postgres_url), "CONN_MAX_AGE": 0}
    del connections["default"]
    connections.settings = connections.configure_settings(settings.DATABASES)
