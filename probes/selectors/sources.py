"""Sources, with how much each manages."""

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from probes.models import Resource, Source
from probes.policy.access import Reach
from probes.selectors import visible


def sources(reach: Reach, *, are_counted: bool = True) -> QuerySet[Source]:
    """Sources with `resource_count`, `stale_count` and `retired_count`, unless they are not to be counted. One query.

    Of the resources within reach that a source manages; what is retired is not counted as stale.
    """
    if not are_counted:
        return Source.objects.all()
    stale = Q(stale_at__isnull=False, retired_at=None)
    return Source.objects.annotate(
        resource_count=_count(reach, Q()),
        stale_count=_count(reach, stale),
        retired_count=_count(reach, Q(retired_at__isnull=False)),
    )


def _count(reach: Reach, which: Q) -> Coalesce:
    within = visible.among(Resource.objects.all(), reach)
    rows = within.filter(which, managed_by=OuterRef("pk")).order_by().values("managed_by")
    return Coalesce(Subquery(rows.annotate(count=Count("*")).values("count")), 0)
