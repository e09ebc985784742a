"""The outcome document: a public contract, the same wherever it is shown, carried or stored."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from probes.protocol.outcome import Certificate, Conclusion, Outcome, PlatformResult, RateLimit, Step, rfc3339
from probes.protocol.taxonomy import Confidence, Depth, Reason, Stage, Status, Warn

NOON = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)
STEP = Step(
    stage=Stage.LAYER,
    method="GET",
    url="https://cdn.example/x?X-Signature=…",
    host="cdn.example",
    address="192.0.2.7",
    http_status=206,
    error=None,
    connection="new",
    dns_ms=1.5,
    connect_ms=10.0,
    tls_ms=20.25,
    first_byte_ms=30.0,
    total_ms=31.5,
    bytes=1,
)
BARE = Outcome(
    reference="x.io/app",
    conclusion=Conclusion(reason=Reason.OK, canonical="x.io/app:latest"),
    started_at=NOON,
    duration_ms=0.0,
    requests=0,
    bytes_read=0,
    connection=None,
)
FULL = replace(
    BARE,
    conclusion=Conclusion(
        reason=Reason.RATE_LIMITED,
        canonical="x.io/app:latest",
        stage=Stage.LAYER,
        host="cdn.example",
        confidence=Confidence.AMBIGUOUS,
        depth=Depth.PLATFORM,
        digest="sha256:" + "a" * 64,
        platforms=(
            PlatformResult(
                platform="linux/amd64",
                digest="sha256:" + "b" * 64,
                status=Status.INDETERMINATE,
                reason=Reason.RATE_LIMITED,
            ),
            PlatformResult(
                platform="linux/arm64", digest=None, status=Status.UNAVAILABLE, reason=Reason.PLATFORM_MISSING
            ),
        ),
        warnings=(Warn.RANGE_IGNORED, Warn.TLS_EXPIRING),
        notices=("moving soon",),
        hint="Throttled.",
        detail="slow down",
        retry_at=NOON + timedelta(minutes=1),
        attempts=2,
        auth_path="cached",
        rate_limit=RateLimit(limit=100, remaining=0, window_seconds=21600, source=None),
    ),
    duration_ms=45.6,
    requests=5,
    bytes_read=1234,
    connection="reused",
    certificates=(Certificate(host="x.io", not_after=NOON + timedelta(days=90), issuer="CN=Example CA"),),
    steps=(
        STEP,
        replace(STEP, address=None, http_status=None, error="connection_reset", connection=None, dns_ms=None),
    ),
    kind="http",
)


@pytest.mark.parametrize("outcome", [BARE, FULL], ids=["bare", "full"])
def test_outcome_arrives_as_it_was_sent(outcome: Outcome) -> None:
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome


def test_every_field_is_always_there() -> None:
    """The probe command's contract."""
    document = BARE.to_json()
    assert list(document) == list(FULL.to_json())
    assert document == {
        "version": 1,
        "reference": "x.io/app",
        "canonical": "x.io/app:latest",
        "kind": "image",
        "status": "available",
        "reason": "ok",
        "stage": None,
        "host": None,
        "confidence": "definite",
        "depth": None,
        "digest": None,
        "platforms": [],
        "warnings": [],
        "notices": [],
        "hint": "",
        "detail": "",
        "retry_at": None,
        "started_at": "2026-03-01T12:00:00.123Z",
        "duration_ms": 0.0,
        "attempts": 1,
        "requests": 0,
        "bytes_read": 0,
        "auth_path": "none",
        "connection": None,
        "proxy": None,
        "rate_limit": None,
        "certificates": [],
        "steps": [],
    }


def test_steps_tell_of_every_phase() -> None:
    """The probe command's contract."""
    [step, _] = FULL.to_json()["steps"]
    assert list(step) == [
        "stage", "method", "url", "host", "address", "http_status", "error", "connection",
        "dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "total_ms", "bytes", "request_id",
    ]  # fmt: skip


def test_status_follows_from_the_reason() -> None:
    assert FULL.status is FULL.conclusion.status is Status.INDETERMINATE


def step(stage: Stage, host: str, path: str, http_status: int | None = 200, error: str | None = None) -> Step:
    url = f"https://{host}/{path}"
    return replace(STEP, stage=stage, host=host, url=url, http_status=http_status, error=error)


HEAD = step(Stage.MANIFEST, "x.io", "manifests/1")
CHALLENGED = replace(HEAD, http_status=401)
TOKEN = step(Stage.TOKEN, "auth.x.io", "token")
WRONG = replace(TOKEN, http_status=401)
ANYONE = replace(TOKEN, stage=Stage.CHALLENGE)
LAYER = step(Stage.LAYER, "x.io", "blobs/1", 307)
LAYER_GONE = step(Stage.LAYER, "cdn.x.io", "1", 404)
LAYER_REFUSED = step(Stage.LAYER, "x.io", "blobs/1", 403)
OTHER_LAYER = step(Stage.LAYER, "cdn.x.io", "2", 206)
REFUSED = step(Stage.MANIFEST, "x.io", "manifests/1", None, "connect_refused")


