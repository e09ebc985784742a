from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from api import examples, orders
from api.errors import BAD_REQUEST, FORBIDDEN, NOT_FOUND, UNAUTHENTICATED, UNDELIVERED
from api.pagination import ResourcePagination
from api.queries import NarrowedList, ResourceQuery
from api.serializers.order import OrderedSerializer, OrderSerializer
from api.serializers.resource import ResourceSerializer
from probes.models import Resource
from probes.policy.access import Need, NeedTable, Role, Scope
from probes.selectors.resources import resources

_CHECK: Final = Need(Scope.PROBE, Role.OPERATOR, permissions=("probes.change_resource",))
_EXAMPLE = OpenApiExample("An image that lost a layer in one region", value=examples.resource(), response_only=True)


@extend_schema_view(
    list=extend_schema(
        parameters=[ResourceQuery],
        summary="List resources",
        description="In the order they were made, each with its verdict and its state per region.",
        examples=[_EXAMPLE],
        responses={200: ResourceSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED},
    ),
    retrieve=extend_schema(
        summary="Show a resource",
        examples=[_EXAMPLE],
        responses={200: ResourceSerializer, 401: UNAUTHENTICATED, 404: NOT_FOUND},
    ),
)
class ResourceViewSet(NarrowedList[Resource], ReadOnlyModelViewSet[Resource]):
    lookup_value_converter = "int"
    serializer_class = ResourceSerializer
    pagination_class = ResourcePagination
    query_class = ResourceQuery
    needs: ClassVar[NeedTable] = {"check": _CHECK}
    queryset = Resource.objects.none()

    def get_queryset(self) -> QuerySet[Resource]:
        return resources()

    @extend_schema(
        summary="Check a resource now",
        description=(
            "Sends one check to the regions, besides the schedule and even while the resource is paused. "
            "Takes the scope `probe` and the role operator."
        ),
        request=OrderSerializer,
        examples=[
            OpenApiExample("From everywhere", value={}, request_only=True),
            OpenApiExample(
                "From one region, down to the layers",
                value={"regions": ["eu-west"], "depth": "blobs"},
                request_only=True,
            ),
            OpenApiExample("Sent", value=examples.ordered(), response_only=True, status_codes=["202"]),
        ],
        responses={
            202: OrderedSerializer,
            400: BAD_REQUEST,
            401: UNAUTHENTICATED,
            403: FORBIDDEN,
            404: NOT_FOUND,
            503: UNDELIVERED,
        },
    )
    @action(detail=True, methods=["post"])
    def check(self, request: Request, **_: Any) -> Response:
        order = OrderSerializer(data=request.data)
        order.is_valid(raise_exception=True)
        ordered = orders.check_now(self.get_object(), **order.validated_data)
        return Response(OrderedSerializer(ordered, context={"request": request}).data, status=202)
