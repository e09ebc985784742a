"""Verdicts: as they are now, and how that of a resource changed."""

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin
from rest_framework.viewsets import GenericViewSet

from api import verdict_examples as examples
from api.access import reach_of
from api.errors import BAD_REQUEST, NOT_FOUND, UNAUTHENTICATED
from api.pagination import AsMadePagination, VerdictChangePagination
from api.queries import NarrowedList
from api.resource_queries import VerdictQuery
from api.serializers.verdict import ResourceVerdictSerializer, VerdictChangeSerializer
from probes.models import Resource, VerdictChange
from probes.selectors import visible
from probes.selectors.resources import changes_of, with_verdicts


@extend_schema_view(
    list=extend_schema(
        operation_id="verdicts_list",
        parameters=[VerdictQuery],
        summary="List verdicts as they are now",
        description="In the order the resources were made. How one came about is in `/resources/{id}/verdict`.",
        examples=[OpenApiExample("An outage", value=examples.verdict(), response_only=True)],
        responses={200: ResourceVerdictSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED},
    ),
)
class VerdictViewSet(NarrowedList[Resource], ListModelMixin, GenericViewSet[Resource]):
    serializer_class = ResourceVerdictSerializer
    pagination_class = AsMadePagination
    query_class = VerdictQuery
    queryset = Resource.objects.none()

    def get_queryset(self) -> QuerySet[Resource]:
        return with_verdicts()


@extend_schema_view(
    list=extend_schema(
        operation_id="resources_verdict_changes",
        parameters=[OpenApiParameter("id", int, OpenApiParameter.PATH, description="The resource's.")],
        summary="List the changes of the verdict on a resource",
        description="The newest first. Follow `next` for older ones.",
        examples=[OpenApiExample("An outage", value=examples.verdict_change(), response_only=True)],
        responses={200: VerdictChangeSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED, 404: NOT_FOUND},
    ),
)
class VerdictChangeViewSet(ListModelMixin, GenericViewSet[VerdictChange]):
    serializer_class = VerdictChangeSerializer
    pagination_class = VerdictChangePagination
    queryset = VerdictChange.objects.none()

    def get_queryset(self) -> QuerySet[VerdictChange]:
        within = visible.among(Resource.objects.all(), reach_of(self.request))
        return changes_of(get_object_or_404(within, pk=self.kwargs["id"]))
