"""Examples in the API's description, made by the code that makes the real thing where that is pure."""

from datetime import UTC, datetime
from typing import Any, Final

from probes.protocol.outcome import Certificate, Conclusion, Outcome, Step
from probes.protocol.taxonomy import Depth, Reason, Stage

_SLOT: Final = "2026-11-23T14:00:00.000Z"
_DIGEST: Final = "sha256:" + "5d0e" * 16
_LAYER: Final = "sha256:" + "9f3a" * 16
TERMS: Final = (
    *("quorum", "minimum_votes", "failures", "recoveries", "fresh_intervals"),
    *("severity", "degraded_after_seconds", "uptime_target_percent"),
)
_STARTED: Final = datetime(2026, 11, 23, 14, 0, 0, 412_000, tzinfo=UTC)


def whole_outcome() -> dict[str, Any]:
    """An outcome that is kept whole: a layer is gone."""
    return {"id": 7_204_113, "resource": 12, "region": "eu-west", "slot": _SLOT, "egress_down": False, **document()}


def summary() -> dict[str, Any]:
    """An outcome of which a summary is kept: available, as the one before it."""
    found = document()
    unkept = (
        "platforms", "warnings", "notices", "hint", "detail", "retry_at", "attempts", "requests", "bytes_read",
        "auth_path", "connection", "proxy", "rate_limit", "certificates", "steps",
    )  # fmt: skip
    return {
        "id": 7_204_114,
        "resource": 12,
        "region": "us-east",
        "slot": _SLOT,
        "egress_down": False,
        **found,
        **dict.fromkeys(("stage", "host", *unkept)),
        "status": Reason.OK.status.value,
        "reason": Reason.OK.value,
        "depth": Depth.RESOLVE.value,
        "duration_ms": 128.0,
    }


def region() -> dict[str, Any]:
    return {
        "slug": "eu-west",
        "name": "Europe West",
        "latitude": 50.11,
        "longitude": 8.68,
        "state": "active",
        "since": "2026-11-23T08:12:44.310Z",
        "last_seen_at": "2026-11-23T14:00:09.120Z",
        "silent_since": None,
        "egress_down_since": None,
        "late_since": None,
        "draining_at": None,
        "paused_at": None,
        "retired_at": None,
        "queue_lag_seconds": 0.021,
        "stride": 1,
        "clock_offset_seconds": 0.003,
        "clock_uncertainty_seconds": 0.018,
        "last_round": {
            "ended_at": "2026-11-23T13:59:58.400Z",
            "canaries": [
                {
                    "url": "https://www.gstatic.com/generate_204",
                    "http_status": 204,
                    "error": None,
                    "total_ms": 31.7,
                }
            ],
            "local_address": "10.20.0.14",
            "public_address": "203.0.113.77",
        },
        "workers": [
            {
                "worker": "0b0c6a5e-3a53-4c3e-8a51-6f0a3a0c7d52",
                "host": "edge-7",
                "version": "0.1.0",
                "started_at": "2026-11-23T08:12:44.000Z",
                "received_at": "2026-11-23T14:00:09.120Z",
                "in_flight": 3,
                "seats": 100,
                "load_per_core": 0.12,
                "checks_run": 20_910,
                "batches_run": 1_384,
                "spooled_reports": 0,
                "dropped_reports": 0,
                "refused": {},
                "queue_length": 0,
                "queue_lag_seconds": 0.021,
                "egress": "ok",
                "egress_down_since": None,
                "clock_offset_seconds": 0.003,
                "clock_uncertainty_seconds": 0.018,
            }
        ],
        "has_more_workers": False,
        "managed_by": None,
    }


def region_event() -> dict[str, Any]:
    return {
        "id": 311,
        "at": "2026-11-21T03:41:20.118Z",
        "worker": None,
        "before": "active",
        "after": "egress_down",
        "detail": "no canary answers: https://www.gstatic.com/generate_204 dns_temporary",
    }


def event() -> dict[str, Any]:
    before, name = "sha256:" + "77aa" * 16, "registry.example.com/shop/checkout:1.4"
    return {
        "id": 902,
        "at": _SLOT,
        "kind": "tag_moved",
        "severity": "info",
        "subject": "checkout service",
        "resource": 12,
        "registry": None,
        "credential": None,
        "region": "eu-west",
        "text": f"{name} moved from {before[:19]} to {_DIGEST[:19]}, as first seen from eu-west.",
        "facts": {"before": before, "after": _DIGEST},
    }


def audit_entry() -> dict[str, Any]:
    return {
        "id": 4711,
        "at": _SLOT,
        "txid": 81920,
        "actor_kind": "token",
        "actor": "ada",
        "user_id": 3,
        "token_id": 9,
        "token_name": "pipeline",
        "address": "192.0.2.7",
        "via": "api",
        "request_id": "8f1e2f6c-6a43-4c1f-9b39-1b1a3a9a2f11",
        "path": "PATCH /api/v1/resources/12",
        "model": "probes.resource",
        "object_pk": "12",
        "object_name": "checkout-service",
        "action": "change",
        "changes": {"interval_seconds": [300, 60], "group": [None, "payments"]},
    }


def enrolment() -> dict[str, Any]:
    return {"slug": "eu-west", "name": "Europe West", "latitude": 50.11, "longitude": 8.68}


