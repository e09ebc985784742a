"""Regions: pausing and draining, and their signs of life."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet

from probes.actions import conditions, envelopes, region_keys
from probes.actions.beat import GAP
from probes.models import Region
from probes.models.control import ControlBeat
from probes.policy import liveness
from probes.policy.clock import Estimate, Readings
from probes.policy.liveness import Latch
from probes.protocol.batch import MAX_HEARTBEAT_BYTES, Heartbeat
from probes.protocol.egress import EgressState
from probes.trust.envelope import Kind
from probes.trust.refusal import RefusalCause, Refused

WORKERS_REMEMBERED: Final = 20
_CLOCK_TOLERANCE: Final = timedelta(days=1)

_Workers = dict[str, dict[str, Any]]
"""The last heartbeat of each worker by its id, with `received_at`, `queue_lag_seconds` and `expired_lately`."""


def pause(region_ids: Iterable[int], *, now: datetime, detail: str = "") -> int:
    """Send regions no more checks and take their votes; returns how many were not paused before."""
    return _change(Region.objects.filter(pk__in=list(region_ids), paused_at=None), now, detail, paused_at=now)


def drain(region_ids: Iterable[int], *, now: datetime, detail: str = "") -> int:
    """Let regions run out: no new checks, no vote; what is in flight is taken. Returns how many did not before."""
    return _change(Region.objects.filter(pk__in=list(region_ids), draining_at=None), now, detail, draining_at=now)


def resume(region_ids: Iterable[int], *, now: datetime, detail: str = "") -> int:
    """Undo a pause and a drain; returns how many there were."""
    chosen = Region.objects.filter(pk__in=list(region_ids)).exclude(paused_at=None, draining_at=None)
    return _change(chosen, now, detail, paused_at=None, draining_at=None)


def retire(region_ids: Iterable[int], *, now: datetime, detail: str = "") -> int:
    """Give regions up, until they are enrolled again; returns how many were not retired before."""
    return _change(Region.objects.filter(pk__in=list(region_ids), retired_at=None), now, detail, retired_at=now)


def record_heartbeat(envelope: object, *, now: datetime) -> Region:
    """Take a sign of life, and what it says of the region's clock, queue and egress.

    Raises `Refused`, and then nothing is stored.
    """
    signed = envelopes.opened(envelope, Kind.HEARTBEAT, max_bytes=MAX_HEARTBEAT_BYTES, now=now)
    try:
        heartbeat = Heartbeat.from_json(signed.body)
    except ValueError as error:
        raise Refused(RefusalCause.MALFORMED, str(error)[:200]) from None
    if heartbeat.region != signed.region.slug:
        raise Refused(RefusalCause.WRONG_RECIPIENT, "the heartbeat names another region than its envelope")
    with conditions.changing(Region.objects.filter(pk=signed.region.pk), now=now) as (region,):
        workers: _Workers = region.heartbeat.get("workers", {})
        _refuse_replay(heartbeat, workers)
        quickest = _read_clock(region, heartbeat, now)
        before = workers.get(heartbeat.worker, {})
        latest = _latest(heartbeat, before, quickest, now)
        others = [item for worker, item in workers.items() if worker != heartbeat.worker]
        newest_first = sorted([latest, *others], key=lambda item: str(item["received_at"]), reverse=True)
        region.heartbeat = {"workers": {item["worker"]: item for item in newest_first[:WORKERS_REMEMBERED]}}
        living = [item for item in newest_first if _lives(item, now)]
        if heartbeat.canaries and heartbeat.canaries.number:  # 0 is before the first
            region.canaries = latest["canaries"]
        elif not any(item["canaries"] for item in living):
            region.canaries = None
        _read_silence(region, now)
        # Of several workers one sets the pace: each hears of the same queue and the same way out.
        if heartbeat.worker == min(item["worker"] for item in living):
            _read_queue(region, living, now, since=before.get("received_at"))
            _read_egress(region, living, now)
        region_keys.note_use(region, signed.key, now=now)
    return region


def note_silence(*, now: datetime) -> list[str]:
    """Find the regions that fell silent since this was last asked, or were never heard at all; return their slugs.

    Nobody is silent before the control plane itself has been listening for that long: after it, its database or
    its broker was away, heartbeats are missing that nobody could have taken.
    """
    beat = ControlBeat.objects.first()
    if beat is not None and (beat.ticked_at < now - GAP or beat.running_since > now - liveness.SILENT_AFTER):
        return []
    since = now - liveness.SILENT_AFTER
    unheard = Q(last_seen_at__lt=since) | Q(last_seen_at=None, condition_since__lt=since)
    fallen = Region.objects.in_service().filter(unheard, silent_since=None)
    if not fallen.exists():
        return []
    with conditions.changing(fallen, now=now) as regions:
        for region in regions:
            region.silent_since = region.last_seen_at or region.condition_since
            _remember(region, "silence", Latch(holds=True))
    return [region.slug for region in regions]


def _change(chosen: QuerySet[Region], now: datetime, detail: str, **values: datetime | None) -> int:
    with conditions.changing(chosen, now=now, detail=detail) as regions:
        for region in regions:
            for name, value in values.items():
                setattr(region, name, value)
    return len(regions)


def _latest(heartbeat: Heartbeat, before: Mapping[str, Any], quickest: float | None, now: datetime) -> dict[str, Any]:
    """Return the heartbeat as it is kept, with what it tells of the region's queue."""
    lag_seconds = 0.0
    if heartbeat.longest_wait_seconds is not None and quickest is not None:
        # The quickest heartbeat's way is in this too; so no clock is.
        lag_seconds = max(lag_seconds, heartbeat.longest_wait_seconds - quickest)
    expired, known = (_expired(item) for item in (heartbeat.to_json(), before))
    return {
        **heartbeat.to_json(),
        "received_at": now.isoformat(),
        "queue_lag_seconds": round(lag_seconds, 3),
        "expired_lately": expired - known,
    }


