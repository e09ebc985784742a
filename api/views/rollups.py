"""Hours and days that are rolled up: of a resource, a group, a registry, or of all that a region sees."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeVar

from django.db.models import Model
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import comparison_examples as examples
from api.access import reach_of
from api.errors import BAD_REQUEST, NOT_FOUND, UNAUTHENTICATED
from api.ranges import LONGEST_HOURS, RegionRollUpQuery, RollUpQuery
from api.serializers.rollup import RollUpsSerializer, rollups_shown
from probes.models import ALL_REGIONS, OwnerKind, Region, Registry, Resource, ResourceGroup
from probes.selectors import sums, visible
from probes.selectors.sums import Source

ViewT = TypeVar("ViewT", bound=Callable[..., Any])

_EXAMPLE: Final = OpenApiExample("An hour", value=examples.rollups(), response_only=True)
_RESPONSES: Final = {200: RollUpsSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED, 404: NOT_FOUND}
_ID: Final = OpenApiParameter("id", int, OpenApiParameter.PATH)
_SLUG: Final = OpenApiParameter("slug", str, OpenApiParameter.PATH, description="The region's.")
_SAID: Final = (
    "Oldest first, without those of which there is nothing. "
    f"Hours of at most {LONGEST_HOURS.days} days, days of all that is kept."
)


def _described(noun: str, name: str) -> Callable[[ViewT], ViewT]:
    described: Callable[[ViewT], ViewT] = extend_schema(
        operation_id=f"{name}_rollups",
        parameters=[_ID, RollUpQuery],
        summary=f"List the hours or days of {noun}",
        description=_SAID,
        examples=[_EXAMPLE],
        responses=_RESPONSES,
    )
    return described


class _RollUps(APIView, ABC):
    model: ClassVar[type[Model]]

    def answer(self, request: Request, key: int) -> Response:
        reach = reach_of(request)
        get_object_or_404(visible.among(self.model._default_manager.all(), reach), pk=key)  # noqa: SLF001 - documented
        query = RollUpQuery(data=request.query_params, context={"now": timezone.now(), "request": request})
        query.is_valid(raise_exception=True)
        region: Region | None = query.validated_data.get("region")
        if region is not None:
            get_object_or_404(visible.among(Region.objects.all(), reach), pk=region.pk)
        found = sums.buckets(self.source(key), query.length, query.over, region.pk if region else ALL_REGIONS)
        unit = query.validated_data["unit"]
        return Response(rollups_shown(unit, region.slug if region else None, query.over, found))

    @abstractmethod
    def source(self, key: int) -> Source:
        """Return whose sums they are."""


class ResourceRollUpsView(_RollUps):
    model = Resource

    @_described("a resource", "resources")
    def get(self, request: Request, **named: int) -> Response:
        return self.answer(request, named["id"])

    def source(self, key: int) -> Source:
        return Source.of_resource(key)


class GroupRollUpsView(_RollUps):
    model = ResourceGroup

    @_described("a group", "groups")
    def get(self, request: Request, **named: int) -> Response:
        return self.answer(request, named["id"])

    def source(self, key: int) -> Source:
        return Source.of_owner(OwnerKind.GROUP, key)


class RegistryRollUpsView(_RollUps):
    model = Registry

    @_described("a registry", "registries")
    def get(self, request: Request, **named: int) -> Response:
        # The sums are of all that is there: they are for those alone who may see all of it.
        if reach_of(request).groups is not None:
            get_object_or_404(Registry.objects.none())
        return self.answer(request, named["id"])

    def source(self, key: int) -> Source:
        return Source.of_owner(OwnerKind.REGISTRY, key)


class RegionRollUpsView(APIView):
    @extend_schema(
        operation_id="regions_rollups",
        parameters=[_SLUG, RegionRollUpQuery],
        summary="List the hours or days of all that a region sees",
        description=_SAID,
        examples=[_EXAMPLE],
        responses=_RESPONSES,
    )
    def get(self, request: Request, **named: str) -> Response:
        reach = reach_of(request)
        rows = Region.objects.none() if reach.groups is not None else visible.among(Region.objects.all(), reach)
        region = get_object_or_404(rows, slug=named["slug"])
        query = RegionRollUpQuery(data=request.query_params, context={"now": timezone.now(), "request": request})
        query.is_valid(raise_exception=True)
        found = sums.buckets(Source.of_region(), query.length, query.over, region.pk)
        return Response(rollups_shown(query.validated_data["unit"], region.slug, query.over, found))
