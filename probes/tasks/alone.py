"""What takes seconds is done one at a time: of the control worker's two processes, one is left for ticks and reports.

Whoever finds another at it leaves, for beat comes again. So nothing of this waits, and a tick waits for none of it.
Whoever was at it does a little of the other work before he leaves: its orders were dropped meanwhile, perhaps each.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import Error, connection

_LOCK: Final = 0x6E6F7469636573  # an advisory lock, which was the notices' alone


@contextmanager
def alone() -> Iterator[bool]:
    """Tell whether no other process does what takes long at present; while this holds, none begins to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        (is_ours,) = cursor.fetchone() or (False,)
    if not is_ours:
        yield False
        return
    try:
        yield True
    except BaseException:
        try:
            _give_back()
        except Error:  # what went wrong first is to be said; and the lock ends with the connection
            connection.close()
        raise
    _give_back()


def _give_back() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
