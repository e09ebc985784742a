"""Lists of incidents, narrowed by what is asked for, and how many there were on each day of a month."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Self

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate

from probes.models import Incident, IncidentEntry
from probes.policy.access import EVERYTHING, Reach
from probes.policy.incidents import Level
from probes.policy.intervals import Interval
from probes.selectors import visible
from probes.selectors.incidents import about, incidents, veiled
from probes.selectors.keyset import Part, Place, part


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a list of incidents is narrowed by; what is empty or None does not narrow it.

    `region` is the slug of one that has a part in their timelines.
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
            told = IncidentEntry.objects.filter(incident=OuterRef("pk"), region=self.region)
            rows = rows.filter(Exists(told))
        return rows.filter(about(self.text, reach)) if self.text else rows


@dataclass(frozen=True, slots=True)
class Day:
    """How many incidents were opened on a day, how many of them are open yet, and the worst level of them all."""

    count: int
    are_open: int
    worst: Level


def listed(wanted: Wanted, reach: Reach, *, after: Place | None = None, most: int) -> Part[Incident]:
    """Return incidents, the last opened first, each as it is shown to those who reach so far. Two queries."""
    found = part(wanted.among(reach), incidents(reach), by="opened_at", after=after, most=most)
    return replace(found, rows=[veiled(row, reach) for row in found.rows])


def by_day(wanted: Wanted, over: Interval, reach: Reach) -> Mapping[date, Day]:
    """Return by day (of UTC) what was opened in a range; days of none are left out. One query."""
    days = (
        replace(wanted, opened=over)
        .among(reach)
        .order_by()
        .values(day=TruncDate("opened_at"))
        .annotate(
            count=Count("pk"),
            are_open=Count("pk", filter=Q(resolved_at=None)),
            outages=Count("pk", filter=Q(worst=Level.UNAVAILABLE)),
        )
    )
    return {
        item["day"]: Day(item["count"], item["are_open"], Level.UNAVAILABLE if item["outages"] else Level.DEGRADED)
        for item in days
    }


def month(first: date) -> Interval:
    """Return the month of UTC that begins on that day."""
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    start, end = (datetime.fromisoformat(f"{day.isoformat()}T00:00:00+00:00") for day in (first, following))
    return Interval(start, end)
