"""Examples of runs in the API's description."""

from typing import Any, Final
from urllib.parse import quote

from api import examples
from probes.protocol.taxonomy import Depth

_CHECK: Final = "3f0c7a52-6a0e-4c57-9a43-0d2b8f0f6c11"
_PROBE: Final = "b4b2a9a0-95ad-4a3e-9a51-5c0e7a7d1f28"
_SLOT: Final = "2026-11-23T14:03:27.518Z"
_ASKED: Final = "2026-11-23T14:03:27.518Z"


def check() -> dict[str, Any]:
    """A check of one resource that is over."""
    return {
        **_run(_CHECK, "check"),
        "finished_at": "2026-11-23T14:03:29.870Z",
        "ends_at": "2026-11-23T14:08:42.518Z",
        "done": True,
        "poll_after_seconds": None,
        "counts": {"waiting": 0, "done": 2, "missed": 0, "refused": 0},
        "verdict": "available",
    }


def check_in_full() -> dict[str, Any]:
    """A check of one resource that was just sent."""
    return {
        **check(),
        "finished_at": None,
        "done": False,
        "poll_after_seconds": 1,
        "counts": {"waiting": 2, "done": 0, "missed": 0, "refused": 0},
        "verdict": "unknown",
        "checks": [_waiting("eu-west", 12), _waiting("us-east", 12)],
    }


def ordered() -> dict[str, Any]:
    outcomes = f"https://kairos.example.com/api/v1/outcomes?resource=12&since={quote(_SLOT)}"
    return {**check_in_full(), "resource": 12, "slot": _SLOT, "outcomes": outcomes}


def wanted() -> dict[str, Any]:
    """What a probe is asked for with."""
    return {
        "reference": "registry.example.com/shop/checkout:1.4",
        "regions": ["eu-west", "us-east"],
        "platforms": ["linux/amd64"],
        "depth": Depth.BLOBS.value,
    }


def probe() -> dict[str, Any]:
    """A probe that one of two regions has answered: a layer is gone."""
    found = examples.document()
    told = {name: found[name] for name in ("status", "reason", "stage", "host", "confidence", "depth", "digest")}
    answer = {
        **_waiting("eu-west", None),
        **told,
        "state": "done",
        "checked_at": found["started_at"],
        "answered_at": "2026-11-23T14:00:00.870Z",
        "duration_ms": 92,
        "document": found,
    }
    return {
        **_run(_PROBE, "probe"),
        "finished_at": None,
        "ends_at": "2026-11-23T14:04:42.518Z",
        "done": False,
        "poll_after_seconds": 1,
        "reference": wanted()["reference"],
        "platforms": wanted()["platforms"],
        "depth": Depth.BLOBS.value,
        "counts": {"waiting": 1, "done": 1, "missed": 0, "refused": 0},
        "verdict": "unavailable",
        "checks": [answer, _waiting("us-east", None)],
    }


def _run(uuid: str, kind: str) -> dict[str, Any]:
    return {
        "id": uuid,
        "url": f"https://kairos.example.com/api/v1/runs/{uuid}",
        "kind": kind,
        "asked_by": "ci",
        "asked_at": _ASKED,
        "reference": None,
        "platforms": [],
        "credential": None,
        "regions": ["eu-west", "us-east"],
        "depth": None,
    }


def _waiting(region: str, resource: int | None) -> dict[str, Any]:
    unknown = ("refusal", "status", "reason", "stage", "host", "confidence", "depth", "digest")
    times = ("checked_at", "answered_at", "duration_ms", "document")
    return {
        "resource": resource,
        "region": region,
        "slot": _SLOT,
        "state": "waiting",
        "egress_down": False,
        **dict.fromkeys((*unknown, *times)),
    }
