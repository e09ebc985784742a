"""How long the database connection of a worker's task lives, and how times are read from one."""

from datetime import UTC, datetime

import pytest
from celery import states
from celery.fixups.django import DjangoWorkerFixup  # type: ignore[attr-defined]  # missing from the stubs
from django.conf import settings
from django.db import connection
from psycopg.pq import Format

from kairos.celery import app, keep_the_connection
from probes.models.timestamps import OID, TimestampLoader

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh_connection(transactional_db: None) -> None:
    """A connection of the test's own: that of the tests before it may be past `CONN_MAX_AGE`, and is closed then."""
    connection.close()


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return int(pid)


def test_connection_of_a_task_that_ended_well_serves_the_next_one() -> None:
    before = backend()
    keep_the_connection(state=states.SUCCESS)
    assert backend() == before


def test_connection_that_is_past_its_age_serves_no_other_task() -> None:
    before = backend()
    connection.close_at = 0.0
    keep_the_connection(state=states.SUCCESS)
    assert backend() != before


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


def test_times_are_read_by_the_driver_and_are_what_django_makes_of_them() -> None:
    asked = "SELECT timestamptz '2026-02-03 04:05:06.000789+01', timestamptz '1965-01-01', NULL::timestamptz, %s"
    within = "SELECT ARRAY[timestamptz '1965-01-01'], tstzrange(%s, NULL)"
    at = datetime(2026, 11, 27, 12, 30, 0, 120000, tzinfo=UTC)
    expected = (datetime(2026, 2, 3, 3, 5, 6, 789, tzinfo=UTC), datetime(1965, 1, 1, tzinfo=UTC), None, at)
    with connection.cursor() as cursor:
        assert cursor.connection.adapters.get_loader(OID, Format.TEXT) is TimestampLoader
        cursor.execute(asked, [at])
        (found,) = cursor.fetchall()
        cursor.execute(within, [at])
        ((array, span),) = cursor.fetchall()
    assert found == expected
    assert [item.tzinfo for item in (*found[:2], found[3], *array, span.lower)] == [UTC] * 5
    assert (array, span.lower) == ([expected[1]], at)
    elsewhere = connection.copy()
    elsewhere.settings_dict = {**elsewhere.settings_dict, "TIME_ZONE": "Asia/Tokyo"}
    try:
        with elsewhere.cursor() as cursor:
            cursor.execute("SELECT timestamptz '2026-02-03 04:05:06+01'")
            assert [str(item.tzinfo) for item in cursor.fetchone()] == ["Asia/Tokyo"]
    finally:
        elsewhere.close()
