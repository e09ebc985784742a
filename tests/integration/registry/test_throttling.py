"""Quotas on the wire: what counts, what is told, and that a registry which says stop is not asked again."""

from datetime import UTC, datetime, timedelta

import pytest

from probes.protocol.taxonomy import Depth, Reason, Stage, Status, Warn
from probes.wire.driver import Engine
from tests.fakes.fake_registry import ALICE, Quota, Says, World


async def test_a_head_tells_the_quota_and_costs_none_of_it(world: World, engine: Engine) -> None:
    """E15: with nothing left the image is still there."""
    world.store.image("team/app:1")
    world.api.quota = Quota(limit=100, remaining=0)

    outcome = await engine.check(world.plan(depth=Depth.RESOLVE))

    assert outcome.conclusion.reason is Reason.OK
    assert Warn.PULL_QUOTA_EXHAUSTED in outcome.conclusion.warnings
    limit = outcome.conclusion.rate_limit
    assert limit is not None
    assert (limit.limit, limit.remaining, limit.window_seconds, limit.source) == (100, 0, 21600, "192.0.2.7")
    await world.expect("registry: HEAD 1")


async def test_a_spent_quota_is_no_verdict_and_is_not_tried_again(world: World, engine: Engine) -> None:
    """E13: one GET, its 429, and the time of the next try."""
    world.store.image("team/app:1")
    world.api.quota = Quota(limit=100, remaining=0, retry_after="120")
    began_at = datetime.now(UTC)

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.RATE_LIMITED, Stage.MANIFEST)
    assert outcome.status is Status.INDETERMINATE
    assert outcome.conclusion.retry_at is not None
    assert abs(outcome.conclusion.retry_at - began_at - timedelta(seconds=120)) < timedelta(seconds=10)
    await world.expect("registry: HEAD 1", "registry: GET manifest")


async def test_a_quota_counts_one_pull_for_a_manifest(world: World, engine: Engine) -> None:
    """E15, E.3: HEAD, config and layers are not counted."""
    world.store.image("team/app:1")
    world.api.quota = quota = Quota(limit=100, remaining=50)

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    assert quota.remaining == 49
    await world.expect("registry: HEAD 1", "registry: GET manifest", ["registry: GET config", "registry: GET layer1"])


@pytest.mark.parametrize("retry_after", ["7200", "Fri, 31 Dec 2100 23:59:59 GMT"])
async def test_a_wait_without_end_is_an_hour(world: World, engine: Engine, retry_after: str) -> None:
    """E13: Retry-After in seconds or as a date, an hour at most."""
    world.registry.once("HEAD 1", Says(429, b"", {"Retry-After": retry_after}))

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.RATE_LIMITED
    assert outcome.conclusion.retry_at is not None
    assert timedelta(minutes=59) < outcome.conclusion.retry_at - datetime.now(UTC) <= timedelta(hours=1)
    await world.expect("registry: HEAD 1")


async def test_a_token_service_that_throttles_is_named(world: World, engine: Engine) -> None:
    """T27: the auth host says stop, and is not asked again."""
    world.wants_token()
    world.auth.once("GET token", Says(429, b"", {"Retry-After": "60"}))

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.host) == (Reason.RATE_LIMITED_AUTH, world.auth.netloc)
    await world.expect("registry: HEAD 1", "auth: GET token")


async def test_who_was_throttled_waits_and_whoever_else_does_not(world: World, engine: Engine) -> None:
    """E13: the next check of the same login is not even sent; another login's is."""
    world.store.image("team/app:1")
    world.registry.once("HEAD 1", Says(429, b"", {"Retry-After": "60"}))
    first = await engine.check(world.plan(depth=Depth.RESOLVE))
    second = await engine.check(world.plan(depth=Depth.RESOLVE))
    other = await engine.check(world.plan(depth=Depth.RESOLVE), ALICE)

    assert [first.conclusion.reason, second.conclusion.reason] == [Reason.RATE_LIMITED] * 2
    assert second.conclusion.retry_at == first.conclusion.retry_at
    assert "nothing was sent" in second.conclusion.detail
    assert other.conclusion.reason is Reason.OK
    await world.expect("registry: HEAD 1", "registry: HEAD 1")
