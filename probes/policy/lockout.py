"""When a login is locked after failures, and until when. A lock is a count over a window, so it ends by itself."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

FAILURES: Final = 10
"""So many failures of one user name from one address, within LOCK of each other, lock that name to that address."""

LOCK: Final = timedelta(minutes=15)

LONGEST_NAME: Final = 150
"""No user has a longer name. What is typed beyond it is not kept."""


def locked_until(failures: Iterable[tuple[datetime, int]], *, now: datetime) -> datetime | None:
    """Return when fewer than FAILURES are left within the window, or None where no lock holds.

    `failures` are counts with the instant of the last of each, in any order: one browser's are one count.
    """
    within = sorted((at, count) for at, count in failures if at + LOCK > now)
    left = sum(count for _, count in within)
    if left < FAILURES:
        return None
    for at, count in within:
        left -= count
        if left < FAILURES:
            return at + LOCK
    raise AssertionError("nothing is fewer than the bound")
