"""Lists of incidents, narrowed by what is asked for, and how many there were on each day of a month."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final, Self

from django.db.models import Count, DateTimeField, Q, QuerySet, Value
from django.db.models.functions import Greatest, Least, TruncDate

from probes.models import Incident
from probes.policy.access import EVERYTHING, Reach
from probes.policy.incidents import Level
from probes.policy.intervals import Interval
from probes.selectors import visible
from probes.selectors.incidents import about, failing_from, incidents, veiled
from probes.selectors.keyset import Part, Place, part


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a list of incidents is narrowed by; what is empty or None does not narrow it.

    `region` is the slug of one from which it failed.
    """

    is_open: bool | None = None
    level: str = ""
    severity: str = ""
    reason: str = ""
    registry_id: int | None = None
    group_id: int | None = None
    region: str = ""
    text: str = ""
    opened: Interval | None = None

    def that_are(self, *, is_open: bool) -> Self:
        """Return the same of what is open, or of what is over."""
        return replace(self, is_open=is_open)

    def among(self, reach: Reach = EVERYTHING) -> QuerySet[Incident]:
        """Return the incidents within reach that are wanted. One query more where a text is."""
        columns = {
            "resolved_at__isnull": self.is_open,
            "level": self.level or None,
            "severity": self.severity or None,
            "failure": self.reason or None,
            "registry": self.registry_id,
            "group": self.group_id,
            "opened_at__gte": self.opened.start if self.opened else None,
            "opened_at__lt": self.opened.end if self.opened else None,
        }
        rows = visible.among(Incident.objects.all(), reach)
        rows = rows.filter(**{name: value for name, value in columns.items() if value is not None})
        if self.region:
            rows = rows.filter(failing_from(self.region))
        return rows.filter(about(self.text, reach)) if self.text else rows


_DAY: Final = timedelta(days=1)
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Day:
    """How many incidents were open at some time of a day, and the worst level of them all.

    How many were opened on it, and how many of these are open yet.
    """

    count: int
    worst: Level
    opened: int = 0
    are_open: int = 0


def listed(wanted: Wanted, reach: Reach, *, after: Place | None = None, most: int) -> Part[Incident]:
    """Return incidents, the last opened first, each as it is shown to those who reach so far. Two queries."""
    found = part(wanted.among(reach), incidents(reach), by="opened_at", after=after, most=most)
    return replace(found, rows=[veiled(row, reach) for row in found.rows])


def by_day(wanted: Wanted, over: Interval, reach: Reach) -> Mapping[date, Day]:
    """Return what was open by day (of UTC) in a range that has been; days of none are left out. One query."""
    start, end = (Value(at, output_field=DateTimeField()) for at in (over.start - _DAY, over.end))
    alike = (
        wanted.among(reach)
        .filter(Q(resolved_at=None) | Q(resolved_at__gte=over.start), opened_at__lt=over.end)
        .order_by()
        # Of one that is still open, the least is the end of the range.
        .values("worst", first=TruncDate(Greatest("opened_at", start)), last=TruncDate(Least("resolved_at", end)))
        .annotate(count=Count("pk"), are_open=Count("pk", filter=Q(resolved_at=None)))
    )
    days: dict[date, Day] = {}
    beginning, ending = over.start.date(), (over.end - _INSTANT).date()
    for item in alike:
        first, worst = item["first"], Level(item["worst"])
        day = max(first, beginning)
        while day <= min(item["last"], ending):
            found = days.get(day, Day(0, worst))
            is_first = day == first
            days[day] = Day(
                found.count + item["count"],
                max(found.worst, worst, key=list(Level).index),
                found.opened + item["count"] * is_first,
                found.are_open + item["are_open"] * is_first,
            )
            day += _DAY
    return days


def month(first: date) -> Interval:
    """Return the month of UTC that begins on that day."""
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    start, end = (datetime.fromisoformat(f"{day.isoformat()}T00:00:00+00:00") for day in (first, following))
    return Interval(start, end)
