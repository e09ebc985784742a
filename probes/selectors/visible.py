"""What is within somebody's reach (ADR 37), for each table: the one place where that is said.

`among` narrows any query, `is_within` asks of one row whether it may be changed by a role of that reach. Whoever
reaches everything gets the query back as it was. A table that is not told of here is nobody's who is limited.
"""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from probes.models import (
    Credential,
    Event,
    GlobalTerms,
    HostCertificate,
    Incident,
    IncidentEntry,
    MaintenanceWindow,
    MissedSlots,
    Outcome,
    Pause,
    Policy,
    Region,
    RegionEvent,
    RegionState,
    Registry,
    Resource,
    ResourceCosts,
    ResourceGroup,
    Schedule,
    Source,
    Verdict,
    VerdictChange,
)
from probes.policy.access import Reach

RowT = TypeVar("RowT", bound=Model)

_NONE: Final = Q(pk__in=[])


def among(rows: QuerySet[RowT], reach: Reach) -> QuerySet[RowT]:
    """Return those of the rows that are within reach."""
    return rows if reach.is_everything else rows.filter(within(rows.model, reach))


def within(model: type[Model], reach: Reach) -> Q:
    """Return what holds for the rows of a table that are within reach."""
    if reach.is_everything:
        return Q()
    told = _TOLD.get(model)
    if told is not None:
        return told(reach)
    # What several share and nobody has told of above: channels, notices, quotas, the inner ledgers.
    return _NONE


def is_within(row: Model, reach: Reach) -> bool:
    """Tell whether all that a row is about is within reach, so that who has the role there may change it.

    A row that is not stored yet is asked by what it says, a window by nothing: `may_concern` is for that. Four
    queries at most.
    """
    if reach.is_everything:
        return True
    match row:
        case Resource():
            return reach.holds_group(row.group_id) and _is_checked_within(row.pk, reach)
        case ResourceGroup():
            # One that is made has no number yet, and is for those who reach all.
            return reach.holds_group(row.pk)
        case Incident():
            resource = row.resource
            if resource is None:
                return False
            return reach.holds_group(resource.group_id) and _is_checked_within(resource.pk, reach)
        case Region():
            return reach.holds_region(row.pk)
        case MaintenanceWindow():
            return _is_seen_within(row, reach) and (reach.groups is None or _concerns_only(row, reach))
        case _:
            return reach.groups is None


def _is_checked_within(resource_id: int, reach: Reach) -> bool:
    """Tell whether a resource is checked from regions within reach alone. One that names none is checked from all."""
    if reach.regions is None:
        return True
    named = Resource.regions.through.objects.filter(resource=resource_id).values_list("region_id", flat=True)
    regions = set(named)
    return bool(regions) and regions <= reach.regions


def _concerns_only(window: MaintenanceWindow, reach: Reach) -> bool:
    """Tell whether a window concerns something, and nothing but what is within reach. What has been left is asked."""
    own = {"maintenance_windows": window.pk}
    # Not by its relations, which may have been read within somebody's reach.
    if window.is_of_everything or Registry.objects.filter(**own).exists():
        return False
    groups = set(ResourceGroup.objects.filter(**own).order_by().values_list("pk", flat=True))
    groups |= set(Resource.objects.filter(**own).order_by().values_list("group_id", flat=True))
    return bool(groups) and all(reach.holds_group(group_id) for group_id in groups)


def _is_seen_within(window: MaintenanceWindow, reach: Reach) -> bool:
    """Tell whether a window is about nothing but what is seen from regions within reach."""
    if reach.regions is None:
        return True
    regions = set(Region.objects.filter(maintenance_windows=window.pk).order_by().values_list("pk", flat=True))
    return bool(regions) and regions <= reach.regions


def may_concern(
    reach: Reach,
    *,
    resources: Iterable[Resource] = (),
    groups: Iterable[ResourceGroup] = (),
    registries: Iterable[Registry] = (),
) -> bool:
    """Tell whether whoever reaches so far may plan work of all of these: of something, and nothing else."""
    if reach.groups is None:
        return True
    found = {resource.group_id for resource in resources} | {group.pk for group in groups}
    return bool(found) and not list(registries) and all(reach.holds_group(group_id) for group_id in found)


