"""Incidents: what is wrong now, what was, and how it went."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.search import SearchVectorExact
from django.db.models import Count, Exists, F, Func, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from probes.models import Incident, IncidentEntry, Resource, ResourceWords
from probes.models.incident import SCOPE_WORDS
from probes.policy.access import EVERYTHING, Reach
from probes.policy.ballot import Stance
from probes.policy.incidents import EntryKind, Level
from probes.policy.scopes import Kind, sentence
from probes.policy.terms import Severity
from probes.selectors import registries, visible
from probes.selectors.prepared import MOST, Blank, Prepared, number
from probes.selectors.resources import words_of

MOST_NAMED: Final = 500
"""Of so many resources at most the incidents are looked for one resource after the other."""

MOST_ENTRIES: Final = 500
"""Of a timeline that is read at once: of a longer one, the newest."""

_UNREAD: Final = tuple(f"resource__registry__{name}" for name in registries.UNREAD)


_LEVELS: Final[Sequence[str]] = (Level.UNAVAILABLE, Level.DEGRADED)
_SEVERITIES: Final[Sequence[str]] = tuple(Severity)
_NUMBER: Final = IntegerField()
_RESOURCE: Final = Blank("resource")


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


def incidents(reach: Reach = EVERYTHING) -> QuerySet[Incident]:
    """Incidents within reach, with resource, registry, group and who acknowledged, the last opened first. One query.

    For those who do not reach all groups, `own_extent` is how many of what one of a scope explains they reach.
    """
    rows = visible.among(Incident.objects.all(), reach)
    if reach.groups is not None:
        rows = rows.annotate(own_extent=_children_within(reach))
    joined = rows.select_related("resource__registry", "resource__group", "parent", "acknowledged_by")
    return joined.defer(*_UNREAD).order_by("-opened_at", "-id")


def about(text: str, reach: Reach = EVERYTHING) -> Q:
    """Return what holds for incidents of resources, or of scopes, that are called what a text says. One query.

    What a scope is called counts for those alone who are told it (`veiled`): else whoever asks could spell it out.
    It is read which resources these are, unless they are more than `MOST_NAMED`: of few the incidents are read, and
    of many the next few incidents are looked at, each whether it is one of theirs.
    """
    asked = words_of(text)
    if asked is None:
        return Q(pk__in=[])
    found = ResourceWords.objects.filter(words=asked)
    ids = list(found.values_list("pk", flat=True)[: MOST_NAMED + 1])
    # A subquery that gives a row, not the rows: else all that are called so would be read before the first is shown.
    own = Q(resource__among=ids)
    if len(ids) > MOST_NAMED:
        own = Q(resource=Subquery(found.filter(pk=OuterRef("resource")).values("pk")))
    of_scopes = ~Q(scope_kind="") & Q(SearchVectorExact(SCOPE_WORDS, asked))
    return own | (of_scopes if reach.groups is None else of_scopes & ~Q(scope_kind=Kind.CREDENTIAL))


def failing_from(slug: str) -> Exists:
    """Return what holds for incidents with a region by whose checks it failed at some time of them.

    That it has a line in the timeline is not enough: when an incident opens, each region's is written, good ones too.
    """
    bad = (Stance.BAD.value, Stance.IMPAIRED.value)
    return Exists(
        IncidentEntry.objects.filter(incident=OuterRef("pk"), region=slug, kind=EntryKind.REGION, after__in=bad)
    )


def wrong_now(most: int, reach: Reach = EVERYTHING) -> OpenIncidents:
    """Return at most so many open incidents, without those that an open one of a scope explains. One query.

    Scopes come first, then outages, then it goes by severity and by what began first. Each has its `open_children`.
    """
    return _in_order(_wrong_now(most, reach).read(), reach)


def wrong_at(registry_id: int, most: int, reach: Reach = EVERYTHING) -> OpenIncidents:
    """Return the same of one registry. One query.

    Only what is listed here explains: a child of what is of no registry, as of a login host or a region, is told.
    """
    return _in_order(list(_worst(Incident.objects.filter(registry=registry_id), most, reach)), reach)


def _in_order(found: list[Incident], reach: Reach) -> OpenIncidents:
    found.sort(key=_badness)
    return OpenIncidents([veiled(row, reach) for row in found], getattr(found[0], "count", 0) if found else 0)


@lru_cache(MOST)
def _wrong_now(most: int, reach: Reach) -> Prepared[Incident, Incident]:
    return Prepared(_worst(Incident.objects.all(), most, reach))


def _worst(rows: QuerySet[Incident], most: int, reach: Reach) -> QuerySet[Incident]:
    explained = Exists(rows.filter(pk=OuterRef("parent"), resolved_at=None))
    unexplained = visible.among(rows.filter(~explained, resolved_at=None), reach)
    order = (
        _place("scope_kind", [""]).asc(nulls_first=True),
        _place("level", _LEVELS),
        _place("severity", _SEVERITIES),
    )
    # The first are found in narrow columns, and only these are joined and counted for.
    worst = ArraySubquery(unexplained.order_by(*order, "began_at", "pk").values("pk")[:most])
    found = incidents(reach).filter(pk__among=worst).order_by()
    return found.annotate(count=_all_of(unexplained), open_children=_open_children(reach))


def children(incident: Incident, most: int, reach: Reach = EVERYTHING) -> Sequence[Incident]:
    """Return at most so many of the incidents that one of a scope explains, open ones first. One query."""
    return list(incidents(reach).filter(parent=incident).order_by("-resolved_at", "-opened_at", "-id")[:most])


def of_resource(resource: Resource, most: int) -> Sequence[Incident]:
    """Return the last incidents of a resource, an open one first. One query."""
    return _of_resource(most).read({_RESOURCE: str(resource.pk)})


@lru_cache(MOST)
def _of_resource(most: int) -> Prepared[Incident, Incident]:
    return Prepared(incidents().filter(resource=number(_RESOURCE))[:most])


def open_one(resource: Resource) -> Incident | None:
    """Return the open incident of a resource. One query."""
    found = _open_one().read({_RESOURCE: str(resource.pk)})
    return found[0] if found else None


@lru_cache
def _open_one() -> Prepared[Incident, Incident]:
    return Prepared(incidents().filter(resource=number(_RESOURCE), resolved_at=None)[:1])


def timeline(incident: Incident, most: int = MOST_ENTRIES, reach: Reach = EVERYTHING) -> Timeline:
    """Return what happened, in order; of a very long story its newest part. One query.

    For those who do not reach all groups it is without what may name something of others (`veiled`).
    """
    entries = incident.entries.filter(visible.within(IncidentEntry, Reach(regions=reach.regions)))
    if reach.groups is not None:
        hidden = [EntryKind.JOINED, EntryKind.LEFT]
        # What is said and found of a scope is about everybody's; the times and levels of it are for all.
        entries = entries.exclude(kind__in=[*hidden, EntryKind.COMMENT] if incident.scope_kind else hidden)
    newest = list(entries.select_related("by").order_by("-id")[: most + 1])
    if reach.groups is not None and incident.scope_kind:
        for entry in newest:
            entry.text = ""
    return Timeline(newest[:most][::-1], len(newest) > most)


def veiled(incident: Incident, reach: Reach) -> Incident:
    """Return an incident as those are shown it who reach so far: a copy that is never stored, where it differs.

    One of a scope names what many share, and counts them all. Who sees one group is told of its own only, and not
    which login it is.
    """
    if reach.groups is None or not incident.scope_kind:
        return incident
    shown = copy(incident)
    shown.extent = getattr(incident, "own_extent", 0)
    if shown.scope_kind == Kind.CREDENTIAL:
        shown.scope_label, shown.scope_name = "that several use", ""
    shown.explanation = sentence(shown.subject, shown.failure, extent=shown.extent)
    return shown


def _place(field: str, order: Sequence[str]) -> Func:
    """Return the place of a column's value, from 1; null where it has none. Of cases Django makes SQL for longer."""
    values = ", ".join(f"'{value}'" for value in order)
    return Func(F(field), template=f"array_position(ARRAY[{values}], (%(expressions)s)::text)", output_field=_NUMBER)


def _badness(incident: Incident) -> tuple[Any, ...]:
    """Return what the database goes by as well, for the few that it found."""
    level, severity = (
        order.index(said) if said in order else len(order)
        for said, order in ((incident.level, _LEVELS), (incident.severity, _SEVERITIES))
    )
    return not incident.scope_kind, level, severity, incident.began_at, incident.pk


def _children_within(reach: Reach) -> Coalesce:
    return _counted(visible.among(Incident.objects.filter(parent=OuterRef("pk")), Reach(reach.groups)))


def _open_children(reach: Reach) -> Coalesce:
    return _counted(visible.among(Incident.objects.filter(parent=OuterRef("pk"), resolved_at=None), reach))


def _all_of(rows: QuerySet[Incident]) -> Subquery:
    return Subquery(rows.order_by().values(one=Value(1)).annotate(count=Count("pk")).values("count"))


def _counted(rows: QuerySet[Incident]) -> Coalesce:
    counted = rows.order_by().values("parent").annotate(count=Count("pk"))
    return Coalesce(Subquery(counted.values("count")), 0)
