"""Taking in reports: outcomes, states and verdicts of a batch, in one transaction, once.

The number of statements does not depend on the number of findings. Running it again with the same report changes
nothing: the ledger says that the batch has been reported.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from msgspec.json import decode, encode

from probes.actions import (
    again,
    certificates,
    changes,
    confirm,
    counters,
    incidents,
    missed,
    partitions,
    plans,
    polls,
    refusals,
    reports,
    rollups,
    runs,
    settling,
    tags,
    verdicts,
)
from probes.models import Batch, RegionState, Verdict
from probes.policy.ballot import Ballot, Stance, ballot_of
from probes.policy.clock import by_our_clock
from probes.policy.confirming import Heard
from probes.policy.counting import WITHOUT_EGRESS, Counted, Series, Tally
from probes.policy.depth import Proof
from probes.policy.latency import packed, slowest_ms
from probes.policy.platforms import Listed
from probes.policy.slots import MissedCause
from probes.policy.standing import Seen, Standing, advance, is_newer, is_news
from probes.policy.terms import Terms
from probes.policy.verdict import fresh_for
from probes.protocol.outcome import Outcome
from probes.protocol.taxonomy import Stage, Status
from probes.selectors.instants import instant, texts
from probes.selectors.terms import terms_of
from probes.trust.refusal import RefusalCause, Refused

QUEUE: Final = "results"

_OUTCOME_COLUMNS: Final = (
    "resource_id bigint, slot timestamptz, checked_at timestamptz, duration_ms integer, status text, reason text,"
    " stage text, host text, confidence text, depth text, digest text, document jsonb, egress_down boolean,"
    " latency bytea"
)
_STATE_COLUMNS: Final = (
    "resource_id bigint, status text, reason text, stage text, host text, digest text, since timestamptz,"
    " last_slot timestamptz, checked_at timestamptz, warnings text[], proved_digest text,"
    " manifest_proved_at timestamptz, blobs_proved_at timestamptz, document jsonb, egress_down boolean,"
    " digest_since timestamptz, platforms jsonb, duration_ms integer,"
    f" {polls.COLUMNS}, success_slot timestamptz"
)
_OWN: Final = ("status", "reason", "stage", "host", "digest", "warnings", "proved_digest")
_KNOWN: Final = (*_OWN, *polls.VALUES)
_KNOWN_TEXTS: Final = {
    **texts("since", "last_slot", "checked_at", "manifest_proved_at", "blobs_proved_at", "digest_since", "platforms"),
    **polls.TIMES,
}


def _names(columns: str) -> str:
    return ", ".join(column.split()[0] for column in columns.split(","))


_INSERT_OUTCOMES: Final = f"""
INSERT INTO probes_outcome (region_id, batch, {_names(_OUTCOME_COLUMNS)})
SELECT %s, %s, {_names(_OUTCOME_COLUMNS)} FROM jsonb_to_recordset(%s::jsonb) AS given ({_OUTCOME_COLUMNS})
ON CONFLICT DO NOTHING
"""  # noqa: S608 - made of the constants above

_ADVANCE_STATES: Final = f"""
INSERT INTO probes_regionstate AS state (region_id, {_names(_STATE_COLUMNS)})
SELECT %s, {_names(_STATE_COLUMNS)} FROM jsonb_to_recordset(%s::jsonb) AS given ({_STATE_COLUMNS})
ON CONFLICT (resource_id, region_id) DO UPDATE SET ({_names(_STATE_COLUMNS)}) = (
    {", ".join("excluded." + name for name in _names(_STATE_COLUMNS).split(", ")[:-1])},
    coalesce(excluded.success_slot, state.success_slot)
) WHERE state.last_slot < excluded.last_slot
"""  # noqa: S608 - made of the constants above


_MARK_STATES: Final = """
UPDATE probes_regionstate SET egress_down = true WHERE region_id = %s AND resource_id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a report came to: findings stored, answers refused, verdicts that changed, messages to publish on commit.

    The messages hand out again what the region returned, and have confirmed what it found.
    """

    stored: int
    refused: int
    changes: list[verdicts.Change]
    messages: list[plans.Message] = field(default_factory=list)


def ingest(envelope: object, *, now: datetime) -> Ingested:
    """Take in a report. Raises `Refused` when nothing of it may be taken; then nothing is stored.

    Findings that may not be taken are counted as refused while their neighbours are stored. What was returned is
    handed out again if it may be; all other slots of the batch without a usable finding are recorded as missed.
    Outcomes of resources that were deleted, or that name another image since, are left out; so are those of probes,
    of which only their run keeps something. What a region found
    without its way out is stored, marked, and moves nothing.
    """
    report = reports.receive(envelope, now=now)
    try:
        return _take(report, now=now)
    except IntegrityError as error:
        if not partitions.is_missing(error):
            raise
    # Made ahead, they are missing only when nothing has made them for a week. That is no reason to lose a report.
    partitions.ensure(partitions.OUTCOMES, {slot.date() for _, slot in _slots(report)})
    return _take(report, now=now)


def _slots(report: reports.Received) -> list[reports.Key]:
    batch = Batch.objects.get(pk=report.batch)
    return list(zip(batch.resource_ids, batch.slots, strict=True))


def _take(report: reports.Received, *, now: datetime) -> Ingested:
    with transaction.atomic():
        batch = _licence(report)
        asked = set(zip(batch.resource_ids, batch.slots, strict=True))
        judged = reports.judge(report, asked)
        rows = verdicts.locked(batch.resource_ids, now=now)
        since = {row.resource_id: row.resource.reference_since for row in rows}
        wanted = {key: outcome for key, outcome in judged.accepted.items() if _is_current(key, since)}

        tally = Tally()
        tally.count(Series(Counted.REPORTS, region_id=report.region.pk))
        second = again.Again()
        if batch.state == Batch.State.SENT:
            open_slots = {key for key in asked - judged.accepted.keys() if _is_current(key, since)}
            second = again.hand_out(report.region, batch, open_slots & judged.returned, now=now)
            lost = sorted(open_slots - second.keys)
            missed.record_lost(report.region.pk, lost)
            tally.count(Series(Counted.MISSED, MissedCause.LOST, report.region.pk), len(lost))
        else:  # of a batch that was given up, every slot is recorded already
            late = missed.forget(report.region.pk, wanted)
            tally.count(Series(Counted.LATE, region_id=report.region.pk), late)
        terms = terms_of(row.resource for row in rows)
        sights = tags.Sights(report.region.slug)
        stored, heard = _store(report, batch, wanted, since, terms, sights, now)
        tags.take(sights, now=now)
        _note_certificates(report, wanted, rows, now)
        rollups.note_late(_lapses(report, wanted, rows, terms), now=now)
        found = verdicts.recompute(rows, terms, now=now)
        deep = {pk: result for pk, result in sights.deep.items() if pk in found.in_trouble}
        incidents.note_depth(report.region, deep, found.done, now=now)
        settling.settle(
            batch,
            judged.accepted,
            unmade=judged.returned - second.keys,
            resources=since,
            clock_offset_seconds=report.clock_offset_seconds,
            now=now,
        )
        messages = second.messages + confirm.ask(heard, found.inputs, rows, now=now)
        runs.take(batch, report, judged.accepted, asked=asked, again=second.keys, now=now)
        Batch.objects.filter(pk=batch.pk).update(state=Batch.State.REPORTED, reported_at=now)
        for cause in sorted({refused.cause for refused in judged.refused}):  # two reports count in one order
            alike = [refused for refused in judged.refused if refused.cause is cause]
            refusals.note(QUEUE, cause, alike[0].detail, now=now, times=len(alike))
        _count(tally, report, wanted, {row.resource_id: row.resource.registry_id for row in rows})
        counters.add(tally)
        changes.tell_checked(row.resource for row in rows)
    return Ingested(stored, len(judged.refused), found.changes, messages)


def _count(
    tally: Tally, report: reports.Received, wanted: Mapping[reports.Key, Outcome], registry_of: Mapping[int, int]
) -> None:
    """Count outcomes by status, and their durations where they say something."""
    region_id = report.region.pk
    for (resource_id, _), outcome in wanted.items():
        registry_id = registry_of[resource_id]
        status = WITHOUT_EGRESS if report.is_egress_down else outcome.conclusion.status
        tally.count(Series(Counted.OUTCOMES, status, region_id, registry_id))
        if not report.is_egress_down:
            for timed, duration_ms in slowest_ms(outcome.duration_ms, outcome.steps).items():
                tally.time(timed, duration_ms, region_id=region_id, registry_id=registry_id)


def _licence(report: reports.Received) -> Batch:
    """Return the ledger's row for the report, locked. Raises `Refused`."""
    batch = Batch.objects.filter(pk=report.batch, region=report.region).select_for_update(no_key=True).first()
    if batch is None:
        raise Refused(RefusalCause.UNSOLICITED, f"batch {report.batch} was not sent to {report.region.slug}")
    if batch.state == Batch.State.REPORTED:
        raise Refused(RefusalCause.REPLAYED, f"batch {report.batch}")
    return batch


