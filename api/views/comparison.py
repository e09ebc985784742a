"""Comparing regions."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import comparison_examples as examples
from api.access import reach_of
from api.errors import BAD_REQUEST, FORBIDDEN, UNAUTHENTICATED
from api.ranges import CompareQuery
from api.serializers.comparison import RESOURCE, ComparisonSerializer, shown
from probes.models import OwnerKind, Region
from probes.policy.access import Reach
from probes.selectors import comparison
from probes.selectors.subscriptions import regions_in_service, regions_of


class CompareView(APIView):
    @extend_schema(
        operation_id="compare",
        parameters=[CompareQuery],
        summary="Compare what regions see",
        description=(
            "Of a resource, or of all that belong to a registry or to a group: how it stands now, for how long it "
            "could be had, how long each step took, and the last failure, side by side, with where they disagree. "
            "Of many it is told what is rolled up, which an hour is twelve minutes after its end, and each hour "
            "counts what belonged to it then."
        ),
        examples=[
            OpenApiExample("A layer that is lost in one region", value=examples.of_resource(), response_only=True),
            OpenApiExample("A registry", value=examples.of_registry(), response_only=True),
        ],
        responses={200: ComparisonSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED, 403: FORBIDDEN},
    )
    def get(self, request: Request) -> Response:
        now = timezone.now()
        query = CompareQuery(data=request.query_params, context={"now": now, "request": request})
        query.is_valid(raise_exception=True)
        kind, row, over = query.subject
        reach = reach_of(request)
        if kind == OwnerKind.REGISTRY and reach.groups is not None:
            # It is told of what belongs to everybody, and how many that are.
            raise PermissionDenied("This takes the role viewer over everything.", code="missing_role")
        subject: dict[str, Any] = {"kind": kind, "id": row.pk, "name": str(row)}
        if kind == RESOURCE:
            regions = query.narrowed(_within(regions_of([row.pk])[row.pk], reach))
            return Response(shown(subject, comparison.of_resource(row, over, regions, now=now)))
        regions = query.narrowed(_within(regions_in_service(), reach))
        return Response(shown(subject, comparison.of_owner(OwnerKind(kind), row.pk, over, regions, now=now)))


def _within(regions: Sequence[Region], reach: Reach) -> Sequence[Region]:
    return [region for region in regions if reach.holds_region(region.pk)]
