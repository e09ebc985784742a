"""Transactions that wait for each other."""

import time
from collections.abc import Callable

import pytest
from django.db import connection, connections


def in_a_thread(work: Callable[[], object]) -> object:
    try:
        return work()
    finally:
        connections.close_all()


def wait_until_somebody_waits() -> None:
    """Return when another transaction waits for a lock of this one."""
    until = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)  # nothing tells of a lock that is waited for: it is looked for
    pytest.fail("nobody waits")
