"""Lists of events, narrowed by what is asked for."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from probes.models import Event, Resource
from probes.policy.access import EVERYTHING, Reach
from probes.policy.intervals import Interval
from probes.selectors import visible
from probes.selectors.events import concerning, events
from probes.selectors.keyset import Part, Place, part
from probes.selectors.resources import saying


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a list of events is narrowed by; what is empty or None does not narrow it.

    Of a `resource` it is what concerns it: its own, and those of its registry and its logins. Of a registry likewise
    its own, those of its logins, and those of what lies there. `region` is the slug of the one that saw them. `text`
    is looked for in the names of resources.
    """

    kind: str = ""
    severity: str = ""
    resource: Resource | None = None
    registry_id: int | None = None
    region: str = ""
    text: str = ""
    at: Interval | None = None

    def among(self, reach: Reach = EVERYTHING) -> QuerySet[Event]:
        """Return the events within reach that are wanted. One query more of a resource."""
        columns = {
            "kind": self.kind or None,
            "severity": self.severity or None,
            "region": self.region or None,
            "at__gte": self.at.start if self.at else None,
            "at__lt": self.at.end if self.at else None,
        }
        rows = visible.among(Event.objects.all(), reach)
        rows = rows.filter(**{name: value for name, value in columns.items() if value is not None})
        if self.resource is not None:
            rows = rows.filter(concerning(self.resource))
        if self.registry_id is not None:
            rows = rows.filter(_of_registry(self.registry_id))
        if self.text:
            rows = rows.filter(resource__in=Resource.objects.filter(saying(self.text)).order_by().values("pk"))
        return rows


def listed(wanted: Wanted, reach: Reach, *, after: Place | None = None, most: int) -> Part[Event]:
    """Return events, the newest first, with what each is about. Two queries, three of a resource."""
    return part(wanted.among(reach), events(), by="at", after=after, most=most)


def _of_registry(registry_id: int) -> Q:
    return (
        Q(registry=registry_id)
        | Q(credential__registry=registry_id)
        | Q(resource__in=Resource.objects.filter(registry=registry_id).order_by().values("pk"))
    )