def _expired(worker: Mapping[str, Any]) -> int:
    """Count batches that expired in the queue, and checks that did so in the worker's hands and had not begun."""
    expired: int = worker.get("refused", {}).get(RefusalCause.EXPIRED, 0) + worker.get("starved", 0)
    return expired


def _read_clock(region: Region, heartbeat: Heartbeat, now: datetime) -> float | None:
    """Note what the heartbeat tells of the clock; return what to take off a batch's age to have its wait.

    That is the lower bound of the offset, before or after: a clock that was set back since its last heartbeat would
    have what it took before then wait for as long as it was set back.
    """
    before = _readings(region)
    readings = before.noted(
        at=now,
        lower=(heartbeat.sent_at - now).total_seconds(),
        upper=heartbeat.shortest_wait_seconds,
    )
    region.liveness = {**region.liveness, "clock": readings.to_json()}
    known = None
    if region.clock_offset_seconds is not None:
        known = Estimate(
            offset_seconds=region.clock_offset_seconds, uncertainty_seconds=region.clock_uncertainty_seconds
        )
    if estimate := readings.estimate(known):
        region.clock_offset_seconds = estimate.offset_seconds
        region.clock_uncertainty_seconds = estimate.uncertainty_seconds
    return max((bound for bound in (before.lower, readings.lower) if bound is not None), default=None)


def _read_silence(region: Region, now: datetime) -> None:
    latch = _latch(region, "silence", holds=region.silent_since is not None)
    if region.last_seen_at is not None and now - region.last_seen_at > liveness.SILENT_AFTER:
        latch = Latch(latch.holds)  # what was heard before that was not in a row with this
    latch = latch.read(False, liveness.SILENCE)
    region.last_seen_at = now
    if not latch.holds:
        region.silent_since = None
    _remember(region, "silence", latch)


def _read_queue(region: Region, living: list[dict[str, Any]], now: datetime, *, since: str | None) -> None:
    """Read the queue's lag, and what expired since the pacemaker was heard before: so each telling is read once."""
    stands_seconds = min(item["head_waits_seconds"] for item in living)  # what one does not take, another may
    region.queue_lag_seconds = max(stands_seconds, *(item["queue_lag_seconds"] for item in living))
    heard = [item for item in living if since is None or _heard_at(item) > datetime.fromisoformat(since)]
    reading = liveness.is_late(region.queue_lag_seconds, expired=sum(item["expired_lately"] for item in heard))
    latch = _latch(region, "lateness", holds=region.late_since is not None).read(reading, liveness.LATENESS)
    region.late_since = (region.late_since or now) if latch.holds else None
    _remember(region, "lateness", latch)


def _read_egress(region: Region, living: list[dict[str, Any]], now: datetime) -> None:
    """Read the canaries, once for each round of one worker's.

    The way out is down when no worker that can tell has one. Who asks none, or has not yet, has no say in it.
    """
    asking = [item for item in living if item["canaries"]]
    this_round = None
    if asking:
        pacemaker = min(asking, key=lambda item: str(item["worker"]))
        this_round = [pacemaker["worker"], pacemaker["canaries"]["number"]]
        if not this_round[1] or this_round == region.liveness.get("round"):
            return  # none was asked yet, or none anew
    told = {item["egress"]["state"] for item in asking} - {EgressState.UNKNOWN}
    reading = told == {EgressState.DOWN}
    latch = _latch(region, "egress", holds=region.egress_down_since is not None).read(reading, liveness.EGRESS)
    region.egress_down_since = (region.egress_down_since or now) if latch.holds else None
    region.liveness = {**region.liveness, "round": this_round}
    _remember(region, "egress", latch)


def _lives(worker: Mapping[str, Any], now: datetime) -> bool:
    # What a version before this one stored lacks what is read here; its worker beats again in a moment.
    return now - _heard_at(worker) <= liveness.WORKER_LIVES_FOR and "queue_lag_seconds" in worker


def _heard_at(worker: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(worker["received_at"])


def _readings(region: Region) -> Readings:
    return Readings.from_json(region.liveness.get("clock", []))


def _latch(region: Region, name: str, *, holds: bool) -> Latch:
    return Latch(holds, region.liveness.get("against", {}).get(name, 0))


def _remember(region: Region, name: str, latch: Latch) -> None:
    region.liveness = {**region.liveness, "against": {**region.liveness.get("against", {}), name: latch.against}}


def _refuse_replay(heartbeat: Heartbeat, workers: _Workers) -> None:
    """Refuse what was heard before, by the region's own numbers: its clock is compared only with itself."""
    known = workers.get(heartbeat.worker)
    if known is not None and heartbeat.sequence <= known["sequence"]:
        raise Refused(RefusalCause.REPLAYED, f"heartbeat {heartbeat.sequence} of a worker")
    if known is None and workers:
        # A clock that was ahead may have been set right since: then when we heard it is the earlier.
        oldest = min(min(datetime.fromisoformat(item["sent_at"]), _heard_at(item)) for item in workers.values())
        if oldest - heartbeat.sent_at > _CLOCK_TOLERANCE:
            raise Refused(RefusalCause.REPLAYED, "a heartbeat of a worker long gone")
