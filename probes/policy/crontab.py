"""Crontabs: the minutes at which something is due, by the clock on the wall of a time zone.

Read by `python-crontab`. Where both a day of the month and a weekday are asked for, either will do, as cron has it. A
time that the clock on the wall skips is skipped; one that it shows twice is the first of the two.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from crontab import CronSlices

LONGEST_TEXT: Final = 100
LONGEST_GAP_DAYS: Final = 31
_FIELDS: Final = 5
_TEXT: Final = re.compile(r"[a-z0-9*/,@ \t-]*", re.ASCII | re.IGNORECASE)
"""What is not of this is no crontab, or one of the library's own: `~`, by which others mean a time by chance."""
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_DAY_MINUTES: Final = 1440
_SEEN_FROM: Final = date(2001, 1, 1)
_SEEN_DAYS: Final = 4 * 366
"""With a leap year in it: each date that a crontab may ask for occurs."""


class CrontabRefused(ValueError):
    """Says what is wrong with a crontab."""


@dataclass(frozen=True, eq=False)
class Crontab:
    """`minutes` are those of a day, in order; the days are those of which `months` and `days` or `weekdays` say so.

    `is_either` tells that a day of the month and a weekday are asked for. Monday is 1, Sunday 0.
    """

    minutes: Sequence[int]
    months: frozenset[int]
    days: frozenset[int]
    weekdays: frozenset[int]
    is_either: bool
    zone: ZoneInfo

    def after(self, instant: datetime) -> datetime:
        """Return the first time after `instant`, in UTC."""
        day = instant.astimezone(self.zone).date()
        while True:
            times = _times_on(self, day)
            place = bisect_right(times, instant)
            if place < len(times):
                return times[place]
            day += _DAY

    def before(self, instant: datetime) -> datetime:
        """Return the last time before `instant`, in UTC."""
        day = instant.astimezone(self.zone).date()
        while True:
            times = _times_on(self, day)
            if place := bisect_left(times, instant):
                return times[place - 1]
            day -= _DAY

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many times there are from `start` up to `end`, which is not counted."""
        first, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        whole = sum(self._count_on(first + _DAY * number) for number in range(1, (last - first).days))
        before_start = bisect_left(_times_on(self, first), start)
        if first == last:
            return bisect_left(_times_on(self, first), end) - before_start
        return whole + len(_times_on(self, first)) - before_start + bisect_left(_times_on(self, last), end)

    def is_on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_date, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_date or by_weekday if self.is_either else by_date and by_weekday

    @property
    def shortest_gap(self) -> timedelta:
        """The time between the two that are nearest, as the clock on the wall has it."""
        gaps = [later - earlier for earlier, later in pairwise(self.minutes)]
        if (nearest := min(self._day_gaps(), default=0)) == 1 or not gaps:
            gaps.append(nearest * _DAY_MINUTES + self.minutes[0] - self.minutes[-1])
        return min(gaps) * _MINUTE

    def _day_gaps(self) -> Iterator[int]:
        """Yield how many days lie between a day that it is on and the next."""
        days = [number for number in range(_SEEN_DAYS) if self.is_on(_SEEN_FROM + _DAY * number)]
        return (later - earlier for earlier, later in pairwise(days))

    def _count_on(self, day: date) -> int:
        if self.is_on(day) and _offset(self.zone, day) == _offset(self.zone, day + _DAY):
            return len(self.minutes)
        return len(_times_on(self, day))

    def refuse_rare(self) -> None:
        """Raise `CrontabRefused` where it never happens, or not often enough to know anything between."""
        gaps = list(self._day_gaps())
        if not gaps:
            raise CrontabRefused("there is no such day")
        if max(gaps) > LONGEST_GAP_DAYS:
            raise CrontabRefused(f"{max(gaps)} days without a check: {LONGEST_GAP_DAYS} at most")


@lru_cache(maxsize=1024)
def parse_crontab(text: str, zone: str) -> Crontab:
    """Read five fields, or one word such as `@hourly`. Raises `CrontabRefused` with what is wrong."""
    if len(text) > LONGEST_TEXT:
        raise CrontabRefused(f"longer than {LONGEST_TEXT} characters")
    words = text.split()
    if not _TEXT.fullmatch(text):
        raise CrontabRefused("write numbers, names of months and weekdays, and * / , - alone")
    if not text.startswith("@") and len(words) != _FIELDS:
        raise CrontabRefused("it has five fields: minute, hour, day of the month, month and weekday")
    try:
        slices = CronSlices(" ".join(words))
        minutes, hours, days, months, weekdays = ({int(value) for value in _values(part.parts)} for part in slices)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CrontabRefused(str(error.args[0]) if error.args else "it cannot be read") from None
    found = Crontab(
        minutes=sorted(hour * 60 + minute for hour in hours for minute in minutes),
        months=frozenset(months),
        days=frozenset(days),
        weekdays=frozenset(day % 7 for day in weekdays),
        is_either=len(words) == _FIELDS and not words[2].startswith("*") and not words[4].startswith("*"),
        zone=ZoneInfo(zone),
    )
    if not found.minutes:
        raise CrontabRefused("it names no time")
    found.refuse_rare()
    return found


def _values(parts: Sequence[object]) -> Iterator[int]:
    for part in parts:
        yield from part.range() if hasattr(part, "range") else (int(part),)  # type: ignore[call-overload]  # a number, or a name of one


@lru_cache(maxsize=64)
def _times_on(crontab: Crontab, day: date) -> Sequence[datetime]:
    """Return the times of a day, in UTC and in order."""
    if not crontab.is_on(day):
        return ()
    zone, midnight = crontab.zone, datetime.combine(day, time())
    if (offset := _offset(zone, day)) == _offset(zone, day + _DAY):
        start = midnight.replace(tzinfo=UTC) - offset
        return tuple(start + minute * _MINUTE for minute in crontab.minutes)
    shown = [midnight + minute * _MINUTE for minute in crontab.minutes]
    instants = [(item, item.replace(tzinfo=zone).astimezone(UTC)) for item in shown]
    return tuple(instant for item, instant in instants if instant.astimezone(zone).replace(tzinfo=None) == item)


def _offset(zone: ZoneInfo, day: date) -> timedelta:
    return datetime.combine(day, time(), tzinfo=zone).utcoffset() or timedelta(0)
