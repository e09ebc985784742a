"""Verdicts over regions: what the pure function is given, and where its answer is kept.

Two regions may report on one resource at the same moment. Whoever computes its verdict holds the lock on its row
first and reads the states after, so that the last one to write has seen what all before it wrote.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Case, Func, IntegerField, TextField, When
from django.db.models.fields.json import KT
from msgspec.json import encode

from probes.actions import incidents, notices
from probes.models import Region, RegionState, Resource, Verdict
from probes.models.terms import TERM_FIELDS
from probes.policy.ballot import Stance
from probes.policy.explanation import sentence
from probes.policy.terms import Terms
from probes.policy.verdict import Inputs, Presence, VerdictState, Vote, decide
from probes.protocol.errors import clean_text
from probes.protocol.taxonomy import Reason, Stage, Status
from probes.selectors.credentials import lacking_login
from probes.selectors.instants import instant, texts
from probes.selectors.maintenance import Works
from probes.selectors.subscriptions import regions_of
from probes.selectors.terms import terms_of

_AT_ONCE: Final = 1000
_LONGEST_DETAIL: Final = 150
_LONGEST_EXPLANATION: Final = 500

_Standing = Mapping[str, Any]
"""What a region's state says for its vote: `_VOTING`, `_TIMES`, and what a failure said of itself."""

_VOTING: Final = ("status", "reason", "stage", "host", "stance")
_TIMES: Final = texts("last_slot", "stance_since", "ballot_slot")
_LOGIN_ASKED_FOR: Final = (Reason.AUTH_REQUIRED, Reason.AUTH_REQUIRED_OR_MISSING)
_FAILED: Final = (Status.UNAVAILABLE, Status.DEGRADED)
_DETAIL: Final = Case(When(status__in=_FAILED, then=KT("document__detail")), output_field=TextField())
"""Documents are large and stored apart: only those that tell of a failure are opened."""

_COUNT: Final = Func("pk", function="count", output_field=IntegerField())
"""For a subquery: Django's own `Count` would group, and so count each row apart."""

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
    stale_at = given.stale_at, inputs = given.inputs, explanation = given.explanation
FROM jsonb_to_recordset(%s::jsonb) AS given (
    resource_id bigint, state text, since timestamptz, computed_at timestamptz, stale_at timestamptz, inputs jsonb,
    explanation text
)
WHERE verdict.resource_id = given.resource_id
"""

# Django hands documents over as an array, which the driver escapes byte by byte: that took longer than all the rest.
_REMEMBER: Final = """
INSERT INTO probes_verdictchange (resource_id, at, before, state, explanation, inputs)
SELECT * FROM jsonb_to_recordset(%s::jsonb) AS given (
    resource_id bigint, at timestamptz, before text, state text, explanation text, inputs jsonb
)
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


_CONCERNED: Final = (
    "resource__interval_seconds",
    "resource__spacing_seconds",
    "resource__reference_since",
    "resource__registry_id",
    "resource__paused_at",
    "resource__retired_at",
    "resource__policy",
    "resource__group__policy",
    *(f"resource__{name}" for name in TERM_FIELDS),
    *(f"resource__group__{name}" for name in TERM_FIELDS),
)
"""What of a resource matters for its verdict, and for what is done about it."""


@dataclass(frozen=True, slots=True)
class Change:
    """A verdict that came out differently from the one before."""

    resource_id: int
    before: VerdictState
    after: VerdictState
    at: datetime


@dataclass(frozen=True, slots=True)
class Recomputed:
    """Verdicts that came out differently, by resource what each was made of, and what was done with incidents.

    `in_trouble` are the resources with an incident that was open before or is now.
    """

    changes: list[Change]
    inputs: Mapping[int, Inputs]
    done: list[incidents.Done]
    in_trouble: set[int | None]


def locked(resource_ids: Iterable[int], *, now: datetime) -> list[Verdict]:
    """Return the verdicts of those resources that exist, made where there was none, each locked.

    Call it in a transaction, before anything of these resources is written: rows are locked in the order of
    their ids, by everyone. Resources cannot be deleted until the transaction ends.
    """
    ids = sorted(set(resource_ids))
    rows = (
        Verdict.objects.filter(resource__among=ids)
        .select_related("resource__group")
        .only("state", "since", *_CONCERNED)
        .order_by("resource_id")
        .select_for_update(of=("self",), no_key=True)
    )
    # All or none: whoever made rows while it held others could wait for one who waits for it.
    known = Verdict.objects.filter(resource__among=ids).order_by().values(known=_COUNT)
    found: list[Verdict] = list(rows.alias(known=known).filter(known=len(ids)))
    if found or not ids:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_MAKE, {"ids": ids, "now": now})
    return list(rows)


