"""The places of a page of the matrix: which resources have a row there, in which order."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.db.models import QuerySet

from probes.models import Resource
from probes.models.among import written
from probes.policy.access import EVERYTHING, Reach
from probes.policy.intervals import Interval
from probes.selectors.choice import Choice, chosen
from probes.selectors.downtime import downtime
from probes.selectors.maintenance import Extent
from probes.selectors.order import DOWN, THOSE_DOWN, Firsts, Order, Stretch, placed
from probes.selectors.overview import joined
from probes.selectors.prepared import MOST, Blank, Prepared


class Place(NamedTuple):
    """A resource, and what it belongs to."""

    pk: int
    group_id: int | None
    registry_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """A part of what is chosen, in an order. `work` tells whom that concerns which is on now (`maintenance.on`).

    Downtime is that of the range that it is read over. By uptime it takes a query more.
    """

    choice: Choice
    order: Order
    part: Firsts | Stretch
    work: tuple[Extent, ...] = ()
    reach: Reach = EVERYTHING

    def listed(self, over: Interval, *, now: datetime) -> list[Resource]:
        """Read the resources with what the matrix shows of them (`overview.joined`). One query."""
        return _listed(self).read(self._given(over, now))

    def read(self, over: Interval, *, now: datetime) -> list[Place]:
        """Read which they are. One query."""
        return [Place(*row) for row in _named(self).read(self._given(over, now))]

    def _given(self, over: Interval, now: datetime) -> Mapping[Blank, str]:
        if self.order is not Order.UPTIME:
            return {}
        found = downtime(over, now=now)
        return {DOWN: json.dumps(found), THOSE_DOWN: written(found)}


@lru_cache(MOST)
def _listed(places: Places) -> Prepared[Resource, Resource]:
    return Prepared(joined(_rows(places)))


@lru_cache(MOST)
def _named(places: Places) -> Prepared[Resource, tuple[int, int | None, int]]:
    return Prepared(_rows(places).values_list("pk", "group_id", "registry_id"))


def _rows(places: Places) -> QuerySet[Resource]:
    rows = chosen(places.choice, work=places.work, reach=places.reach)
    return placed(rows, places.order, places.part, places.reach)
