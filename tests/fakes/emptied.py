"""The test database: emptied after a test that committed what it did, with room for what tests tell of.

Django's own way is to truncate all tables and then to do what follows a migration, such as to make all permissions
anew. That is made for a server with much in it: here nearly all tables are empty, and it took longer than the tests.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final
from unittest import mock

from django.db import connection, transaction
from django.test import TransactionTestCase
from django.utils import timezone
from psycopg import sql

from probes.actions import partitions

_KEPT: Final = frozenset({"auth_permission", "django_content_type"})
"""What the code says, and no test changes; nor is what `migrate` has done a model's table."""


@contextmanager
def emptied_quickly() -> Iterator[None]:
    """Have the test database emptied by `empty`, whatever test case it is that wants it."""

    def empty_after(_case: Any) -> None:
        empty()

    with mock.patch.object(TransactionTestCase, "_fixture_teardown", empty_after):
        yield


def empty() -> None:
    """Delete all rows. Who still writes is waited for, as by TRUNCATE."""
    lock, ask = _statements()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(lock)
        cursor.execute(ask)
        if full := [sql.Identifier(name) for (name,) in cursor.fetchall()]:
            # No trigger fires meanwhile: nothing refers to what is gone in the end, and the audit log lets it happen.
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(sql.SQL("; ").join(map(sql.SQL("DELETE FROM {}").format, full)))
    make_room()


def make_room() -> None:
    """Make the partitions that tests of today and yesterday would each make for themselves, and undo again.

    What others there are goes: of days that a test committed, or on which this database was laid out.
    """
    today = timezone.now().date()
    yesterday = today - timedelta(days=1)
    back, ahead = partitions.DAYS_BACK, partitions.DAYS_AHEAD
    around = [yesterday + timedelta(days=offset) for offset in range(-back, ahead + 2)]
    for partitioned, days in (
        (partitions.OUTCOMES, around),
        *((each, [yesterday, today]) for each in (*partitions.ROLL_UPS, *partitions.SUMS)),
    ):
        partitions.ensure(partitioned, days)
        wanted = set(map(partitioned.first_day, days))
        others = [name for name in partitioned.existing() if partitioned.day_of(name) not in wanted]
        with connection.cursor() as cursor:
            for name in others:
                cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))


@lru_cache(maxsize=1)
def _statements() -> tuple[sql.Composed, sql.Composed]:
    """Return what keeps others from writing, and what asks which tables have rows."""
    names = sorted({*connection.introspection.django_table_names(only_existing=True, include_views=False)} - _KEPT)
    tables = sql.SQL(", ").join(map(sql.Identifier, names))
    has_rows = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
    return (
        sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(tables),
        sql.SQL(" UNION ALL ").join(has_rows.format(sql.Literal(name), sql.Identifier(name)) for name in names),
    )
