"""Recurrence rules: on which days, by the clock on the wall, something happens again.

A rule is written as in RFC 5545, section 3.3.10, and unfolded by `dateutil`. Maintenance is planned by days, weeks,
months and years, and its time of day is that of its start: nothing else is taken. A rule may be hostile or absurd,
and `dateutil` looks for the first 30 February until the year 9999. So it is held against a grammar first, and
unfolded near the end of the calendar, where the search is short.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dateutil.rrule import rrulestr

EARLIEST_YEAR: Final = 2000
LATEST_YEAR: Final = 2099
LONGEST_RULE: Final = 300
MOST_TIMES: Final = 1000

_CYCLES: Final = 7600
"""Years, and a multiple of 400: after so many each date has the weekday that it had, leap days included."""

_FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_OF_DAY: Final = frozenset({"BYHOUR", "BYMINUTE", "BYSECOND"})
_DAY: Final = re.compile(r"(?:[+-]?(?P<ordinal>[1-9][0-9]?))?(?:MO|TU|WE|TH|FR|SA|SU)")
_UNTIL: Final = re.compile(r"(?P<date>[0-9]{8})(?:T(?P<time>[0-9]{6})(?P<utc>Z)?)?")
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,4}")


class RuleRefused(ValueError):
    """A rule that does not read, or that makes no sense; says what to write instead."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule that was read. `until` is naive where it is meant by the same clock as the start."""

    rule: str
    until: datetime | None = None

    @classmethod
    def parse(cls, text: str) -> "Recurrence":
        """Return the rule that `text` is. Raises `RuleRefused`."""
        parts = _parts(text)
        frequency = parts.get("FREQ", "")
        if frequency not in _FREQUENCIES:
            raise RuleRefused(f"FREQ is one of {', '.join(_FREQUENCIES)}.")
        for name, value in parts.items():
            check = _CHECKS.get(name)
            if check is None:
                raise RuleRefused(
                    f"{name} is not taken: the time of day is that of the start."
                    if name in _OF_DAY
                    else f"{name[:20]!r} is not taken; write {', '.join(_CHECKS)}."
                )
            check(name, value, frequency)
        if "COUNT" in parts and "UNTIL" in parts:
            raise RuleRefused("COUNT and UNTIL exclude each other.")
        until = parts.pop("UNTIL", None)
        rule = ";".join(f"{name}={value}" for name, value in parts.items())
        return cls(rule, _until(until) if until else None)

    def starts(self, begin: datetime) -> Iterator[datetime]:
        """Yield the starts from `begin` on, naive as `begin` is, in order, until the end of the year 2099.

        `begin` itself is one of them only if the rule names its day. The work before the first, between two and after
        the last is bounded: some hundred thousand days are looked at.
        """
        for start in rrulestr(self.rule, dtstart=begin.replace(year=begin.year + _CYCLES)):
            if start.year > LATEST_YEAR + _CYCLES:
                return
            yield start.replace(year=start.year - _CYCLES)


def _parts(text: str) -> dict[str, str]:
    if len(text) > LONGEST_RULE:
        raise RuleRefused(f"A rule has at most {LONGEST_RULE} characters.")
    parts: dict[str, str] = {}
    for item in text.strip().upper().removeprefix("RRULE:").split(";"):
        name, equals, value = item.partition("=")
        if not equals or not value:
            raise RuleRefused(f"{item[:20]!r} is not NAME=VALUE, such as FREQ=WEEKLY;BYDAY=SU.")
        if name in parts:
            raise RuleRefused(f"{name[:20]} is there twice.")
        parts[name] = value
    return parts


def _integers(lowest: int, highest: int, *, signed: bool = False, several: bool = False) -> "_Check":
    def check(name: str, value: str, _frequency: str) -> None:
        for item in value.split(",") if several else [value]:
            number = int(item) if _INTEGER.fullmatch(item) else 0
            if not lowest <= (abs(number) if signed else number) <= highest:
                raise RuleRefused(f"{name} is from {lowest} to {highest}{', or less than 0' * signed}: not {item!r}.")

    return check


def _positions(name: str, value: str, frequency: str) -> None:
    if frequency == "DAILY":
        raise RuleRefused("BYSETPOS chooses among several days, and FREQ=DAILY has one.")
    _integers(1, 366, signed=True, several=True)(name, value, frequency)


def _days(name: str, value: str, frequency: str) -> None:
    highest = {"MONTHLY": 5, "YEARLY": 53}.get(frequency, 0)
    for item in value.split(","):
        found = _DAY.fullmatch(item)
        if not found:
            raise RuleRefused(f"{name} lists MO, TU, WE, TH, FR, SA, SU: not {item[:20]!r}.")
        if int(found["ordinal"] or 0) > highest:
            raise RuleRefused(f"{name}: there is no {item} with FREQ={frequency}.")


def _week_start(name: str, value: str, _frequency: str) -> None:
    found = _DAY.fullmatch(value)
    if not found or found["ordinal"]:
        raise RuleRefused(f"{name} is one of MO, TU, WE, TH, FR, SA, SU: not {value[:20]!r}.")


def _end(_name: str, value: str, _frequency: str) -> None:
    _until(value)


def _until(value: str) -> datetime:
    """Return what UNTIL says: aware with a `Z`, naive without; a mere date lasts to its end."""
    found = _UNTIL.fullmatch(value)
    try:
        until = datetime.strptime(f"{found['date']}{found['time'] or '235959'}", "%Y%m%d%H%M%S") if found else None  # noqa: DTZ007 - the zone is that of the start, or UTC
    except ValueError:
        until = None
    if not found or not until:
        raise RuleRefused(f"UNTIL is written 20271231, 20271231T060000 or 20271231T060000Z: not {value[:20]!r}.")
    return until.replace(tzinfo=UTC) if found["utc"] else until


_Check = Callable[[str, str, str], None]

_CHECKS: Final[Mapping[str, _Check]] = {
    "FREQ": lambda *_: None,
    "INTERVAL": _integers(1, 400),
    "COUNT": _integers(1, MOST_TIMES),
    "UNTIL": _end,
    "BYMONTH": _integers(1, 12, several=True),
    "BYMONTHDAY": _integers(1, 31, signed=True, several=True),
    "BYDAY": _days,
    "BYSETPOS": _positions,
    "WKST": _week_start,
}
