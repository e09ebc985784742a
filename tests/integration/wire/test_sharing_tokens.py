"""Checks that need the same token at once: one asks for it, and the others wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from probes.protocol.outcome import Outcome
from probes.protocol.plan import ANONYMOUS, Secret
from probes.protocol.taxonomy import Depth, Reason, Stage
from probes.wire.driver import Engine
from probes.wire.flights import FlightKey
from tests.integration.wire.peer import Peer, peer_that, until
from tests.integration.wire.small_registry import ALICE, SmallRegistry, answer, plan


@asynccontextmanager
async def held_up(**fields: Any) -> AsyncIterator[tuple[SmallRegistry, Peer]]:
    """Run a registry whose token requests wait until its `token_gate` is set."""
    registry = SmallRegistry(**fields)
    registry.token_gate.clear()
    async with peer_that(registry) as peer:
        yield registry, peer


def begin(engine: Engine, peer: Peer, secret: Secret = ANONYMOUS, **changes: Any) -> asyncio.Task[Outcome]:
    """Begin a check that resolves the tag."""
    return asyncio.create_task(engine.check(plan(peer, Depth.RESOLVE, **changes), secret))


def shared(outcome: Outcome) -> bool:
    """Tell whether the check waited for another's token: the step is there, and nothing was sent for it."""
    (step,) = [step for step in outcome.steps if step.stage is Stage.TOKEN]
    return step.connection is None and outcome.requests == len(outcome.steps) - 1


async def test_checks_that_need_the_same_token_ask_once(engine: Engine, boarded: list[FlightKey]) -> None:
    """T32."""
    async with held_up() as (registry, peer):
        checks = [begin(engine, peer) for _ in range(20)]
        await until(lambda: len(boarded) == 20)
        registry.token_gate.set()
        outcomes = await asyncio.gather(*checks)

    assert registry.asked == {"HEAD 1": 40, "GET token": 1}
    assert {outcome.conclusion.auth_path for outcome in outcomes} == {"fresh"}
    assert sum(outcome.requests for outcome in outcomes) == 41
    assert sum(shared(outcome) for outcome in outcomes) == 19


async def test_step_of_a_shared_exchange_tells_how_long_was_waited(engine: Engine, boarded: list[FlightKey]) -> None:
    async with held_up() as (registry, peer):
        first = begin(engine, peer)
        await until(lambda: registry.asked["GET token"] == 1)
        await asyncio.sleep(0.2)
        second = begin(engine, peer)
        await until(lambda: len(boarded) == 2)
        registry.token_gate.set()
        led, followed = await first, await second

    steps = [next(step for step in outcome.steps if step.stage is Stage.TOKEN) for outcome in (led, followed)]
    assert [(step.http_status, step.address, step.error) for step in steps] == [(200, "127.0.0.1", None)] * 2
    assert steps[1].total_ms < steps[0].total_ms - 100
    assert (steps[1].connection, steps[1].first_byte_ms, steps[1].bytes) == (None, None, 0)


@pytest.mark.parametrize(
    ("repository", "secret"), [("team/other", ANONYMOUS), ("team/app", ALICE)], ids=["repository", "secret"]
)
async def test_token_of_another_scope_or_secret_is_asked_for_apart(
    engine: Engine, repository: str, secret: Secret
) -> None:
    async with held_up() as (registry, peer):
        checks = [begin(engine, peer), begin(engine, peer, secret, repository=repository)]
        await until(lambda: registry.asked["GET token"] == 2)
        registry.token_gate.set()
        await asyncio.gather(*checks)


async def test_failure_is_for_those_who_wait_and_is_not_kept(engine: Engine, boarded: list[FlightKey]) -> None:
    """T32."""
    async with held_up(instead={"GET token": answer("403 Forbidden")}) as (registry, peer):
        checks = [begin(engine, peer) for _ in range(5)]
        await until(lambda: len(boarded) == 5)
        registry.token_gate.set()
        outcomes = await asyncio.gather(*checks)
        assert registry.asked["GET token"] == 1
        registry.instead.clear()
        later = await engine.check(plan(peer, Depth.RESOLVE))

    assert [outcome.conclusion.reason for outcome in outcomes] == [Reason.AUTH_DENIED] * 5
    assert later.conclusion.reason is Reason.OK


