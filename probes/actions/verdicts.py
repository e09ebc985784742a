"""Verdicts over regions: what the pure function is given, and where its answer is kept.

Two regions may report on one resource at the same moment. Whoever computes its verdict holds the lock on its row
first and reads the states after, so that the last one to write has seen what all before it wrote.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from probes.models import Region, RegionState, Verdict
from probes.policy.verdict import Inputs, Presence, VerdictState, Vote, decide
from probes.protocol.taxonomy import Status
from probes.selectors.subscriptions import regions_of

_AT_ONCE: Final = 1000

_Newest = tuple[Status, str, datetime]
"""Status, reason and slot of the newest outcome from a region."""

_MAKE: Final = """
INSERT INTO probes_verdict (resource_id, state, since, computed_at, inputs)
SELECT id, 'unknown', %(now)s, %(now)s, '{}' FROM probes_resource AS resource WHERE id = ANY(%(ids)s)
AND NOT EXISTS (SELECT FROM probes_verdict AS known WHERE known.resource_id = resource.id)
ORDER BY id FOR KEY SHARE OF resource
ON CONFLICT (resource_id) DO NOTHING
"""

_WRITE: Final = """
UPDATE probes_verdict AS verdict
SET state = given.state, since = given.since, computed_at = greatest(given.computed_at, given.since),
    stale_at = given.stale_at, inputs = given.inputs
FROM jsonb_to_recordset(%s::jsonb) AS given (
    resource_id bigint, state text, since timestamptz, computed_at timestamptz, stale_at timestamptz, inputs jsonb
)
WHERE verdict.resource_id = given.resource_id
"""

_LAPSE: Final = """
WITH concerned AS (
    SELECT resource_id FROM probes_verdict
    WHERE resource_id IN (SELECT resource_id FROM probes_regionstate WHERE region_id = ANY(%(regions)s))
    ORDER BY resource_id FOR NO KEY UPDATE
)
UPDATE probes_verdict AS verdict SET stale_at = %(now)s
FROM concerned WHERE verdict.resource_id = concerned.resource_id
"""


@dataclass(frozen=True, slots=True)
class Change:
    """A verdict that came out differently from the one before."""

    resource_id: int
    before: VerdictState
    after: VerdictState
    at: datetime


def locked(resource_ids: Iterable[int], *, now: datetime) -> list[Verdict]:
    """Return the verdicts of those resources that exist, made where there was none, each locked.

    Call it in a transaction, before anything of these resources is written: rows are locked in the order of
    their ids, by everyone. Resources cannot be deleted until the transaction ends.
    """
    ids = sorted(set(resource_ids))
    with connection.cursor() as cursor:
        cursor.execute(_MAKE, {"ids": ids, "now": now})
    return list(
        Verdict.objects.filter(resource_id__in=ids)
        .select_related("resource")
        .only("state", "since", "resource__interval_seconds", "resource__reference_since")
        .order_by("resource_id")
        .select_for_update(of=("self",), no_key=True)
    )


def recompute(verdicts: Sequence[Verdict], *, now: datetime) -> list[Change]:
    """Compute and store the verdicts, which `locked` returned in this transaction; return those that changed."""
    ids = [verdict.resource_id for verdict in verdicts]
    voters = regions_of(ids)
    newest: dict[tuple[int, int], _Newest] = {
        (resource_id, region_id): (Status(status), reason, slot)
        for resource_id, region_id, status, reason, slot in RegionState.objects.filter(resource_id__in=ids)
        .order_by()
        .values_list("resource_id", "region_id", "status", "reason", "last_slot")
    }
    written: list[dict[str, Any]] = []
    changes: list[Change] = []
    for verdict in verdicts:
        resource = verdict.resource
        inputs = Inputs(
            now=now,
            interval_seconds=resource.interval_seconds,
            votes=tuple(_vote(region, newest.get((resource.pk, region.pk))) for region in voters[resource.pk]),
        )
        decision = decide(inputs)
        before = VerdictState(verdict.state)
        if decision.state is not before:
            changes.append(Change(resource.pk, before, decision.state, now))
        written.append(
            {
                "resource_id": resource.pk,
                "state": decision.state,
                "since": (verdict.since if decision.state is before else now).isoformat(),
                "computed_at": now.isoformat(),
                "stale_at": decision.stale_at.isoformat() if decision.stale_at else None,
                "inputs": inputs.to_json(),
            }
        )
    if written:
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, [json.dumps(written)])
    return changes


def refresh_lapsed(*, now: datetime) -> list[Change]:
    """Recompute the verdicts of which a vote has lapsed, one transaction for each thousand."""
    changes: list[Change] = []
    while ids := list(Verdict.objects.filter(stale_at__lte=now).values_list("pk", flat=True)[:_AT_ONCE]):
        with transaction.atomic():
            changes += recompute(locked(ids, now=now), now=now)
    return changes


def lapse_seen_from(region_ids: Iterable[int], *, now: datetime) -> None:
    """Have the verdicts recomputed in which these regions have a say, after they gained or lost their vote."""
    with connection.cursor() as cursor:
        cursor.execute(_LAPSE, {"regions": list(region_ids), "now": now})


def _vote(region: Region, newest: _Newest | None) -> Vote:
    status, reason, slot = newest or (None, None, None)
    return Vote(
        region=region.slug,
        presence=Presence.of(region.condition, is_heard=region.last_seen_at is not None),
        stride=region.stride,
        status=status,
        reason=reason,
        slot=slot,
    )
