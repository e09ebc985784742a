"""What is ordered of resources over the API: check now, pause, resume."""

from dataclasses import replace
from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from api import examples, orders, run_examples
from api.errors import (
    BAD_REQUEST,
    FORBIDDEN,
    IN_PROGRESS,
    KEY_REUSED,
    NOT_FOUND,
    UNAUTHENTICATED,
    UNDELIVERED,
)
from api.resource_queries import ResourceFilter
from api.serializers.order import ManyOrderSerializer, OrderSerializer, PauseSerializer
from api.serializers.resource import ResourceSerializer
from api.serializers.run import OrderedRunSerializer, RunInFullSerializer
from api.views.writing import ONCE
from probes.actions import resources
from probes.models import Resource
from probes.policy.access import OPERATE, Need, NeedTable, Role, Scope
from probes.policy.runs import MOST_RESOURCES

_CHECK: Final = Need(Scope.PROBE, Role.OPERATOR, permissions=("probes.change_resource",), in_each_region=True)
_PAUSE: Final = replace(OPERATE, permissions=("probes.change_resource",))
_REFUSED: Final = {401: UNAUTHENTICATED, 403: FORBIDDEN, 404: NOT_FOUND}
_TWICE: Final = {409: IN_PROGRESS, 422: KEY_REUSED}
_AS_IT_IS: Final = OpenApiExample(
    "As it is then", value=examples.resource(), response_only=True, status_codes=["200"]
)


class ResourceOrders(GenericViewSet[Resource]):
    """The verbs of the admin's list."""

    needs: ClassVar[NeedTable] = {"check": _CHECK, "check_many": _CHECK, "pause": _PAUSE, "resume": _PAUSE}

    @extend_schema(
        summary="Check a resource now",
        description=(
            "Sends one check to the regions, besides the schedule and even while the resource is paused, and answers "
            "the run to wait for."
        ),
        request=OrderSerializer,
        parameters=[*ONCE],
        examples=[
            OpenApiExample("From everywhere", value={}, request_only=True),
            OpenApiExample(
                "From one region, down to the layers",
                value={"regions": ["eu-west"], "depth": "blobs"},
                request_only=True,
            ),
            OpenApiExample("Sent", value=run_examples.ordered(), response_only=True, status_codes=["202"]),
        ],
        responses={202: OrderedRunSerializer, 400: BAD_REQUEST, **_REFUSED, **_TWICE, 503: UNDELIVERED},
    )
    @action(detail=True, methods=["post"])
    def check(self, request: Request, **_: Any) -> HttpResponseBase:
        wanted = OrderSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        resource = self.get_object()

        def accepted() -> Response:
            ordered = orders.check([resource.pk], request, **wanted.validated_data)
            if resource.pk not in ordered.slots:  # deleted meanwhile
                raise NotFound
            return orders.accepted(
                ordered,
                request,
                serializer=OrderedRunSerializer,
                resource=resource.pk,
                slot=ordered.slots[resource.pk],
            )

        return orders.once(request, accepted)

    @extend_schema(
        operation_id="resources_check_many",
        summary="Check many resources now",
        description=(
            f"As for one, of those listed or found by a filter: at most {MOST_RESOURCES}. All of them are one run. "
            "The role has to be over each of them."
        ),
        request=ManyOrderSerializer,
        parameters=[*ONCE],
        examples=[
            OpenApiExample(
                "All of a registry that are down",
                value={"filter": {"registry": "ghcr.io", "verdict": ["unavailable"]}},
                request_only=True,
            ),
            OpenApiExample(
                "Two, from one region", value={"resources": [12, 13], "regions": ["eu-west"]}, request_only=True
            ),
            OpenApiExample("Sent", value=run_examples.check_in_full(), response_only=True, status_codes=["202"]),
        ],
        responses={
            202: RunInFullSerializer,
            400: BAD_REQUEST,
            401: UNAUTHENTICATED,
            403: FORBIDDEN,
            **_TWICE,
            503: UNDELIVERED,
        },
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="check",
        url_name="check-many",
    )
    def check_many(self, request: Request, **_: Any) -> HttpResponseBase:
        wanted = ManyOrderSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        asked = wanted.validated_data
        body: Any = request.data

        def accepted() -> Response:
            ids = self._listed(asked["resources"]) if "resources" in asked else self._found(body["filter"])
            ordered = orders.check(ids, request, regions=asked["regions"], depth=asked["depth"])
            return orders.accepted(ordered, request)

        return orders.once(request, accepted)

    @extend_schema(
        summary="Pause a resource",
        description="Nothing is checked until it is resumed, by somebody or at `until`; what is on its way still "
        "arrives. One that is paused already stays so since then, and until the new end.",
        request=PauseSerializer,
        examples=[
            OpenApiExample("Until somebody resumes it", value={}, request_only=True),
            OpenApiExample("Until work is over", value={"until": "2026-11-23T18:00:00Z"}, request_only=True),
            OpenApiExample(
                "Paused until then", value=examples.paused_resource(), response_only=True, status_codes=["200"]
            ),
        ],
        responses={200: ResourceSerializer, 400: BAD_REQUEST, **_REFUSED},
    )
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, **_: Any) -> Response:
        resource = self.get_object()
        wanted = PauseSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        resources.pause([resource.pk], until=wanted.validated_data["until"], now=timezone.now())
        return Response(ResourceSerializer(self.get_object(), context=self.get_serializer_context()).data)

    @extend_schema(
        summary="Resume a resource",
        description="It is checked at once, and on its schedule from then on. One that is not paused stays as it is.",
        request=None,
        examples=[_AS_IT_IS],
        responses={200: ResourceSerializer, **_REFUSED},
    )
    @action(detail=True, methods=["post"])
    def resume(self, _request: Request, **_: Any) -> Response:
        resources.resume([self.get_object().pk], now=timezone.now())
        return Response(ResourceSerializer(self.get_object(), context=self.get_serializer_context()).data)

    def _listed(self, wanted: list[int | str]) -> list[int]:
        """Return the ids of these. Raises `ValidationError` where there is none of one of these names or ids."""
        rows = self.get_queryset()
        ids, slugs = ([item for item in wanted if isinstance(item, kind)] for kind in (int, str))
        named: dict[Any, Any] = dict(rows.filter(slug__in=slugs).order_by().values_list("slug", "pk"))
        found = self._permitted(rows.filter(pk__in=[*ids, *named.values()]))
        if missing := [item for item in wanted if named.get(item, item) not in found]:
            raise ValidationError({"resources": [f"There is none called {missing[0]}."]})
        return found

    def _found(self, given: Any) -> list[int]:
        """Return the ids that a filter finds. Raises `ValidationError` where that is nothing, or too much."""
        query = ResourceFilter(data=given, context=self.get_serializer_context())
        query.is_valid(raise_exception=True)
        found = self._permitted(query.narrow(self.get_queryset()))
        if not 1 <= len(found) <= MOST_RESOURCES:
            what = f"It finds more than {MOST_RESOURCES}. Narrow it." if found else "Nothing is found by it."
            raise ValidationError({"filter": [what]})
        return found

    def _permitted(self, rows: QuerySet[Resource]) -> list[int]:
        """Return the ids of rows, one more than are taken at most. Raises `PermissionDenied` for one out of reach."""
        keys = rows.order_by("pk").values_list("pk", "group_id")[: MOST_RESOURCES + 1]
        found = [Resource(pk=pk, group_id=group_id) for pk, group_id in keys]
        for row in found:
            self.check_object_permissions(self.request, row)
        return [row.pk for row in found]
