from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet

from api import orders
from api import run_examples as examples
from api.access import access_of, reach_of
from api.errors import (
    BAD_REQUEST,
    FORBIDDEN,
    IN_PROGRESS,
    KEY_REUSED,
    NOT_FOUND,
    THROTTLED,
    UNAUTHENTICATED,
    UNDELIVERED,
)
from api.history_queries import RunQuery
from api.pagination import RunPagination
from api.queries import NarrowedList
from api.serializers.run import ProbeSerializer, RunInFullSerializer, RunSerializer
from api.views.writing import ONCE
from probes.models import Run
from probes.policy.access import Need, NeedTable, Role, Scope
from probes.selectors.runs import runs_of, tallies

_PROBING: Final = Need(Scope.PROBE, Role.OPERATOR, permissions=("probes.add_run",))
_PROBE: Final = OpenApiExample("A probe, answered by one of two", value=examples.probe(), response_only=True)


@extend_schema_view(
    list=extend_schema(
        parameters=[RunQuery],
        summary="List runs",
        description="What was ordered in the last days, the newest first: your own, and all of them for those who "
        "reach everything. Without their checks.",
        examples=[OpenApiExample("A check that is over", value=examples.check(), response_only=True)],
        responses={200: RunSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED},
    ),
    retrieve=extend_schema(
        summary="Show a run, and how far it is",
        description="Ask again after `Retry-After` seconds until it is `done`; it ends for certain. Runs are kept "
        "for a week.",
        examples=[_PROBE],
        responses={200: RunInFullSerializer, 401: UNAUTHENTICATED, 404: NOT_FOUND},
    ),
)
class RunViewSet(NarrowedList[Run], ReadOnlyModelViewSet[Run]):
    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    pagination_class = RunPagination
    query_class = RunQuery
    filter_backends = ()
    """None narrows by groups: a run is of a person, and `runs_of` says who sees it."""
    queryset = Run.objects.none()

    def get_serializer_class(self) -> Any:
        return RunSerializer if self.action == "list" else RunInFullSerializer

    def get_queryset(self) -> QuerySet[Run]:
        is_limited = access_of(self.request).limit.groups is not None
        token = orders.token_of(self.request) if is_limited else None
        return runs_of(self.request.user, reach_of(self.request), of_token=token)

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        self._now = timezone.now()
        self._tallies = tallies(page or [], now=self._now)
        return page

    def get_serializer_context(self) -> dict[str, Any]:
        told = {"now": self._now, "tallies": self._tallies} if self.action == "list" else {}
        return {**super().get_serializer_context(), **told}

    def retrieve(self, request: Request, *_: Any, **named: Any) -> Response:
        # Who may see a run is in the query: it is of a person, and of no group.
        return orders.shown(get_object_or_404(self.get_queryset(), uuid=named["uuid"]), request)


class ProbesView(APIView):
    needs: ClassVar[NeedTable] = {"post": _PROBING}

    @extend_schema(
        operation_id="probes_create",
        summary="Check any reference or URL once",
        description=(
            "Sends one check to each of the regions and stores no resource: what they find is on the run alone. It "
            "goes by the settings of the registry where those are stored, and by its quota. Private addresses are "
            "refused unless those settings allow them."
        ),
        request=ProbeSerializer,
        parameters=[*ONCE],
        examples=[
            OpenApiExample("A tag that was just pushed", value=examples.wanted(), request_only=True),
            OpenApiExample("Sent", value=examples.probe(), response_only=True, status_codes=["202"]),
        ],
        responses={
            202: RunInFullSerializer,
            400: BAD_REQUEST,
            401: UNAUTHENTICATED,
            403: FORBIDDEN,
            409: IN_PROGRESS,
            422: KEY_REUSED,
            429: THROTTLED,
            503: UNDELIVERED,
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        wanted = ProbeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return orders.once(request, lambda: orders.accepted(orders.probe(wanted.validated_data, request), request))