def _by(groups: str = "", regions: str = "") -> Callable[[Reach], Q]:
    """Return what holds where the path `groups` leads to a group within reach and `regions` to such a region."""

    def told(reach: Reach) -> Q:
        found = Q()
        if groups and reach.groups is not None:
            found &= Q(**{f"{groups}__in": reach.groups})
        if regions and reach.regions is not None:
            found &= Q(**{f"{regions}__in": reach.regions})
        return found

    return told


def _resources(reach: Reach) -> QuerySet[Resource]:
    return Resource.objects.filter(_by("group_id")(reach)).order_by()


def _incidents(reach: Reach) -> Q:
    """Those of resources, and those of a scope that explain one of them."""
    if reach.groups is None:
        return Q()
    children = Incident.objects.filter(parent=OuterRef("pk"), resource__group_id__in=reach.groups)
    return Q(resource__group_id__in=reach.groups) | Q(Exists(children), resource=None)


def _entries(reach: Reach) -> Q:
    found = Q(incident__in=Incident.objects.filter(_incidents(reach)).order_by().values("pk"))
    return found & _seen_from(reach)


def _seen_from(reach: Reach) -> Q:
    """Return what holds for what no region saw, or one within reach, that is told by its slug."""
    if reach.regions is None:
        return Q()
    return Q(region="") | Q(region__in=Region.objects.filter(pk__in=reach.regions).order_by().values("slug"))


def _registries(reach: Reach) -> Q:
    if reach.groups is None:
        return Q()
    return Q(Exists(_resources(reach).filter(registry=OuterRef("pk"))))


def _credentials(reach: Reach) -> Q:
    """Those that something within reach has been given. That others are tried for it is not told."""
    if reach.groups is None:
        return Q()
    return Q(Exists(_resources(reach).filter(credential=OuterRef("pk"))))


def _events(reach: Reach) -> Q:
    if reach.groups is None:
        return _seen_from(reach)
    registries = Registry.objects.filter(_registries(reach)).order_by().values("pk")
    credentials = Credential.objects.filter(_credentials(reach)).order_by().values("pk")
    found = Q(resource__group_id__in=reach.groups) | Q(registry__in=registries) | Q(credential__in=credentials)
    return found & _seen_from(reach)


def _certificates(reach: Reach) -> Q:
    registries = Registry.objects.filter(_registries(reach)).order_by().values("pk")
    return Q(registry__in=registries) & _by(regions="region_id")(reach)


def _windows(reach: Reach) -> Q:
    """Those that concern something within reach, whatever else they concern."""
    if reach.groups is None:
        return Q()
    through = MaintenanceWindow.groups.through.objects.filter(
        maintenancewindow=OuterRef("pk"), resourcegroup__in=reach.groups
    )
    of_resources = _resources(reach).filter(maintenance_windows=OuterRef("pk"))
    registries = MaintenanceWindow.registries.through.objects.filter(
        maintenancewindow=OuterRef("pk"), registry__in=_resources(reach).values("registry")
    )
    return Q(is_of_everything=True) | Q(Exists(through)) | Q(Exists(of_resources)) | Q(Exists(registries))


def _missed(reach: Reach) -> Q:
    found = _by("resource__group_id")(reach)
    return found if reach.regions is None else found & (Q(region=None) | Q(region__in=reach.regions))


_TOLD: Final[dict[type[Model], Callable[[Reach], Q]]] = {
    Resource: _by("group_id"),
    ResourceGroup: _by("pk"),
    Outcome: _by("resource__group_id", "region_id"),
    RegionState: _by("resource__group_id", "region_id"),
    Verdict: _by("resource__group_id"),
    VerdictChange: _by("resource__group_id"),
    Pause: _by("resource__group_id"),
    MissedSlots: _missed,
    ResourceCosts: _by("resource__group_id"),
    Incident: _incidents,
    IncidentEntry: _entries,
    Event: _events,
    Registry: _registries,
    Credential: _credentials,
    HostCertificate: _certificates,
    MaintenanceWindow: _windows,
    Region: _by(regions="pk"),
    RegionEvent: _by(regions="region_id"),
    # What is the same for all and names nothing of anybody's.
    GlobalTerms: _by(),
    Policy: _by(),
    Schedule: _by(),
    Source: _by(),
}
