"""Work that one process at a time does, of however many there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection

DELIVERING: Final = 0x6E6F7469636573
UPKEEP: Final = 0x75706B656570
"""Rolling up and thinning out: each may take long, and of two processes one is left for ticks and reports."""


@contextmanager
def alone(work: int) -> Iterator[bool]:
    """Tell whether no other process does such work at present; while this holds, none begins to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [work])
        (is_ours,) = cursor.fetchone() or (False,)
    try:
        yield is_ours
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [work])