def _is_current(key: reports.Key, since: Mapping[int, datetime]) -> bool:
    resource_id, slot = key
    return resource_id in since and slot >= since[resource_id]


def _lapses(
    report: reports.Received, wanted: Iterable[reports.Key], rows: Iterable[Verdict], terms: Mapping[int, Terms]
) -> Mapping[reports.Key, datetime]:
    """Return until when each outcome holds at most."""
    interval_seconds = {row.resource_id: row.resource.every_seconds for row in rows}
    stride = report.region.stride
    return {
        (pk, slot): slot + fresh_for(interval_seconds[pk], stride, terms[pk].fresh_intervals) for pk, slot in wanted
    }


def _store(
    report: reports.Received,
    batch: Batch,
    outcomes: Mapping[reports.Key, Outcome],
    since: Mapping[int, datetime],
    terms: Mapping[int, Terms],
    sights: tags.Sights,
    now: datetime,
) -> tuple[int, dict[int, Heard]]:
    """Write outcomes and move states on; returns how many outcomes are new, and what was heard of each resource.

    What is seen of tags goes to `sights`.
    """
    region, is_egress_down = report.region, report.is_egress_down
    known = RegionState.objects.filter(region=region, resource__among={pk for pk, _ in outcomes}).order_by()
    states = {
        state["resource_id"]: _standing(state) for state in known.values("resource_id", *_KNOWN, **_KNOWN_TEXTS)
    }
    rows: list[dict[str, Any]] = []
    moved: dict[int, dict[str, Any]] = {}
    before = {pk: standing.poll.stance for pk, standing in states.items() if standing.poll}
    marked: set[int] = set()
    late: list[int] = []
    for (resource_id, slot), outcome in sorted(outcomes.items(), key=lambda item: item[0]):
        seen = reports.seen(slot, outcome, clock_offset_seconds=report.clock_offset_seconds)
        standing, document = states.get(resource_id), outcome.to_json()
        row = _outcome_row(resource_id, seen, outcome, document if is_news(standing, seen) else None)
        latency = packed(slowest_ms(outcome.duration_ms, outcome.steps))
        rows.append({**row, "egress_down": is_egress_down, "latency": f"\\x{latency.hex()}"})
        if is_newer(standing, seen) and is_egress_down:
            marked.add(resource_id)
        elif is_newer(standing, seen):
            former, standing = standing, advance(standing, seen, terms[resource_id].thresholds)
            states[resource_id] = standing
            sights.note(resource_id, former, standing)
            moved[resource_id] = _state_row(resource_id, standing, document, row["duration_ms"])
        elif not is_egress_down and ballot_of(seen.status, seen.reason):
            late.append(resource_id)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_OUTCOMES, [region.pk, batch.pk, encode(rows).decode()])
        stored: int = cursor.rowcount
        cursor.execute(_ADVANCE_STATES, [region.pk, encode(list(moved.values())).decode()])
        if marked:
            cursor.execute(_MARK_STATES, [region.pk, list(marked)])
    polls.take_again(region, late, {pk: states[pk].poll for pk in late}, since=since, terms=terms, now=now)
    heard = {
        pk: Heard(
            region=region.slug,
            reason=states[pk].reason,
            poll=poll,
            before=before.get(pk, Stance.UNPROVED),
        )
        for pk in moved
        if (poll := states[pk].poll) and poll.at == states[pk].last_slot
    }
    return stored, heard


