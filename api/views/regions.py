from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin
from rest_framework.viewsets import GenericViewSet

from api import examples
from api.access import reach_of
from api.errors import BAD_REQUEST, NOT_FOUND, UNAUTHENTICATED
from api.pagination import RegionEventPagination
from api.serializers.region import RegionEventSerializer, RegionSerializer
from api.views.region_orders import RegionOrders
from probes.models import Region, RegionEvent
from probes.selectors import visible
from probes.selectors.regions import events, regions


@extend_schema_view(
    list=extend_schema(
        summary="List regions",
        description="All of them, in the order of their slugs. They are few: there are no pages.",
        examples=[OpenApiExample("A region with one worker", value=examples.region(), response_only=True)],
        responses={200: RegionSerializer(many=True), 401: UNAUTHENTICATED},
    ),
)
class RegionViewSet(ListModelMixin, RegionOrders):
    serializer_class = RegionSerializer
    pagination_class = None
    queryset = Region.objects.none()

    def get_queryset(self) -> QuerySet[Region]:
        return regions()


@extend_schema_view(
    list=extend_schema(
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
