"""Registries, with how much depends on each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from probes.models import Credential, MaintenanceWindow, Registry, Resource, Rule
from probes.policy.access import EVERYTHING, Reach
from probes.selectors import visible

_UNLISTED: Final = ("ca_pem", "notes", "resolve", "client_key_encrypted")
UNREAD: Final = (*_UNLISTED, "client_certificate")
"""Fields that no page needs of a registry that is named in passing."""

_NAMES_TOLD: Final = 3


@dataclass(frozen=True, slots=True)
class User:
    """Rows of one kind that name a registry: how many, and the stable names of the first."""

    kind: str
    count: int
    names: Sequence[str]

    @property
    def told(self) -> str:
        """Say it in words, such as `2 credentials (robot, staging)`."""
        more = ", …" if self.count > len(self.names) else ""
        kind = self.kind.removesuffix("s") if self.count == 1 else self.kind
        return f"{self.count} {kind} ({', '.join(self.names)}{more})"


def registries() -> QuerySet[Registry]:
    """Registries in the order of their hosts, with `resource_count` and `credential_count`. One query."""
    return (
        Registry.objects.defer(*_UNLISTED)
        .annotate(resource_count=_count(Resource, EVERYTHING), credential_count=_count(Credential, EVERYTHING))
        .order_by("host")
    )


def with_counts(reach: Reach, *, resources: bool = True, credentials: bool = True) -> QuerySet[Registry]:
    """Registries within reach with all their settings and who manages them, and counts of what is within reach.

    One query. What is not asked for is not counted.
    """
    counts = {
        name: _count(model, reach)
        for name, model, is_wanted in (
            ("resource_count", Resource, resources),
            ("credential_count", Credential, credentials),
        )
        if is_wanted
    }
    read = visible.among(Registry.objects.select_related("managed_by"), reach)
    return read.defer("client_key_encrypted").annotate(**counts)


def users_of(registry: Registry) -> list[User]:
    """Return what names a registry by choice, by kind, and nothing where nothing does. Four queries, or eight."""
    kinds: tuple[tuple[str, QuerySet[Any]], ...] = (
        ("resources", Resource.objects.filter(registry=registry)),
        ("credentials", Credential.objects.filter(registry=registry)),
        ("rules", Rule.objects.filter(registries=registry)),
        ("maintenance windows", MaintenanceWindow.objects.filter(registries=registry)),
    )
    found = []
    for kind, rows in kinds:
        names = list(rows.order_by("slug").values_list("slug", flat=True)[:_NAMES_TOLD])
        if names:
            count = len(names) if len(names) < _NAMES_TOLD else rows.count()
            found.append(User(kind, count, names))
    return found


def _count(model: type[Resource] | type[Credential], reach: Reach) -> Coalesce:
    within: QuerySet[Any] = visible.among(model.objects.all(), reach)
    # By the index: no row is read.
    rows = within.filter(registry=OuterRef("pk")).order_by().values("registry")
    return Coalesce(Subquery(rows.annotate(count=Count("*")).values("count")), 0)
