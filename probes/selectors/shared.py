"""What several groups share, as it is shown: schedules, policies, credentials, channels, rules, status pages."""

from typing import Any, TypeVar

from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from probes.models import (
    Announcement,
    Channel,
    Credential,
    Policy,
    Resource,
    ResourceGroup,
    Rule,
    Schedule,
    StatusGroup,
    StatusPage,
)
from probes.policy.access import Reach
from probes.selectors import visible

RowT = TypeVar("RowT", bound=Model)


def schedules(reach: Reach, *, are_counted: bool = True) -> QuerySet[Schedule]:
    """Schedules, each with the `resource_count` of what takes it within reach unless nobody asks. One query."""
    rows = Schedule.objects.select_related("managed_by")
    return rows.annotate(resource_count=_taking(Resource, "schedule", reach)) if are_counted else rows


def policies(reach: Reach, *, are_counted: bool = True) -> QuerySet[Policy]:
    """Policies, each with the `resource_count` and `group_count` of what takes it within reach. One query.

    They are not counted where nobody asks for it.
    """
    rows = Policy.objects.select_related("managed_by")
    if not are_counted:
        return rows
    return rows.annotate(
        resource_count=_taking(Resource, "policy", reach), group_count=_taking(ResourceGroup, "policy", reach)
    )


def credentials() -> QuerySet[Credential]:
    """Credentials with where they are used. One query."""
    return Credential.objects.select_related("registry", "region", "managed_by")


def channels() -> QuerySet[Channel]:
    """Channels. One query."""
    return Channel.objects.select_related("managed_by")


def rules() -> QuerySet[Rule]:
    """Rules with their channels, groups and registries. Three queries."""
    return Rule.objects.select_related("channel", "managed_by").prefetch_related("groups", "registries")


def status_pages() -> QuerySet[StatusPage]:
    """Status pages, whoever is shown them. One query."""
    return StatusPage.objects.select_related("managed_by")


def status_groups() -> QuerySet[StatusGroup]:
    """Groups on status pages, whoever is shown them. One query."""
    return StatusGroup.objects.select_related("page", "group", "managed_by")


def announcements() -> QuerySet[Announcement]:
    """Announcements that are to come, on and over, with who made them. One query."""
    return Announcement.objects.select_related("page", "made_by")


def _taking(model: Any, column: str, reach: Reach) -> Any:
    """Return an expression that counts the rows of a table within reach that take the row at hand."""
    taking = visible.among(model.objects.filter(**{column: OuterRef("pk")}), reach).order_by()
    counted = taking.values(column).annotate(count=Count("pk"))
    return Coalesce(Subquery(counted.values("count")), 0)
