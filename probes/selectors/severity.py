"""What is worst first: what resources count as, in its order."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from django.db.models import Case, FilteredRelation, IntegerField, Q, QuerySet, Value, When

from probes.policy.verdict import VerdictState
from probes.selectors.maintenance import Extent, worked_on


class Group(StrEnum):
    """What a resource counts as, the worst first: its verdict, unless there is none or something is shown over it."""

    UNAVAILABLE = "unavailable"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    UNCHECKED = "unchecked"
    MAINTENANCE = "maintenance"
    AVAILABLE = "available"
    PAUSED = "paused"


BY_RANK: Final = tuple(Group)
RANKS: Final[Mapping[Group, int]] = {group: place for place, group in enumerate(Group)}


def ranked(resources: QuerySet[Any], work: Iterable[Extent]) -> QuerySet[Any]:
    """Give each resource as its `rank` the place of its group. One without a verdict was not checked yet.

    `work` tells whom that concerns which is on now of all that is planned (`maintenance.on`). Verdicts that are not
    available are few and have an index, and of the others it is asked only whether there is one: none of ten thousand
    is read.
    """
    states = [state for state in VerdictState if state is not VerdictState.AVAILABLE]
    # Each by its name: what is merely not the other might be null to Django, and that no index tells.
    ailing = FilteredRelation("verdict", condition=Q(verdict__state__in=states))
    found: QuerySet[Any] = resources.annotate(ailing=ailing).annotate(
        rank=Case(
            When(paused_at__isnull=False, then=RANKS[Group.PAUSED]),
            *(When(worked_on(item), then=RANKS[Group.MAINTENANCE]) for item in work),
            *(When(ailing__state=state, then=RANKS[Group(state)]) for state in states),
            When(verdict=None, then=RANKS[Group.UNCHECKED]),
            default=Value(RANKS[Group.AVAILABLE]),
            output_field=IntegerField(),
        )
    )
    return found