def _note_certificates(
    report: reports.Received, outcomes: Mapping[reports.Key, Outcome], rows: Iterable[Verdict], now: datetime
) -> None:
    registries = {row.resource_id: row.resource.registry_id for row in rows}
    met = certificates.Met()
    for (resource_id, _), outcome in outcomes.items():
        if outcome.certificates:
            at = by_our_clock(outcome.started_at, report.clock_offset_seconds)
            met.note(registries[resource_id], outcome.certificates, at)
    met.store(report.region, now=now)


def _outcome_row(resource_id: int, seen: Seen, outcome: Outcome, document: Any) -> dict[str, Any]:
    return {
        "resource_id": resource_id,
        "slot": seen.slot,
        "checked_at": seen.checked_at,
        "duration_ms": round(outcome.duration_ms),
        "status": seen.status,
        "reason": seen.reason,
        "stage": seen.stage,
        "host": seen.host,
        "confidence": outcome.conclusion.confidence,
        "depth": seen.depth,
        "digest": seen.digest,
        "document": document,
    }


def _state_row(resource_id: int, standing: Standing, document: Any, duration_ms: int) -> dict[str, Any]:
    proof = standing.proof
    return {
        "resource_id": resource_id,
        "status": standing.status,
        "reason": standing.reason,
        "stage": standing.stage,
        "host": standing.host,
        "digest": standing.digest,
        "since": standing.since,
        "last_slot": standing.last_slot,
        "checked_at": standing.checked_at,
        "warnings": standing.warnings,
        "proved_digest": proof.digest,
        "manifest_proved_at": proof.manifest_at,
        "blobs_proved_at": proof.blobs_at,
        "document": document,
        "egress_down": False,
        "digest_since": standing.digest_since,
        "platforms": {name: item.to_json() for name, item in standing.platforms.items()},
        "duration_ms": duration_ms,
        **polls.columns(standing.poll),
        "success_slot": _success_slot(standing),
    }


