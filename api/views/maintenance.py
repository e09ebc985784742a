from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.viewsets import ReadOnlyModelViewSet

from api import verdict_examples as examples
from api.access import reach_of
from api.errors import BAD_REQUEST, NOT_FOUND, UNAUTHENTICATED
from api.pagination import AsMadePagination
from api.queries import NarrowedList, WindowQuery
from api.serializers.maintenance import PlannedWindowSerializer, WindowSerializer
from probes.models import MaintenanceWindow
from probes.selectors.maintenance import windows


@extend_schema_view(
    list=extend_schema(
        summary="List maintenance windows",
        description="In the order they were made.",
        examples=[OpenApiExample("Every Sunday", value=examples.window(), response_only=True)],
        responses={200: WindowSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED},
    ),
    retrieve=extend_schema(
        summary="Show a maintenance window, and when it comes next",
        examples=[OpenApiExample("Every Sunday", value=examples.planned_window(), response_only=True)],
        responses={200: PlannedWindowSerializer, 401: UNAUTHENTICATED, 404: NOT_FOUND},
    ),
)
class WindowViewSet(NarrowedList[MaintenanceWindow], ReadOnlyModelViewSet[MaintenanceWindow]):
    lookup_value_converter = "int"
    pagination_class = AsMadePagination
    query_class = WindowQuery
    queryset = MaintenanceWindow.objects.none()

    def get_serializer_class(self) -> Any:
        return WindowSerializer if self.action == "list" else PlannedWindowSerializer

    def get_queryset(self) -> QuerySet[MaintenanceWindow]:
        return windows(reach_of(self.request))