def recompute(verdicts: Sequence[Verdict], terms: Mapping[int, Terms], *, now: datetime) -> Recomputed:
    """Compute and store the verdicts, which `locked` returned in this transaction, on the terms of their resources.

    Each change is kept with what it came from, incidents follow, and whoever is to be told of them is.
    """
    before_now = incidents.known([verdict.resource_id for verdict in verdicts])
    works = Works.on(now)
    judged: dict[int, incidents.Judged] = {}
    inputs, back_at = _inputs([verdict.resource for verdict in verdicts], terms, works, now)
    written: list[dict[str, Any]] = []
    changes: list[Change] = []
    history: list[dict[str, Any]] = []
    for verdict in verdicts:
        pk = verdict.resource_id
        decision, before, document = decide(inputs[pk]), VerdictState(verdict.state), inputs[pk].to_json()
        explanation = sentence(inputs[pk], decision)[:_LONGEST_EXPLANATION]
        judged[pk] = incidents.Judged(inputs[pk], decision, explanation)
        if decision.state is not before:
            changes.append(Change(pk, before, decision.state, now))
            history.append(
                {
                    "resource_id": pk,
                    "at": now,
                    "before": before,
                    "state": decision.state,
                    "explanation": explanation,
                    "inputs": document,
                }
            )
        stale_at = min(filter(None, (decision.stale_at, back_at.get(pk))), default=None)
        written.append(
            {
                "resource_id": pk,
                "state": decision.state,
                "since": verdict.since if decision.state is before else now,
                "computed_at": now,
                "stale_at": stale_at,
                "inputs": document,
                "explanation": explanation,
            }
        )
    with connection.cursor() as cursor:
        if written:
            cursor.execute(_WRITE, [encode(written).decode()])
        if history:
            cursor.execute(_REMEMBER, [encode(history).decode()])
    done = incidents.follow(verdicts, judged, terms, before_now, works, now=now)
    notices.announce_incidents(done, now=now)
    in_trouble = set(before_now.incidents) | {item.incident.resource_id for item in done}
    return Recomputed(changes, inputs, done, in_trouble)


def _inputs(
    resources: Sequence[Resource], terms: Mapping[int, Terms], works: Works, now: datetime
) -> tuple[Mapping[int, Inputs], Mapping[int, datetime]]:
    """Return what the verdict on each resource is made of, and when a vote comes back from maintenance.

    Three queries, and two more where somebody was asked for a login that he has not.
    """
    ids = [resource.pk for resource in resources]
    voters = regions_of(ids)
    states = RegionState.objects.filter(resource__among=ids).order_by()
    standing: dict[tuple[int, int], _Standing] = {
        (state["resource_id"], state["region_id"]): state
        for state in states.values("resource_id", "region_id", *_VOTING, detail=_DETAIL, **_TIMES)
    }
    refused = {key for key, state in standing.items() if state["reason"] in _LOGIN_ASKED_FOR}
    lacking = lacking_login({pk for pk, _ in refused}, voters) & refused if refused else frozenset()
    there = {
        region.id: Presence.of(region.condition, is_heard=region.last_seen_at is not None)
        for region in {region.id: region for regions in voters.values() for region in regions}.values()
    }
    inputs: dict[int, Inputs] = {}
    back_at: dict[int, datetime] = {}
    for pk, resource in zip(ids, resources, strict=True):
        ends, own = works.ends_by_region(resource), terms[pk]
        inputs[pk] = Inputs(
            now=now,
            interval_seconds=resource.every_seconds,
            votes=tuple(
                _vote(
                    region,
                    standing.get((pk, region.id)),
                    there[region.id],
                    is_in_maintenance=region.id in ends,
                    lacks_login=(pk, region.id) in lacking,
                )
                for region in voters[pk]
            ),
            quorum=own.quorum,
            minimum_votes=own.minimum_votes,
            fresh_intervals=own.fresh_intervals,
        )
        if ends and (concerned := [ends[region.id] for region in voters[pk] if region.id in ends]):
            back_at[pk] = min(concerned)
    return inputs, back_at


def refresh_lapsed(*, now: datetime) -> list[Change]:
    """Recompute the verdicts of which a vote has lapsed, one transaction for each thousand."""
    changes: list[Change] = []
    while ids := list(Verdict.objects.filter(stale_at__lte=now).values_list("pk", flat=True)[:_AT_ONCE]):
        with transaction.atomic():
            rows = locked(ids, now=now)
            changes += recompute(rows, terms_of(row.resource for row in rows), now=now).changes
    return changes


def lapse_seen_from(region_ids: Iterable[int], *, now: datetime) -> None:
    """Have the verdicts recomputed in which these regions have a say, after they gained or lost their vote."""
    with connection.cursor() as cursor:
        cursor.execute(_LAPSE, {"regions": list(region_ids), "now": now})


def _vote(
    region: Region, standing: _Standing | None, presence: Presence, *, is_in_maintenance: bool, lacks_login: bool
) -> Vote:
    if is_in_maintenance:
        presence = Presence.MAINTENANCE
    elif lacks_login and presence in (Presence.PRESENT, Presence.UNHEARD):
        presence = Presence.NO_LOGIN
    if standing is None:
        return Vote(region=region.slug, presence=presence, stride=region.stride)
    return Vote(
        region=region.slug,
        presence=presence,
        stride=region.stride,
        status=Status(standing["status"]),
        reason=standing["reason"],
        stage=Stage(standing["stage"]) if standing["stage"] else None,
        host=standing["host"],
        detail=clean_text(standing["detail"], _LONGEST_DETAIL) if standing["detail"] else "",
        slot=instant(standing["last_slot_text"]),
        stance=Stance(standing["stance"]),
        since=instant(standing["stance_since_text"]),
        told_at=instant(standing["ballot_slot_text"]),
    )
