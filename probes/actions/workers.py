"""What the workers of a region say of themselves, and what is read of the region from it.

A region's row keeps the last heartbeat of each of its workers (`Region.heartbeat`), with what only several in a row
tell: its clock, and whether its way out is lost. The functions here change fields of a region that the caller has
locked and saves.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from probes.actions import conditions
from probes.models import Region
from probes.policy import clock, liveness
from probes.policy.clock import Readings
from probes.policy.liveness import Latch, RegionCondition
from probes.protocol import versions
from probes.protocol.batch import Heartbeat
from probes.protocol.egress import EgressState
from probes.protocol.outcome import rfc3339
from probes.selectors.workers import clock_of, listed, name_of
from probes.trust.refusal import RefusalCause, Refused

WORKERS_REMEMBERED: Final = 20
"""Of more workers that live at the same time these keep their places; of the others only sums are kept."""

_FRESH_FOR: Final = timedelta(minutes=5)
"""So long a heartbeat of a worker that is not remembered, or a batch that it has heard, tells that it is alive."""

_Worker = dict[str, Any]


def refuse_replay(region: Region, heartbeat: Heartbeat, *, now: datetime) -> None:
    """Refuse what was heard before: of a worker that is remembered by its sequence, of others by when it was sent."""
    known = listed(region).get(heartbeat.worker)
    if known is not None and heartbeat.sequence <= known["sequence"]:
        raise Refused(RefusalCause.REPLAYED, f"heartbeat {heartbeat.sequence} of a worker of {region.slug}")
    if known is None and _may_be_forgotten(region, heartbeat, now):
        raise Refused(
            RefusalCause.REPLAYED,
            f"a heartbeat of {region.slug}, sent at {rfc3339(heartbeat.sent_at)} by its clock: of a worker long gone,"
            " or the clock was set back; such a worker is heard once it has taken a batch",
        )


def _may_be_forgotten(region: Region, heartbeat: Heartbeat, now: datetime) -> bool:
    """Tell whether it may have been heard of a worker that is remembered no more, or never was.

    None of theirs was sent after the newest, by their own clocks: replays move neither that nor our time. So whoever
    is younger is heard at once, and whose clock is behind theirs once it is right by ours, or has heard a batch
    lately: that one we issued, by our clock. While the newest is yet to come by our clock, one of theirs was ahead,
    and its heartbeats may be right by now.
    """
    forgotten_at = region.liveness.get("forgotten_sent_at")
    if forgotten_at is None or heartbeat.sent_at > (newest := datetime.fromisoformat(forgotten_at)):
        return False
    if heartbeat.heard_issued_at is not None and now - heartbeat.heard_issued_at <= _FRESH_FOR:
        return False
    return newest > now + _FRESH_FOR or heartbeat.sent_at < now - _FRESH_FOR


def _forget(region: Region, sent_at: str) -> None:
    """Note when the newest heartbeat of a worker was sent that is not listed from now on."""
    newest = max(sent_at, region.liveness.get("forgotten_sent_at", sent_at), key=datetime.fromisoformat)
    region.liveness = {**region.liveness, "forgotten_sent_at": newest}


def is_overtaken(region: Region, heartbeat: Heartbeat) -> bool:
    """Tell whether it waited among the reports while a later one went past: it says nothing, and is no replay."""
    known = listed(region).get(heartbeat.worker, {})
    return not known.get("among_reports", True) and heartbeat.sequence < known["sequence"]


def hear(region: Region, heartbeat: Heartbeat, *, now: datetime, among_reports: bool) -> None:
    """Note a heartbeat that is no replay, and read from it what it tells of the region; may write worker's events."""
    workers = listed(region)
    before = workers.get(heartbeat.worker)
    if before is None and sum(_lives(item, now) for item in workers.values()) >= WORKERS_REMEMBERED:
        region.heartbeat = {**region.heartbeat, "unlisted": _unlisted(region, heartbeat, now)}
        _forget(region, rfc3339(heartbeat.sent_at))
        return
    latest = {**_latest(heartbeat, before or {}, now), "among_reports": among_reports}
    _read_worker_egress(latest, before or {}, now)
    others = [item for worker, item in workers.items() if worker != heartbeat.worker]
    newest_first = sorted([latest, *others], key=lambda item: str(item["received_at"]), reverse=True)
    living = [item for item in newest_first if _lives(item, now)]
    _read_clock(region, living)
    _show_canaries(region, latest, living)
    if _is_reading_due(region, latest["worker"], before, now):
        heard = [item for item in living if not item["is_read"]]
        _read_queue(region, living, heard, now)
        _read_egress(region, living, heard, now)
        for item in heard:
            item["is_read"] = True
        region.liveness = {**region.liveness, "reading": {"at": now.isoformat(), "by": latest["worker"]}}
    _tell_egress(region, latest, living, now)
    kept = newest_first[:WORKERS_REMEMBERED]
    for item in newest_first[WORKERS_REMEMBERED:]:
        _forget(region, item.get("newest_sent_at", item["sent_at"]))
    for item in newest_first:
        if item.get("is_told") and (item not in kept or now - heard_at(item) > liveness.SILENT_AFTER):
            item["is_told"] = False
            said = f"{name_of(item)}: no heartbeat since {rfc3339(heard_at(item))}"
            conditions.note_worker(
                region, item["worker"], RegionCondition.EGRESS_DOWN, RegionCondition.SILENT, now=now, detail=said
            )
    region.heartbeat = {**region.heartbeat, "workers": {item["worker"]: item for item in kept}}


