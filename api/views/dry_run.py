"""A dry run of a policy, or of terms that are no policy yet, on what is stored of the past."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import dry_run_examples as examples
from api.access import reach_of
from api.errors import BAD_REQUEST, FORBIDDEN, UNAUTHENTICATED
from api.serializers.dry_run import SUBJECTS, DryRunBody, DryRunSerializer, shown
from probes.models import Resource
from probes.policy.access import NeedTable, Scope
from probes.selectors import visible
from probes.selectors.replays import MOST_RESOURCES, dry_run


class PolicyDryRunView(APIView):
    needs: ClassVar[NeedTable] = {"POST": Scope.READ}

    @extend_schema(
        operation_id="policies_dry_run",
        summary="Try terms on the past",
        description=(
            "Takes in again what was found in a range, on the terms of a policy or on others, and says which "
            "incidents there would have been, beside those that there were. Nothing is stored, and nobody is told. "
            "What regions found for a slot is taken in at that slot. That a region was paused or silent is not known "
            "any more: one that found nothing is missed. Incidents of many resources at once are left out."
        ),
        request=DryRunBody,
        examples=[
            OpenApiExample("Two failures are enough", value=examples.asked(), request_only=True),
            OpenApiExample("Two failures are enough", value=examples.found(), response_only=True),
        ],
        responses={200: DryRunSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED, 403: FORBIDDEN},
    )
    def post(self, request: Request) -> Response:
        body = DryRunBody(data=request.data, context={"now": timezone.now(), "request": request})
        body.is_valid(raise_exception=True)
        asked: dict[str, Any] = body.validated_data
        (kind,) = (name for name in SUBJECTS if name in asked)
        rows = visible.among(Resource.objects.select_related("group"), reach_of(request)).filter(retired_at=None)
        chosen = rows.filter(**{"pk" if kind == "resource" else kind: asked[kind].pk})
        found = list(chosen.order_by("pk")[: MOST_RESOURCES + 1])
        return Response(shown(dry_run(found, asked["layer"], asked["over"])))
