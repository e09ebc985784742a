"""What is measured of each resource, each region of each, and each counter; never of raw outcomes.

These tables grow with what is checked. They are read a thousand rows at a time, each time from where the last
ones ended: that takes the same memory for many as for few, and a reader who is slow holds nothing up.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from django.db import connection

from probes.policy.counting import Counted
from probes.policy.terms import USUAL

ROWS_AT_ONCE: Final = 1000


class Which(StrEnum):
    """Of which resources there are series of their own; the first is the default."""

    ALL = "all"
    BAD = "bad"  # neither available nor paused
    NONE = "none"


_CHOSEN: Final = {
    Which.ALL: "true",
    Which.BAD: """resource.paused_at IS NULL AND NOT EXISTS (
        SELECT FROM probes_verdict AS good WHERE good.resource_id = resource.id AND good.state = 'available'
    )""",
    Which.NONE: "false",
}

_NAMED: Final = (
    "resource.id, resource.kind, resource.reference, registry.host, resource.repository, resource.tag,"
    " resource.digest, coalesce(held_with.name, '')"
)
_JOINED: Final = """
JOIN probes_registry AS registry ON registry.id = resource.registry_id
LEFT JOIN probes_resourcegroup AS held_with ON held_with.id = resource.group_id
"""

# What a resource has of its own is looked up for each: joined as a whole, all of a table would be read for each part.
# Instants are read as the numbers that are told: the driver's way of reading a time is pure Python.
_RESOURCES: Final = f"""
SELECT {_NAMED}, resource.name, coalesce(
        nullif(resource.severity, ''), nullif(policy.severity, ''), nullif(held_with.severity, ''),
        nullif(held_by.severity, ''), nullif(terms.severity, ''), '{USUAL.severity}'
    ), verdict.state, verdict.since, resource.paused_at IS NOT NULL, resource.registry_id, resource.group_id
FROM probes_resource AS resource {_JOINED} LEFT JOIN probes_globalterms AS terms ON true
LEFT JOIN probes_policy AS policy ON policy.id = resource.policy_id
LEFT JOIN probes_policy AS held_by ON held_by.id = held_with.policy_id
LEFT JOIN LATERAL (
    SELECT state, extract(epoch FROM since)::float8 AS since FROM probes_verdict
    WHERE resource_id = resource.id OFFSET 0
) AS verdict ON true
WHERE resource.id > %s AND resource.retired_at IS NULL AND {{chosen}} ORDER BY resource.id LIMIT %s
"""  # noqa: S608 - made of the constants above

# From where it is checked, as `selectors.subscriptions` has it: all else is history.
_SIGHTS: Final = f"""
WITH part AS MATERIALIZED (
    SELECT {_NAMED} AS group_name,
        ARRAY(SELECT region_id FROM probes_resource_regions WHERE resource_id = resource.id) AS wanted
    FROM probes_resource AS resource {_JOINED}
    WHERE resource.id > %s AND resource.retired_at IS NULL AND {{chosen}} ORDER BY resource.id LIMIT %s
)
SELECT part.id, part.kind, part.reference, part.host, part.repository, part.tag, part.digest, part.group_name,
    coalesce(seen.told, '')
FROM part CROSS JOIN LATERAL (
    SELECT string_agg(region.slug || ' ' || {{told}}, ',' ORDER BY state.region_id) AS told
    FROM probes_regionstate AS state JOIN probes_region AS region
        ON region.id = state.region_id AND region.retired_at IS NULL AND region.verify_key <> ''
    WHERE state.resource_id = part.id AND (part.wanted = '{{{{}}}}' OR state.region_id = ANY(part.wanted))
) AS seen ORDER BY part.id
"""  # noqa: S608 - made of the constants above

_COUNTERS: Final = """
SELECT counter.key, counter.region_id, counter.registry_id, coalesce(region.slug, ''), coalesce(registry.host, ''),
    counter.counts, counter.seconds
FROM probes_counter AS counter
LEFT JOIN probes_region AS region ON region.id = counter.region_id AND region.retired_at IS NULL
LEFT JOIN probes_registry AS registry ON registry.id = counter.registry_id
WHERE counter.counted = %s AND (counter.key, counter.region_id, counter.registry_id) > (%s, %s, %s)
AND (counter.region_id = 0 OR region.id IS NOT NULL) AND (counter.registry_id = 0 OR registry.id IS NOT NULL)
ORDER BY counter.key, counter.region_id, counter.registry_id LIMIT %s
"""


class Watched(NamedTuple):
    """A resource, and how it stands; `state` and `since` are None before its first verdict.

    `since` is in seconds since 1970.
    """

    id: int
    kind: str
    reference: str
    registry: str
    repository: str
    tag: str
    digest: str
    group: str
    name: str
    severity: str
    state: str | None
    since: float | None
    is_paused: bool
    registry_id: int
    group_id: int | None

    @property
    def pk(self) -> int:
        return self.id


class Sights(NamedTuple):
    """A resource, and what the regions that check it say of it: `eu-west good,us-east bad`.

    That is one text because most resources are seen alike. It is empty where no region has told of it yet.
    """

    id: int
    kind: str
    reference: str
    registry: str
    repository: str
    tag: str
    digest: str
    group: str
    told: str


class Counts(NamedTuple):
    """One counter: a number, or of durations one for each bucket and their sum. Empty names are those of none."""

    key: str
    region: str
    registry: str
    counts: Sequence[int]
    seconds: float


def resources(which: Which) -> Iterator[Watched]:
    """Yield resources in the order of their ids."""
    return map(Watched._make, _rows(_RESOURCES.format(chosen=_CHOSEN[which]), (), (0,), slice(0, 1)))


def stances(which: Which) -> Iterator[Sights]:
    """Yield resources in the order of their ids, with the stance of each region, in the order of theirs."""
    return _sights(which, "state.stance")


def successes(which: Which) -> Iterator[Sights]:
    """Yield them with the slots for which each could be had last, in seconds since 1970; without regions of none."""
    return _sights(which, "extract(epoch FROM state.success_slot)::float8")


def _sights(which: Which, told: str) -> Iterator[Sights]:
    return map(Sights._make, _rows(_SIGHTS.format(chosen=_CHOSEN[which], told=told), (), (0,), slice(0, 1)))


def counters(counted: Counted) -> Iterator[Counts]:
    """Yield what was counted, by key, and of one key by region; without regions and registries that are gone."""
    for key, _, _, *told in _rows(_COUNTERS, (counted.value,), ("", -1, -1), slice(0, 3)):
        yield Counts(key, *told)


def _rows(
    statement: str, parameters: tuple[Any, ...], position: tuple[Any, ...], key: slice
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a statement that takes `parameters`, the key of the row before its first, and how many rows.

    `key` says where in a row its key is; no two rows have the same.
    """
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, [*parameters, *position, ROWS_AT_ONCE])
            rows = cursor.fetchall()
        yield from rows
        if len(rows) < ROWS_AT_ONCE:
            return
        position = rows[-1][key]
