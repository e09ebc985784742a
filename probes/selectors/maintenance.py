"""Planned work: the windows, and what is on now or was at some time.

Pages show occurrences, which have names. Rules ask `Works`, for many resources at a time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, Self

from django.db.models import Max, Prefetch, Q, QuerySet

from probes.models import MaintenanceOccurrence, MaintenanceWindow, Region, Registry, Resource, ResourceGroup
from probes.policy.access import EVERYTHING, Reach
from probes.policy.intervals import Interval
from probes.selectors import visible

_CONCERNED: Final = ("resource_ids", "group_ids", "registry_ids", "region_ids")


# Written out: Django takes longer to make SQL of these than the database to answer.
_ON: Final = """
SELECT * FROM probes_maintenanceoccurrence WHERE region_ids = '{}' AND starts_at <= %(now)s AND ends_at > %(now)s
ORDER BY starts_at, id
"""
_DURING: Final = """
SELECT * FROM probes_maintenanceoccurrence WHERE ends_at > %(start)s AND starts_at < %(end)s AND (
    resource_ids = '{}' AND group_ids = '{}' AND registry_ids = '{}' OR resource_ids && %(resources)s::bigint[]
    OR group_ids && %(groups)s::bigint[] OR registry_ids && %(registries)s::bigint[]
) ORDER BY starts_at, id
"""


class Concerned(Protocol):
    """What of a resource tells whether work concerns it."""

    @property
    def pk(self) -> int: ...
    @property
    def group_id(self) -> int | None: ...
    @property
    def registry_id(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Work:
    """One time at which a window happens: of what, as seen from where."""

    ends_at: datetime
    resources: frozenset[int]
    groups: frozenset[int]
    registries: frozenset[int]
    regions: frozenset[int]

    @property
    def is_of_everything(self) -> bool:
        return not (self.resources or self.groups or self.registries)

    def concerns(self, resource: Concerned) -> bool:
        return (
            self.is_of_everything
            or resource.pk in self.resources
            or resource.group_id in self.groups
            or resource.registry_id in self.registries
        )


@dataclass(frozen=True, slots=True)
class Works:
    """Some work, and when it ends or ended: `whole` is seen from everywhere, `seen` from some regions only."""

    whole: tuple[Work, ...] = ()
    seen: tuple[Work, ...] = ()

    @classmethod
    def on(cls, now: datetime) -> Self:
        """Return what is on. One query."""
        on = MaintenanceOccurrence.objects.filter(starts_at__lte=now, ends_at__gt=now)
        return cls._of(on.order_by().values_list("ends_at", *_CONCERNED))

    @classmethod
    def of(cls, windows: Iterable[int], now: datetime) -> Self:
        """Return what of these windows is on. One query."""
        on = MaintenanceOccurrence.objects.filter(starts_at__lte=now, ends_at__gt=now)
        return cls._of(on.filter(window__in=windows).order_by().values_list("ends_at", *_CONCERNED))

    @classmethod
    def over(cls, *, since: datetime, now: datetime) -> Self:
        """Return what ended after `since` and is over now; of work on the same, the last time only. One query.

        It is asked when something was over last, and work of each night ended 365 times since a failure of last year.
        """
        over = MaintenanceOccurrence.objects.filter(ends_at__gt=since, ends_at__lte=now)
        last = over.order_by().values(*_CONCERNED).annotate(last=Max("ends_at"))
        return cls._of(last.values_list("last", *_CONCERNED))

    @classmethod
    def _of(cls, rows: Iterable[tuple[Any, ...]]) -> Self:
        works = [Work(at, *map(frozenset, ids)) for at, *ids in rows]
        return cls(tuple(item for item in works if not item.regions), tuple(item for item in works if item.regions))

    def end(self, resource: Concerned) -> datetime | None:
        """Return the last end of the resource's own work, None where there is none."""
        return max((item.ends_at for item in self.whole if item.concerns(resource)), default=None)

    def is_on(self, resource: Concerned) -> bool:
        """Tell whether the resource's own work is among it."""
        return any(item.concerns(resource) for item in self.whole)

    def ends_by_region(self, resource: Concerned) -> Mapping[int, datetime]:
        """Return for the ids of regions the last end of work that is seen from there alone."""
        ends: dict[int, datetime] = {}
        for item in self.seen:
            if item.concerns(resource):
                ends |= {pk: max(item.ends_at, ends.get(pk, item.ends_at)) for pk in item.regions}
        return ends

    @property
    def concerned(self) -> Q:
        """The resources of which work is on, whole."""
        found = Q(pk__in=self._ids(lambda item: item.resources))
        found |= Q(registry__in=self._ids(lambda item: item.registries))
        return found | Q(group__in=self._ids(lambda item: item.groups))

    def _ids(self, part: Callable[[Work], Iterable[int]]) -> set[int]:
        return {pk for item in self.whole for pk in part(item)}


