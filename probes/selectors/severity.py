"""What is worst first: what resources count as, in its order."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from django.db.models import Case, IntegerField, Value, When

from probes.models import MaintenanceOccurrence
from probes.policy.verdict import VerdictState
from probes.selectors.maintenance import worked_on


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


def rank(work: Iterable[MaintenanceOccurrence]) -> Case:
    """Give each resource the place of its group. A verdict that was never computed from anything is none.

    `work` is what is on now of all that is planned (`maintenance.on`).
    """
    return Case(
        When(paused_at__isnull=False, then=RANKS[Group.PAUSED]),
        *(When(worked_on(item), then=RANKS[Group.MAINTENANCE]) for item in work),
        When(verdict=None, then=RANKS[Group.UNCHECKED]),
        *(When(verdict__state=state, then=RANKS[Group(state)]) for state in VerdictState),
        default=Value(RANKS[Group.UNKNOWN]),
        output_field=IntegerField(),
    )
