"""How a resource stands, and how it stood: its verdict in full, and its uptime."""

from dataclasses import asdict
from typing import Any, Final

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
from api.ranges import UptimeQuery, asked
from api.serializers.standing import StandingSerializer
from api.serializers.terms import origins, said
from api.serializers.uptime import ResourceUptimeSerializer
from probes.models import ALL_REGIONS, Resource
from probes.selectors import standing, visible
from probes.selectors.subscriptions import regions_of
from probes.selectors.terms import in_force
from probes.selectors.uptime import at_once, rolled_pieces

_ID: Final = OpenApiParameter("id", int, OpenApiParameter.PATH, description="The resource's.")


class ResourceVerdictView(APIView):
    @extend_schema(
        operation_id="resources_verdict",
        parameters=[_ID],
        summary="Explain the verdict on a resource",
        description="The sentence, each vote and why it counted or not, and the terms with whoever settled each.",
        examples=[OpenApiExample("Two of three regions fail", value=examples.standing_in_full(), response_only=True)],
        responses={200: StandingSerializer, 401: UNAUTHENTICATED, 404: NOT_FOUND},
    )
    def get(self, request: Request, **named: int) -> Response:
        found = standing.of(_resource(request, named["id"]), now=timezone.now())
        decision = found.decision and asdict(found.decision)
        shown = {
            "resource": found.resource.pk,
            "state": found.state,
            "shown": found.shown,
            "since": found.verdict and found.verdict.since,
            "computed_at": found.verdict and found.verdict.computed_at,
            "stale_at": found.verdict and found.verdict.stale_at,
            "explanation": found.verdict.explanation if found.verdict else "",
            "maintenance": found.maintenance,
            "incident": found.incident_id,
            "inputs": found.inputs,
            "decision": decision,
            "terms": said(found.in_force.terms),
            "origins": origins(found.in_force),
        }
        return Response(StandingSerializer(shown).data)


class ResourceUptimeView(APIView):
    @extend_schema(
        operation_id="resources_uptime",
        parameters=[_ID, UptimeQuery],
        summary="Reckon the uptime of a resource",
        description=(
            "By the second: over all regions, and from each that checks it now. What nobody knew, what was planned "
            "and what was paused does not count and is shown; what counts is held against the target, if any."
        ),
        examples=[OpenApiExample("A week with an outage", value=examples.resource_uptime(), response_only=True)],
        responses={200: ResourceUptimeSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED, 404: NOT_FOUND},
    )
    def get(self, request: Request, **named: int) -> Response:
        name, over = asked(request.query_params, now=timezone.now())
        resource = _resource(request, named["id"])
        reach = reach_of(request)
        regions = [region for region in regions_of([resource.pk])[resource.pk] if reach.holds_region(region.pk)]
        target = in_force(resource).terms.uptime_target_percent
        found = at_once(resource, rolled_pieces(over), [None, *regions], timed=False)
        shown: dict[str, Any] = {
            "resource": resource.pk,
            **figures.of_range(name, over, target),
            "overall": figures.budgeted(found[ALL_REGIONS].rolled.seconds, target),
            "regions": [
                {"region": region.slug, **figures.figure(found[region.pk].rolled.seconds)} for region in regions
            ],
        }
        return Response(ResourceUptimeSerializer(shown).data)


def _resource(request: Request, resource_id: int) -> Resource:
    rows = visible.among(Resource.objects.select_related("group", "verdict"), reach_of(request))
    return get_object_or_404(rows, pk=resource_id)
