from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import figures
from api import verdict_examples as examples
from api.access import reach_of
from api.errors import BAD_REQUEST, NOT_FOUND, UNAUTHENTICATED
from api.pagination import AS_MADE, TEXTS, Order
from api.ranges import UptimeQuery, asked
from api.serializers.group import GroupSerializer
from api.serializers.uptime import GroupUptimeSerializer
from api.setting_queries import GroupQuery
from api.views.writing import NounViewSet, described, filled, writing_takes
from probes.actions import terms as actions
from probes.models import Resource, ResourceGroup
from probes.policy.access import SHARED, NeedTable
from probes.selectors import visible
from probes.selectors.terms import groups, in_force
from probes.selectors.uptime import of_group

_ID: Final = OpenApiParameter("id", int, OpenApiParameter.PATH, description="The group's.")


@described(
    noun="a group",
    plural="groups",
    order="In the order they were made.",
    shown=examples.group(),
    sent={"name": "Shop", "notes": "", "terms": {"uptime_target_percent": 99.9}},
    patch={"terms": {"quorum": {"votes": 2}}},
)
class GroupViewSet(NounViewSet[ResourceGroup]):
    lookup_value_converter = "int"
    serializer_class = GroupSerializer
    query_class = GroupQuery
    orders: ClassVar = {"id": AS_MADE, "name": Order(column="name", values=TEXTS)}
    needs: ClassVar[NeedTable] = writing_takes(SHARED)
    queryset = ResourceGroup.objects.none()

    def rows(self) -> QuerySet[ResourceGroup]:
        return groups(are_counted=self.wants("resources")).select_related("policy", "managed_by")

    def store(self, row: ResourceGroup | None, values: dict[str, Any]) -> ResourceGroup:
        group = filled(row or ResourceGroup(), values)
        actions.save(group, now=timezone.now())
        return group


class GroupUptimeView(APIView):
    @extend_schema(
        operation_id="groups_uptime",
        parameters=[_ID, UptimeQuery],
        summary="Reckon the uptime of a group",
        description=(
            "The seconds of all resources together, held against the group's target. It is told what is rolled up, "
            "which an hour is twelve minutes after its end, and each hour counts what belonged to the group then."
        ),
        examples=[OpenApiExample("A week of three images", value=examples.group_uptime(), response_only=True)],
        responses={200: GroupUptimeSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED, 404: NOT_FOUND},
    )
    def get(self, request: Request, **named: int) -> Response:
        name, over = asked(request.query_params, now=timezone.now())
        group = get_object_or_404(visible.among(ResourceGroup.objects.all(), reach_of(request)), pk=named["id"])
        told, seconds = of_group(group.pk, over)
        target = in_force(group).terms.uptime_target_percent
        shown: dict[str, Any] = {
            "group": group.pk,
            "resources": Resource.objects.filter(group=group).count(),
            **figures.of_range(name, told, target),
            "overall": figures.budgeted(seconds, target),
        }
        return Response(GroupUptimeSerializer(shown).data)
