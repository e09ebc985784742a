"""Which planned work is on, and of what."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from django.db.models import Q, QuerySet

from probes.models import MaintenanceOccurrence


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
        return cls._of(MaintenanceOccurrence.objects.filter(starts_at__lte=now, ends_at__gt=now))

    @classmethod
    def of(cls, windows: Iterable[int], now: datetime) -> Self:
        """Return what of these windows is on. One query."""
        on = MaintenanceOccurrence.objects.filter(starts_at__lte=now, ends_at__gt=now)
        return cls._of(on.filter(window__in=windows))

    @classmethod
    def over(cls, *, since: datetime, now: datetime) -> Self:
        """Return what ended after `since` and is over now. One query."""
        return cls._of(MaintenanceOccurrence.objects.filter(ends_at__gt=since, ends_at__lte=now))

    @classmethod
    def _of(cls, rows: QuerySet[MaintenanceOccurrence]) -> Self:
        columns = ("ends_at", "resource_ids", "group_ids", "registry_ids", "region_ids")
        works = [Work(at, *map(frozenset, ids)) for at, *ids in rows.order_by().values_list(*columns)]
        return cls(tuple(item for item in works if not item.regions), tuple(item for item in works if item.regions))

    def end(self, resource: Concerned) -> datetime | None:
        """Return the last end of the resource's own work, None where there is none."""
        return max((item.ends_at for item in self.whole if item.concerns(resource)), default=None)

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
