"""Examples of verdicts, incidents and figures, made by the code that makes the real thing."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from api import figures
from api.serializers import incident as incidents
from api.serializers import maintenance, standing, terms, uptime
from probes.policy.ballot import Stance
from probes.policy.explanation import sentence
from probes.policy.intervals import Interval
from probes.policy.terms import Layer, Origin, Quorum, Severity, origins, settle
from probes.policy.uptime import Tally
from probes.policy.verdict import Inputs, Presence, Vote, decide
from probes.protocol.taxonomy import Reason, Stage
from probes.selectors.terms import InForce

_BEGAN: Final = datetime(2026, 11, 23, 13, 50, tzinfo=UTC)
_NOW: Final = datetime(2026, 11, 23, 14, 0, 2, 318_000, tzinfo=UTC)
_WEEK: Final = Interval(datetime(2026, 11, 16, 14, tzinfo=UTC), datetime(2026, 11, 23, 14, 3, 27, tzinfo=UTC))
_TARGET: Final = Decimal("99.9")
_INCIDENT: Final = 47


def _vote(region: str, reason: Reason, stage: Stage | None, stance: Stance, since: datetime) -> Vote:
    return Vote(
        region=region,
        status=reason.status,
        reason=reason.value,
        stage=stage,
        host="registry.example.com" if stage else None,
        slot=_BEGAN + timedelta(minutes=10),
        stance=stance,
        since=since,
        told_at=_BEGAN + timedelta(minutes=10),
    )


_INPUTS: Final = Inputs(
    now=_NOW,
    interval_seconds=300,
    votes=(
        Vote(region="ap-south", presence=Presence.SILENT, slot=None),
        _vote("eu-west", Reason.LAYER_MISSING, Stage.LAYER, Stance.BAD, _BEGAN),
        _vote("us-east", Reason.LAYER_MISSING, Stage.LAYER, Stance.BAD, _BEGAN),
        _vote("us-west", Reason.OK, None, Stance.GOOD, _BEGAN - timedelta(days=3)),
    ),
)
_DECISION: Final = decide(_INPUTS)
_EXPLANATION: Final = sentence(_INPUTS, _DECISION)


def standing_in_full() -> dict[str, Any]:
    layers = {
        Origin.ALL: Layer(severity=Severity.WARNING),
        Origin.GROUP: Layer(uptime_target_percent=_TARGET),
        Origin.RESOURCE: Layer(quorum=Quorum(votes=2)),
    }
    in_force = InForce(settle(*layers.values()), origins(layers))
    shown = {
        "resource": 12,
        "state": _DECISION.state,
        "shown": _DECISION.state,
        "since": _NOW,
        "computed_at": _NOW,
        "stale_at": _DECISION.stale_at,
        "explanation": _EXPLANATION,
        "maintenance": None,
        "incident": _INCIDENT,
        "inputs": _INPUTS,
        "decision": asdict(_DECISION),
        "terms": terms.said(in_force.terms),
        "origins": terms.origins(in_force),
    }
    return dict(standing.StandingSerializer(shown).data)


def verdict() -> dict[str, Any]:
    return {
        "resource": 12,
        "slug": "checkout-service",
        "state": "unavailable",
        "since": "2026-11-23T14:00:02.318Z",
        "computed_at": "2026-11-23T14:00:02.318Z",
        "explanation": _EXPLANATION,
    }


def verdict_change() -> dict[str, Any]:
    return {
        "id": 912,
        "at": "2026-11-23T14:00:02.318Z",
        "before": "available",
        "state": "unavailable",
        "explanation": _EXPLANATION,
    }


def incident() -> dict[str, Any]:
    return {
        "id": _INCIDENT,
        "subject": "checkout service",
        "resource": 12,
        "scope": None,
        "parent": 46,
        "extent": 0,
        "registry": "registry.example.com",
        "group": "shop",
        "level": "unavailable",
        "worst": "unavailable",
        "severity": "critical",
        "began_at": "2026-11-23T13:50:00.000Z",
        "opened_at": "2026-11-23T14:00:02.318Z",
        "resolved_at": None,
        "cause": None,
        "is_flapping": False,
        "explanation": _EXPLANATION,
        "acknowledged_at": "2026-11-23T14:02:40.771Z",
        "acknowledged_by": "anna",
    }


def incident_story() -> dict[str, Any]:
    at = "2026-11-23T14:00:02.318Z"
    turned = {"before": "good", "after": "bad", "text": "layer_missing", "slot": "2026-11-23T14:00:00.000Z"}
    timeline = [
        {**_entry("opened", at), "after": "unavailable", "text": _EXPLANATION},
        {**_entry("region", at), "region": "eu-west", **turned},
        {**_entry("region", at), "region": "us-east", **turned},
        {**_entry("acknowledged", "2026-11-23T14:02:40.771Z"), "by": "anna"},
        comment(),
    ]
    return {**incident(), "timeline": timeline, "has_earlier_entries": False}


def comment() -> dict[str, Any]:
    return {**_entry("comment", "2026-11-23T14:09:12.004Z"), "text": "The blob host's disk is full.", "by": "anna"}


def _entry(kind: str, at: str) -> dict[str, Any]:
    nothing = dict.fromkeys(incidents.EntrySerializer().fields)
    return {**nothing, "at": at, "kind": kind, "text": ""}


def resource_uptime() -> dict[str, Any]:
    week = (_WEEK.end - _WEEK.start) // timedelta(seconds=1)
    overall = Tally(available=week - 5_400, degraded=600, unavailable=300, unknown=900, maintenance=3_600)
    far = Tally(available=week - 4_500, unavailable=900, maintenance=3_600)
    shown = {
        "resource": 12,
        **figures.of_range("7d", _WEEK, _TARGET),
        "overall": figures.budgeted(overall, _TARGET),
        "regions": [{"region": "eu-west", **figures.figure(far)}],
    }
    return dict(uptime.ResourceUptimeSerializer(shown).data)


def group_uptime() -> dict[str, Any]:
    week = 3 * ((_WEEK.end - _WEEK.start) // timedelta(seconds=1))
    shown = {
        "group": 3,
        "resources": 3,
        **figures.of_range("7d", _WEEK, _TARGET),
        "overall": figures.budgeted(Tally(available=week - 12_600, unavailable=1_800, maintenance=10_800), _TARGET),
    }
    return dict(uptime.GroupUptimeSerializer(shown).data)


def group() -> dict[str, Any]:
    layer = terms.LayerSerializer(terms.said(Layer(uptime_target_percent=_TARGET))).data
    said = {"policy": None, "terms": dict(layer), "managed_by": None}
    return {"id": 3, "slug": "shop", "name": "Shop", "notes": "", "resources": 3, **said}


def window() -> dict[str, Any]:
    return {
        "id": 5,
        "slug": "sunday-s-clean-up-of-the-registry",
        "name": "Sunday's clean-up of the registry",
        "starts_on": "2026-11-01",
        "starts_at": "02:00:00",
        "zone": "Europe/Berlin",
        "duration_minutes": 90,
        "rule": "FREQ=WEEKLY;BYDAY=SU",
        "resources": [],
        "groups": [],
        "registries": ["registry.example.com"],
        "regions": [],
    }


def planned_window() -> dict[str, Any]:
    first = datetime(2026, 11, 29, 1, tzinfo=UTC)
    rows = [
        {"starts_at": start, "ends_at": start + timedelta(minutes=90)}
        for start in (first + timedelta(weeks=number) for number in range(maintenance.SHOWN_OCCURRENCES))
    ]
    return {**window(), "next": maintenance.OccurrenceSerializer(rows, many=True).data}
