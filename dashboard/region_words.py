"""A region in words: how it is, since when, and what happened to it. PURE: rows and a moment in, words out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dashboard import words
from dashboard.instants import Told
from dashboard.words import Facts, Look
from probes.models import Region, RegionEvent
from probes.policy.clock import apart_seconds
from probes.policy.liveness import SILENT_AFTER, RegionCondition
from probes.protocol.egress import Canary
from probes.selectors.regions import Vitals
from probes.selectors.workers import clock_of, name_of

APART_SECONDS: Final = 1.0
"""Workers' clocks that differ by less are nothing to speak of."""

CONDITIONS: Final = {
    RegionCondition.RETIRED: "retired",
    RegionCondition.ANNOUNCED: "not enrolled",
    RegionCondition.PAUSED: "paused",
    RegionCondition.DRAINING: "draining",
    RegionCondition.SILENT: "silent",
    RegionCondition.EGRESS_DOWN: "cut off",
    RegionCondition.LATE: "late",
    RegionCondition.ACTIVE: "active",
}
"""What a page calls a condition."""

_LOOKS: Final = {
    RegionCondition.RETIRED: Look.RETIRED,
    RegionCondition.ANNOUNCED: Look.UNCHECKED,
    RegionCondition.PAUSED: Look.PAUSED,
    RegionCondition.DRAINING: Look.PAUSED,
    RegionCondition.SILENT: Look.SILENT,
    RegionCondition.EGRESS_DOWN: Look.EGRESS_DOWN,
    RegionCondition.LATE: Look.DEGRADED,
    RegionCondition.ACTIVE: Look.AVAILABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionView:
    """A region as its card tells of it. `events` are its last changes, newest first."""

    summary: str
    facts: Facts
    events: Sequence[str]


def look_of(region: Region) -> Look:
    """Return how a region's condition looks."""
    return _LOOKS[region.condition]


def view(region: Region, vitals: Vitals, now: datetime) -> RegionView:
    """Return how a region is."""
    called = CONDITIONS[region.condition]
    since = words.since(region.condition_since, now) if region.condition_since else ""
    found = vitals.last_round
    facts = (
        ("Heard", words.ago(region.last_seen_at, now) if region.last_seen_at else "not yet"),
        ("Queue lag", words.seconds(region.queue_lag_seconds) if region.queue_lag_seconds is not None else ""),
        ("Sent", words.share(region.stride) if region.stride > 1 else ""),
        ("Workers", _workers(vitals, now)),
        ("Clock", _clock(region, vitals, now)),
        ("Canaries", ", ".join(_canary(canary) for canary in found.canaries) if found else ""),
        ("Egress address", ", ".join(filter(None, (found.public_address, found.local_address))) if found else ""),
    )
    return RegionView(
        summary=Told.of("{} {}", called, since) if since else called,
        facts=[(term, said) for term, said in facts if said],
        events=[_event(event, now) for event in vitals.events],
    )


def trouble(region: Region, now: datetime) -> str:
    """Return the sentence for a region that does not do its part, as nobody has asked it to; empty for others."""
    name = f"{words.shown(region.name, 100)} ({region.slug})"
    if region.condition is RegionCondition.SILENT and region.silent_since is not None:
        silence = words.span((now - (region.last_seen_at or region.silent_since)).total_seconds())
        return f"{name} has been silent for {silence}. Its last results are shown and have no vote."
    if region.condition is RegionCondition.EGRESS_DOWN and region.egress_down_since is not None:
        cut_off = words.span((now - region.egress_down_since).total_seconds())
        return f"{name} has reached nothing at all for {cut_off}. What it finds meanwhile has no vote."
    if region.condition is RegionCondition.LATE and region.queue_lag_seconds is not None:
        spared = f" It is sent {words.share(region.stride)}." if region.stride > 1 else ""
        return f"{name} is behind: checks wait {words.seconds(region.queue_lag_seconds)} in its queue.{spared}"
    return ""


def _living(vitals: Vitals, now: datetime) -> Sequence[Mapping[str, Any]]:
    return [
        worker
        for worker in vitals.workers
        if now - datetime.fromisoformat(str(worker["received_at"])) <= SILENT_AFTER
    ]


def _workers(vitals: Vitals, now: datetime) -> str:
    """Return how many workers are heard, and which of them have lost their way out; empty for one alone."""
    living = _living(vitals, now)
    if len(living) < 2:
        return ""
    count = f"more than {len(living)}, of which {len(living)} are known" if vitals.are_more else f"{len(living)}"
    lost = [
        f"{words.shown(name_of(worker), 300)} reaches nothing"
        f" {words.since(datetime.fromisoformat(worker['egress_down_since']), now)}"
        for worker in living
        if worker.get("egress_down_since")
    ]
    return "; ".join([count, *lost])


def _clock(region: Region, vitals: Vitals, now: datetime) -> str:
    offset = words.offset(region.clock_offset_seconds, region.clock_uncertainty_seconds)
    apart = apart_seconds(filter(None, map(clock_of, _living(vitals, now))))
    if apart < APART_SECONDS:
        return offset
    return f"{offset}; its workers' clocks are at least {words.seconds(apart)} apart"


def _canary(canary: Canary) -> str:
    host = words.shown(canary.url, 300).partition("://")[2].partition("/")[0]
    if canary.answered:
        return f"{host} {canary.http_status} in {words.milliseconds(canary.total_ms)}"
    return f"{host} {words.reason(words.shown(canary.error, 40))}"


def _event(event: RegionEvent, now: datetime) -> str:
    after = CONDITIONS[RegionCondition(event.after)]
    detail = words.shown(event.detail, 300)
    who = "one worker " if event.worker else ""
    return Told.of("{}: {}", words.moment(event.at, now), f"{who}{after}{f', {detail}' if detail else ''}")
