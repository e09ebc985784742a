"""Day partitions of the outcomes: made ahead, dropped when retention is over."""

from datetime import date, timedelta
from typing import Final

from django.db import connection, transaction

DAYS_AHEAD: Final = 7
DAYS_BACK: Final = 2
"""A report may come late: partitions reach back further than the dispatch ledger does."""

_PREFIX: Final = "probes_outcome_"
_LOCK: Final = 0x6B6169726F73  # an advisory lock: one process at a time changes partitions


def ensure_partitions(today: date, days_ahead: int = DAYS_AHEAD) -> list[str]:
    """Make the partitions that are missing up to `days_ahead` of today; return the names of the new ones."""
    wanted = [today + timedelta(days=offset) for offset in range(-DAYS_BACK, days_ahead + 1)]
    with transaction.atomic(), connection.cursor() as cursor:
        if not {_name(day) for day in wanted} - set(_existing()):
            return []
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        existing = set(_existing())
        missing = [day for day in wanted if _name(day) not in existing]
        for day in missing:
            # Made apart and then attached: that lets readers and writers of the table go on.
            cursor.execute(f"CREATE TABLE {_name(day)} (LIKE probes_outcome INCLUDING ALL)")
            cursor.execute(
                f"ALTER TABLE probes_outcome ATTACH PARTITION {_name(day)}"
                f" FOR VALUES FROM ('{day} 00:00:00+00') TO ('{day + timedelta(days=1)} 00:00:00+00')"
            )
    return [_name(day) for day in missing]


def drop_partitions(today: date, retention_days: int) -> list[str]:
    """Drop whole days older than `retention_days` before today; return the names of what is gone."""
    oldest_kept = _name(today - timedelta(days=retention_days))
    with transaction.atomic(), connection.cursor() as cursor:
        # The names sort as their days do.
        outdated = [name for name in _existing() if name < oldest_kept]
        for name in outdated:
            cursor.execute(f"DROP TABLE {name}")
    return outdated


def _name(day: date) -> str:
    return f"{_PREFIX}{day:%Y%m%d}"


def _existing() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'probes_outcome'::regclass ORDER BY c.relname"
        )
        return [name for (name,) in cursor.fetchall()]
