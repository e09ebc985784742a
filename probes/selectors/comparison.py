"""What regions see of the same thing, side by side: of a resource, or of all that belong to a registry or a group.

Neither grows with the history: figures are sums of hours and days, and whatever else is looked for has its bound. Of
a registry or a group only what is rolled up is told, and what fails there now is looked for among the newest
`MOST_FAILING` of each region: who is cut off there is told so. Of how many a region says something that is fresh, is
counted among the first `MOST_LOOKED_AT`, the same ones for each region.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection

from probes.models import ALL_REGIONS, OwnerKind, Region, RegionState, Resource
from probes.policy.comparing import Disagreement, disagreements
from probes.policy.intervals import Interval
from probes.policy.rollup import Pieces, Rolled
from probes.policy.verdict import fresh_for
from probes.selectors import sums, uptime
from probes.selectors.sums import Source, Sums
from probes.selectors.terms import FRESH_FOR, SETTLED_BY, terms_of

MOST_FAILING: Final = 1000
"""So many of what fails now are looked through for each region, the newest first."""

MOST_LOOKED_AT: Final = 1000
"""Of so many of a registry or a group, the first by their ids, it is asked of each region whether what it said is
fresh."""

MOST_FAILURES: Final = 2000
"""So many outcomes that were not available are looked through for the last of a registry or a group."""

MOST_SPLIT: Final = 10
"""So many of what fails from one region and is good from another are told, the newest first."""

_OWNED: Final = {OwnerKind.REGISTRY: "registry_id", OwnerKind.GROUP: "group_id"}
_Counted = tuple[int, int, int, int, int, bool]
_FAILURE: Final = ("resource_id", "status", "reason", "stage", "host", "slot")

_LAST_OF_RESOURCE: Final = """
SELECT DISTINCT ON (wanted.region_id) wanted.region_id, %(resource)s, status, reason, stage, host, slot
FROM unnest(%(regions)s::bigint[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
    AS wanted (region_id, starts_at, ends_at)
CROSS JOIN LATERAL (
    SELECT status, reason, stage, host, slot FROM probes_outcome
    WHERE resource_id = %(resource)s AND region_id = wanted.region_id AND status <> 'available' AND NOT egress_down
        AND slot >= wanted.starts_at AND slot < wanted.ends_at
        -- Said with values too: of days that nobody asks for the planner opens no partition.
        AND slot >= %(since)s AND slot < %(until)s
    ORDER BY slot DESC LIMIT 1
) AS outcome
ORDER BY wanted.region_id, slot DESC
"""

_FAILING: Final = """
WITH failing AS MATERIALIZED (
    SELECT wanted.region_id, state.* FROM unnest(%(regions)s::bigint[]) AS wanted (region_id)
    CROSS JOIN LATERAL (
        SELECT resource_id, status, reason, stage, host, last_slot AS slot, ballot_slot, egress_down
        FROM probes_regionstate
        WHERE region_id = wanted.region_id AND ballot IN ('impaired', 'bad')
        ORDER BY run_since DESC LIMIT %(most)s
    ) AS state
), theirs AS (
    SELECT failing.*, region.id = ANY(%(voting)s::bigint[]) AND NOT failing.egress_down
            AND failing.ballot_slot + {fresh_for} > %(now)s AS counts
    FROM failing JOIN probes_resource AS resource ON resource.id = failing.resource_id
    JOIN probes_region AS region ON region.id = failing.region_id {settled_by}
    WHERE resource.{owned} = %(owner)s AND resource.retired_at IS NULL AND resource.paused_at IS NULL
), newest AS (
    SELECT DISTINCT ON (region_id) * FROM theirs ORDER BY region_id, slot DESC, resource_id
), mixed AS (
    SELECT resource_id, max(slot) AS slot, array_agg(region_id) AS failing FROM theirs
    WHERE counts
    GROUP BY resource_id HAVING count(*) < cardinality(%(voting)s::bigint[])
), split AS (
    SELECT mixed.*, array_agg(state.region_id) AS good FROM mixed
    JOIN probes_regionstate AS state ON state.resource_id = mixed.resource_id
        AND state.region_id = ANY(%(voting)s::bigint[]) AND state.ballot = 'good' AND NOT state.egress_down
    JOIN probes_resource AS resource ON resource.id = mixed.resource_id
    JOIN probes_region AS region ON region.id = state.region_id {settled_by}
    WHERE state.ballot_slot + {fresh_for} > %(now)s
    GROUP BY mixed.resource_id, mixed.slot, mixed.failing
), candidates AS MATERIALIZED (
    SELECT id FROM probes_resource
    WHERE {owned} = %(owner)s AND retired_at IS NULL AND paused_at IS NULL
    ORDER BY id LIMIT %(looked_at)s + 1
), looked_at AS (
    SELECT state.region_id, count(*),
        count(*) FILTER (WHERE NOT state.egress_down AND state.ballot_slot + {fresh_for} > %(now)s) AS fresh
    FROM (SELECT id FROM candidates ORDER BY id LIMIT %(looked_at)s) AS candidate
    JOIN probes_resource AS resource ON resource.id = candidate.id
    JOIN probes_regionstate AS state ON state.resource_id = candidate.id
        AND state.region_id = ANY(%(voting)s::bigint[])
    JOIN probes_region AS region ON region.id = state.region_id {settled_by}
    GROUP BY state.region_id
)
SELECT (SELECT count(*) FROM split), (
        SELECT jsonb_agg(jsonb_build_array(resource_id, failing, good) ORDER BY slot DESC, resource_id)
        FROM (SELECT * FROM split ORDER BY slot DESC, resource_id LIMIT %(told)s) AS told
    ), region_id, coalesce(read.count, 0), coalesce(found.counting, 0), coalesce(found.lapsed, 0),
    coalesce(looked_at.count, 0), coalesce(looked_at.fresh, 0), (SELECT count(*) > %(looked_at)s FROM candidates),
    resource_id, status, reason, stage, host, slot
FROM unnest(%(regions)s::bigint[]) AS wanted (region_id)
LEFT JOIN looked_at USING (region_id)
LEFT JOIN (SELECT region_id, count(*) FROM failing GROUP BY region_id) AS read USING (region_id)
LEFT JOIN (
    SELECT region_id, count(*) FILTER (WHERE counts) AS counting, count(*) FILTER (WHERE NOT counts) AS lapsed
    FROM theirs GROUP BY region_id
) AS found USING (region_id)
LEFT JOIN newest USING (region_id)
"""

_LAST_OF_OWNER: Final = """
SELECT DISTINCT ON (region_id) region_id, resource_id, status, reason, stage, host, slot FROM (
    SELECT region_id, resource_id, status, reason, stage, host, slot, egress_down FROM probes_outcome
    WHERE status <> 'available' AND slot >= %(since)s AND slot < %(until)s
    ORDER BY slot DESC, id DESC LIMIT %(most)s
) AS failure JOIN probes_resource AS resource ON resource.id = failure.resource_id
WHERE resource.{owned} = %(owner)s AND region_id = ANY(%(regions)s) AND NOT egress_down
ORDER BY region_id, slot DESC
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An outcome that was not available."""

    resource_id: int
    status: str
    reason: str
    stage: str | None
    host: str | None
    slot: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """How many resources a region saw in the last hour that is rolled up, and how many of them it calls bad now.

    `lapsed` are those that failed when it last said something of them, which counts no more: it does not vote, or
    that is too long ago. `is_complete` is false where more fail than were looked through: then there are so many at
    least. Of the first `MOST_LOOKED_AT` by their ids that are not paused, `looked_at` are checked from there, and of
    `fresh` of these it says something that is fresh; of none while it does not vote. `are_more` where there are more
    than these first ones.
    """

    seen: int = 0
    failing: int = 0
    lapsed: int = 0
    is_complete: bool = True
    looked_at: int = 0
    fresh: int = 0
    are_more: bool = False

    @property
    def is_told(self) -> bool:
        """Whether the region tells how many fail: that none does, of what is fresh, and if no failure lapsed."""
        return bool(self.failing or (self.fresh and not self.lapsed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one region sees. `state` is of a resource, None before its first outcome; `many` of all that belong.

    What it found `counts` while the region votes and, of a resource, as long as that is fresh.
    """

    region: Region
    rolled: Rolled
    counts: bool = True
    state: RegionState | None = None
    many: Many | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A resource that fails from some regions that vote and is good from others, as they lately found, by slugs."""

    resource_id: int
    failing: Sequence[str]
    good: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What each region sees, in the order of their slugs, the verdicts over all of them, and where they differ.

    `counted_to` is the end of what is rolled up of it: checks are counted, and timed, to then. None where nothing is.
    Of a registry or a group `split` are the newest resources on which regions differ, of so many as `split_count`:
    as many may fail from one region as from another, and yet not the same ones.
    """

    over: Interval
    overall: Rolled
    regions: Sequence[Seen]
    disagreements: Sequence[Disagreement] = field(default_factory=list)
    counted_to: datetime | None = None
    split: Sequence[Split] = field(default_factory=list)
    split_count: int = 0


def of_resource(resource: Resource, over: Interval, regions: Sequence[Region], *, now: datetime) -> Comparison:
    """Compare what those regions see of a resource. Seven queries at most, and those of the range's ends."""
    found = RegionState.objects.filter(resource=resource, region__in=regions).order_by()
    states = {row.region_id: row for row in found}
    taken = uptime.rolled_pieces(over)
    summed = uptime.at_once(resource, taken, [None, *regions])
    failures = _last_of_resource(resource, summed, regions, taken)
    intervals = terms_of([resource])[resource.pk].fresh_intervals

    def counts(region: Region) -> bool:
        state = states.get(region.pk)
        if state is None or state.egress_down or not region.condition.votes:
            return False
        return state.last_slot + fresh_for(resource.every_seconds, region.stride, intervals) > now

    seen = [
        Seen(
            region=region,
            rolled=summed[region.pk].rolled,
            counts=counts(region),
            state=states.get(region.pk),
            failure=failures.get(region.pk),
        )
        for region in regions
    ]
    facts = {item.region.slug: _facts(item.state) for item in seen if item.counts}
    return Comparison(
        over=over,
        counted_to=sums.rolled_end(taken),
        overall=summed[ALL_REGIONS].rolled,
        regions=seen,
        disagreements=disagreements(facts),
    )


def of_owner(
    kind: OwnerKind, owner_id: int, over: Interval, regions: Sequence[Region], *, now: datetime
) -> Comparison:
    """Compare what those regions see of all that belong to a registry or a group. Six queries."""
    taken = uptime.rolled_pieces(over)
    ids = [region.pk for region in regions]
    found = sums.of(Source.of_owner(kind, owner_id), taken, [ALL_REGIONS, *ids])
    found_now = _failing(kind, owner_id, regions, now)
    failures = dict(found_now.failures)
    sizes = sums.resources_of(kind, owner_id, ids, until=sums.rolled_end(taken))
    missing = [pk for pk in ids if pk not in failures]
    failures.update(_last_of_owner(kind, owner_id, missing, over) if missing else {})
    seen = [
        Seen(
            region=region,
            rolled=found.get(region.pk, Sums()).rolled,
            counts=region.condition.votes,
            many=_many(sizes.get(region.pk, 0), found_now.counts[region.pk]),
            failure=failures.get(region.pk),
        )
        for region in regions
    ]
    facts = {item.region.slug: {"failing": _word(item.many)} for item in seen if item.counts}
    counted_to = sums.rolled_end(taken)
    return Comparison(
        over=Interval(over.start, counted_to or over.end),
        counted_to=counted_to,
        overall=found.get(ALL_REGIONS, Sums()).rolled,
        regions=seen,
        disagreements=disagreements(facts),
        split=found_now.split,
        split_count=found_now.split_count,
    )


def _facts(state: RegionState | None) -> Mapping[str, str | None]:
    if state is None:
        return {}
    return {
        "status": state.status,
        "reason": state.reason,
        "host": state.host,
        "digest": state.digest,
        "stance": state.stance,
    }


def _word(many: Many | None) -> str | None:
    """Return what is compared of many: how many fail. Nothing is said where a region does not tell."""
    if many is None or not many.is_told:
        return None
    return f"{many.failing}{'' if many.is_complete else ' or more'}"


def _many(seen: int, counted: _Counted) -> Many:
    read, failing, lapsed, looked_at, fresh, are_more = counted
    return Many(
        seen=seen,
        failing=failing,
        lapsed=lapsed,
        is_complete=read < MOST_FAILING,
        looked_at=looked_at,
        fresh=fresh,
        are_more=are_more,
    )


def _last_of_resource(
    resource: Resource, found: Mapping[int, Sums], regions: Sequence[Region], taken: Pieces
) -> Mapping[int, Failure]:
    """Return of each region its last failure in the range: of the last hour or day that had one, or since."""
    asked: list[tuple[int, datetime, datetime]] = []
    for region in regions:
        if failed := found[region.pk].failed:
            asked.append((region.pk, failed.start, failed.end))
        asked += [(region.pk, end.start, end.end) for end in taken.ends]
    if not asked:
        return {}
    region_ids, starts, ends = (list(column) for column in zip(*asked, strict=True))
    return _failures(
        _LAST_OF_RESOURCE,
        {
            "resource": resource.pk,
            "regions": region_ids,
            "starts": starts,
            "ends": ends,
            "since": min(starts),
            "until": max(ends),
        },
    )


@dataclass(frozen=True, slots=True)
class _Failing:
    """What fails now, and the newest of it by region.

    `counts` are by region: how many that fail were read, how many of the owner's among them count, and how many do
    not; of the owner's first ones, how many are checked from there, and of how many something is fresh; and whether
    the owner has more than these first ones.
    """

    counts: Mapping[int, _Counted]
    failures: Mapping[int, Failure]
    split: Sequence[Split]
    split_count: int


def _failing(kind: OwnerKind, owner_id: int, regions: Sequence[Region], now: datetime) -> _Failing:
    slugs = {region.pk: region.slug for region in regions}
    asked: dict[str, Any] = {
        "regions": list(slugs),
        "voting": [region.pk for region in regions if region.condition.votes],  # what others found is not of now
        "owner": owner_id,
        "now": now,
        "most": MOST_FAILING,
        "looked_at": MOST_LOOKED_AT,
        "told": MOST_SPLIT,
    }
    with connection.cursor() as cursor:
        statement = _FAILING.format(owned=_OWNED[kind], fresh_for=FRESH_FOR, settled_by=SETTLED_BY)
        cursor.execute(statement, asked)
        rows = cursor.fetchall()
    split_count, split = rows[0][:2] if rows else (0, None)
    return _Failing(
        counts={region_id: tuple(counted) for _, _, region_id, *counted in (row[:9] for row in rows)},
        failures={
            region_id: Failure(**dict(zip(_FAILURE, columns, strict=True)))
            for _, _, region_id, _, counting, lapsed, _, _, _, *columns in rows
            if counting or lapsed
        },
        split=[
            Split(
                resource_id=resource_id,
                failing=sorted(slugs[pk] for pk in failing),
                good=sorted(slugs[pk] for pk in good),
            )
            for resource_id, failing, good in (json.loads(split) if isinstance(split, str) else split or ())
        ],
        split_count=split_count,
    )


def _last_of_owner(
    kind: OwnerKind, owner_id: int, region_ids: Collection[int], over: Interval
) -> Mapping[int, Failure]:
    asked = {
        "regions": list(region_ids),
        "owner": owner_id,
        "since": over.start,
        "until": over.end,
        "most": MOST_FAILURES,
    }
    return _failures(_LAST_OF_OWNER.format(owned=_OWNED[kind]), asked)


def _failures(statement: str, asked: Mapping[str, Any]) -> dict[int, Failure]:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        return {
            region_id: Failure(**dict(zip(_FAILURE, columns, strict=True)))
            for region_id, *columns in cursor.fetchall()
        }
