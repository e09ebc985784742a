from typing import Any, ClassVar, Final

from django.db.models import QuerySet

from api import place_examples as examples
from api.access import reach_of
from api.pagination import AS_MADE, TEXTS, Order
from api.serializers.source import SourceSerializer
from api.setting_queries import SourceQuery
from api.views.writing import NounViewSet, described, filled, writing_takes
from probes.actions import sources as actions
from probes.models import Source
from probes.policy.access import SHARED, NeedTable
from probes.selectors.sources import sources

_COUNTED: Final = ("resources", "stale", "retired")


@described(
    noun="a source",
    plural="sources",
    order="In the order they were made.",
    shown=examples.source(),
    sent={"slug": "platform-git", "name": "The platform team's repository", "notes": ""},
    patch={"name": "Platform"},
)
class SourceViewSet(NounViewSet[Source]):
    """What a source managed stays when it is deleted, is changed by hand from then on, and is stale no more."""

    lookup_value_converter = "int"
    serializer_class = SourceSerializer
    query_class = SourceQuery
    orders: ClassVar = {"id": AS_MADE, "name": Order(column="name", values=TEXTS)}
    needs: ClassVar[NeedTable] = writing_takes(SHARED)
    queryset = Source.objects.none()

    def rows(self) -> QuerySet[Source]:
        return sources(reach_of(self.request), are_counted=any(map(self.wants, _COUNTED)))

    def remove(self, row: Source) -> None:
        actions.delete([row.pk])

    def store(self, row: Source | None, values: dict[str, Any]) -> Source:
        source = filled(row or Source(), values)
        source.full_clean()
        source.save()
        return source