def _is_reading_due(region: Region, worker: str, before: Mapping[str, Any] | None, now: datetime) -> bool:
    """Tell whether a worker is heard for the second time since the last reading: then all who live have been heard.

    So each has its say, and a dead one is not waited for. Where none lives long enough, there is one now and then.
    However often a region beats, there is no more than one in `READ_EVERY`; what is told between is read then.
    """
    last = region.liveness.get("reading")
    if last is None:
        return True
    since_last = now - datetime.fromisoformat(last["at"])
    if abs(since_last) < liveness.READ_EVERY:
        return False
    if since_last > liveness.WORKER_LIVES_FOR:
        return True
    return before is not None and (last["by"] == worker or not before.get("is_read", True))


def _latest(heartbeat: Heartbeat, before: Mapping[str, Any], now: datetime) -> _Worker:
    """Return the heartbeat as it is kept, with what it tells that was not yet read of the region."""
    sent_at = rfc3339(heartbeat.sent_at)
    readings, quickest = _clock_readings(heartbeat, before, now)
    estimate = readings.estimate(clock_of(before))
    lag_seconds = 0.0
    if heartbeat.longest_wait_seconds is not None and quickest is not None:
        # The quickest heartbeat's way is in this too; so no clock is.
        lag_seconds = max(lag_seconds, heartbeat.longest_wait_seconds - quickest)
    expired = 0
    if before or heartbeat.sequence == 1:  # else it is not known since when
        expired = _expired(heartbeat.to_json()) - _expired(before)
    number = heartbeat.canaries.number if heartbeat.canaries else 0
    has_new_round = number not in (0, (before.get("canaries") or {}).get("number"))  # 0 is before the first
    unread = {} if before.get("is_read", True) else before
    return {
        **heartbeat.to_json(),
        "newest_sent_at": max(sent_at, before.get("newest_sent_at", sent_at), key=datetime.fromisoformat),
        "received_at": now.isoformat(),
        "queue_lag_seconds": round(max(lag_seconds, unread.get("queue_lag_seconds", 0.0)), 3),
        "expired_lately": expired + unread.get("expired_lately", 0),
        "is_read": False,
        "has_new_round": has_new_round,
        "has_unread_round": has_new_round or unread.get("has_unread_round", False),
        "clock": readings.to_json(),
        "clock_offset_seconds": estimate.offset_seconds if estimate else None,
        "clock_uncertainty_seconds": estimate.uncertainty_seconds if estimate else None,
    }


