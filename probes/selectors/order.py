"""In which order resources are read, and of each group or registry only the first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BigIntegerField,
    Exists,
    F,
    Func,
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
from probes.selectors import visible
from probes.selectors.prepared import Blank

DOWN: Final = Blank("downtime")
"""Stands for a document of seconds by ids, in which each resource is looked up: few have any."""

THOSE_DOWN: Final = Blank("those that were down")
"""Stands for the array of these ids."""

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


@dataclass(frozen=True, slots=True)
class Firsts:
    """Of each owner, by its id, so many at most. No owner (None) is one as well."""

    by: By
    most: tuple[tuple[int | None, int], ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """So many of all from a place on, the first of which is 0."""

    start: int
    count: int


def ordered(resources: QuerySet[Resource], order: Order, reach: Reach = EVERYTHING) -> QuerySet[Resource]:
    """Return them in that order. They have a `rank` (`choice.chosen`).

    Of latency is told what regions within reach saw. Who asks by uptime gives the downtime in place of `DOWN`.
    """
    return _measured(resources, order, reach).order_by(*_terms(order))


def placed(
    resources: QuerySet[Resource], order: Order, part: Firsts | Stretch, reach: Reach = EVERYTHING
) -> QuerySet[Resource]:
    """Return a part of them in that order, as `ordered` does. What lies beyond is not joined to anything.

    Who asks for a stretch by uptime gives in place of `THOSE_DOWN` which have any downtime too.
    """
    found = ordered(resources, order, reach)
    ids = _stretch(found, order, part) if isinstance(part, Stretch) else _firsts(found, order, part)
    return found.filter(pk__among=ArraySubquery(ids))


def _stretch(found: QuerySet[Resource], order: Order, part: Stretch) -> QuerySet[Resource, Any]:
    stop = part.start + part.count
    if order is Order.UPTIME and stop:
        # Those that were down come first: where they are enough, no others are ranked.
        down = found.filter(pk__among=THOSE_DOWN)
        found = found.filter(Q(pk__among=THOSE_DOWN) | ~Exists(down.order_by()[stop - 1 : stop]))
    return found.values("pk")[part.start : stop]


def _firsts(found: QuerySet[Resource], order: Order, part: Firsts) -> QuerySet[Resource, Any]:
    name, most = f"{part.by.value}_id", dict(part.most)
    owned = Q(**{f"{name}__in": [pk for pk in most if pk is not None]})
    if None in most:
        owned |= Q(**{name: None})
    longest = max(most.values(), default=0)
    place = Window(RowNumber(), partition_by=[F(name)], order_by=_terms(order))
    return found.filter(owned).annotate(place=place).filter(place__lte=longest).order_by().values("pk")


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


def _measured(resources: QuerySet[Resource], order: Order, reach: Reach) -> QuerySet[Resource]:
    if order is Order.LATENCY:
        seen = visible.among(RegionState.objects.filter(resource=OuterRef("pk")), Reach(regions=reach.regions))
        slowest = seen.filter(region__retired_at=None).order_by().values("resource")
        return resources.annotate(slowest_ms=Subquery(slowest.annotate(ms=Max("duration_ms")).values("ms")))
    if order is not Order.UPTIME:
        return resources
    found = Func(
        Value(DOWN, output_field=TextField()),
        Cast("pk", TextField()),
        template="(%(expressions)s)::bigint",
        arg_joiner="::jsonb ->> ",
        output_field=BigIntegerField(),
    )
    return resources.annotate(downtime=found)
