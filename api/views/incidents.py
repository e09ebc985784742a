from dataclasses import replace
from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from api import verdict_examples as examples
from api.access import reach_of
from api.errors import BAD_REQUEST, CONFLICT, FORBIDDEN, NOT_FOUND, UNAUTHENTICATED, Conflict
from api.history_queries import IncidentQuery
from api.pagination import IncidentPagination
from api.queries import NarrowedList
from api.serializers.incident import CommentSerializer, EntrySerializer, IncidentSerializer, IncidentStorySerializer
from probes.actions import incidents as actions
from probes.models import Incident
from probes.policy.access import OPERATE, NeedTable
from probes.selectors.incidents import incidents

_REFUSED: Final = {401: UNAUTHENTICATED, 403: FORBIDDEN, 404: NOT_FOUND}
_NOTING: Final = replace(OPERATE, permissions=("probes.change_incident",))
_STORY: Final = OpenApiExample("With its timeline", value=examples.incident_story(), response_only=True)


@extend_schema_view(
    list=extend_schema(
        parameters=[IncidentQuery],
        summary="List incidents",
        description="The last opened first, without their timelines. Follow `next` for older ones.",
        examples=[OpenApiExample("An outage that somebody is at", value=examples.incident(), response_only=True)],
        responses={200: IncidentSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED},
    ),
    retrieve=extend_schema(
        summary="Show an incident with its timeline",
        examples=[_STORY],
        responses={200: IncidentStorySerializer, 401: UNAUTHENTICATED, 404: NOT_FOUND},
    ),
)
class IncidentViewSet(NarrowedList[Incident], ReadOnlyModelViewSet[Incident]):
    lookup_value_converter = "int"
    pagination_class = IncidentPagination
    query_class = IncidentQuery
    is_cut_first = True
    needs: ClassVar[NeedTable] = {"acknowledge": _NOTING, "comments": _NOTING}
    queryset = Incident.objects.none()

    def get_serializer_class(self) -> Any:
        return IncidentSerializer if self.action == "list" else IncidentStorySerializer

    def get_queryset(self) -> QuerySet[Incident]:
        return incidents(reach_of(self.request))

    @extend_schema(
        summary="Acknowledge an incident: say that somebody is at it",
        description="Notes the token's user.",
        request=None,
        examples=[OpenApiExample("As it is then", value=examples.incident_story(), response_only=True)],
        responses={200: IncidentStorySerializer, **_REFUSED, 409: CONFLICT},
    )
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, **_: Any) -> Response:
        incident = self.get_object()
        user: Any = request.user
        if not actions.acknowledge(incident.pk, by=user, now=timezone.now()):
            raise Conflict("It is over, or somebody is at it already.")
        return Response(IncidentStorySerializer(self.get_object(), context=self.get_serializer_context()).data)

    @extend_schema(
        summary="Comment on an incident, also on one that is over",
        description="Adds an entry of the token's owner to the timeline.",
        request=CommentSerializer,
        examples=[
            OpenApiExample("What was found", value={"text": "The blob host's disk is full."}, request_only=True),
            OpenApiExample("The entry", value=examples.comment(), response_only=True, status_codes=["201"]),
        ],
        responses={201: EntrySerializer, 400: BAD_REQUEST, **_REFUSED},
    )
    @action(detail=True, methods=["post"])
    def comments(self, request: Request, **_: Any) -> Response:
        incident = self.get_object()
        wanted = CommentSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        user: Any = request.user
        entry = actions.comment(incident.pk, wanted.validated_data["text"], by=user, now=timezone.now())
        return Response(EntrySerializer(entry).data, status=201)
