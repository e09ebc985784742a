"""Which resources somebody wants to see, and how many there are of each kind among them.

What a resource belongs to (group, registry, kind) and counts as is counted for all, so that each choice tells what
the others would give. What has to be asked of each resource, such as a word or a label, only tells them apart.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Self

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, Count, ExpressionWrapper, Q, QuerySet, Value

from probes.models import MaintenanceOccurrence, RegionState, Resource
from probes.policy.access import EVERYTHING, Reach
from probes.policy.verdict import VerdictState
from probes.protocol.taxonomy import Status
from probes.selectors import visible
from probes.selectors.maintenance import Extent, extents
from probes.selectors.prepared import MOST, Statement
from probes.selectors.resources import saying
from probes.selectors.severity import BY_RANK, RANKS, Group, ranked

NO_GROUP: Final = "-"
"""In place of a group's slug: what belongs to none."""

FAILING: Final = "failing"
"""In place of a status: whatever a pull would not get."""

_FAILING: Final = (Status.UNAVAILABLE, Status.DEGRADED)

# What owners are called is read of what was counted: by names, all would be joined and compared.
_NAMED: Final = """
SELECT alike.*, "group".slug, "group".name, registry.host, registry.name
FROM ({alike}) AS alike (group_id, registry_id, kind, rank, is_meant, count)
JOIN probes_registry AS registry ON registry.id = alike.registry_id
LEFT JOIN probes_resourcegroup AS "group" ON "group".id = alike.group_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a resource has to be: each that is not empty narrows it.

    `find` are words, `registry` a host, `group` a slug or `NO_GROUP`, `label` a key or `key:value`, `tag` that of the
    reference, `kind` of resource. `seen` is a status, or `FAILING`, in which it was last seen from `region`, or from
    any; a region alone is one that it is checked from. `state` is what it counts as.
    """

    find: str = ""
    registry: str = ""
    group: str = ""
    label: str = ""
    tag: str = ""
    kind: str = ""
    region: str = ""
    seen: str = ""
    state: Group | None = None

    @property
    def of_each(self) -> Self:
        """What of it has to be asked of each resource: choices that are alike in this have one census."""
        return replace(self, registry="", group="", kind="", state=None)

    @property
    def is_everything(self) -> bool:
        return self == Choice()


@dataclass(frozen=True, slots=True)
class Owner:
    """A group or a registry: what an address calls it, and its name. `pk` is None for what belongs to no group."""

    pk: int | None
    slug: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """So many resources that are alike; `is_meant` tells whether what is asked of each of them holds."""

    group: Owner
    registry: Owner
    kind: str
    state: Group
    is_meant: bool
    count: int


@dataclass(frozen=True, slots=True)
class Census:
    """All that is within reach and not retired, by what is alike."""

    lines: Sequence[Counted]

    def chosen(self, choice: Choice) -> Self:
        """Return what of it is chosen."""
        return type(self)([line for line in self.lines if _is_chosen(line, choice)])

    @property
    def total(self) -> int:
        return sum(line.count for line in self.lines)

    @property
    def states(self) -> Mapping[Group, int]:
        """All there are, the worst first, those of which there is nothing too."""
        return _summed(self.lines, lambda line: line.state, of=Group)

    @property
    def kinds(self) -> Mapping[str, int]:
        return _summed(self.lines, lambda line: line.kind)

    @property
    def groups(self) -> Mapping[Owner, int]:
        return _summed(self.lines, lambda line: line.group)

    @property
    def registries(self) -> Mapping[Owner, int]:
        return _summed(self.lines, lambda line: line.registry)


def census(choice: Choice, *, work: Iterable[MaintenanceOccurrence] = (), reach: Reach = EVERYTHING) -> Census:
    """Count what is within reach and not retired. One query, whatever is chosen.

    `work` is what is on now of all that is planned (`maintenance.on`).
    """
    made = _counting(choice.of_each, extents(work), reach)
    if made is None:  # nothing is within reach
        return Census([])
    with connection.cursor() as cursor:
        cursor.execute(*made)
        return Census(
            [
                Counted(
                    group=Owner(group_id, slug or NO_GROUP, name or ""),
                    registry=Owner(registry_id, host, registry_name),
                    kind=kind,
                    state=BY_RANK[place],
                    is_meant=is_meant,
                    count=count,
                )
                for group_id, registry_id, kind, place, is_meant, count, slug, name, host, registry_name in cursor
            ]
        )


