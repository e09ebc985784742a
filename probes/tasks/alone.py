"""What takes seconds is done one at a time: of the control worker's two processes, one is left for ticks and reports.

Whoever finds another at it leaves, for beat comes again. So nothing of this waits, and a tick waits for none of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection

_LOCK: Final = 0x6E6F7469636573  # an advisory lock, which was the notices' alone


@contextmanager
def alone() -> Iterator[bool]:
    """Tell whether no other process does what takes long at present; while this holds, none begins to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        (is_ours,) = cursor.fetchone() or (False,)
    try:
        yield is_ours
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
