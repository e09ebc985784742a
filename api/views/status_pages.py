"""What is published: status pages, the groups on them, and announcements (ADR 48)."""

from typing import Any, ClassVar, Final, TypeVar

from django.db.models import QuerySet
from django.utils import timezone

from api import status_examples as examples
from api.pagination import AS_MADE, INSTANTS, TEXTS, Order
from api.serializers.status_page import AnnouncementSerializer, StatusGroupSerializer, StatusPageSerializer
from api.setting_queries import AnnouncementQuery, StatusGroupQuery, StatusPageQuery
from api.views.writing import NounViewSet, described, filled, writing_takes
from probes.actions import status_pages as actions
from probes.models import Announcement, StatusGroup, StatusPage
from probes.policy.access import ANNOUNCE, PUBLISHED, SHARED, NeedTable
from probes.selectors import shared

_READING: Final[NeedTable] = {"list": PUBLISHED, "retrieve": PUBLISHED}
_BY_SLUG: Final = Order(column="slug", values=TEXTS)

RowT = TypeVar("RowT", StatusPage, StatusGroup)


class _Published(NounViewSet[RowT]):
    """A page, or a group on one: whoever may change what all share lays them out."""

    model: type[RowT]
    lookup_value_converter = "int"
    needs: ClassVar[NeedTable] = {**writing_takes(SHARED), **_READING}

    def store(self, row: RowT | None, values: dict[str, Any]) -> RowT:
        return actions.save(filled(row or self.model(), values))


@described(
    noun="a status page",
    plural="status pages",
    order="In the order they were made.",
    shown=examples.status_page(),
    sent=examples.new_status_page(),
    patch={"visibility": "public"},
)
class StatusPageViewSet(_Published[StatusPage]):
    model = StatusPage
    serializer_class = StatusPageSerializer
    query_class = StatusPageQuery
    orders: ClassVar = {"id": AS_MADE, "slug": _BY_SLUG, "title": Order(column="title", values=TEXTS)}
    queryset = StatusPage.objects.none()

    def rows(self) -> QuerySet[StatusPage]:
        return shared.status_pages()


@described(
    noun="a group on a status page",
    plural="groups on status pages",
    order="In the order they were made.",
    shown=examples.status_group(),
    sent=examples.new_status_group(),
    patch={"visibility": "public", "naming": "names"},
)
class StatusGroupViewSet(_Published[StatusGroup]):
    model = StatusGroup
    serializer_class = StatusGroupSerializer
    query_class = StatusGroupQuery
    orders: ClassVar = {"id": AS_MADE, "slug": _BY_SLUG}
    queryset = StatusGroup.objects.none()

    def rows(self) -> QuerySet[StatusGroup]:
        return shared.status_groups()


@described(
    noun="an announcement",
    plural="announcements",
    order="In the order they were made.",
    shown=examples.announcement(),
    sent=examples.new_announcement(),
    patch={"expires_at": "2026-11-24T06:00:00Z"},
)
class AnnouncementViewSet(NounViewSet[Announcement]):
    lookup_value_converter = "int"
    serializer_class = AnnouncementSerializer
    query_class = AnnouncementQuery
    orders: ClassVar = {"id": AS_MADE, "slug": _BY_SLUG, "starts_at": Order(column="starts_at", values=INSTANTS)}
    needs: ClassVar[NeedTable] = {**writing_takes(ANNOUNCE), **_READING}
    queryset = Announcement.objects.none()

    def rows(self) -> QuerySet[Announcement]:
        return shared.announcements()

    def store(self, row: Announcement | None, values: dict[str, Any]) -> Announcement:
        announcement = filled(row or Announcement(), values)
        return actions.announce(announcement, by=self.request.user, now=timezone.now())
