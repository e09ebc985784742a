"""Maintenance windows: when work is planned, once or again and again.

A window is planned by the clock on the wall of a time zone. Daylight saving is reckoned with as RFC 5545 has it:

- a start that the clock skips is as late after the change as it would have been without it (02:30 becomes 03:30);
- a start that the clock shows twice is the first of the two;
- whole days of a duration are days of the calendar (23 to 25 hours long), the rest of it is time that passes. A
  weekend from Saturday 00:00 for two days ends on Monday 00:00; four hours of work from 01:00 are four hours in any
  night.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice, pairwise, takewhile
from typing import Final

from probes.policy.intervals import Interval
from probes.policy.recurrence import EARLIEST_YEAR, LATEST_YEAR, Recurrence

SHORTEST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(days=92)
"""Whoever works on something for longer pauses it."""

_LOOKED_AT: Final = 100
_DAY: Final = timedelta(days=1)
_FURTHEST_OFFSET: Final = timedelta(days=2)
"""No clock is further from UTC, also not across a day that its zone left out."""


class WindowRefused(ValueError):
    """A window that makes no sense. `part` is the field to mend: `starts_local`, `lasts` or `rule`."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Work from `starts_local`, which is naive and read off the clock of `zone`, for as long as it `lasts`.

    With a `rule` it happens whenever that says, at the start's time of day; the start's own day counts only if the
    rule names it. Raises `WindowRefused` for a window that never happens, that overlaps itself, or that is out of
    bounds.
    """

    starts_local: datetime
    zone: tzinfo
    lasts: timedelta
    rule: Recurrence | None = None

    def __post_init__(self) -> None:
        if self.starts_local.tzinfo is not None:
            raise WindowRefused("starts_local", "The start is read off the clock of the window's zone.")
        if not EARLIEST_YEAR <= self.starts_local.year <= LATEST_YEAR:
            raise WindowRefused("starts_local", f"A window starts in the years {EARLIEST_YEAR} to {LATEST_YEAR}.")
        if not SHORTEST <= self.lasts <= LONGEST:
            raise WindowRefused("lasts", f"A window lasts from a minute to {LONGEST.days} days.")
        first = list(islice(self._local_starts(), _LOOKED_AT))
        if not first:
            raise WindowRefused("rule", f"This never happens before {LATEST_YEAR + 1}.")
        for one, following in pairwise(first):
            if following - one < self.lasts:
                message = f"It would begin again, at {following:%Y-%m-%d %H:%M}, before it has ended."
                raise WindowRefused("lasts", message)

    def occurrences(self, *, after: datetime) -> Iterator[Interval]:
        """Yield the intervals that end after that instant, the one that is on included, in order."""
        far_gone = after.astimezone(UTC).replace(tzinfo=None) - self.lasts - _FURTHEST_OFFSET
        for start in self._local_starts():
            if start >= far_gone and (interval := self._interval(start)).end > after:
                yield interval

    def during(self, over: Interval) -> list[Interval]:
        """Return the intervals that share time with `over`, whole, in order."""
        return list(takewhile(lambda item: item.start < over.end, self.occurrences(after=over.start)))

    def at(self, instant: datetime) -> Interval | None:
        """Return the interval in which `instant` lies, None where there is none."""
        following = next(self.occurrences(after=instant), None)
        return following if following and instant in following else None

    def _local_starts(self) -> Iterator[datetime]:
        if self.rule is None:
            yield self.starts_local
            return
        until = self.rule.until
        for start in self.rule.starts(self.starts_local):
            if until and (self._instant(start) if until.tzinfo else start) > until:
                return
            yield start

    def _interval(self, start: datetime) -> Interval:
        days = self.lasts // _DAY
        return Interval(self._instant(start), self._instant(start + days * _DAY) + self.lasts % _DAY)

    def _instant(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self.zone, fold=0).astimezone(UTC)
