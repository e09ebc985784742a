from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.viewsets import ReadOnlyModelViewSet

from api import examples
from api.access import reach_of
from api.errors import BAD_REQUEST, NOT_FOUND, UNAUTHENTICATED
from api.pagination import AsMadePagination
from api.queries import NarrowedList, ResourceQuery
from api.serializers.resource import ListedResourceSerializer, ResourceSerializer
from api.views.resource_orders import ResourceOrders
from probes.models import Resource
from probes.selectors.resources import resources

_EXAMPLE = OpenApiExample("An image that lost a layer in one region", value=examples.resource(), response_only=True)


@extend_schema_view(
    list=extend_schema(
        parameters=[ResourceQuery],
        summary="List resources",
        description="In the order they were made, each with its verdict, and on demand its state per region.",
        examples=[_EXAMPLE],
        responses={200: ListedResourceSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED},
    ),
    retrieve=extend_schema(
        summary="Show a resource",
        examples=[_EXAMPLE],
        responses={200: ResourceSerializer, 401: UNAUTHENTICATED, 404: NOT_FOUND},
    ),
)
class ResourceViewSet(ResourceOrders, NarrowedList[Resource], ReadOnlyModelViewSet[Resource]):
    lookup_value_converter = "int"
    serializer_class = ResourceSerializer
    pagination_class = AsMadePagination
    query_class = ResourceQuery
    queryset = Resource.objects.none()

    def get_queryset(self) -> QuerySet[Resource]:
        return resources(reach_of(self.request), with_states=self._with_states)

    @property
    def _with_states(self) -> bool:
        if self.action != "list":
            return True
        return "states" in self.request.query_params.getlist("include") or (
            self.asked is not None and self.wants("states")
        )

    def get_serializer_class(self) -> Any:
        return ListedResourceSerializer if self.action == "list" else ResourceSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "with_states": self._with_states}
