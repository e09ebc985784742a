"""Incidents as a status page tells of them: by group, those that one outage explains together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db import connection

from probes.models import Resource
from probes.policy.incidents import EntryKind, Level
from probes.policy.intervals import Interval
from probes.policy.scopes import Kind

_TURNS: Final = [EntryKind.OPENED.value, EntryKind.TURNED.value, EntryKind.RESOLVED.value]
_HOSTS: Final = [Kind.REGISTRY.value, Kind.AUTH_HOST.value, Kind.BLOB_HOST.value]

# What an outage of many explains is one incident of each group. Images count that belong to the group still: of one
# that has been moved to another, nothing is told by its name.
_READ: Final = """
SELECT coalesce(incident.parent_id, incident.id) AS key, incident.group_id,
    count(*) AS extent, count(*) FILTER (WHERE resource.name <> ''), min(incident.began_at), max(incident.opened_at),
    CASE WHEN bool_or(incident.resolved_at IS NULL) THEN NULL ELSE max(incident.resolved_at) END,
    bool_or(incident.resolved_at IS NULL AND incident.level = %(unavailable)s),
    bool_or(incident.worst = %(unavailable)s),
    (array_agg(resource.id ORDER BY incident.opened_at DESC, incident.id)
        FILTER (WHERE resource.group_id = incident.group_id))[1:2],
    array_remove(array_agg(DISTINCT incident.failure), ''),
    array_remove(array_agg(DISTINCT registry.host) || array_agg(DISTINCT outage.scope_name)
        FILTER (WHERE outage.scope_kind = ANY(%(hosts)s) AND outage.scope_name <> registry.host), NULL),
    max((SELECT max(at) FROM probes_incidententry
         WHERE incident_id = incident.id AND kind = ANY(%(turns)s)))
FROM probes_incident AS incident
JOIN probes_resource AS resource ON resource.id = incident.resource_id
LEFT JOIN probes_registry AS registry ON registry.id = incident.registry_id
LEFT JOIN probes_incident AS outage ON outage.id = incident.parent_id
WHERE incident.group_id = ANY(%(groups)s) AND {chosen}
GROUP BY 1, 2 HAVING {told}
ORDER BY 6 DESC, 1 DESC, 2
LIMIT %(most)s
"""

_RANGE: Final = "incident.opened_at >= %(start)s AND incident.opened_at < %(end)s"
_OPEN: Final = "incident.resolved_at IS NULL"
_OVER: Final = "bool_and(incident.resolved_at IS NOT NULL)"

_REGIONS: Final = """
SELECT coalesce(incident.parent_id, incident.id), incident.group_id,
    array_agg(DISTINCT coalesce(nullif(region.name, ''), entry.region))