@lru_cache(MOST)
def _counting(choice: Choice, work: tuple[Extent, ...], reach: Reach) -> Statement | None:
    """Return what asks for a census; None where nothing could be counted."""
    meant = _meant(choice, reach)
    alike = (
        ranked(_within(reach), work)
        .annotate(is_meant=ExpressionWrapper(meant, output_field=BooleanField()) if meant else Value(value=True))
        .order_by()
        .values_list("group_id", "registry_id", "kind", "rank", "is_meant")
        .annotate(count=Count("pk"))
    )
    try:
        statement, asked = alike.query.sql_with_params()
    except EmptyResultSet:
        return None
    return _NAMED.format(alike=statement), asked


def chosen(choice: Choice, *, work: Iterable[Extent] = (), reach: Reach = EVERYTHING) -> QuerySet[Resource]:
    """Return what is chosen of all that is within reach and not retired, in no order, each with its `rank`.

    `work` tells whom that concerns which is on now of all that is planned.
    """
    found = ranked(_within(reach), work).filter(_meant(choice, reach)).order_by()
    if choice.registry:
        found = found.filter(registry__host=choice.registry)
    if choice.group:
        found = found.filter(**({"group": None} if choice.group == NO_GROUP else {"group__slug": choice.group}))
    if choice.kind:
        found = found.filter(kind=choice.kind)
    if choice.state is not None:
        found = found.filter(rank=RANKS[choice.state])
        if choice.state.value in set(VerdictState) - {VerdictState.UNKNOWN}:
            # Said once more, as what an index can be asked for.
            found = found.filter(verdict__state=choice.state.value)
    return found


def without(choice: Choice, name: str) -> Choice:
    """Return the choice without one part of it."""
    return replace(choice, **{name: getattr(Choice(), name)})


def _within(reach: Reach) -> QuerySet[Resource]:
    return visible.among(Resource.objects.filter(retired_at=None), reach)


def _meant(choice: Choice, reach: Reach) -> Q:
    """Return what has to be asked of each resource."""
    found = Q()
    if choice.find:
        found &= saying(choice.find)
    if choice.label:
        key, colon, value = choice.label.partition(":")
        found &= Q(labels__contains={key: value}) if colon else Q(labels__has_key=key)
    if choice.tag:
        found &= Q(tag=choice.tag)
    if choice.seen:
        found &= _last_seen(choice, reach)
    elif choice.region:
        found &= _checked_from(choice.region, reach)
    return found


def _last_seen(choice: Choice, reach: Reach) -> Q:
    states = visible.among(RegionState.objects.all(), Reach(regions=reach.regions)).order_by()
    states = states.filter(status__in=_FAILING if choice.seen == FAILING else (choice.seen,))
    if choice.region:
        states = states.filter(region__slug=choice.region)
    return Q(pk__in=states.values("resource"))


def _checked_from(slug: str, reach: Reach) -> Q:
    links = Resource.regions.through.objects.order_by()
    if reach.regions is not None:
        # Of a region beyond reach nothing is told, not even what is checked from there.
        links = links.filter(region__in=reach.regions)
    named = links.filter(region__slug=slug).values("resource_id")
    return Q(pk__in=named) | ~Q(pk__in=Resource.regions.through.objects.order_by().values("resource_id"))


def _is_chosen(line: Counted, choice: Choice) -> bool:
    return (
        line.is_meant
        and choice.registry in ("", line.registry.slug)
        and choice.group in ("", line.group.slug)
        and choice.kind in ("", line.kind)
        and choice.state in (None, line.state)
    )


def _summed(lines: Iterable[Counted], key: Callable[[Counted], Any], of: Iterable[Any] = ()) -> dict[Any, int]:
    found: Counter[Any] = Counter(dict.fromkeys(of, 0))
    for line in lines:
        found[key(line)] += line.count
    return dict(found)
