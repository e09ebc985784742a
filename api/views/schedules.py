"""What several groups share: when checks are due, and on which terms."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view

from api import shared_examples as examples
from api.access import reach_of
from api.errors import PRECONDITION_FAILED
from api.pagination import AS_MADE, TEXTS, Order
from api.serializers.schedule import PolicySerializer, ScheduleSerializer
from api.serializers.terms import OwnTermsSerializer
from api.setting_queries import TextQuery
from api.views.writing import NounViewSet, described, filled, writing_takes
from probes.actions import schedules as actions
from probes.actions import terms
from probes.models import GlobalTerms, Policy, Schedule
from probes.policy.access import SHARED, NeedTable
from probes.selectors import shared

_BY_NAME: Any = {
    "id": AS_MADE,
    "name": Order(column="name", values=TEXTS),
    "slug": Order(column="slug", values=TEXTS),
}


@described(
    noun="a schedule",
    plural="schedules",
    order="In the order they were made.",
    shown=examples.schedule(),
    sent=examples.new_schedule(),
    patch={"crontab": "30 7-19 * * mon-fri"},
)
class ScheduleViewSet(NounViewSet[Schedule]):
    lookup_value_converter = "int"
    serializer_class = ScheduleSerializer
    query_class = TextQuery
    orders: ClassVar = _BY_NAME
    needs: ClassVar[NeedTable] = writing_takes(SHARED)
    queryset = Schedule.objects.none()

    def rows(self) -> QuerySet[Schedule]:
        return shared.schedules(reach_of(self.request), are_counted=self.wants("resources"))

    def store(self, row: Schedule | None, values: dict[str, Any]) -> Schedule:
        return actions.save(filled(row or Schedule(), values), now=timezone.now())


@described(
    noun="a policy",
    plural="policies",
    order="In the order they were made.",
    shown=examples.policy(),
    sent=examples.new_policy(),
    patch={"terms": {"quorum": {"votes": 2}}},
)
class PolicyViewSet(NounViewSet[Policy]):
    lookup_value_converter = "int"
    serializer_class = PolicySerializer
    query_class = TextQuery
    orders: ClassVar = _BY_NAME
    needs: ClassVar[NeedTable] = writing_takes(SHARED)
    queryset = Policy.objects.none()

    def rows(self) -> QuerySet[Policy]:
        are_counted = self.wants("resources") or self.wants("groups")
        return shared.policies(reach_of(self.request), are_counted=are_counted)

    def store(self, row: Policy | None, values: dict[str, Any]) -> Policy:
        policy = filled(row or Policy(), values)
        terms.save(policy, now=timezone.now())
        return policy


_TERMS = OpenApiExample("Two of the regions suffice", value=examples.terms(quorum={"votes": 2, "percent": None}))
_IS_CHANGED: Any = {200: OwnTermsSerializer, 412: PRECONDITION_FAILED}


@extend_schema_view(
    retrieve=extend_schema(
        operation_id="terms_retrieve",
        summary="Show the terms of all",
        description="What is said for all resources; null is as Kairos has it by itself.",
        examples=[_TERMS],
        responses={200: OwnTermsSerializer, 304: OpenApiResponse(description="It is as `If-None-Match` has it.")},
    ),
    update=extend_schema(
        operation_id="terms_update",
        summary="Replace the terms of all",
        description="What is left out is as Kairos has it by itself.",
        examples=[_TERMS],
        responses=_IS_CHANGED,
    ),
    partial_update=extend_schema(
        operation_id="terms_partial_update",
        summary="Change the terms of all",
        description="What is left out stays as it is.",
        examples=[
            OpenApiExample("What is to change", value={"failures": 3}, request_only=True),
            OpenApiExample("As they are then", value=examples.terms(failures=3), response_only=True),
        ],
        responses=_IS_CHANGED,
    ),
)
class TermsViewSet(NounViewSet[GlobalTerms]):
    serializer_class = OwnTermsSerializer
    query_class = TextQuery
    needs: ClassVar[NeedTable] = writing_takes(SHARED)
    queryset = GlobalTerms.objects.none()

    def rows(self) -> QuerySet[GlobalTerms]:
        return GlobalTerms.objects.all()

    def get_object(self) -> GlobalTerms:
        return GlobalTerms.objects.get_or_create(pk=1)[0]

    def _lookup(self) -> dict[str, Any]:
        return {"pk": self.get_object().pk}

    def store(self, row: GlobalTerms | None, values: dict[str, Any]) -> GlobalTerms:
        found = filled(row or GlobalTerms(), values)
        terms.save(found, now=timezone.now())
        return found
