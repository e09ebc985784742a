from dataclasses import replace
from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin
from rest_framework.viewsets import GenericViewSet

from api import examples
from api.access import reach_of
from api.errors import BAD_REQUEST, CONFLICT, NOT_FOUND, PRECONDITION_FAILED, UNAUTHENTICATED
from api.pagination import RegionEventPagination
from api.serializers.region import RegionEventSerializer, RegionSerializer, RegionSettingsSerializer
from api.setting_queries import RegionQuery
from api.views.region_orders import RegionOrders
from api.views.writing import ChangingViewSet, filled
from probes.actions import regions as actions
from probes.models import Region, RegionEvent
from probes.policy.access import SHARED, NeedTable
from probes.selectors import visible
from probes.selectors.regions import events, regions

_MAY_CHANGE: Final = replace(SHARED, permissions=("probes.change_region",))
_SHOWN: Final = OpenApiExample("A region with one worker", value=examples.region(), response_only=True)
_WRITTEN: Final = {200: RegionSerializer, 409: CONFLICT, 412: PRECONDITION_FAILED}


@extend_schema_view(
    list=extend_schema(
        parameters=[RegionQuery],
        summary="List regions",
        description="All of them, in the order of their slugs. They are few: there are no pages.",
        examples=[_SHOWN],
        responses={200: RegionSerializer(many=True), 400: BAD_REQUEST, 401: UNAUTHENTICATED},
    ),
    retrieve=extend_schema(
        summary="Show a region",
        description="With its workers and its last canaries. Its `ETag` is what a change of it may be made to depend "
        "on.",
        examples=[_SHOWN],
        responses={
            200: RegionSerializer,
            304: OpenApiResponse(description="It is as `If-None-Match` has it."),
            400: BAD_REQUEST,
            401: UNAUTHENTICATED,
            404: NOT_FOUND,
        },
    ),
    update=extend_schema(
        summary="Replace a region's settings",
        description="Its name and its place on the map; what is left out becomes what it is by default. Its slug "
        "never changes, and what it says of itself is only shown. It is not deleted but retired.",
        request=RegionSettingsSerializer,
        examples=[
            OpenApiExample(
                "All of them",
                value={"name": "Europe West", "latitude": 50.11, "longitude": 8.68},
                request_only=True,
            ),
            _SHOWN,
        ],
        responses=_WRITTEN,
    ),
    partial_update=extend_schema(
        summary="Change a region's settings",
        description="What is left out stays as it is.",
        request=RegionSettingsSerializer,
        examples=[OpenApiExample("Another name", value={"name": "Frankfurt"}, request_only=True), _SHOWN],
        responses=_WRITTEN,
    ),
)
class RegionViewSet(RegionOrders, ChangingViewSet[Region]):
    serializer_class = RegionSerializer
    settings_class = RegionSettingsSerializer
    query_class = RegionQuery
    pagination_class = None
    orders: ClassVar = {}
    needs: ClassVar[NeedTable] = {**RegionOrders.needs, "update": _MAY_CHANGE, "partial_update": _MAY_CHANGE}
    queryset = Region.objects.none()

    def rows(self) -> QuerySet[Region]:
        return regions().select_related("managed_by")

    def store(self, row: Region | None, values: dict[str, Any]) -> Region:
        region = filled(row or Region(), values)
        region.full_clean()
        actions.save(region)
        return region


@extend_schema_view(
    list=extend_schema(
        operation_id="regions_events",
        summary="List what happened to a region",
        description="The changes of its state, newest first. Follow `next` for older ones; kept for 90 days.",
        parameters=[OpenApiParameter("slug", str, OpenApiParameter.PATH, description="The region's.")],
        examples=[OpenApiExample("Its egress was lost", value=examples.region_event(), response_only=True)],
        responses={200: RegionEventSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED, 404: NOT_FOUND},
    ),
)
class RegionEventViewSet(ListModelMixin, GenericViewSet[RegionEvent]):
    serializer_class = RegionEventSerializer
    pagination_class = RegionEventPagination
    queryset = RegionEvent.objects.none()

    def get_queryset(self) -> QuerySet[RegionEvent]:
        return events(
            get_object_or_404(visible.among(Region.objects.all(), reach_of(self.request)), slug=self.kwargs["slug"])
        )
