"""Ordering checks that somebody waits for, and noting what becomes of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from probes.actions import dispatch, plans
from probes.actions.orders import Errand
from probes.actions.reports import Key, Received, seen
from probes.models import AccessToken, Batch, Region, Run, RunCheck
from probes.policy.rationing import Key as Seat
from probes.policy.runs import LONGEST_WAIT, MOST_CHECKS, REPORT_GRACE, CheckState, RefusalReason, RunKind
from probes.protocol.outcome import Outcome
from probes.protocol.taxonomy import Depth

_RUNS_AT_ONCE: Final = 500

_ANSWERED: Final = (
    "state",
    "answered_at",
    "checked_at",
    "duration_ms",
    "status",
    "reason",
    "stage",
    "host",
    "confidence",
    "depth",
    "digest",
    "is_egress_down",
    "document",
)


@dataclass(frozen=True, slots=True)
class Ordered:
    """A run, messages to publish on commit, and the slot of each resource, none of a probe."""

    run: Run
    messages: list[plans.Message]
    slots: Mapping[int, datetime]


def check(
    resource_ids: Iterable[int],
    region_slugs: Collection[str] | None = None,
    *,
    depth: Depth | None = None,
    by: Any = None,
    token: AccessToken | None = None,
    now: datetime,
) -> Ordered:
    """Order a check of each resource, as `dispatch.check_now` does, and a run to wait for.

    A resource that is gone is left out. Raises `ValidationError` on `regions` for a slug that no active region has,
    and on `resources` where that comes to too many checks; then nothing is ordered.
    """
    with transaction.atomic():
        run = opened(RunKind.CHECK, by=by, token=token, depth=depth, now=now)
        asked = dispatch.check_now(
            resource_ids, region_slugs, depth=depth, errand=Errand(run.pk, LONGEST_WAIT), now=now
        )
        named = list(Region.objects.active().filter(slug__in=region_slugs)) if region_slugs is not None else []
        rows = []
        for item in asked.checks:
            here = {region.pk for region in item.regions}
            strangers = [region for region in named if region.pk not in here]
            rows += [
                RunCheck(run=run, resource=item.resource, region=region, slot=item.slot, **_fate(region, item, asked))
                for region in item.regions
            ]
            rows += [
                RunCheck(run=run, resource=item.resource, region=region, slot=item.slot, **_refused(_STRANGER))
                for region in strangers
            ]
        if len(rows) > MOST_CHECKS:
            raise ValidationError({"resources": f"That is {len(rows)} checks, and at most {MOST_CHECKS} go at once."})
        begin(run, rows, asked.messages, now=now)
    return Ordered(run, asked.messages, asked.slots)


def opened(kind: RunKind, *, by: Any, token: AccessToken | None, now: datetime, **values: Any) -> Run:
    """Store a run that has no checks yet, ordered by somebody, perhaps with a token."""
    return Run.objects.create(
        kind=kind, asked_by=by, asked_with=token, asked_at=now, ends_at=now, regions=[], **values
    )


def begin(run: Run, rows: Sequence[RunCheck], messages: Iterable[plans.Message], *, now: datetime) -> None:
    """Store the checks of a new run, and until when it is waited for."""
    RunCheck.objects.bulk_create(rows)
    run.ends_at = max((message.expires_at + REPORT_GRACE for message in messages), default=now)
    run.regions = sorted({row.region.slug for row in rows})
    run.finished_at = None if any(row.state == CheckState.WAITING for row in rows) else now
    run.save(update_fields=["ends_at", "regions", "finished_at"])


def take(
    batch: Batch,
    report: Received,
    outcomes: Mapping[Key, Outcome],
    *,
    asked: Collection[Key],
    again: Collection[Key],
    now: datetime,
) -> None:
    """Note what a report says to the run that its batch was drawn up for.

    Of what was `asked`, has no outcome and is not handed out `again` nobody will hear any more. Nothing is done where
    nobody waits for the batch. In the transaction of whoever takes in the report, and last: all regions of a run wait
    for its row.
    """
    if batch.run_id is None:
        return
    run = Run.objects.select_for_update(no_key=True).filter(pk=batch.run_id).first()
    if run is None:  # dropped meanwhile
        return
    changed = []
    for row in RunCheck.objects.filter(run=run, region=batch.region_id).exclude(state=CheckState.DONE):
        key = row.resource_id or -run.pk, row.slot
        if outcome := outcomes.get(key):
            _note(row, outcome, report, is_kept_whole=run.is_probe, now=now)
        elif key in asked and key not in again:
            row.state = CheckState.MISSED
        else:
            continue
        changed.append(row)
    RunCheck.objects.bulk_update(changed, _ANSWERED)
    if run.finished_at is None and not run.checks.filter(state=CheckState.WAITING).exists():
        Run.objects.filter(pk=run.pk).update(finished_at=now)


def end_overdue(*, now: datetime) -> int:
    """Write down of runs whose time is over that what still waits there is missed; returns how many runs."""
    ended = 0
    while True:
        with transaction.atomic():
            overdue = Run.objects.filter(finished_at=None, ends_at__lte=now).order_by("pk")
            ids = list(
                overdue.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True)[:_RUNS_AT_ONCE]
            )
            RunCheck.objects.filter(run__in=ids, state=CheckState.WAITING).update(state=CheckState.MISSED)
            Run.objects.filter(pk__in=ids).update(finished_at=F("ends_at"))
        ended += len(ids)
        if len(ids) < _RUNS_AT_ONCE:
            return ended


_STRANGER: Final = RefusalReason.NOT_ITS_REGION


def fate(seat: Seat, *, sent: Collection[Seat], put_off: Collection[Seat], is_endpoint: bool) -> dict[str, Any]:
    """Return the fields that tell what became of a check when it was drawn up."""
    if seat in sent:
        return {"state": CheckState.WAITING}
    if seat in put_off:
        return _refused(RefusalReason.QUOTA)
    return _refused(RefusalReason.OUTDATED if is_endpoint else RefusalReason.RETIRED)


def _fate(region: Region, item: Any, asked: dispatch.Asked) -> dict[str, Any]:
    seat = item.resource.pk, region.pk
    return fate(seat, sent=asked.sent, put_off=asked.put_off, is_endpoint=item.resource.is_endpoint)


def _refused(reason: RefusalReason) -> dict[str, Any]:
    return {"state": CheckState.REFUSED, "refusal": reason}


def _note(row: RunCheck, outcome: Outcome, report: Received, *, is_kept_whole: bool, now: datetime) -> None:
    found = seen(row.slot, outcome, clock_offset_seconds=report.clock_offset_seconds)
    row.state, row.answered_at = CheckState.DONE, now
    row.checked_at, row.duration_ms = found.checked_at, round(outcome.duration_ms)
    row.status, row.reason, row.stage, row.host = found.status, found.reason, found.stage, found.host
    row.confidence, row.depth, row.digest = outcome.conclusion.confidence, found.depth, found.digest
    row.is_egress_down = report.is_egress_down
    row.document = outcome.to_json() if is_kept_whole else None
