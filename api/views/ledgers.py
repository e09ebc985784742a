"""What the machinery writes down of its own work, to be read."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin
from rest_framework.viewsets import GenericViewSet

from api import place_examples as examples
from api.errors import BAD_REQUEST, FORBIDDEN, UNAUTHENTICATED
from api.ledger_queries import CertificateQuery, MissedSlotsQuery, NoticeQuery, QuotaQuery
from api.pagination import INSTANTS, AsMadePagination, KeysetPagination, Order
from api.queries import NarrowedList
from api.serializers.ledger import (
    HostCertificateSerializer,
    MissedSlotsSerializer,
    NoticeSerializer,
    QuotaAccountSerializer,
)
from probes.models import HostCertificate, MissedSlots, Notice, QuotaAccount
from probes.policy.access import SECRETIVE, NeedTable
from probes.selectors import ledgers
from probes.selectors.quota import Costs, line, with_settings


class MissedSlotsPagination(KeysetPagination[MissedSlots]):
    """Those that ended last first."""

    order = Order(column="last_slot", values=INSTANTS, is_descending=True)


class CertificatePagination(KeysetPagination[HostCertificate]):
    """Those that end first first."""

    order = Order(column="not_after", values=INSTANTS)


class NoticePagination(KeysetPagination[Notice]):
    """The newest first."""

    order = Order(is_descending=True)


def _listed(query: Any, serializer: Any, *, summary: str, description: str, example: Any) -> Any:
    return extend_schema_view(
        list=extend_schema(
            parameters=[query],
            summary=summary,
            description=f"{description} Follow `next` for more.",
            examples=[OpenApiExample("One of them", value=example, response_only=True)],
            responses={200: serializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED, 403: FORBIDDEN},
        )
    )


@_listed(
    MissedSlotsQuery,
    MissedSlotsSerializer,
    summary="List slots without an outcome",
    description="And why there is none: those that ended last first.",
    example=examples.missed_slots(),
)
class MissedSlotsViewSet(NarrowedList[MissedSlots], ListModelMixin, GenericViewSet[MissedSlots]):
    serializer_class = MissedSlotsSerializer
    pagination_class = MissedSlotsPagination
    query_class = MissedSlotsQuery
    queryset = ledgers.missed_slots()


@_listed(
    CertificateQuery,
    HostCertificateSerializer,
    summary="List certificates of hosts",
    description="As they were last shown to regions: those that end first first.",
    example=examples.certificate(),
)
class CertificateViewSet(NarrowedList[HostCertificate], ListModelMixin, GenericViewSet[HostCertificate]):
    serializer_class = HostCertificateSerializer
    pagination_class = CertificatePagination
    query_class = CertificateQuery
    queryset = ledgers.certificates()


class _QuotaPagination(AsMadePagination):
    """In the order they were made, each as people read it: that is reckoned for the rows of one page."""

    def paginate_queryset(self, *args: Any, **options: Any) -> list[Any]:
        rows, now = super().paginate_queryset(*args, **options), timezone.now()
        for row in rows:
            row.told = line(row, Costs(), now=now)
        return rows


@_listed(
    QuotaQuery,
    QuotaAccountSerializer,
    summary="List accounts at registries",
    description="What registries let us have, and what was taken of it, in the order they were made. For whoever "
    "reaches everything.",
    example=examples.quota_account(),
)
class QuotaAccountViewSet(NarrowedList[QuotaAccount], ListModelMixin, GenericViewSet[QuotaAccount]):
    serializer_class = QuotaAccountSerializer
    pagination_class = _QuotaPagination
    query_class = QuotaQuery
    queryset = with_settings()


@_listed(
    NoticeQuery,
    NoticeSerializer,
    summary="List notices",
    description="Who was told what, who is still to be, and what was better left unsaid: the newest first.",
    example=examples.notice(),
)
class NoticeViewSet(NarrowedList[Notice], ListModelMixin, GenericViewSet[Notice]):
    serializer_class = NoticeSerializer
    pagination_class = NoticePagination
    query_class = NoticeQuery
    needs: ClassVar[NeedTable] = {"list": SECRETIVE}
    queryset = ledgers.notices()