def windows(reach: Reach = EVERYTHING) -> QuerySet[MaintenanceWindow]:
    """Windows that concern something within reach, and what of that, each by the name it has. Five queries."""
    return visible.among(MaintenanceWindow.objects.all(), reach).prefetch_related(
        Prefetch("resources", visible.among(Resource.objects.only("pk", "slug").order_by("slug"), reach)),
        Prefetch("groups", visible.among(ResourceGroup.objects.only("pk", "slug").order_by("slug"), reach)),
        Prefetch("registries", visible.among(Registry.objects.only("pk", "host").order_by("host"), reach)),
        Prefetch("regions", visible.among(Region.objects.only("pk", "slug").order_by("slug"), reach)),
    )


def during(resources: Sequence[Resource], over: Interval) -> list[MaintenanceOccurrence]:
    """Return what of the range's work may concern one of these resources, in the order of the starts. One query.

    Whether it does, from where one looks, says `MaintenanceOccurrence.concerns`.
    """
    asked = {
        "start": over.start,
        "end": over.end,
        "resources": [resource.pk for resource in resources],
        "groups": list({resource.group_id for resource in resources if resource.group_id is not None}),
        "registries": list({resource.registry_id for resource in resources}),
    }
    return list(MaintenanceOccurrence.objects.raw(_DURING, asked))


def on(now: datetime) -> list[MaintenanceOccurrence]:
    """Return the work of this moment that concerns verdicts: as seen from everywhere. One query."""
    return list(MaintenanceOccurrence.objects.raw(_ON, {"now": now}))


def still_on(work: Iterable[MaintenanceOccurrence], now: datetime) -> list[MaintenanceOccurrence]:
    """Return those of the work that `on` returns as well."""
    return [item for item in work if not item.region_ids and item.starts_at <= now < item.ends_at]


@dataclass(frozen=True, slots=True)
class Extent:
    """Whom work concerns, by which a question about it is told from others."""

    resource_ids: tuple[int, ...]
    group_ids: tuple[int, ...]
    registry_ids: tuple[int, ...]


def extents(work: Iterable[MaintenanceOccurrence]) -> tuple[Extent, ...]:
    """Return whom each of them concerns."""
    return tuple(Extent(tuple(item.resource_ids), tuple(item.group_ids), tuple(item.registry_ids)) for item in work)


def worked_on(work: Extent | MaintenanceOccurrence) -> Q:
    """Return what holds for the resources that it concerns."""
    return Q(pk__in=work.resource_ids) | Q(group__in=work.group_ids) | Q(registry__in=work.registry_ids)


def shown_over(
    resources: Sequence[Resource], work: Sequence[MaintenanceOccurrence]
) -> Mapping[int, MaintenanceOccurrence]:
    """Return for each resource that is worked on the work that lasts longest."""
    longest = sorted(work, key=lambda item: item.ends_at)
    return {resource.pk: item for item in longest for resource in resources if item.concerns(resource)}
