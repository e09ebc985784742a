"""Incidents: what is wrong now, what was, and how it went."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Case, Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When, Window
from django.db.models.functions import Coalesce

from probes.models import Incident, IncidentEntry, Resource
from probes.policy.incidents import Level
from probes.policy.terms import Severity
from probes.selectors import registries

MOST_ENTRIES: Final = 500
"""Of a timeline that is read at once: of a longer one, the newest."""

_UNREAD: Final = tuple(f"resource__registry__{name}" for name in registries.UNREAD)


@dataclass(frozen=True, slots=True)
class OpenIncidents:
    """The worst of what is open, and how many there are in all."""

    worst: Sequence[Incident]
    count: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Entries in the order in which they were written; `has_earlier` tells that the first ones are left out."""

    entries: Sequence[IncidentEntry]
    has_earlier: bool


def incidents() -> QuerySet[Incident]:
    """Incidents with resource, registry, group and who acknowledged, the last opened first. One query."""
    joined = Incident.objects.select_related("resource__registry", "resource__group", "parent", "acknowledged_by")
    return joined.defer(*_UNREAD).order_by("-opened_at", "-id")


def wrong_now(most: int) -> OpenIncidents:
    """Return at most so many open incidents, without those that an open one of a scope explains. One query.

    Scopes come first, then outages, then it goes by severity and by what began first. Each has its `open_children`.
    """
    explained = Q(parent__isnull=False, parent__resolved_at=None)
    found = list(
        incidents()
        .filter(~explained, resolved_at=None)
        .annotate(
            count=Window(Count("pk")),
            open_children=_open_children(),
            is_of_one=Q(scope_kind=""),
            harm=_rank("level", [Level.UNAVAILABLE, Level.DEGRADED]),
            weight=_rank("severity", list(Severity)),
        )
        .order_by("is_of_one", "harm", "weight", "began_at", "pk")[:most]
    )
    return OpenIncidents(found, getattr(found[0], "count", 0) if found else 0)


def children(incident: Incident, most: int) -> Sequence[Incident]:
    """Return at most so many of the incidents that one of a scope explains, open ones first. One query."""
    return list(incidents().filter(parent=incident).order_by("-resolved_at", "-opened_at", "-id")[:most])


def of_resource(resource: Resource, most: int) -> Sequence[Incident]:
    """Return the last incidents of a resource, an open one first. One query."""
    return list(incidents().filter(resource=resource)[:most])


def timeline(incident: Incident, most: int = MOST_ENTRIES) -> Timeline:
    """Return what happened, in order; of a very long story its newest part. One query."""
    newest = list(incident.entries.select_related("by").order_by("-id")[: most + 1])
    return Timeline(newest[:most][::-1], len(newest) > most)


def _rank(field: str, order: Sequence[str]) -> Case:
    ranks = (When(**{field: value}, then=Value(place)) for place, value in enumerate(order))
    return Case(*ranks, default=Value(len(order)), output_field=IntegerField())


def _open_children() -> Coalesce:
    rows = Incident.objects.filter(parent=OuterRef("pk"), resolved_at=None).order_by().values("parent")
    return Coalesce(Subquery(rows.annotate(count=Count("pk")).values("count")), 0)
