"""Doing again what the database gave up because it and another transaction waited for each other."""

from collections.abc import Callable
from typing import Final, TypeVar

from django.db import OperationalError

ResultT = TypeVar("ResultT")

MOST_ATTEMPTS: Final = 3
_DEADLOCK: Final = "40P01"


def is_deadlock(error: Exception) -> bool:
    """Tell whether the database has given up a transaction so that another one can go on."""
    return isinstance(error, OperationalError) and getattr(error.__cause__, "sqlstate", "") == _DEADLOCK


def outlasting(do: Callable[[], ResultT]) -> ResultT:
    """Carry out a whole transaction, and again while it is given up for another: three times at most.

    What it waited for is let go by then, so there is no pause in between. Rows that a request names are locked in one
    order, but what follows from each, such as its verdict, item by item. Raises what the last attempt does, and
    anything else at once.
    """
    for _ in range(MOST_ATTEMPTS - 1):
        try:
            return do()
        except OperationalError as error:
            if not is_deadlock(error):
                raise
    return do()
