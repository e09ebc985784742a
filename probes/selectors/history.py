"""What happened to one resource lately: its last outcomes by region, and the slots that have none."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from probes.models import MissedSlots, Resource

MOST_GAPS: Final = 200

# For each region its own short walk down the primary key, newest partition first.
_LATEST: Final = """
SELECT wanted.region_id, latest.slot, latest.status, latest.reason, latest.duration_ms, latest.egress_down
FROM unnest(%(regions)s::bigint[]) AS wanted (region_id)
CROSS JOIN LATERAL (
    SELECT slot, status, reason, duration_ms, egress_down FROM probes_outcome
    WHERE resource_id = %(resource)s AND region_id = wanted.region_id AND slot >= %(since)s
    ORDER BY slot DESC LIMIT %(count)s
) AS latest
ORDER BY latest.slot
"""


@dataclass(frozen=True, slots=True)
class Past:
    """An outcome of the past, without its document."""

    slot: datetime
    status: str
    reason: str
    duration_ms: int
    egress_down: bool = False


def latest(
    resource: Resource, region_ids: Iterable[int], *, count: int, since: datetime
) -> Mapping[int, Sequence[Past]]:
    """Return for each region its newest `count` outcomes of the image that is checked now, oldest first.

    None is older than `since`: of days that are over only failures are kept, which alone tell a wrong story. One
    query.
    """
    found: dict[int, list[Past]] = {region_id: [] for region_id in region_ids}
    since = max(since, resource.reference_since)
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, {"resource": resource.pk, "regions": list(found), "since": since, "count": count})
        for region_id, *columns in cursor.fetchall():
            found[region_id].append(Past(*columns))
    return found


def gaps(resource: Resource, *, since: datetime) -> Sequence[MissedSlots]:
    """Return the missed slots that reach beyond `since`, newest first, at most `MOST_GAPS` rows. One query.

    One without a region concerns all of them.
    """
    return list(MissedSlots.objects.filter(resource=resource, last_slot__gt=since).order_by("-last_slot")[:MOST_GAPS])
