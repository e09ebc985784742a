"""An exchange and the checks that it is for have one secret, and one patience."""

import json

import pytest

from probes.protocol.plan import Plan, Secret
from probes.protocol.taxonomy import Depth, Reason, Stage, Status
from probes.wire.driver import Engine
from tests.fakes.cloud import ECR_HOST, Answer, Cloud

THROTTLED = Answer(429, {}, {"Retry-After": "100"})


def plan_of(registry: str, team: str, cloud: Cloud) -> Plan:
    return Plan(reference=f"{registry}/{team}/app:1", site=cloud.site, depth=Depth.MANIFEST)


async def test_exchange_waits_for_the_registry_that_throttled_a_check(
    engine: Engine, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E13."""
    monkeypatch.setattr("probes.wire.exchangers.exchanges.MIN_LEASE_SECONDS", 0.0)
    cloud.lifetime_seconds = 0
    cloud.aad_tokens.add("an-aad-token")
    secret = Secret(provider="acr", provider_key=json.dumps({"aad_token": "an-aad-token"}))
    cloud.registry_instead.append(THROTTLED)
    throttled = await engine.check(plan_of(cloud.host, "team", cloud), secret)
    waiting = await engine.check(plan_of(cloud.host, "team", cloud), secret)
    assert cloud.log == ["POST /oauth2/exchange", "HEAD /v2/team/app/manifests/1"]
    found = waiting.conclusion
    assert (found.status, found.reason, found.stage) == (Status.INDETERMINATE, Reason.RATE_LIMITED, Stage.TOKEN)
    assert (found.retry_at, waiting.requests) == (throttled.conclusion.retry_at, 0)
    assert found.detail.startswith(f"nothing was sent: {cloud.host} throttled us at ")


async def test_check_waits_for_the_registry_that_throttled_the_exchange(engine: Engine, cloud: Cloud) -> None:
    """E13, T27."""
    cloud.aad_tokens.add("an-aad-token")
    key = json.dumps({"aad_token": "an-aad-token"})
    cloud.instead.append(THROTTLED)
    exchange = await engine.check(
        plan_of(cloud.host, "team", cloud), Secret(provider="acr", provider_key=key, fingerprint="stored-1")
    )
    check = await engine.check(
        plan_of(cloud.host, "team", cloud), Secret(username="alice", password="a-lease-of-it", fingerprint="stored-1")
    )
    assert cloud.log == ["POST /oauth2/exchange"]
    assert exchange.conclusion.retry_at is not None
    assert (check.conclusion.reason, check.conclusion.retry_at) == (
        Reason.RATE_LIMITED_AUTH,
        exchange.conclusion.retry_at,
    )


async def test_provider_that_throttled_one_exchange_of_a_secret_is_spared_the_next(
    engine: Engine, cloud: Cloud
) -> None:
    """E13, T27: also where it is for another registry, and where the provider does not say for how long."""
    cloud.instead.append(Answer(429, {}))
    first = await engine.check(plan_of(cloud.host, "basic", cloud), cloud.google())
    second = await engine.check(plan_of(f"{ECR_HOST}:{cloud.port}", "basic", cloud), cloud.google())
    assert cloud.log == ["POST /google/token"]
    for outcome in (first, second):
        assert outcome.conclusion.reason is Reason.RATE_LIMITED_AUTH
        assert outcome.conclusion.retry_at == first.conclusion.retry_at is not None
