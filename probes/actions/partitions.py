"""Partitions: made ahead, dropped when retention is over. Outcomes have one for each day, roll-ups for each month."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg.errors import CheckViolation, LockNotAvailable

DAYS_AHEAD: Final = 7
DAYS_BACK: Final = 2
"""A report may come late: partitions reach back further than the dispatch ledger does."""

BE_BRIEF: Final = "SET LOCAL lock_timeout = '1s'"
"""Whoever wants a table alone keeps all waiting who come meanwhile, reports as well; and a backup may read for an
hour. So he waits no longer than this, and comes again."""

_LOCK: Final = 0x6B6169726F73  # an advisory lock: one process at a time changes partitions


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A table and the names of its partitions: in the order of their days, whatever follows the day."""

    table: str
    by_month: bool = False

    def first_day(self, day: date) -> date:
        return day.replace(day=1) if self.by_month else day

    def following(self, day: date) -> date:
        return self.first_day(day + timedelta(days=32 - day.day if self.by_month else 1))

    def name(self, day: date) -> str:
        return f"{self.table}_{self.first_day(day):%Y%m%d}"

    def day_of(self, name: str) -> date:
        """Return the first day that a partition is for."""
        return datetime.strptime(name.removeprefix(f"{self.table}_")[:8], "%Y%m%d").date()  # noqa: DTZ007 - a day of UTC

    def existing(self) -> list[str]:
        """Return the names of the partitions that there are, the oldest first."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
                " WHERE i.inhparent = %s::regclass ORDER BY c.relname",
                [self.table],
            )
            return [name for (name,) in cursor.fetchall()]


OUTCOMES: Final = Partitioned("probes_outcome")
ROLL_UPS: Final = (Partitioned("probes_hourrollup", by_month=True), Partitioned("probes_dayrollup", by_month=True))
SUMS: Final = (Partitioned("probes_hoursum", by_month=True), Partitioned("probes_daysum", by_month=True))


def ensure_partitions(today: date, days_ahead: int = DAYS_AHEAD) -> list[str]:
    """Make the partitions of outcomes that are missing up to `days_ahead` of today; return the new ones' names."""
    return ensure(OUTCOMES, (today + timedelta(days=offset) for offset in range(-DAYS_BACK, days_ahead + 1)))


def ensure(partitioned: Partitioned, days: Iterable[date]) -> list[str]:
    """Make the partitions that are missing for those days; return the names of the new ones."""
    wanted = {partitioned.first_day(day) for day in days}
    with transaction.atomic(), connection.cursor() as cursor:
        if not _missing(partitioned, wanted):
            return []
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        missing = _missing(partitioned, wanted)
        for day in missing:
            # Made apart and then attached: that lets readers and writers of the table go on.
            name = partitioned.name(day)
            cursor.execute(f"CREATE TABLE {name} (LIKE {partitioned.table} INCLUDING ALL)")
            cursor.execute(attachment(partitioned, day, name))
    return [partitioned.name(day) for day in missing]


def is_missing(error: IntegrityError) -> bool:
    """Tell whether a row was refused because no partition is there to take it."""
    cause = error.__cause__
    return isinstance(cause, CheckViolation) and cause.diag.constraint_name is None


def attachment(partitioned: Partitioned, day: date, name: str) -> str:
    """Return the statement that makes the table `name` the partition of that day."""
    first, following = partitioned.first_day(day), partitioned.following(day)
    return (
        f"ALTER TABLE {partitioned.table} ATTACH PARTITION {name}"
        f" FOR VALUES FROM ('{first} 00:00:00+00') TO ('{following} 00:00:00+00')"
    )


def drop_partitions(today: date, retention_days: int, partitioned: Partitioned = OUTCOMES) -> list[str]:
    """Drop what is wholly older than `retention_days` before today; return the names of what is gone.

    Raises `OperationalError`, of which `is_held` says so, while somebody reads the table, and then drops nothing.
    """
    oldest_kept = partitioned.name(today - timedelta(days=retention_days))
    with transaction.atomic(), connection.cursor() as cursor:
        # The names sort as their days do.
        outdated = [name for name in partitioned.existing() if name < oldest_kept]
        if outdated:
            cursor.execute(BE_BRIEF)
        for name in outdated:
            cursor.execute(f"DROP TABLE {name}")
    return outdated


def is_held(error: OperationalError) -> bool:
    """Tell whether somebody else had what was wanted, for longer than there is time to wait."""
    return isinstance(error.__cause__, LockNotAvailable)


def _missing(partitioned: Partitioned, wanted: Iterable[date]) -> list[date]:
    taken = {partitioned.day_of(name) for name in partitioned.existing()}
    return sorted(day for day in wanted if day not in taken)
