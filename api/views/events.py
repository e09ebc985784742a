from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin
from rest_framework.viewsets import GenericViewSet

from api import examples
from api.errors import BAD_REQUEST, UNAUTHENTICATED
from api.history_queries import EventQuery
from api.pagination import EventPagination
from api.queries import NarrowedList
from api.serializers.event import EventSerializer
from probes.models import Event
from probes.selectors.events import events


@extend_schema_view(
    list=extend_schema(
        parameters=[EventQuery],
        summary="List events",
        description="What happened and is no failure by itself, newest first. Follow `next` for older ones. "
        "What happens to regions is in `/regions/{slug}/events`.",
        examples=[OpenApiExample("A tag moved", value=examples.event(), response_only=True)],
        responses={200: EventSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED},
    ),
)
class EventViewSet(NarrowedList[Event], ListModelMixin, GenericViewSet[Event]):
    serializer_class = EventSerializer
    pagination_class = EventPagination
    query_class = EventQuery
    queryset = events()
