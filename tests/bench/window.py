"""What became of the slots of one stretch of time in the whole pipeline, and what it took."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from django.db import connection

from tests.bench.census import Census

ON_TIME_SECONDS: Final = 10
"""From a slot to its outcome in the database: a third of the usual interval, well before the next slot."""

ON_TIME_SHARE: Final = 0.99

_FOUND: Final = """
SELECT count(*),
    count(*) FILTER (WHERE outcome.status <> 'available'),
    count(*) FILTER (WHERE batch.reported_at - outcome.slot <= make_interval(secs => %(on_time)s)),
    percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY outcome.checked_at - outcome.slot),
    percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY batch.reported_at - outcome.slot)
FROM probes_outcome AS outcome JOIN probes_batch AS batch ON batch.id = outcome.batch
WHERE outcome.slot >= %(begin)s AND outcome.slot < %(end)s
"""
_REPORTED: Final = """
SELECT count(*), coalesce(sum(cardinality(slots)), 0) FROM probes_batch
WHERE reported_at >= %(begin)s AND reported_at < %(end)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One stretch of time. `due`, `found`, `bad` and `on_time` count slots in it, `stored` what was stored in it.

    The lags, from slot to begin of the check and from slot to its outcome in the database, are the median and the
    95th and 99th of a hundred; none where nothing was found.
    """

    seconds: float
    due: int
    found: int
    bad: int
    on_time: int
    stored: int
    reports: int
    begun_after: list[timedelta] | None
    stored_after: list[timedelta] | None
    longest_queues: Mapping[str, int]
    used: Census

    @classmethod
    def of(cls, begin: datetime, end: datetime, *, due: int, longest_queues: Mapping[str, int], used: Census) -> Self:
        """Ask the database about a window that ended `ON_TIME_SECONDS` ago or more."""
        times: dict[str, datetime | int] = {"begin": begin, "end": end, "on_time": ON_TIME_SECONDS}
        with connection.cursor() as cursor:
            cursor.execute(_FOUND, times)
            found, bad, on_time, begun_after, stored_after = cursor.fetchone()
            cursor.execute(_REPORTED, times)
            reports, stored = cursor.fetchone()
        return cls(
            seconds=(end - begin).total_seconds(),
            due=due,
            found=found,
            bad=bad,
            on_time=on_time,
            stored=stored,
            reports=reports,
            begun_after=begun_after,
            stored_after=stored_after,
            longest_queues=longest_queues,
            used=used,
        )

    @property
    def stored_per_second(self) -> float:
        return self.stored / self.seconds

    @property
    def on_time_share(self) -> float:
        return self.on_time / self.due

    @property
    def holds(self) -> bool:
        return self.on_time_share >= ON_TIME_SHARE

    @property
    def cpu_us(self) -> float:
        """CPU microseconds of all programs per outcome that was stored."""
        return self.used.total / max(self.stored, 1) * 1e6

    def __str__(self) -> str:
        return "\n".join(
            (
                f"{self.due / self.seconds:,.0f} a second due; {self.stored_per_second:,.0f} a second stored",
                f"  slots in {self.seconds:.0f} s: {self.due:,}; with an outcome: {self.found:,}; bad: {self.bad:,}",
                f"  stored within {ON_TIME_SECONDS} s: {self.on_time_share:.1%}; reports: {self.reports}",
                f"  from slot to check (median, 95 %, 99 %): {_lags(self.begun_after)}",
                f"  from slot to database: {_lags(self.stored_after)}",
                f"  longest queues: {', '.join(f'{name} {n}' for name, n in self.longest_queues.items())}",
                *self._cpu_lines(),
            )
        )

    def _cpu_lines(self) -> Iterator[str]:
        yield f"  {'CPU':<14} {'cores':>6} {'µs a check':>11}"
        for name, seconds in {**self.used.programs, "all": self.used.total}.items():
            yield f"  {name:<14} {seconds / self.seconds:6.2f} {seconds / max(self.stored, 1) * 1e6:11,.0f}"
        yield f"  {'not ours':<14} {(self.used.machine - self.used.total) / self.seconds:6.2f}"


def _lags(lags: list[timedelta] | None) -> str:
    return ", ".join(f"{lag.total_seconds():.1f}" for lag in lags or ()) + " s"