def _success_slot(standing: Standing) -> datetime | None:
    """Return the slot of the newest ballot if that was not bad; otherwise the one that is stored stays."""
    poll = standing.poll
    return poll.at if poll and poll.ballot is not Ballot.BAD else None


def _standing(state: Mapping[str, Any]) -> Standing:
    return Standing(
        status=Status(state["status"]),
        reason=state["reason"],
        stage=Stage(state["stage"]) if state["stage"] else None,
        host=state["host"],
        digest=state["digest"],
        since=datetime.fromisoformat(state["since_text"]),
        last_slot=datetime.fromisoformat(state["last_slot_text"]),
        checked_at=datetime.fromisoformat(state["checked_at_text"]),
        warnings=tuple(state["warnings"]),
        poll=polls.poll_of(state),
        proof=Proof(
            digest=state["proved_digest"],
            manifest_at=instant(state["manifest_proved_at_text"]),
            blobs_at=instant(state["blobs_proved_at_text"]),
        ),
        digest_since=instant(state["digest_since_text"]),
        platforms=_platforms(state["platforms_text"]),
    )


def _platforms(text: str) -> Mapping[str, Listed]:
    """Return what an index lists, of its JSON. Most references have none."""
    return {} if text == "{}" else {name: Listed.from_json(item) for name, item in decode(text).items()}
