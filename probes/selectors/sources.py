"""Sources, with how much each manages."""

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from probes.models import Resource, Source


def sources(*, are_counted: bool = True) -> QuerySet[Source]:
    """Sources with `resource_count`, `stale_count` and `retired_count`, unless they are not to be counted. One query.

    Of the resources that a source manages; what is retired is not counted as stale.
    """
    if not are_counted:
        return Source.objects.all()
    stale = Q(stale_at__isnull=False, retired_at=None)
    return Source.objects.annotate(
        resource_count=_count(Q()), stale_count=_count(stale), retired_count=_count(Q(retired_at__isnull=False))
    )


def _count(which: Q) -> Coalesce:
    rows = Resource.objects.filter(which, managed_by=OuterRef("pk")).order_by().values("managed_by")
    return Coalesce(Subquery(rows.annotate(count=Count("pk")).values("count")), 0)