FROM probes_incident AS incident
JOIN probes_incidententry AS entry ON entry.incident_id = incident.id
LEFT JOIN probes_region AS region ON region.slug = entry.region
WHERE coalesce(incident.parent_id, incident.id) = ANY(%(keys)s) AND incident.group_id = ANY(%(groups)s)
    AND entry.kind = %(kind)s AND entry.after IN ('bad', 'impaired')
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A time in which images of a group could not be had, all for one outage or one for itself.

    `key` and `group_id` name it, and are told to nobody; `others` are the keys of what is told as one with it. It is
    of `extent` images, of which so many are `named`.
    `resources` are the images that it is about, where it is one or two that belong to the group still. `failures` are
    causes, as an incident has them.
    """

    key: int
    group_id: int
    extent: int
    named: int
    began_at: datetime
    opened_at: datetime
    resolved_at: datetime | None
    is_unavailable: bool
    was_unavailable: bool
    resources: Sequence[int]
    failures: Sequence[str]
    hosts: Sequence[str]
    changed_at: datetime
    others: Sequence[int] = ()

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None


def open_episodes(group_ids: Collection[int], most: int) -> Sequence[Episode]:
    """Return what is going on in those groups, the last opened first. One query, none without groups."""
    return _read(_OPEN, group_ids, most)


def episodes(group_ids: Collection[int], over: Interval, most: int) -> Sequence[Episode]:
    """Return what was opened there within a range, the last opened first. One query, none without groups."""
    return _read(_RANGE, group_ids, most, start=over.start, end=over.end)


def past_episodes(group_ids: Collection[int], over: Interval, most: int) -> Sequence[Episode]:
    """Return what was opened there within a range and is over: however much is going on, it leaves room for these."""
    return _read(_RANGE, group_ids, most, told=_OVER, start=over.start, end=over.end)


def as_one(found: Iterable[Episode], together: Collection[int], by_name: Collection[int]) -> list[Episode]:
    """Return episodes with those that overlap put together, the last opened first: of groups by their ids. PURE.

    Those of a group that is told of together, and those of images without a name where only names are told. One by
    one they would say how many images there are at least.
    """
    told: list[Episode] = []
    last: dict[int, int] = {}  # where in it the last one of a group stands
    for item in sorted(found, key=lambda one: (one.began_at, one.key)):
        if item.group_id not in together and (item.group_id not in by_name or item.named):
            told.append(item)
            continue
        place = last.get(item.group_id)
        before = told[place] if place is not None else None
        if place is not None and before and (before.resolved_at is None or item.began_at <= before.resolved_at):
            told[place] = _joined(before, item)
        else:
            last[item.group_id] = len(told)
            told.append(item)
    return sorted(told, key=lambda one: (one.opened_at, one.key), reverse=True)


def _joined(one: Episode, other: Episode) -> Episode:
    """Return two as the one that began first, until the last of them is over."""
    is_open = one.resolved_at is None or other.resolved_at is None
    return replace(
        one,
        extent=one.extent + other.extent,
        named=one.named + other.named,
        resolved_at=None if is_open else max(filter(None, (one.resolved_at, other.resolved_at))),
        is_unavailable=one.is_unavailable or other.is_unavailable,
        was_unavailable=one.was_unavailable or other.was_unavailable,
        resources=(),
        failures=sorted({*one.failures, *other.failures}),
        hosts=sorted({*one.hosts, *other.hosts}),
        changed_at=max(one.changed_at, other.changed_at),
        others=(*one.others, other.key, *other.others),
    )


def regions_of(found: Collection[Episode]) -> Mapping[tuple[int, int], Sequence[str]]:
    """Return by key and group the names of the regions that could not have it. One query, if any."""
    keys, groups = [key for item in found for key in (item.key, *item.others)], [item.group_id for item in found]
    if not keys:
        return {}
    rows = _rows(_REGIONS, {"keys": keys, "groups": groups, "kind": EntryKind.REGION.value})
    seen = {(key, group_id): names for key, group_id, names in rows}
    return {
        (item.key, item.group_id): sorted(
            {name for key in (item.key, *item.others) for name in seen.get((key, item.group_id), ())}
        )
        for item in found
    }


def subjects_of(found: Collection[Episode]) -> Mapping[int, Resource]:
    """Return the images that episodes are about, by id. One query, if any."""
    ids = {pk for item in found for pk in item.resources}
    return Resource.objects.select_related("registry").in_bulk(ids) if ids else {}


def _read(
    chosen: str, group_ids: Collection[int], most: int, *, told: str = "true", **asked: Any
) -> Sequence[Episode]:
    if not group_ids:
        return []
    values = {
        **asked,
        "groups": list(group_ids),
        "most": most,
        "unavailable": Level.UNAVAILABLE.value,
        "turns": _TURNS,
        "hosts": _HOSTS,
    }
    return [
        Episode(
            key=key,
            group_id=group_id,
            extent=extent,
            named=named,
            began_at=began_at,
            opened_at=opened_at,
            resolved_at=resolved_at,
            is_unavailable=is_unavailable,
            was_unavailable=was_unavailable,
            resources=resources or (),
            failures=failures,
            hosts=hosts or (),
            changed_at=max(filter(None, (opened_at, resolved_at, turned_at))),
        )
        for (
            key,
            group_id,
            extent,
            named,
            began_at,
            opened_at,
            resolved_at,
            is_unavailable,
            was_unavailable,
            resources,
            failures,
            hosts,
            turned_at,
        ) in _rows(_READ.format(chosen=chosen, told=told), values)
    ]


def _rows(statement: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