def _expired(worker: Mapping[str, Any]) -> int:
    """Count batches that expired in the queue, and checks that did so in the worker's hands and had not begun."""
    expired: int = worker.get("refused", {}).get(RefusalCause.EXPIRED, 0) + worker.get("starved", 0)
    return expired


def _clock_readings(heartbeat: Heartbeat, before: Mapping[str, Any], now: datetime) -> tuple[Readings, float | None]:
    """Note what the heartbeat tells of the clock; return that, and what to take off a batch's age to have its wait.

    The latter is the lower bound of the offset, before or after: a clock that was set back since its last heartbeat
    would have what it took before then wait for as long as it was set back.
    """
    known = Readings.from_json(before.get("clock", []))
    readings = known.noted(
        at=now,
        lower=(heartbeat.sent_at - now).total_seconds(),
        upper=heartbeat.shortest_wait_seconds,
    )
    return readings, max((bound for bound in (known.lower, readings.lower) if bound is not None), default=None)


def _read_worker_egress(latest: _Worker, before: Mapping[str, Any], now: datetime) -> None:
    """Read the worker's own way out, once for each of its rounds and no more often than a region is read."""
    since, read_at = before.get("egress_down_since"), before.get("egress_read_at")
    latch = Latch(since is not None, before.get("egress_against", 0))
    is_soon = read_at is not None and abs(now - datetime.fromisoformat(read_at)) < liveness.READ_EVERY
    if latest["has_new_round"] and not is_soon:
        latch, read_at = latch.read(latest["egress"]["state"] == EgressState.DOWN, liveness.EGRESS), now.isoformat()
    latest["egress_down_since"] = (since or now.isoformat()) if latch.holds else None
    latest["egress_against"] = latch.against
    latest["egress_read_at"] = read_at
    latest["is_told"] = before.get("is_told", False)


def _read_clock(region: Region, living: Iterable[_Worker]) -> None:
    """Have the region's clock be the one furthest ahead: whoever is not known goes by it, and misses no batch."""
    known = None
    if region.clock_offset_seconds is not None:
        known = clock.Estimate(
            offset_seconds=region.clock_offset_seconds, uncertainty_seconds=region.clock_uncertainty_seconds
        )
    if estimate := clock.furthest_ahead(filter(None, map(clock_of, living)), known):
        region.clock_offset_seconds = estimate.offset_seconds
        region.clock_uncertainty_seconds = estimate.uncertainty_seconds


def _show_canaries(region: Region, latest: _Worker, living: Iterable[_Worker]) -> None:
    """Keep the last round for the region's card; a bad one only while nobody has a way out."""
    is_bad = latest["egress"]["state"] == EgressState.DOWN
    if latest["canaries"] and latest["canaries"]["number"]:  # 0 is before the first
        if not (is_bad and any(_has_way_out(item) for item in living)):
            region.canaries = latest["canaries"]
    elif not any(item["canaries"] for item in living):
        region.canaries = None


def _read_queue(region: Region, living: Iterable[_Worker], heard: Iterable[_Worker], now: datetime) -> None:
    """Read the queue's lag, and what expired, of who was heard since the last reading: each telling counts once."""
    heads = [item["head_waits_seconds"] for item in living]
    if _unlisted_lately(region, "received_at", now):
        heads.append(region.heartbeat["unlisted"]["head_waits_seconds"])
    stands_seconds = min(heads)  # what one does not take, another may
    region.queue_lag_seconds = max(stands_seconds, *(item["queue_lag_seconds"] for item in heard))
    reading = liveness.is_late(region.queue_lag_seconds, expired=sum(item["expired_lately"] for item in heard))
    latch = latch_of(region, "lateness", holds=region.late_since is not None).read(reading, liveness.LATENESS)
    region.late_since = (region.late_since or now) if latch.holds else None
    remember(region, "lateness", latch)


