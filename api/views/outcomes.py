from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.viewsets import ReadOnlyModelViewSet

from api import examples
from api.errors import BAD_REQUEST, NOT_FOUND, UNAUTHENTICATED
from api.pagination import OutcomePagination
from api.queries import NarrowedList
from api.resource_queries import OutcomeQuery
from api.serializers.outcome import OutcomeSerializer
from probes.models import Outcome
from probes.selectors.outcomes import outcomes

_WHOLE = OpenApiExample("Kept whole", value=examples.whole_outcome(), response_only=True)
_SUMMARY = OpenApiExample("Kept as a summary", value=examples.summary(), response_only=True)


@extend_schema_view(
    list=extend_schema(
        parameters=[OutcomeQuery],
        summary="List outcomes",
        description="Newest slot first. Follow `next` for older ones; there is no count.",
        examples=[_WHOLE, _SUMMARY],
        responses={200: OutcomeSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED},
    ),
    retrieve=extend_schema(
        summary="Show an outcome",
        examples=[_WHOLE, _SUMMARY],
        responses={200: OutcomeSerializer, 401: UNAUTHENTICATED, 404: NOT_FOUND},
    ),
)
class OutcomeViewSet(NarrowedList[Outcome], ReadOnlyModelViewSet[Outcome]):
    lookup_value_converter = "int"
    serializer_class = OutcomeSerializer
    pagination_class = OutcomePagination
    query_class = OutcomeQuery
    queryset = outcomes()
