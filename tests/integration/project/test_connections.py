"""How long the database connection of a worker's task lives."""

import pytest
from celery import states
from celery.fixups.django import DjangoWorkerFixup  # type: ignore[attr-defined]  # missing from the stubs
from django.conf import settings
from django.db import connection

from kairos.celery import app, keep_the_connection

pytestmark = pytest.mark.django_db(transaction=True)


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return int(pid)


def test_connection_of_a_task_that_ended_well_serves_the_next_one() -> None:
    before = backend()
    keep_the_connection(state=states.SUCCESS)
    assert backend() == before


@pytest.mark.parametrize("state", [states.FAILURE, states.REJECTED, states.IGNORED, None])
def test_connection_of_a_task_that_ended_otherwise_is_closed(state: str | None) -> None:
    before = backend()
    keep_the_connection(state=state)
    assert connection.connection is None
    assert backend() != before


def test_connection_that_died_between_two_tasks_is_made_anew() -> None:
    before = backend()
    keep_the_connection(state=states.SUCCESS)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [before])
    finally:
        other.close()
    assert backend() != before


def test_celery_itself_closes_it_only_now_and_then() -> None:
    assert DjangoWorkerFixup(app).db_reuse_max == settings.CELERY_DB_REUSE_MAX > 1