def handed_over() -> dict[str, Any]:
    files = {
        "kairos-edge.env": "BROKER_URL=rediss://region-eu-west:…@broker.example.com:6380/0\nKAIROS_REGION=eu-west\n…",
        "region-key.json": '{"v": 1, "region": "eu-west", …}',
        "docker-compose.yml": "name: kairos-edge-eu-west\n…",
        "kairos-edge.service": "[Unit]\n…",
        "values.yaml": "region: eu-west\n…",
        "README.md": "# Kairos: the worker of region eu-west (Europe West)\n…",
    }
    return {"region": {**region(), "last_seen_at": None, "workers": []}, "bundle": files}


def new_resource() -> dict[str, Any]:
    return {
        "name": "checkout service",
        "reference": "registry.example.com/shop/checkout:1.4",
        "platforms": ["linux/amd64", "linux/arm64"],
        "group": "shop",
        "labels": {"team": "shop"},
    }


def resource() -> dict[str, Any]:
    return {
        "id": 12,
        "slug": "checkout-service",
        "name": "checkout service",
        "kind": "image",
        "reference": "registry.example.com/shop/checkout:1.4",
        "canonical": "registry.example.com/shop/checkout:1.4",
        "registry": "registry.example.com",
        "repository": "shop/checkout",
        "tag": "1.4",
        "digest": None,
        "platforms": ["linux/amd64", "linux/arm64"],
        "strict_platform": False,
        "depth": None,
        "interval_seconds": 300,
        "schedule": None,
        "every_seconds": 300,
        "manifest_cadence_seconds": 21_600,
        "blobs_cadence_seconds": 86_400,
        "sample_blobs": False,
        "check_tag": False,
        "is_tag_immutable": False,
        "endpoint": None,
        "credential": None,
        "regions": [],
        "group": "shop",
        "policy": None,
        "terms": {**dict.fromkeys(TERMS), "failures": 3},
        "labels": {"team": "shop"},
        "managed_by": None,
        "paused_at": None,
        "resumes_at": None,
        "stale_at": None,
        "retired_at": None,
        "next_due_at": "2026-11-23T14:05:00.000Z",
        "created_at": "2026-11-02T09:30:12.551Z",
        "updated_at": "2026-11-02T09:30:12.551Z",
        "verdict": {
            "state": "degraded",
            "since": "2026-11-23T14:00:02.318Z",
            "computed_at": "2026-11-23T14:00:02.318Z",
            "explanation": "1 of 3 fresh regions cannot read a layer: registry.example.com: layer missing"
            " since 13:50 UTC",
        },
        "states": [
            {
                "region": "eu-west",
                "status": "unavailable",
                "reason": "layer_missing",
                "stage": "layer",
                "host": "registry.example.com",
                "digest": _DIGEST,
                "since": _SLOT,
                "slot": _SLOT,
                "checked_at": "2026-11-23T14:00:00.412Z",
                "duration_ms": 312,
                "warnings": [],
                "consecutive_failures": 3,
                "consecutive_successes": 0,
                "stance": "bad",
                "stance_since": "2026-11-23T13:50:00.000Z",
                "egress_down": False,
            }
        ],
    }


def paused_resource() -> dict[str, Any]:
    paused = {"paused_at": "2026-11-23T14:02:00.000Z", "resumes_at": "2026-11-23T18:00:00.000Z"}
    return {**resource(), **paused}


def document() -> dict[str, Any]:
    host = "registry.example.com"
    reference = f"{host}/shop/checkout:1.4"
    conclusion = Conclusion(
        reason=Reason.LAYER_MISSING,
        canonical=reference,
        stage=Stage.LAYER,
        host=host,
        depth=Depth.PLATFORM,
        digest=_DIGEST,
        hint=Reason.LAYER_MISSING.meaning.hint,
        detail="blob unknown to registry",
    )
    tag = f"https://{host}/v2/shop/checkout/manifests/1.4"
    layer = f"https://{host}/v2/shop/checkout/blobs/{_LAYER}"
    steps = (
        _step(Stage.MANIFEST, "GET", tag, 200, connection="new", phases=(2.1, 11.4, 24.9, 38.0), size=1_914),
        _step(Stage.LAYER, "GET", layer, 404, connection="reused", phases=(None, None, None, 12.5), size=97),
    )
    expiry = datetime(2027, 1, 14, 12, tzinfo=UTC)
    return Outcome(
        reference=reference,
        conclusion=conclusion,
        started_at=_STARTED,
        duration_ms=92.4,
        requests=len(steps),
        bytes_read=sum(step.bytes for step in steps),
        connection="new",
        certificates=(Certificate(host=host, not_after=expiry, issuer="Example CA"),),
        steps=steps,
    ).to_json()


def _step(
    stage: Stage,
    method: str,
    url: str,
    status: int,
    *,
    connection: Any,
    phases: tuple[float | None, float | None, float | None, float],
    size: int,
) -> Step:
    dns, connect, tls, first_byte = phases
    return Step(
        stage=stage,
        method=method,
        url=url,
        host="registry.example.com",
        address="203.0.113.10",
        http_status=status,
        error=None,
        connection=connection,
        dns_ms=dns,
        connect_ms=connect,
        tls_ms=tls,
        first_byte_ms=first_byte,
        total_ms=round(sum(phase or 0.0 for phase in phases) + 0.3, 1),
        bytes=size,
    )
