"""Slots without an outcome: recorded, extended while they go on, taken back when the outcome comes after all."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from probes.actions import counters
from probes.models import MissedSlots, Resource
from probes.policy.counting import Counted, Series, Tally
from probes.policy.shedding import slots_back
from probes.policy.slots import Missed, MissedCause

LOST_AFTER_SECONDS: Final = 60
"""How long after its expiry a batch is waited for: a report takes its way, perhaps over a broken link."""

_BATCHES_AT_ONCE: Final = 500

# A range grows when it ends with the slot that was to be left out before this one.
_SHED: Final = """
WITH given (resource_id, region_id, slot, since, stride, cause) AS (
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::smallint[], %s::text[])
), grown AS (
    UPDATE probes_missedslots AS missed
    SET last_slot = given.slot, count = missed.count + 1
    FROM given
    WHERE missed.resource_id = given.resource_id AND missed.region_id = given.region_id
      AND missed.cause = given.cause AND missed.stride = given.stride
      AND missed.last_slot > given.since AND missed.last_slot < given.slot
    RETURNING missed.resource_id, missed.region_id
)
INSERT INTO probes_missedslots (resource_id, region_id, first_slot, last_slot, count, cause, stride)
SELECT resource_id, region_id, slot, slot, 1, cause, stride FROM given
WHERE (resource_id, region_id) NOT IN (SELECT resource_id, region_id FROM grown)
"""

# Decided by what was heard while the batch could be taken: whoever is back by now was not there then.
_LOST: Final = """
WITH overdue AS (
    SELECT id FROM probes_batch WHERE state = 'sent' AND expires_at < %s
    ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
), lost AS (
    UPDATE probes_batch AS batch SET state = 'lost' FROM overdue WHERE batch.id = overdue.id
    RETURNING batch.region_id, batch.resource_ids, batch.slots, batch.issued_at, batch.expires_at
), recorded AS (
    INSERT INTO probes_missedslots (resource_id, region_id, first_slot, last_slot, count, cause, stride)
    SELECT given.resource_id, lost.region_id, given.slot, given.slot, 1,
        CASE WHEN region.last_seen_at >= lost.issued_at AND NOT EXISTS (
            SELECT 1
            FROM jsonb_to_recordset(region.liveness -> 'pauses') AS pause (since timestamptz, until timestamptz)
            WHERE coalesce(pause.since < lost.issued_at, true) AND pause.until > lost.expires_at
        ) THEN 'lost' ELSE 'expired' END, 1
    FROM lost
    JOIN probes_region AS region ON region.id = lost.region_id
    CROSS JOIN unnest(lost.resource_ids, lost.slots) AS given (resource_id, slot)
    JOIN probes_resource AS resource ON resource.id = given.resource_id
    RETURNING region_id, cause
)
SELECT (SELECT count(*) FROM lost), (
    SELECT coalesce(jsonb_agg(counted), '[]')
    FROM (SELECT region_id, cause, count(*) FROM recorded GROUP BY region_id, cause) AS counted
)
"""

_ARRIVED: Final = """
DELETE FROM probes_missedslots AS missed
USING unnest(%s::bigint[], %s::timestamptz[]) AS arrived (resource_id, slot)
WHERE missed.resource_id = arrived.resource_id AND missed.region_id = %s
  AND missed.first_slot = arrived.slot AND missed.cause IN ('lost', 'expired')
"""


@dataclass(frozen=True, slots=True)
class Reaped:
    """How many batches were given up, and how many slots were recorded as lost with them."""

    batches: int
    slots: int


@dataclass(frozen=True, slots=True)
class Shed:
    """A slot that was not sent to a region: its stride leaves it out or, with 1, its queue had no room for it.

    Or another `cause` kept it from being sent.
    """

    resource: Resource
    region_id: int
    slot: datetime
    stride: int
    cause: MissedCause = MissedCause.SHED


def record_downtime(missed: Mapping[int, Missed], tally: Tally) -> None:
    """Record for each resource the slots for which nothing was handed out to any region."""
    tally.count(Series(Counted.MISSED, MissedCause.DOWNTIME), sum(gap.count for gap in missed.values()))
    MissedSlots.objects.bulk_create(
        MissedSlots(
            resource_id=resource_id,
            region=None,
            first_slot=gap.first,
            last_slot=gap.last,
            count=gap.count,
            cause=MissedCause.DOWNTIME,
        )
        for resource_id, gap in missed.items()
    )


def record_shed(given: Collection[Shed], tally: Tally) -> None:
    """Record slots that were not sent to a region; each resource and region at most once."""
    for item in given:
        tally.count(Series(Counted.MISSED, item.cause, item.region_id))
    if columns := list(zip(*(_row(item) for item in given), strict=True)):
        with connection.cursor() as cursor:
            cursor.execute(_SHED, [list(column) for column in columns])


def _row(item: Shed) -> tuple[int, int, datetime, datetime, int, str]:
    resource, interval = item.resource, timedelta(seconds=item.resource.every_seconds)
    number = resource.slot_number(item.slot)
    # The first slot of a resource may lie off its grid, up to half an interval further away than the others.
    since = item.slot - interval * (slots_back(number, item.stride) + 0.75)
    return resource.pk, item.region_id, item.slot, since, item.stride, item.cause.value


def record_lost(region_id: int, given: Iterable[tuple[int, datetime]]) -> None:
    """Record (resource id, slot) that were handed out to the region and that its report leaves open."""
    MissedSlots.objects.bulk_create(
        MissedSlots(
            resource_id=resource_id, region_id=region_id, first_slot=slot, last_slot=slot, cause=MissedCause.LOST
        )
        for resource_id, slot in given
    )


def forget(region_id: int, arrived: Iterable[tuple[int, datetime]]) -> int:
    """Take back what was recorded as missed for (resource id, slot) that have an outcome now; return how much."""
    columns = list(zip(*arrived, strict=True))
    if not columns:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_ARRIVED, [list(columns[0]), list(columns[1]), region_id])
        return int(cursor.rowcount)


def reap_batches(*, now: datetime) -> Reaped:
    """Give up the batches whose report did not come, a few hundred at once, and record their slots as lost."""
    cutoff = now - timedelta(seconds=LOST_AFTER_SECONDS)
    tally = Tally()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_LOST, [cutoff, _BATCHES_AT_ONCE])
            batches, recorded = cursor.fetchone()
        for row in json.loads(recorded):
            tally.count(Series(Counted.MISSED, row["cause"], row["region_id"]), row["count"])
        counters.add(tally)
    return Reaped(batches, sum(row["count"] for row in json.loads(recorded)))
