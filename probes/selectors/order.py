"""In which order resources are read, and of each group or registry only the first."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum, Value, Window
from django.db.models.functions import Coalesce, Lower, NullIf, RowNumber

from probes.models import ALL_REGIONS, DayRollUp, HourRollUp, Resource
from probes.policy.intervals import Interval
from probes.policy.rollup import DAY

_NAME: Final = Lower(Coalesce(NullIf("name", Value("")), "reference"))
_LONG: Final = 2 * DAY


class Order(StrEnum):
    """What comes first: what is worst, the name, the registry's host, the most downtime, or the newest verdict.

    Of what is alike in that, what is worse, and then the name decides.
    """

    WORST = "worst"
    NAME = "name"
    REGISTRY = "registry"
    UPTIME = "uptime"
    SINCE = "since"


class By(StrEnum):
    """What resources are put together by; the value is the field."""

    GROUP = "group"
    REGISTRY = "registry"


def ordered(resources: QuerySet[Resource], order: Order, over: Interval) -> QuerySet[Resource]:
    """Return them in that order. They have a `rank` (`choice.chosen`); downtime is that of the range."""
    if order is Order.UPTIME:
        resources = resources.annotate(downtime=_downtime(over))
    return resources.order_by(*_terms(order))


def firsts(
    resources: QuerySet[Resource], order: Order, over: Interval, *, by: By, most: Mapping[int | None, int]
) -> QuerySet[Resource]:
    """Return the first of each owner, in that order: of so many owners, by their ids, so many at `most`.

    No owner (None) is one as well. What lies beyond is not joined to anything.
    """
    name = f"{by.value}_id"
    owned = Q(**{f"{name}__in": [pk for pk in most if pk is not None]})
    if None in most:
        owned |= Q(**{name: None})
    found = ordered(resources.filter(owned), order, over)
    longest = max(most.values(), default=0)
    placed = found.annotate(place=Window(RowNumber(), partition_by=[F(name)], order_by=_terms(order)))
    ids = placed.filter(place__lte=longest).order_by().values("pk")
    return ordered(resources.filter(pk__among=ArraySubquery(ids)), order, over)


def page(
    resources: QuerySet[Resource], order: Order, over: Interval, *, start: int, count: int
) -> QuerySet[Resource]:
    """Return so many of them from a place on. What lies beyond is not joined to anything."""
    ids = ordered(resources, order, over).values("pk")[start : start + count]
    return ordered(resources.filter(pk__among=ArraySubquery(ids)), order, over)


def _terms(order: Order) -> Sequence[Any]:
    first: Mapping[Order, Sequence[Any]] = {
        Order.WORST: (),
        Order.NAME: (_NAME,),
        Order.REGISTRY: ("registry__host",),
        Order.UPTIME: (F("downtime").desc(nulls_last=True),),
        Order.SINCE: (F("verdict__since").desc(nulls_last=True),),
    }
    return (*first[order], "rank", _NAME, "pk")


def _downtime(over: Interval) -> Subquery:
    """Return the seconds in which it was down, of a long range by whole days; none where it never was.

    Of the few rows that tell of any, by an index of them alone.
    """
    model = DayRollUp if over.end - over.start > _LONG else HourRollUp
    rows = model.objects.filter(
        resource_id=OuterRef("pk"),
        region_id=ALL_REGIONS,
        starts_at__gte=over.start,
        starts_at__lt=over.end,
        seconds_unavailable__isnull=False,
    ).order_by()
    return Subquery(rows.values("resource_id").annotate(down=Sum("seconds_unavailable")).values("down"))
