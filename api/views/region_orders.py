"""What is ordered of regions over the API."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Final

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from api import examples
from api.enrolment import hand_over
from api.errors import BAD_REQUEST, CONFLICT, FORBIDDEN, NOT_FOUND, UNAUTHENTICATED, UNEQUIPPED
from api.serializers.enrolment import EnrolmentSerializer, HandedOverSerializer, RotationSerializer
from api.serializers.region import RegionSerializer
from probes.actions import enrolment, regions
from probes.models import Region
from probes.policy.access import ADMINISTER, SHARED, NeedTable
from probes.tasks import logins

_REFUSED = {401: UNAUTHENTICATED, 403: FORBIDDEN, 404: NOT_FOUND}
_HANDED_OVER = OpenApiExample(
    "What was made", value=examples.handed_over(), response_only=True, status_codes=["200", "201"]
)

_MAY_CHANGE: Final = ("probes.change_region",)


def _change(text: str) -> Callable[..., Any]:
    changed = OpenApiExample("As it is then", value=examples.region(), response_only=True, status_codes=["200"])
    return extend_schema(
        summary=text, request=None, examples=[changed], responses={200: RegionSerializer, **_REFUSED}
    )


class RegionOrders(GenericViewSet[Region]):
    """The verbs of `manage.py region`. Those that hand out keys take the right to change credentials as well."""

    lookup_field = "slug"
    lookup_value_converter = "slug"
    needs: ClassVar[NeedTable] = {
        "create": replace(ADMINISTER, permissions=enrolment.MAY_ENROLL),
        "rotate": replace(ADMINISTER, permissions=enrolment.MAY_ROTATE),
        "retire": replace(ADMINISTER, permissions=_MAY_CHANGE),
        "drain": replace(SHARED, permissions=_MAY_CHANGE),
        "pause": replace(SHARED, permissions=_MAY_CHANGE),
        "resume": replace(SHARED, permissions=_MAY_CHANGE),
    }

    @extend_schema(
        summary="Enrol a region",
        description=(
            "Makes a region, or brings a retired one back, with new keys and a broker account, and answers the files "
            "for its machine. They are shown once. A region's keys "
            "open every credential that it is sent."
        ),
        request=EnrolmentSerializer,
        examples=[
            OpenApiExample("Berlin", value=examples.enrolment(), request_only=True),
            _HANDED_OVER,
        ],
        responses={
            201: HandedOverSerializer,
            400: BAD_REQUEST,
            401: UNAUTHENTICATED,
            403: FORBIDDEN,
            409: CONFLICT,
            503: UNEQUIPPED,
        },
    )
    def create(self, request: Request, **_: Any) -> Response:
        wanted = EnrolmentSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        coordinates = None if values["latitude"] is None else (values["latitude"], values["longitude"])
        handed_over = hand_over(
            lambda: enrolment.enroll(
                values["slug"],
                values["name"],
                coordinates=coordinates,
                now=timezone.now(),
                logins=logins.at_the_broker(),
            ),
            broker_url=values["broker_url"],
            image=values["image"],
        )
        return self._shown(handed_over, status=201)

    @extend_schema(
        summary="Give a region new keys",
        description=(
            "New keys and a new broker password in new files for its machine, shown once. Those before count until "
            "no worker uses them, for the overlap at most."
        ),
        request=RotationSerializer,
        examples=[
            OpenApiExample("With a day to restart the workers", value={}, request_only=True),
            OpenApiExample("At once, for keys that others may have", value={"overlap_seconds": 0}, request_only=True),
            _HANDED_OVER,
        ],
        responses={
            200: HandedOverSerializer,
            400: BAD_REQUEST,
            409: CONFLICT,
            503: UNEQUIPPED,
            **_REFUSED,
        },
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, **_: Any) -> Response:
        region = self.get_object()
        wanted = RotationSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        overlap = timedelta(seconds=values["overlap_seconds"])
        handed_over = hand_over(
            lambda: enrolment.rotate(region.slug, overlap=overlap, now=timezone.now(), logins=logins.at_the_broker()),
            broker_url=values["broker_url"],
            image=values["image"],
        )
        return self._shown(handed_over, status=200)

    @_change("Drain a region: no new checks, no vote; what is in flight is taken")
    @action(detail=True, methods=["post"])
    def drain(self, request: Request, **_: Any) -> Response:
        return self._changed(request, regions.drain)

    @_change("Pause a region: no checks, no vote")
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, **_: Any) -> Response:
        return self._changed(request, regions.pause)

    @_change("Resume a region: undo drain and pause")
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, **_: Any) -> Response:
        return self._changed(request, regions.resume)

    @_change("Retire a region: its keys and its broker account end, what it sends is refused")
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, **_: Any) -> Response:
        return self._changed(request, partial(enrolment.retire, logins=logins.at_the_broker()))

    def _changed(self, request: Request, does: Callable[..., int]) -> Response:
        region = self.get_object()
        does([region.pk], now=timezone.now(), detail=f"by {request.user}")
        region.refresh_from_db()
        return Response(RegionSerializer(region, context=self.get_serializer_context()).data)

    def _shown(self, handed_over: dict[str, Any], *, status: int) -> Response:
        shown = HandedOverSerializer(handed_over, context=self.get_serializer_context()).data
        return Response(shown, status=status, headers={"Cache-Control": "no-store"})
