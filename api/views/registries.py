from typing import Any, ClassVar, Final

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from api import place_examples as examples
from api.access import reach_of
from api.errors import InUse
from api.pagination import AS_MADE, TEXTS, Order
from api.serializers.registry import RegistrySerializer
from api.setting_queries import RegistryQuery
from api.views.writing import NounViewSet, described, filled, writing_takes
from probes.actions import registries as actions
from probes.models import Registry
from probes.models.client_identity import IdentityRefused
from probes.policy.access import SHARED, NeedTable
from probes.selectors.registries import with_counts

_IDENTITY: Final = "client_identity"


@described(
    noun="a registry",
    plural="registries",
    order="In the order they were made.",
    shown=examples.registry(),
    sent=examples.registry_sent(),
    patch={"allow_cidrs": ["10.20.0.0/16", "10.30.0.0/16"], "quota_share_percent": 25},
)
class RegistryViewSet(NounViewSet[Registry]):
    lookup_value_converter = "int"
    serializer_class = RegistrySerializer
    query_class = RegistryQuery
    orders: ClassVar = {
        "id": AS_MADE,
        "host": Order(column="host", values=TEXTS),
        "name": Order(column="name", values=TEXTS),
    }
    # It tells of a client certificate and not what its key is: another one has another fingerprint.
    marks = ("client_certificate",)
    named_by = "host"
    needs: ClassVar[NeedTable] = writing_takes(SHARED)
    queryset = Registry.objects.none()

    def rows(self) -> QuerySet[Registry]:
        return with_counts(
            reach_of(self.request), resources=self.wants("resources"), credentials=self.wants("credentials")
        )

    def store(self, row: Registry | None, values: dict[str, Any]) -> Registry:
        is_given, identity = _IDENTITY in values, values.pop(_IDENTITY, None)
        if row is not None and values.get("host", row.host) != row.host:
            raise ValidationError({"host": ValidationError("It never changes.", code="immutable")})
        registry = filled(row or Registry(), values)
        registry.full_clean()
        try:
            actions.save(
                registry,
                **(identity or {}),
                is_identity_removed=is_given and identity is None,
                now=timezone.now(),
            )
        except IdentityRefused as refused:
            mistake = ErrorDetail(refused.message, "identity")
            raise serializers.ValidationError({_IDENTITY: {refused.part: [mistake]}}) from None
        return registry

    def remove(self, row: Registry) -> None:
        try:
            actions.delete(row)
        except actions.RegistryUsed as used:
            raise InUse(str(used)) from None
