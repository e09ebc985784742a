"""What the address of an image's page asks for: which image, as who looks reaches it, and over which time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Self

from django.http import Http404, HttpRequest
from django.utils import timezone

from dashboard.access import reach_of
from dashboard.image import courses, ladder
from dashboard.image.ladder import View
from dashboard.window import Window
from probes.models import MaintenanceOccurrence, Region, RegionState, Resource
from probes.policy.access import Reach
from probes.policy.intervals import Interval
from probes.policy.terms import Terms
from probes.selectors import maintenance, visible
from probes.selectors.overview import Cell
from probes.selectors.prepared import LARGEST, MOST, Blank, Prepared, number
from probes.selectors.regions import UNREAD
from probes.selectors.states import cells
from probes.selectors.terms import in_force

WHOLE: Final = "whole"
"""Asks for both halves of the page in one answer: without script nothing else brings the second."""

_SHOWN_WITH: Final = ("registry", "verdict", "endpoint", "group__policy", "policy", "managed_by")

_RESOURCE: Final = Blank("resource")


@lru_cache(MOST)
def _joined(reach: Reach) -> Prepared[Resource, Resource]:
    joined = visible.among(Resource.objects.select_related(*_SHOWN_WITH), reach)
    return Prepared(joined.filter(pk=number(_RESOURCE)).order_by())


def whole(request: HttpRequest) -> Mapping[str, str]:
    """Return what keeps both halves in an address, nothing where one answer is not to have both."""
    return {WHOLE: "1"} if request.GET.get(WHOLE) == "1" else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What both halves of the page are made of: the resource, how it stands from regions within reach, the window.

    `views` go with `cells`. `planned` is its work over the window, and what is on now.
    """

    resource: Resource
    reach: Reach
    terms: Terms
    cells: Sequence[Cell[RegionState]]
    views: Sequence[View]
    window: Window
    planned: Sequence[MaintenanceOccurrence]
    whole: Mapping[str, str]
    now: datetime

    @classmethod
    def of(cls, request: HttpRequest, resource_id: int, *, weighs: bool) -> Self:
        """Read it; what `weighs` of regions only where it is asked for. Five queries.

        Raises `Http404` where there is no such resource within the reach of who looks.
        """
        now, reach = timezone.now(), reach_of(request)
        found = _joined(reach).read({_RESOURCE: str(resource_id)}) if resource_id <= LARGEST else []
        if not found:
            raise Http404
        (resource,) = found
        terms = in_force(resource).terms
        seen = [
            item
            for item in cells(resource, terms, read=UNREAD if weighs else ())
            if reach.holds_region(item.region.pk)
        ]
        window = courses.window(request.GET, now)
        return cls(
            resource=resource,
            reach=reach,
            terms=terms,
            cells=seen,
            views=[ladder.view_of(resource, item, now) for item in seen],
            window=window,
            planned=maintenance.during([resource], Interval(window.over.start, now + timedelta.resolution)),
            whole=whole(request),
            now=now,
        )

    @property
    def regions(self) -> Sequence[Region]:
        return [item.region for item in self.cells]
