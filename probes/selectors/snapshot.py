"""Many questions of one moment: what is read page by page is a whole that there was, whatever changes meanwhile."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection, transaction

_OF_ONE_MOMENT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_WAIT_LONG: Final = "SET LOCAL idle_in_transaction_session_timeout = '15min'"


@contextmanager
def snapshot(*, waits_long: bool = False) -> Iterator[None]:
    """Let all that is read in here be as of the first of it; nothing can be written.

    Who stops reading for as long as `idle_in_transaction_session_timeout` is given up, and with `waits_long` only
    after a quarter of an hour. Within a transaction this does nothing: that has had its beginning.
    """
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_OF_ONE_MOMENT)
            if waits_long:
                cursor.execute(_WAIT_LONG)
        yield


def of_one_moment(parts: Iterable[str]) -> Iterator[str]:
    """Yield what is read as it is yielded, all of it from one snapshot."""
    with snapshot():
        yield from parts