BLAMED: dict[str, tuple[Reason, Stage | None, str | None, tuple[Step, ...], int | None]] = {
    "available": (Reason.OK, None, None, (CHALLENGED, TOKEN, HEAD), None),
    "blob": (Reason.LAYER_MISSING, Stage.LAYER, "cdn.x.io", (HEAD, LAYER, LAYER_GONE, OTHER_LAYER), 2),
    "token": (Reason.AUTH_DENIED, Stage.TOKEN, "auth.x.io", (CHALLENGED, replace(TOKEN, http_status=403)), 1),
    "on-the-way": (Reason.CONNECT_REFUSED, Stage.CONNECT, "x.io", (REFUSED,), 0),
    "trial": (Reason.AUTH_BAD_CREDENTIALS, Stage.TOKEN, "auth.x.io", (CHALLENGED, WRONG, ANYONE, HEAD), 1),
    "content": (Reason.MANIFEST_MALFORMED, Stage.MANIFEST, "x.io", (CHALLENGED, TOKEN, HEAD), 2),
    "no-such-step": (Reason.AUTH_CHALLENGE_MISSING, Stage.CHALLENGE, "x.io", (CHALLENGED,), 0),
    "nobody": (Reason.PLATFORM_MISSING, Stage.INDEX, "x.io", (CHALLENGED, TOKEN, HEAD, LAYER_REFUSED), None),
    "no-packet": (Reason.REF_INVALID, Stage.PARSE, None, (), None),
}


@pytest.mark.parametrize(("reason", "stage", "host", "steps", "failed"), BLAMED.values(), ids=BLAMED)
def test_failed_step_is_the_exchange_to_blame(
    reason: Reason, stage: Stage | None, host: str | None, steps: tuple[Step, ...], failed: int | None
) -> None:
    found = replace(BARE.conclusion, reason=reason, stage=stage, host=host)
    outcome = replace(BARE, conclusion=found, steps=steps)
    assert outcome.failed_step is (None if failed is None else steps[failed])


SPOILT: dict[str, Callable[[dict[str, Any]], object]] = {
    "no-reason": lambda document: document.pop("reason"),
    "unknown-reason": lambda document: document.update(reason="bored"),
    "unknown-kind": lambda document: document.update(kind="ftp"),
    "unknown-auth": lambda document: document.update(auth_path="guessed"),
    "unknown-connection": lambda document: document.update(connection="old"),
    "text-for-notices": lambda document: document.update(notices="moving soon"),
    "number-for-text": lambda document: document.update(digest=7),
    "text-for-list": lambda document: document.update(warnings="range_ignored"),
    "text-for-number": lambda document: document.update(duration_ms="1"),
    "infinite": lambda document: document.update(duration_ms=float("inf")),
    "negative": lambda document: document.update(requests=-1),
    "fraction-for-count": lambda document: document.update(bytes_read=1.5),
    "naive-time": lambda document: document.update(started_at="2026-03-01T12:00:00"),
    "time-out-of-range": lambda document: document.update(started_at="0001-01-01T00:00:00+12:00"),
    "no-time": lambda document: document.update(retry_at="soon"),
    "list-for-quota": lambda document: document.update(rate_limit=[1]),
    "odd-quota": lambda document: document["rate_limit"].update(limit="many"),
    "odd-platform": lambda document: document["platforms"].append("linux/amd64"),
    "odd-certificate": lambda document: document["certificates"].append({}),
    "odd-step": lambda document: document["steps"][0].update(total_ms=None),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_anything_else_is_refused(spoil: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(json.dumps(FULL.to_json()))
    spoil(document)
    with pytest.raises(ValueError, match="not an outcome"):
        Outcome.from_json(document)


def test_outcome_of_a_worker_that_knows_no_notices_is_read() -> None:
    """M26: regions are updated one after another."""
    document = BARE.to_json()
    del document["notices"]
    assert Outcome.from_json(document) == BARE


@pytest.mark.parametrize("document", [None, [], "outcome", {}, 7])
def test_what_is_no_document_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match="not an outcome"):
        Outcome.from_json(document)


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert rfc3339(datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=1)))) == "2026-03-01T12:00:00.000Z"
    with pytest.raises(ValueError, match="naive"):
        rfc3339(datetime(2026, 3, 1))  # noqa: DTZ001 - the mistake under test


@pytest.mark.parametrize(
    ("steps", "has_read"),
    [
        ([], True),
        ([("HEAD", Stage.MANIFEST, 200)], False),
        ([("HEAD", Stage.MANIFEST, 401), ("HEAD", Stage.MANIFEST, 200), ("GET", Stage.MANIFEST, 200)], True),
        ([("GET", Stage.MANIFEST, 404)], False),
        ([("GET", Stage.MANIFEST, 200), ("GET", Stage.CHILD, 200)], True),
        ([("GET", Stage.MANIFEST, 200), ("HEAD", Stage.CHILD, 200)], False),
        ([("GET", Stage.MANIFEST, 200), ("HEAD", Stage.CHILD, 503), ("GET", Stage.CHILD, 200)], True),
    ],
)
def test_outcome_tells_whether_documents_were_read(steps: list[tuple[str, Stage, int]], *, has_read: bool) -> None:
    """E.1."""
    made = tuple(replace(STEP, method=method, stage=stage, http_status=status) for method, stage, status in steps)
    assert replace(BARE, steps=made).has_read_documents is has_read
