from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone

from api import shared_examples as examples
from api.enrolment import equipped
from api.pagination import AS_MADE, TEXTS, Order
from api.serializers.credential import CredentialSerializer
from api.setting_queries import CredentialQuery
from api.views.writing import NounViewSet, described, filled, writing_takes
from probes.actions import logins
from probes.models import Credential
from probes.policy.access import SECRETIVE, SHARED, NeedTable
from probes.selectors import shared


@described(
    noun="a credential",
    plural="credentials",
    order="In the order they were made.",
    shown=examples.credential(),
    sent=examples.new_credential(),
    patch={"secret": {"password": "another one"}},
)
class CredentialViewSet(NounViewSet[Credential]):
    lookup_value_converter = "int"
    serializer_class = CredentialSerializer
    query_class = CredentialQuery
    orders: ClassVar = {"id": AS_MADE, "slug": Order(column="slug", values=TEXTS)}
    # Each secret that is stored has a time of its own: whoever reads the tag learns nothing else of it.
    marks = ("rotated_at",)
    needs: ClassVar[NeedTable] = {**writing_takes(SHARED), "list": SECRETIVE, "retrieve": SECRETIVE}
    queryset = Credential.objects.none()

    def rows(self) -> QuerySet[Credential]:
        return shared.credentials()

    def store(self, row: Credential | None, values: dict[str, Any]) -> Credential:
        typed = {name: values.pop(name) for name in logins.SECRET_FIELDS if name in values}
        credential = filled(row or Credential(), values)
        with equipped():
            return logins.save(credential, typed, is_end_given=bool(values.get("expires_at")), now=timezone.now())
