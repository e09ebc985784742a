"""Examples of comparisons, made by the code that makes the real thing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from api.serializers.comparison import shown
from api.serializers.rollup import rollups_shown
from probes.models import Region, RegionState
from probes.policy.comparing import disagreements
from probes.policy.intervals import Interval
from probes.policy.latency import Histogram, Timed
from probes.policy.rollup import Rolled
from probes.policy.uptime import Tally
from probes.protocol.taxonomy import Reason, Stage, Status
from probes.selectors.comparison import Comparison, Failure, Many, Seen, Split

_SLOT: Final = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
_OVER: Final = Interval(datetime(2026, 11, 22, 14, 0, tzinfo=UTC), datetime(2026, 11, 23, 14, 3, 27, tzinfo=UTC))
_HOST: Final = "registry.example.com"
_DIGEST: Final = "sha256:" + "5d0e" * 16
_CHECKS: Final = 288


def of_resource() -> dict[str, Any]:
    """A resource of which one region cannot read a layer."""
    bad = _state("eu-west", Reason.LAYER_MISSING, Stage.LAYER)
    states = [bad, _state("us-east", Reason.OK, None)]
    seen = [
        Seen(
            region=_region(slug),
            rolled=_rolled(1 if state is not bad else 1800, failed=6 if state is bad else 0),
            state=state,
            failure=_failure(12) if state is bad else None,
        )
        for slug, state in zip(("eu-west", "us-east"), states, strict=True)
    ]
    facts: Mapping[str, Mapping[str, str | None]] = {
        slug: {"status": state.status, "reason": state.reason, "digest": state.digest, "stance": state.stance}
        for slug, state in zip(("eu-west", "us-east"), states, strict=True)
    }
    subject = {"kind": "resource", "id": 12, "name": "checkout service"}
    return _document(subject, seen, facts)


def of_registry() -> dict[str, Any]:
    """A registry of which one region sees three images fail."""
    seen = [
        Seen(
            region=_region(slug),
            rolled=_rolled(1800 * failing, failed=6 * failing, times=200),
            many=Many(seen=200, failing=failing, looked_at=200, fresh=200),
            failure=_failure(12) if failing else None,
        )
        for slug, failing in (("eu-west", 3), ("us-east", 0))
    ]
    facts = {"eu-west": {"failing": "3"}, "us-east": {"failing": "0"}}
    split = [Split(resource_id=pk, failing=["eu-west"], good=["us-east"]) for pk in (12, 14, 15)]
    return _document({"kind": "registry", "id": 3, "name": _HOST}, seen, facts, split)


def rollups() -> dict[str, Any]:
    """One hour of a resource."""
    over = Interval(_SLOT - timedelta(hours=1), _SLOT)
    seconds = Tally(available=3300, unavailable=300)
    hour = Rolled(
        outcomes={Status.AVAILABLE: 11, Status.UNAVAILABLE: 1},
        seconds=seconds,
        latency={Timed.CHECK: Histogram({28: 11, 33: 1})},
    )
    return rollups_shown("hour", "eu-west", over, [(over.start, hour)])


def _document(
    subject: dict[str, Any],
    seen: Sequence[Seen],
    facts: Mapping[str, Mapping[str, str | None]],
    split: Sequence[Split] = (),
) -> dict[str, Any]:
    found = Comparison(
        over=_OVER,
        overall=Rolled(seconds=sum((item.rolled.seconds for item in seen), Tally())),
        regions=seen,
        disagreements=disagreements(facts),
        split=split,
        split_count=len(split),
    )
    return shown(subject, found)


def _region(slug: str) -> Region:
    return Region(slug=slug, name=slug, verify_key="key")


def _failure(resource_id: int) -> Failure:
    return Failure(
        resource_id=resource_id,
        status=Reason.LAYER_MISSING.status.value,
        reason=Reason.LAYER_MISSING.value,
        stage=Stage.LAYER.value,
        host=_HOST,
        slot=_SLOT,
    )


def _rolled(unavailable_seconds: int, *, failed: int, times: int = 1) -> Rolled:
    length = times * int((_OVER.end - _OVER.start).total_seconds())
    good = times * _CHECKS - failed
    outcomes = {Status.AVAILABLE: good} | ({Status.UNAVAILABLE: failed} if failed else {})
    return Rolled(
        outcomes=outcomes,
        seconds=Tally(available=length - unavailable_seconds, unavailable=unavailable_seconds),
        latency={
            Timed.CHECK: Histogram({28: good - good // 20, 33: good // 20}),
            Timed.MANIFEST: Histogram({24: good - good // 20, 31: good // 20}),
        },
    )


def _state(slug: str, reason: Reason, stage: Stage | None) -> RegionState:
    step = {
        "stage": (stage or Stage.MANIFEST).value,
        "host": _HOST,
        "http_status": 404 if stage else 200,
        "dns_ms": 3.1,
        "connect_ms": 11.8,
        "tls_ms": 24.6,
        "first_byte_ms": 38.2,
        "total_ms": 79.4,
    }
    return RegionState(
        region=_region(slug),
        status=reason.status.value,
        reason=reason.value,
        stage=stage and stage.value,
        host=_HOST if stage else None,
        digest=_DIGEST,
        since=_SLOT - timedelta(minutes=25),
        last_slot=_SLOT,
        checked_at=_SLOT + timedelta(milliseconds=412),
        duration_ms=312,
        warnings=[],
        consecutive_failures=6 if stage else 0,
        consecutive_successes=0 if stage else 412,
        stance="bad" if stage else "good",
        stance_since=_SLOT - timedelta(minutes=25),
        document={"steps": [step]},
    )
