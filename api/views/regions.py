from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin
from rest_framework.viewsets import GenericViewSet

from api import examples
from api.errors import UNAUTHENTICATED
from api.serializers.region import RegionSerializer
from probes.models import Region
from probes.selectors.regions import regions


@extend_schema_view(
    list=extend_schema(
        summary="List regions",
        description="All of them, in the order of their slugs. They are few: there are no pages.",
        examples=[OpenApiExample("A region with one worker", value=examples.region(), response_only=True)],
        responses={200: RegionSerializer(many=True), 401: UNAUTHENTICATED},
    ),
)
class RegionViewSet(ListModelMixin, GenericViewSet[Region]):
    serializer_class = RegionSerializer
    pagination_class = None
    queryset = Region.objects.none()

    def get_queryset(self) -> QuerySet[Region]:
        return regions()
