"""What is kept of a day of outcomes when its time is over: those that failed, with their documents, for longer.

They are copied to a table of their own, an hour of slots at a time, which takes its place among the partitions when
it is complete. So they are read, listed and dropped as before, and whoever is interrupted goes on where the copy
ends.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from django.db import connection, transaction

from probes.actions.partitions import BE_BRIEF, DAYS_BACK, OUTCOMES, attachment
from probes.protocol.taxonomy import Status
from probes.selectors.uptime import rolled_until

FAILURES: Final = (Status.UNAVAILABLE, Status.DEGRADED, Status.CONFIG_ERROR)
"""What somebody had to mend. That a check could not tell (`indeterminate`) is no evidence of anything."""

_SUFFIX: Final = "_failures"
_HOUR: Final = timedelta(hours=1)

_COPY: Final = """
INSERT INTO {thinned} SELECT * FROM {whole}
WHERE slot >= %s AND slot < %s AND status = ANY(%s) AND document IS NOT NULL
ON CONFLICT DO NOTHING
"""


def next_day(today: date, whole_days: int) -> date | None:
    """Return the oldest day that is still whole and older than `whole_days` before today, None without one.

    One that is not rolled up yet stays whole, and so does the day before it, which is still held over midnight: what
    failed alone would be summed up as all that there was.
    """
    until = rolled_until()
    if until is None:
        return None
    oldest_kept = min(today - timedelta(days=max(whole_days, DAYS_BACK)), until.date() - timedelta(days=1))
    whole = (name for name in OUTCOMES.existing() if name < OUTCOMES.name(oldest_kept) and not name.endswith(_SUFFIX))
    return next(map(OUTCOMES.day_of, whole), None)


def thin_hour(day: date) -> bool:
    """Copy the failures of the next hour of that day, or put the complete copy in its place; tell whether it is done.

    Each call is a transaction of its own. No outcome may come for such a day any more. Raises `OperationalError`, of
    which `partitions.is_held` says so, while somebody reads outcomes for so long that the copy has to wait for its
    place.
    """
    whole = OUTCOMES.name(day)
    thinned = whole + _SUFFIX
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {thinned} (LIKE probes_outcome INCLUDING ALL)")
        start = _copied_until(day, thinned)
        if start.date() > day:
            cursor.execute(BE_BRIEF)
            cursor.execute(f"DROP TABLE {whole}")
            cursor.execute(attachment(OUTCOMES, day, thinned))
            return True
        cursor.execute(
            _COPY.format(whole=whole, thinned=thinned), [start, start + _HOUR, [item.value for item in FAILURES]]
        )
        cursor.execute(f"COMMENT ON TABLE {thinned} IS '{(start + _HOUR).isoformat()}'")
    return False


def _copied_until(day: date, thinned: str) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT obj_description(%s::regclass)", [thinned])
        (noted,) = cursor.fetchone()
    return datetime.fromisoformat(noted) if noted else datetime.combine(day, time(), UTC)
