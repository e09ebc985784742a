from typing import Any, Final

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet

from api import figures
from api import verdict_examples as examples
from api.errors import BAD_REQUEST, NOT_FOUND, UNAUTHENTICATED
from api.pagination import GroupPagination
from api.queries import GroupQuery, NarrowedList
from api.ranges import UptimeQuery, asked
from api.serializers.group import GroupSerializer
from api.serializers.uptime import GroupUptimeSerializer
from probes.models import Resource, ResourceGroup
from probes.selectors.terms import groups, in_force
from probes.selectors.uptime import of_many

_GROUP: Final = OpenApiExample("A team's images", value=examples.group(), response_only=True)
_ID: Final = OpenApiParameter("id", int, OpenApiParameter.PATH, description="The group's.")


@extend_schema_view(
    list=extend_schema(
        parameters=[GroupQuery],
        summary="List groups",
        description="In the order they were made.",
        examples=[_GROUP],
        responses={200: GroupSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED},
    ),
    retrieve=extend_schema(
        summary="Show a group",
        examples=[_GROUP],
        responses={200: GroupSerializer, 401: UNAUTHENTICATED, 404: NOT_FOUND},
    ),
)
class GroupViewSet(NarrowedList[ResourceGroup], ReadOnlyModelViewSet[ResourceGroup]):
    lookup_value_converter = "int"
    serializer_class = GroupSerializer
    pagination_class = GroupPagination
    query_class = GroupQuery
    queryset = ResourceGroup.objects.none()

    def get_queryset(self) -> QuerySet[ResourceGroup]:
        return groups()


class GroupUptimeView(APIView):
    @extend_schema(
        operation_id="groups_uptime_retrieve",
        parameters=[_ID, UptimeQuery],
        summary="Reckon the uptime of a group",
        description="The seconds of all resources that belong to it now, held against the group's target.",
        examples=[OpenApiExample("A week of three images", value=examples.group_uptime(), response_only=True)],
        responses={200: GroupUptimeSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED, 404: NOT_FOUND},
    )
    def get(self, request: Request, **named: int) -> Response:
        name, over = asked(request.query_params, now=timezone.now())
        group = get_object_or_404(ResourceGroup, pk=named["id"])
        resources = list(Resource.objects.filter(group=group).only("pk", "group_id", "registry_id"))
        target = in_force(group).terms.uptime_target_percent
        shown: dict[str, Any] = {
            "group": group.pk,
            "resources": len(resources),
            **figures.of_range(name, over, target),
            "overall": figures.budgeted(of_many(resources, over), target),
        }
        return Response(GroupUptimeSerializer(shown).data)
