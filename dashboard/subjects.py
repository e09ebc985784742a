"""What lists may be narrowed to, by the names that people know: registries, groups, regions. Within reach alone."""

from typing import Any, Final, TypeVar

from django.db.models import Model, QuerySet

from dashboard.narrowing import Asked
from probes.models import Region, Registry, Resource, ResourceGroup
from probes.policy.access import Reach
from probes.selectors import visible
from probes.selectors.regions import UNREAD as UNREAD_OF_REGIONS
from probes.selectors.registries import UNREAD as UNREAD_OF_REGISTRIES

MOST_OFFERED: Final = 100
"""So many names a field offers; of more, the first, and any other can be written."""

_DIGITS: Final = 19

RowT = TypeVar("RowT", bound=Model)


def registry_of(asked: Asked, reach: Reach) -> Registry | None:
    """Return the registry that `registry` names by its host. One query, and one for a host that is not offered."""
    rows = Registry.objects.defer(*UNREAD_OF_REGISTRIES).order_by("host")
    return _named(asked, "registry", "Registry", visible.among(rows, reach), "host")


def group_of(asked: Asked, reach: Reach) -> ResourceGroup | None:
    """Return the group that `group` names by its slug. Likewise."""
    rows = ResourceGroup.objects.defer("notes").order_by("slug")
    return _named(asked, "group", "Group", visible.among(rows, reach), "slug")


def region_of(asked: Asked, reach: Reach) -> Region | None:
    """Return the region that `region` names by its slug, retired ones too. Likewise."""
    rows = Region.objects.defer(*UNREAD_OF_REGIONS).order_by("slug")
    return _named(asked, "region", "Region", visible.among(rows, reach), "slug")


def resource_of(asked: Asked, reach: Reach) -> Resource | None:
    """Return the resource that `resource` names by its number. One query where it does."""
    text = asked.query.get("resource", "").strip()
    rows = visible.among(Resource.objects.all(), reach)
    found = rows.filter(pk=int(text)).first() if text.isascii() and text.isdigit() and len(text) < _DIGITS else None
    asked.named("resource", "Image's number", (), is_known=found is not None)
    return found


def _named(asked: Asked, name: str, label: str, rows: QuerySet[RowT], column: str) -> RowT | None:
    offered: dict[str, RowT] = {getattr(row, column): row for row in rows[:MOST_OFFERED]}
    text = asked.query.get(name, "").strip()
    wanted: Any = {column: text}
    found = offered.get(text) or (rows.filter(**wanted).first() if text and "\0" not in text else None)
    asked.named(name, label, offered, is_known=found is not None)
    return found
