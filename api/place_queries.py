"""What lists of registries, regions and sources can be narrowed by."""

from typing import Final

from django.db.models import Q, QuerySet
from rest_framework import serializers

from api.fields import NamedRowField
from api.queries import Query
from probes.models import Region, Registry, Source

_LONGEST_SEARCH: Final = 100


def _search(text: str) -> serializers.CharField:
    return serializers.CharField(required=False, max_length=_LONGEST_SEARCH, help_text=text)


def _managed_by() -> NamedRowField[Source]:
    return NamedRowField[Source](
        slug_field="slug",
        queryset=Source.objects.all(),
        required=False,
        help_text="The stable name of a source: only what that manages.",
    )


class RegistryQuery(Query[Registry]):
    host = serializers.CharField(required=False, max_length=260, help_text="Exactly this one.")
    search = _search("A part of the host or of the name.")
    has_client_certificate = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only those with one, or only those without."
    )
    managed_by = _managed_by()

    def narrow(self, rows: QuerySet[Registry]) -> QuerySet[Registry]:
        asked = self.validated_data
        if host := asked.get("host"):
            rows = rows.filter(host=host)
        if text := asked.get("search"):
            rows = rows.filter(Q(host__icontains=text) | Q(name__icontains=text))
        if (has_one := asked["has_client_certificate"]) is not None:
            rows = rows.exclude(client_certificate="") if has_one else rows.filter(client_certificate="")
        if source := asked.get("managed_by"):
            rows = rows.filter(managed_by=source)
        return rows


class RegionQuery(Query[Region]):
    known_besides = frozenset()  # they are few, and there are no pages

    search = _search("A part of the slug or of the name.")
    retired = serializers.BooleanField(
        required=False, allow_null=True, default=None, help_text="Only retired ones, or only others."
    )
    managed_by = _managed_by()

    def narrow(self, rows: QuerySet[Region]) -> QuerySet[Region]:
        asked = self.validated_data
        if text := asked.get("search"):
            rows = rows.filter(Q(slug__icontains=text) | Q(name__icontains=text))
        if asked["retired"] is not None:
            rows = rows.filter(retired_at__isnull=not asked["retired"])
        if source := asked.get("managed_by"):
            rows = rows.filter(managed_by=source)
        return rows


class SourceQuery(Query[Source]):
    search = _search("A part of the name.")

    def narrow(self, rows: QuerySet[Source]) -> QuerySet[Source]:
        text = self.validated_data.get("search")
        return rows.filter(name__icontains=text) if text else rows
