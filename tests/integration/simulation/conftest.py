"""A database to play in, made once for all scenarios."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from pytest_django.plugin import DjangoDbBlocker

from kairos.embedded.postgres import DATABASE

if TYPE_CHECKING:
    from kairos.simulation.scratch import Place


@pytest.fixture(scope="session")
def place(postgres_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator["Place"]:
    """A copy of the database that came with the server, where nobody is. `test_command` plays in one from nothing."""
    from kairos.simulation.scratch import made  # noqa: PLC0415 - models, once Django is set up

    assert settings.DATABASES
    with django_db_blocker.unblock(), made(template=DATABASE) as place:
        yield place


@pytest.fixture
def scratch_database(place: "Place", django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    from kairos.simulation.scratch import within  # noqa: PLC0415 - likewise

    with django_db_blocker.unblock(), within(place):
        yield place.name
