"""Registries, with how much depends on each."""

from typing import Final

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from probes.models import Credential, Registry, Resource

_UNLISTED: Final = ("ca_pem", "notes", "resolve", "client_key_encrypted")
UNREAD: Final = (*_UNLISTED, "client_certificate")
"""Fields that no page needs of a registry that is named in passing."""


def registries() -> QuerySet[Registry]:
    """Registries in the order of their hosts, with `resource_count` and `credential_count`. One query."""
    return (
        Registry.objects.defer(*_UNLISTED)
        .annotate(resource_count=_count(Resource), credential_count=_count(Credential))
        .order_by("host")
    )


def _count(model: type[Resource] | type[Credential]) -> Coalesce:
    rows = model.objects.filter(registry=OuterRef("pk")).order_by().values("registry")
    return Coalesce(Subquery(rows.annotate(count=Count("pk")).values("count")), 0)
