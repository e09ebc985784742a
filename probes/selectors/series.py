"""What is measured of each resource, each region of each, and each counter; never of raw outcomes.

These tables grow with what is checked. They are read a few thousand rows at a time, each time from where the last
ones ended: that takes the same memory for many as for few, and a reader who is slow holds nothing up.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from django.db import connection

from probes.policy.counting import Counted
from probes.policy.terms import USUAL

KEYS_AT_ONCE: Final = 1000


class Which(StrEnum):
    """Of which resources there are series of their own; the first is the default."""

    ALL = "all"
    BAD = "bad"  # neither available nor paused
    NONE = "none"


_CHOSEN: Final = {
    Which.ALL: "true",
    Which.BAD: "resource.paused_at IS NULL AND verdict.state IS DISTINCT FROM 'available'",
    Which.NONE: "false",
}

_NAMED: Final = (
    "resource.id, resource.kind, resource.reference, registry.host, resource.repository, resource.tag,"
    " resource.digest, coalesce(held_with.name, '')"
)
_JOINED: Final = """
JOIN probes_registry AS registry ON registry.id = resource.registry_id
LEFT JOIN probes_resourcegroup AS held_with ON held_with.id = resource.group_id
LEFT JOIN probes_verdict AS verdict ON verdict.resource_id = resource.id
"""

_RESOURCES: Final = f"""
SELECT {_NAMED}, resource.name, coalesce(
        nullif(resource.severity, ''), nullif(held_with.severity, ''), nullif(terms.severity, ''), '{USUAL.severity}'
    ), verdict.state, verdict.since, resource.paused_at IS NOT NULL, resource.registry_id, resource.group_id
FROM probes_resource AS resource {_JOINED} LEFT JOIN probes_globalterms AS terms ON true
WHERE resource.id > %s AND {{chosen}} ORDER BY resource.id LIMIT %s
"""  # noqa: S608 - made of the constants above

# Resources are chosen first: joined and sorted as a whole for each part, states would be read over and over.
# From where it is checked, as `selectors.subscriptions` has it: all else is history.
_SIGHTS: Final = f"""
WITH part AS MATERIALIZED (
    SELECT {_NAMED} AS group_name FROM probes_resource AS resource {_JOINED}
    WHERE resource.id > %s AND {{chosen}} ORDER BY resource.id LIMIT %s
)
SELECT part.*, region.slug, state.stance, state.success_slot FROM part
LEFT JOIN probes_regionstate AS state ON state.resource_id = part.id AND (
    EXISTS (
        SELECT FROM probes_resource_regions AS wanted
        WHERE wanted.resource_id = part.id AND wanted.region_id = state.region_id
    ) OR NOT EXISTS (SELECT FROM probes_resource_regions AS wanted WHERE wanted.resource_id = part.id)
)
LEFT JOIN probes_region AS region
    ON region.id = state.region_id AND region.retired_at IS NULL AND region.verify_key <> ''
ORDER BY part.id, state.region_id
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


class Named(NamedTuple):
    """What a resource is called by."""

    id: int
    kind: str
    reference: str
    registry: str
    repository: str
    tag: str
    digest: str
    group: str


class Watched(NamedTuple):
    """A resource, and how it stands; `state` and `since` are None before its first verdict."""

    named: Named
    name: str
    severity: str
    state: str | None
    since: datetime | None
    is_paused: bool
    registry_id: int
    group_id: int | None

    @property
    def pk(self) -> int:
        return self.named.id


class Sight(NamedTuple):
    """A resource from one region that checks it. It could last be had for `success_slot`."""

    named: Named
    region: str
    stance: str
    success_slot: datetime | None


class Counts(NamedTuple):
    """One counter: a number, or of durations one for each bucket and their sum. Empty names are those of none."""

    key: str
    region: str
    registry: str
    counts: Sequence[int]
    seconds: float


_OF_NAMED: Final = len(Named._fields)


def resources(which: Which) -> Iterator[Watched]:
    """Yield resources in the order of their ids."""
    for row in _rows(_RESOURCES.format(chosen=_CHOSEN[which]), (), (0,), slice(0, 1)):
        yield Watched(Named(*row[:_OF_NAMED]), *row[_OF_NAMED:])


def sights(which: Which) -> Iterator[Sight]:
    """Yield resources with each region that checks them and has told of them."""
    for row in _rows(_SIGHTS.format(chosen=_CHOSEN[which]), (), (0,), slice(0, 1)):
        if row[_OF_NAMED] is not None:  # of no region that counts there is nothing to tell
            yield Sight(Named(*row[:_OF_NAMED]), *row[_OF_NAMED:])


def counters(counted: Counted) -> Iterator[Counts]:
    """Yield what was counted, by key, and of one key by region; without regions and registries that are gone."""
    for key, _, _, *told in _rows(_COUNTERS, (counted.value,), ("", -1, -1), slice(0, 3)):
        yield Counts(key, *told)


def _rows(
    statement: str, parameters: tuple[Any, ...], position: tuple[Any, ...], key: slice
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a statement that takes `parameters`, the key of the row before its first, and how many keys.

    `key` says where in a row its key is; rows with one key come together.
    """
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, [*parameters, *position, KEYS_AT_ONCE])
            rows = cursor.fetchall()
        yield from rows
        if len({row[key] for row in rows}) < KEYS_AT_ONCE:
            return
        position = rows[-1][key]