async def test_cancelled_leader_fails_nobody(engine: Engine, boarded: list[FlightKey]) -> None:
    async with held_up() as (registry, peer):
        leader = begin(engine, peer)
        await until(lambda: registry.asked["GET token"] == 1)
        followers = [begin(engine, peer) for _ in range(5)]
        await until(lambda: len(boarded) == 6)
        leader.cancel()
        await until(lambda: registry.asked["GET token"] == 2)
        registry.token_gate.set()
        outcomes = await asyncio.gather(*followers)

    assert [outcome.conclusion.reason for outcome in outcomes] == [Reason.OK] * 5
    assert sum(shared(outcome) for outcome in outcomes) == 4
    assert registry.asked["GET token"] == 2


async def test_leader_in_a_hurry_fails_nobody_else(engine: Engine) -> None:
    async with held_up() as (registry, peer):
        leader = begin(engine, peer, timeout_seconds=0.4)
        await until(lambda: registry.asked["GET token"] == 1)
        follower = begin(engine, peer)
        assert (await leader).conclusion.reason is Reason.TIMEOUT_TOTAL
        await until(lambda: registry.asked["GET token"] == 2)
        registry.token_gate.set()
        assert (await follower).conclusion.reason is Reason.OK


async def test_follower_in_a_hurry_ends_in_its_own_time(engine: Engine) -> None:
    async with held_up() as (registry, peer):
        leader = begin(engine, peer)
        await until(lambda: registry.asked["GET token"] == 1)
        follower = await engine.check(plan(peer, Depth.RESOLVE, timeout_seconds=0.3))
        registry.token_gate.set()
        assert (await leader).conclusion.reason is Reason.OK

    assert (follower.conclusion.reason, follower.conclusion.stage) == (Reason.TIMEOUT_TOTAL, Stage.TOKEN)
    assert follower.duration_ms < 2000
    assert registry.asked["GET token"] == 1


async def test_cancelled_follower_leaves_the_exchange_to_the_others(engine: Engine, boarded: list[FlightKey]) -> None:
    async with held_up() as (registry, peer):
        leader = begin(engine, peer)
        await until(lambda: registry.asked["GET token"] == 1)
        follower = begin(engine, peer)
        await until(lambda: len(boarded) == 2)
        follower.cancel()
        registry.token_gate.set()
        assert (await leader).conclusion.reason is Reason.OK


async def test_token_is_known_to_others_before_its_own_check_has_ended(engine: Engine) -> None:
    registry = SmallRegistry(silent="layer")
    async with peer_that(registry) as peer:
        deep = asyncio.create_task(engine.check(plan(peer)))
        await until(lambda: registry.asked["GET layer"] == 1)
        quick = await engine.check(plan(peer, Depth.RESOLVE))
        deep.cancel()

    assert (quick.conclusion.auth_path, quick.requests) == ("cached", 1)


async def test_fresh_check_waits_for_nobodys_token(engine: Engine) -> None:
    async with held_up() as (registry, peer):
        checks = [begin(engine, peer, fresh=fresh) for fresh in (False, True, True)]
        await until(lambda: registry.asked["GET token"] == 3)
        registry.token_gate.set()
        outcomes = await asyncio.gather(*checks)

    assert [outcome.requests for outcome in outcomes] == [3, 3, 3]


async def test_no_exchange_is_left_under_way(engine: Engine) -> None:
    registry = SmallRegistry(instead={"GET token": answer("500 Oops")})
    async with peer_that(registry) as peer:
        await asyncio.gather(*(engine.check(plan(peer, repository=f"team/app-{n % 3}")) for n in range(12)))
    assert len(engine._memories.flights) == 0  # noqa: SLF001 - there is no other window on it