def _read_egress(region: Region, living: Iterable[_Worker], heard: Iterable[_Worker], now: datetime) -> None:
    """Read the canaries when somebody has asked them anew.

    The way out is down when no worker that can tell has one. Who asks none, or has not yet, has no say in it.
    """
    asking = [item for item in living if item["canaries"]]
    if asking and not any(item["has_unread_round"] for item in heard):
        return
    told = {item["egress"]["state"] for item in asking} - {EgressState.UNKNOWN}
    reading = told == {EgressState.DOWN} and not _unlisted_lately(region, "egress_ok_at", now)
    latch = latch_of(region, "egress", holds=region.egress_down_since is not None).read(reading, liveness.EGRESS)
    region.egress_down_since = (region.egress_down_since or now) if latch.holds else None
    remember(region, "egress", latch)


def _tell_egress(region: Region, latest: _Worker, living: Iterable[_Worker], now: datetime) -> None:
    """Write an event of a worker that has lost its way out while the region has one, and of one that has it back."""
    is_down = latest["egress_down_since"] is not None
    if is_down is latest["is_told"]:
        return
    if is_down and (region.egress_down_since is not None or not any(_has_way_out(item) for item in living)):
        return  # it is the region's to tell
    latest["is_told"] = is_down
    answers = ", ".join(
        f"{canary['url']} {canary['error'] or canary['http_status']}"
        for canary in (latest["canaries"] or {"canaries": ()})["canaries"]
    )
    before, after = RegionCondition.ACTIVE, RegionCondition.EGRESS_DOWN
    if not is_down:
        before, after = after, before
    said = f"{name_of(latest)}: {'no canary answers: ' if is_down else ''}{answers}"
    conditions.note_worker(region, latest["worker"], before, after, now=now, detail=said)


def _unlisted(region: Region, heartbeat: Heartbeat, now: datetime) -> dict[str, Any]:
    """Return what is kept of all workers for whom there is no place, so that nothing false is said of the region.

    Which versions of messages are read, that somebody takes from the queue, and that somebody has a way out.
    """
    before, at = region.heartbeat.get("unlisted", {}), now.isoformat()
    speaks = sorted(set(heartbeat.speaks) & set(versions.SPOKEN))
    is_ok = heartbeat.egress.state is EgressState.OK
    return {
        "received_at": at,
        "speaks": {**before.get("speaks", {}), ",".join(map(str, speaks)): at},
        "head_waits_seconds": heartbeat.head_waits_seconds,
        "egress_ok_at": at if is_ok else before.get("egress_ok_at"),
    }


def _unlisted_lately(region: Region, name: str, now: datetime) -> bool:
    at = region.heartbeat.get("unlisted", {}).get(name)
    return at is not None and now - datetime.fromisoformat(at) <= liveness.WORKER_LIVES_FOR


def _has_way_out(worker: Mapping[str, Any]) -> bool:
    return bool(worker["egress"]["state"] == EgressState.OK)


def _lives(worker: Mapping[str, Any], now: datetime) -> bool:
    # What a version before this one stored lacks what is read here; its worker beats again in a moment.
    return now - heard_at(worker) <= liveness.WORKER_LIVES_FOR and "is_read" in worker


def heard_at(worker: Mapping[str, Any]) -> datetime:
    """Return when the worker was last heard, by our clock."""
    return datetime.fromisoformat(worker["received_at"])


def latch_of(region: Region, name: str, *, holds: bool) -> Latch:
    """Return what is remembered of something that is found from heartbeats."""
    return Latch(holds, region.liveness.get("against", {}).get(name, 0))


def remember(region: Region, name: str, latch: Latch) -> None:
    """Keep it for the next reading."""
    region.liveness = {**region.liveness, "against": {**region.liveness.get("against", {}), name: latch.against}}
