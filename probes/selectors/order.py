"""In which order resources are read, and of each group or registry only the first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BigIntegerField, F, Func, JSONField, Q, QuerySet, TextField, Value, Window
from django.db.models.functions import Cast, Coalesce, Lower, NullIf, RowNumber

from probes.models import Resource
from probes.policy.intervals import Interval
from probes.selectors.downtime import downtime

_NAME: Final = Lower(Coalesce(NullIf("name", Value("")), "reference"))


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


def ordered(resources: QuerySet[Resource], order: Order, over: Interval, *, now: datetime) -> QuerySet[Resource]:
    """Return them in that order. They have a `rank` (`choice.chosen`); downtime is that of the range.

    That takes one query at once; the others take none.
    """
    return _measured(resources, order, over, now).order_by(*_terms(order))


def firsts(
    resources: QuerySet[Resource],
    order: Order,
    over: Interval,
    *,
    now: datetime,
    by: By,
    most: Mapping[int | None, int],
) -> QuerySet[Resource]:
    """Return the first of each owner, in that order: of so many owners, by their ids, so many at `most`.

    No owner (None) is one as well. What lies beyond is not joined to anything.
    """
    name = f"{by.value}_id"
    owned = Q(**{f"{name}__in": [pk for pk in most if pk is not None]})
    if None in most:
        owned |= Q(**{name: None})
    found = _measured(resources, order, over, now)
    longest = max(most.values(), default=0)
    placed = found.filter(owned).annotate(place=Window(RowNumber(), partition_by=[F(name)], order_by=_terms(order)))
    ids = placed.filter(place__lte=longest).order_by().values("pk")
    return found.filter(pk__among=ArraySubquery(ids)).order_by(*_terms(order))


def page(
    resources: QuerySet[Resource], order: Order, over: Interval, *, now: datetime, start: int, count: int
) -> QuerySet[Resource]:
    """Return so many of them from a place on. What lies beyond is not joined to anything."""
    found = ordered(resources, order, over, now=now)
    return found.filter(pk__among=ArraySubquery(found.values("pk")[start : start + count]))


def _terms(order: Order) -> Sequence[Any]:
    first: Mapping[Order, Sequence[Any]] = {
        Order.WORST: (),
        Order.NAME: (_NAME,),
        Order.REGISTRY: ("registry__host",),
        Order.UPTIME: (F("downtime").desc(nulls_last=True),),
        Order.SINCE: (F("verdict__since").desc(nulls_last=True),),
    }
    return (*first[order], "rank", _NAME, "pk")


def _measured(resources: QuerySet[Resource], order: Order, over: Interval, now: datetime) -> QuerySet[Resource]:
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
