"""A region as its page tells of it: what it missed, what it says that no other does, and what it has said lately.

Everything has its bound, and is within reach (ADR 37).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import QuerySet

from probes.models import MissedSlots, Region, RegionKey, RegionState, Resource
from probes.models.event import TagWatch
from probes.policy.access import Reach
from probes.policy.ballot import Ballot, Stance
from probes.policy.comparing import Alone, alone
from probes.policy.verdict import fresh_for
from probes.selectors import visible
from probes.selectors.regions import UNREAD_JOINED
from probes.selectors.terms import FRESH_FOR, SETTLED_BY, terms_of

MOST_FAILING: Final = 1000
"""So many of what fails as seen from a region are counted; where there are as many, there may be more."""

MOST_LOOKED_THROUGH: Final = 300
"""So many of what fails, there or elsewhere, are compared, the newest first; and so many tags."""

MOST_ALONE: Final = 20
MOST_MISSED: Final = 5000
"""So many rows of missed slots are added up, the newest first."""

MOST_EVENTS: Final = 20

_FAILING: Final = """
SELECT wanted.region_id, found.counting, found.lapsed FROM unnest(%(regions)s::bigint[]) AS wanted (region_id)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE is_fresh) AS counting, count(*) FILTER (WHERE NOT is_fresh) AS lapsed FROM (
        SELECT NOT state.egress_down AND state.ballot_slot + {fresh_for} > %(now)s AS is_fresh
        FROM probes_regionstate AS state JOIN probes_resource AS resource ON resource.id = state.resource_id
        JOIN probes_region AS region ON region.id = state.region_id {settled_by}
        WHERE state.region_id = wanted.region_id AND state.ballot IN ('impaired', 'bad')
            AND resource.retired_at IS NULL AND resource.paused_at IS NULL
            AND (%(groups)s::bigint[] IS NULL OR resource.group_id = ANY(%(groups)s::bigint[]))
        LIMIT %(most)s
    ) AS failing
) AS found
"""

_AGREED: Final[Mapping[str, str]] = {Stance.GOOD: "good", Stance.IMPAIRED: "bad", Stance.BAD: "bad"}
_BAD: Final = (Ballot.IMPAIRED.value, Ballot.BAD.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dissent:
    """A resource of which a region says something that no other does: how it is, or which image a tag names."""

    resource: Resource
    own: RegionState
    said: Alone
    is_digest: bool


@dataclass(frozen=True, slots=True)
class Failing:
    """How many resources a region sees fail, and how many it saw fail last, without a vote or too long ago."""

    now: int = 0
    lapsed: int = 0

    @property
    def is_complete(self) -> bool:
        return self.now + self.lapsed < MOST_FAILING


@dataclass(frozen=True, slots=True)
class Missed:
    """How many slots of a region have no outcome, for one cause and stride, and when the last of them was."""

    cause: str
    stride: int
    count: int
    last_slot: datetime


def failing(regions: Iterable[Region], reach: Reach, *, now: datetime) -> Mapping[int, Failing]:
    """Return by id how many resources within reach each region sees fail: `MOST_FAILING` at most. One query."""
    votes = {region.pk: region.condition.votes for region in regions}
    asked = {
        "regions": list(votes),
        "groups": None if reach.groups is None else sorted(reach.groups),
        "most": MOST_FAILING,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_FAILING.format(fresh_for=FRESH_FOR, settled_by=SETTLED_BY), asked)
        return {
            pk: Failing(counting, lapsed) if votes[pk] else Failing(0, counting + lapsed)
            for pk, counting, lapsed in cursor.fetchall()
        }


def missed(region: Region, reach: Reach, *, since: datetime) -> Sequence[Missed]:
    """Return the slots that a region missed since then by cause, the most of them first. One query."""
    rows = visible.among(MissedSlots.objects.filter(region=region, last_slot__gte=since), reach)
    newest = rows.order_by("-last_slot").values_list("cause", "stride", "count", "last_slot")[:MOST_MISSED]
    counts: dict[tuple[str, int], int] = defaultdict(int)
    last: dict[tuple[str, int], datetime] = {}
    for cause, stride, count, slot in newest:
        counts[cause, stride] += count
        last.setdefault((cause, stride), slot)
    found = [Missed(cause, stride, count, last[cause, stride]) for (cause, stride), count in counts.items()]
    return sorted(found, key=lambda item: -item.count)


def keys(region: Region) -> Sequence[RegionKey]:
    """Return the newest keys of a region, without their private halves. One query. For those who see everything."""
    return list(RegionKey.objects.filter(region=region).defer("box_private_encrypted").order_by("-made_at")[:5])


def dissents(region: Region, reach: Reach, *, now: datetime, most: int = MOST_ALONE) -> Sequence[Dissent]:
    """Return of what a region says something that no other with a fresh opinion does. Ten queries at most.

    How a resource is, is looked for among the newest of what fails there, and of what fails elsewhere; which image a
    tag names, among the tags on which regions are known to disagree.
    """
    states = RegionState.objects.filter(ballot__in=_BAD)
    there = _ids(states.filter(region=region), reach)
    elsewhere = _ids(states.exclude(region=region), reach)
    tags = visible.among(Resource.objects.filter(retired_at=None), reach).filter(
        pk__in=TagWatch.objects.values("resource")
    )
    split = list(tags.order_by("-pk").values_list("pk", flat=True)[:MOST_LOOKED_THROUGH])
    seen = _seen({*there, *elsewhere, *split}, reach, now)
    found = [
        *_alone(region, seen, dict.fromkeys([*there, *elsewhere]), is_digest=False),
        *_alone(region, seen, split, is_digest=True),
    ]
    return found[:most]


def _ids(states: QuerySet[RegionState], reach: Reach) -> list[int]:
    rows = visible.among(states, reach).order_by("-run_since")
    return list(rows.values_list("resource_id", flat=True)[:MOST_LOOKED_THROUGH])


def _seen(resource_ids: Collection[int], reach: Reach, now: datetime) -> Mapping[int, Sequence[RegionState]]:
    """Return the states of those resources that are fresh, from regions that vote. Four queries at most."""
    rows = RegionState.objects.filter(
        resource__in=resource_ids, resource__retired_at=None, resource__paused_at=None, egress_down=False
    )
    rows = visible.among(rows.select_related("resource__registry", "resource__group", "region"), reach)
    hidden = [f"resource__registry__{name}" for name in ("ca_pem", "notes", "resolve", "client_key_encrypted")]
    rows = rows.defer("document", "platforms", *UNREAD_JOINED, *hidden, "resource__registry__client_certificate")
    found = list(rows.order_by("resource", "region__slug"))
    terms = terms_of({state.resource_id: state.resource for state in found}.values())
    seen: dict[int, list[RegionState]] = defaultdict(list)
    for state in found:
        intervals = terms[state.resource_id].fresh_intervals
        lasts = fresh_for(state.resource.every_seconds, state.region.stride, intervals)
        if state.region.condition.votes and state.last_slot + lasts > now:
            seen[state.resource_id].append(state)
    return seen


def _alone(
    region: Region, seen: Mapping[int, Sequence[RegionState]], resource_ids: Iterable[int], *, is_digest: bool
) -> Iterable[Dissent]:
    for pk in resource_ids:
        states = seen.get(pk, ())
        own = next((state for state in states if state.region_id == region.pk), None)
        if own is None:
            continue
        others = [state for state in states if state is not own]
        said = alone(_opinion(own, is_digest), [_opinion(state, is_digest) for state in others])
        if said is not None:
            yield Dissent(resource=own.resource, own=own, said=said, is_digest=is_digest)


def _opinion(state: RegionState, is_digest: bool) -> str | None:  # noqa: FBT001 - which of two facts it is
    return state.digest if is_digest else _AGREED.get(state.stance)
