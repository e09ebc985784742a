"""In which order resources are read, and of each group or registry only the first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BigIntegerField,
    F,
    Func,
    JSONField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    Window,
)
from django.db.models.functions import Cast, Coalesce, Lower, NullIf, RowNumber

from probes.models import RegionState, Resource
from probes.policy.access import EVERYTHING, Reach
from probes.policy.intervals import Interval
from probes.selectors import visible
from probes.selectors.downtime import downtime

_NAME: Final = Lower(Coalesce(NullIf("name", Value("")), "reference"))


class Order(StrEnum):
    """What comes first: what is worst, the name, the host, the most downtime, the slowest, or the newest verdict.

    How slow something is tells the last check from the region where it took longest.

    Of what is alike in that, what is worse, and then the name decides.
    """

    WORST = "worst"
    NAME = "name"
    REGISTRY = "registry"
    UPTIME = "uptime"
    LATENCY = "latency"
    SINCE = "since"


class By(StrEnum):
    """What resources are put together by; the value is the field."""

    GROUP = "group"
    REGISTRY = "registry"


def ordered(
    resources: QuerySet[Resource], order: Order, over: Interval, *, now: datetime, reach: Reach = EVERYTHING
) -> QuerySet[Resource]:
    """Return them in that order. They have a `rank` (`choice.chosen`); downtime is that of the range.

    That takes one query at once; the others take none. Of latency is told what regions within reach saw.
    """
    return _measured(resources, order, over, now, reach).order_by(*_terms(order))


def firsts(
    resources: QuerySet[Resource],
    order: Order,
    over: Interval,
    *,
    now: datetime,
    by: By,
    most: Mapping[int | None, int],
    reach: Reach = EVERYTHING,
) -> QuerySet[Resource]:
    """Return the first of each owner, in that order: of so many owners, by their ids, so many at `most`.

    No owner (None) is one as well. What lies beyond is not joined to anything.
    """
    name = f"{by.value}_id"
    owned = Q(**{f"{name}__in": [pk for pk in most if pk is not None]})
    if None in most:
        owned |= Q(**{name: None})
    found = _measured(resources, order, over, now, reach)
    longest = max(most.values(), default=0)
    placed = found.filter(owned).annotate(place=Window(RowNumber(), partition_by=[F(name)], order_by=_terms(order)))
    ids = placed.filter(place__lte=longest).order_by().values("pk")
    return found.filter(pk__among=ArraySubquery(ids)).order_by(*_terms(order))


def page(
    resources: QuerySet[Resource],
    order: Order,
    over: Interval,
    *,
    now: datetime,
    start: int,
    count: int,
    reach: Reach = EVERYTHING,
) -> QuerySet[Resource]:
    """Return so many of them from a place on. What lies beyond is not joined to anything."""
    found = ordered(resources, order, over, now=now, reach=reach)
    return found.filter(pk__among=ArraySubquery(found.values("pk")[start : start + count]))


def _terms(order: Order) -> Sequence[Any]:
    first: Mapping[Order, Sequence[Any]] = {
        Order.WORST: (),
        Order.NAME: (_NAME,),
        Order.REGISTRY: ("registry__host",),
        Order.UPTIME: (F("downtime").desc(nulls_last=True),),
        Order.LATENCY: (F("slowest_ms").desc(nulls_last=True),),
        Order.SINCE: (F("verdict__since").desc(nulls_last=True),),
    }
    return (*first[order], "rank", _NAME, "pk")


def _measured(
    resources: QuerySet[Resource], order: Order, over: Interval, now: datetime, reach: Reach
) -> QuerySet[Resource]:
    if order is Order.LATENCY:
        seen = visible.among(RegionState.objects.filter(resource=OuterRef("pk")), Reach(regions=reach.regions))
        slowest = seen.filter(region__retired_at=None).order_by().values("resource")
        return resources.annotate(slowest_ms=Subquery(slowest.annotate(ms=Max("duration_ms")).values("ms")))
    if order is not Order.UPTIME:
        return resources
    # A document of numbers by ids, in which each resource is looked up: few have any, and these are found at once.
    found = Value(dict(downtime(over, now=now)), output_field=JSONField())
    return resources.annotate(
        downtime=Func(
            found,
            Cast("pk", TextField()),
            template="(%(expressions)s)::bigint",
            arg_joiner=" ->> ",
            output_field=BigIntegerField(),
        )
    )
