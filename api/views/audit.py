from typing import ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin
from rest_framework.viewsets import GenericViewSet

from api import examples
from api.errors import BAD_REQUEST, FORBIDDEN, UNAUTHENTICATED
from api.history_queries import AuditQuery
from api.pagination import AuditPagination
from api.queries import NarrowedList
from api.serializers.audit import AuditEntrySerializer
from probes.models import AuditEntry
from probes.policy.access import ADMINISTER, NeedTable
from probes.selectors import audit


@extend_schema_view(
    list=extend_schema(
        parameters=[AuditQuery],
        summary="List what was changed",
        description="Who changed what of the configuration, newest first: for administrators. Follow `next` for "
        "older ones. To keep a copy, ask now and then for what came `since` the last.",
        examples=[OpenApiExample("An interval was changed", value=examples.audit_entry(), response_only=True)],
        responses={200: AuditEntrySerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED, 403: FORBIDDEN},
    ),
)
class AuditViewSet(NarrowedList[AuditEntry], ListModelMixin, GenericViewSet[AuditEntry]):
    serializer_class = AuditEntrySerializer
    pagination_class = AuditPagination
    query_class = AuditQuery
    queryset = audit.entries()
    needs: ClassVar[NeedTable] = {"list": ADMINISTER}
