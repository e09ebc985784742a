"""Lists of the outcomes of one resource, narrowed by what is asked for."""

from dataclasses import dataclass

from django.db.models import QuerySet

from probes.models import Outcome, Resource
from probes.policy.access import Reach
from probes.policy.intervals import Interval
from probes.protocol.taxonomy import Status
from probes.selectors import visible
from probes.selectors.keyset import Part, Place, beyond
from probes.selectors.regions import UNREAD_JOINED


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a list of outcomes is narrowed by; what is empty or None does not narrow it.

    `is_failing` leaves out what was available, `at` is of their slots.
    """

    resource: Resource
    region_id: int | None = None
    status: str = ""
    is_failing: bool = False
    reason: str = ""
    at: Interval | None = None

    def among(self, reach: Reach) -> QuerySet[Outcome]:
        """Return the outcomes within reach that are wanted, each to be read with its region."""
        columns = {
            "region": self.region_id,
            "status": self.status or None,
            "reason": self.reason or None,
            "slot__gte": self.at.start if self.at else None,
            "slot__lt": self.at.end if self.at else None,
        }
        rows = visible.among(Outcome.objects.filter(resource=self.resource.pk), reach)
        if self.is_failing:
            rows = rows.exclude(status=Status.AVAILABLE)
        rows = rows.filter(**{name: value for name, value in columns.items() if value is not None})
        return rows.select_related("region").defer(*UNREAD_JOINED, "latency")


def listed(wanted: Wanted, reach: Reach, *, after: Place | None = None, most: int) -> Part[Outcome]:
    """Return outcomes, the newest slot first, with their documents where these are kept. One query.

    The partitions of the table are read one after the other, as far as it takes to fill the page.
    """
    rows = wanted.among(reach)
    if after is not None:
        rows = rows.filter(beyond("slot", after))
    found = list(rows.order_by("-slot", "-id")[: most + 1])
    last = found[most - 1] if len(found) > most else None
    return Part(found[:most], Place(last.slot, last.pk) if last else None)
