"""Answers that are none: cut off, stalled, too large, compressed, misframed; and how often they are asked for."""

import asyncio
import json
import tracemalloc

import pytest

from probes.protocol.taxonomy import Depth, Reason, Stage, Status
from probes.wire.driver import Engine
from tests.fakes.fake_registry import Says, World
from tests.fakes.fake_registry import misbehaviour as mis
from tests.fakes.fake_registry.answers import Misbehaviour

BEFORE = ("registry: HEAD 1", "registry: GET manifest")
AFTER = ["registry: GET config", "registry: GET layer1"]


@pytest.mark.parametrize(
    "behaviour", [mis.closes_before_reply, mis.resets_before_reply, mis.closes_mid_header], ids=lambda it: it.__name__
)
async def test_a_head_that_gets_no_answer_is_asked_again_and_then_by_get(
    world: World, engine: Engine, behaviour: Misbehaviour
) -> None:
    """N12: each on a connection of its own; some front ends drop HEAD and answer GET."""
    world.store.image("team/app:1")
    world.registry.always("HEAD 1", behaviour)

    outcome = await engine.check(world.plan(depth=Depth.MANIFEST))

    assert outcome.conclusion.reason is Reason.OK
    await world.expect("registry: HEAD 1", "registry: HEAD 1", "registry: GET 1")
    assert [request.connection for request in world.registry.requests] == [1, 2, 3]


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (mis.closes_mid_header, Reason.CONNECTION_RESET),
        (mis.closes_mid_body, Reason.BODY_TRUNCATED),
        (mis.resets_mid_body, Reason.BODY_TRUNCATED),
        (mis.tells_the_length(+10), Reason.BODY_TRUNCATED),
    ],
)
async def test_an_answer_that_breaks_off_is_asked_for_once_more(
    world: World, engine: Engine, behaviour: Misbehaviour, reason: Reason
) -> None:
    """N12, N15: on a new connection; twice the same is the registry's trouble, and says nothing of the image."""
    world.store.image("team/app:1")
    world.registry.always("GET manifest", behaviour)

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (reason, Stage.MANIFEST)
    assert outcome.status is Status.DEGRADED
    await world.expect(*BEFORE, "registry: GET manifest")
    first, second = world.registry.asked("GET manifest")
    assert first.connection != second.connection


async def test_a_kept_connection_that_dies_on_us_is_no_try(world: World, engine: Engine) -> None:
    """N12: nobody can tell a registry that drops a request from a connection that had died before."""
    world.store.image("team/app:1")
    world.registry.always("GET manifest", mis.closes_before_reply)

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.attempts) == (Reason.CONNECTION_RESET, 2)
    await world.expect(*BEFORE, *["registry: GET manifest"] * 2)
    assert [request.connection for request in world.registry.requests] == [1, 1, 2, 3]


async def test_an_answer_that_breaks_off_once_is_no_trouble(world: World, engine: Engine) -> None:
    """N12, N15."""
    world.store.image("team/app:1")
    world.registry.once("GET manifest", mis.closes_mid_body)

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    assert outcome.conclusion.attempts == 2
    await world.expect(*BEFORE, "registry: GET manifest", AFTER)


@pytest.mark.parametrize(
    "behaviour",
    [mis.sends_an_oversized_field, mis.sends_too_many_fields, mis.floods_with_continues],
    ids=lambda it: it.__name__,
)
async def test_too_large_headers_are_not_asked_for_again(
    world: World, engine: Engine, behaviour: Misbehaviour
) -> None:
    """N13: nor is a flood of informational ones."""
    world.store.image("team/app:1")
    world.registry.always("GET manifest", behaviour)

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.detail) == (Reason.PROTOCOL_ERROR, "headers_too_large")
    await world.expect(*BEFORE)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (mis.stalls_before_reply, Reason.TIMEOUT_HEADERS),
        (mis.stalls_mid_header, Reason.TIMEOUT_HEADERS),
        (mis.drips_headers, Reason.TIMEOUT_HEADERS),
        (mis.drips_continues, Reason.TIMEOUT_HEADERS),
        (mis.stalls_mid_body, Reason.TIMEOUT_BODY),
        (mis.drips_body, Reason.TIMEOUT_BODY),
        (mis.drips_chunks, Reason.TIMEOUT_BODY),
    ],
)
async def test_no_drip_prolongs_an_exchange(
    world: World, hasty: Engine, behaviour: Misbehaviour, reason: Reason
) -> None:
    """N14, S16: a deadline for headers and one for the body, whatever trickles in; twice, and no third time."""
    world.store.image("team/app:1")
    world.registry.always("GET manifest", behaviour)

    outcome = await hasty.check(world.plan())

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (reason, Stage.MANIFEST)
    assert outcome.duration_ms < 4000
    await world.expect(*BEFORE, "registry: GET manifest")


@pytest.mark.parametrize("behaviour", [mis.stalls_mid_body, mis.drips_body], ids=["stall", "drip"])
async def test_the_checks_own_deadline_comes_before_all(
    world: World, engine: Engine, behaviour: Misbehaviour
) -> None:
    """N14, E20: and the outcome names the stage that took the time."""
    world.store.image("team/app:1")
    world.registry.always("GET manifest", behaviour)

    outcome = await engine.check(world.plan(timeout_seconds=0.4))

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.TIMEOUT_TOTAL, Stage.MANIFEST)
    assert outcome.duration_ms < 2000
    await world.expect(*BEFORE)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_manifest_that_comes_compressed_is_read(world: World, engine: Engine, coding: str) -> None:
    """M20: the digest is that of the decoded bytes."""
    world.store.image("team/app:1")
    world.registry.once("GET manifest", mis.compressed(coding))

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.OK
    await world.expect(*BEFORE, AFTER)


async def test_a_coding_that_nobody_asked_for_and_nobody_knows(world: World, engine: Engine) -> None:
    """M20."""
    world.store.image("team/app:1")
    world.registry.once("GET manifest", mis.compressed("br"))

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.MANIFEST_ENCODING_UNSUPPORTED
    await world.expect(*BEFORE)


@pytest.mark.parametrize(
    "behaviour",
    [mis.gzip_bomb(), mis.pours(), mis.pours(b"Content-Length: 1000000000"), mis.pours(b"X-Length: unknown")],
    ids=["bomb", "chunked", "declared", "until close"],
)
async def test_a_manifest_without_bounds_is_read_up_to_them(
    world: World, engine: Engine, behaviour: Misbehaviour
) -> None:
    """M20, M21, S14, S15: four MiB and no more, and within 16 MiB of memory."""
    world.store.image("team/app:1")
    world.registry.once("GET manifest", behaviour)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        outcome = await engine.check(world.plan())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert outcome.conclusion.reason is Reason.MANIFEST_TOO_LARGE
    assert outcome.bytes_read < 5 * 1024 * 1024
    assert peak - before < 16 * 1024 * 1024
    await world.expect(*BEFORE)


async def test_a_bomb_in_an_error_is_not_set_off(world: World, engine: Engine) -> None:
    """S15, E1: error bodies are read as they come, 64 KiB of them."""
    world.store.image("team/app:1")
    world.registry.always(
        "GET manifest", mis.says_raw(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 200_000)
    )

    outcome = await engine.check(world.plan())

    assert outcome.conclusion.reason is Reason.AUTH_DENIED
    assert outcome.bytes_read < 300_000
    await world.expect(*BEFORE)


@pytest.mark.parametrize(
    "behaviour",
    [
        mis.sends_chunked_garbage,
        mis.contradicts_its_length,
        mis.tells_two_lengths,
        mis.switches_protocols,
    ],
    ids=["chunks", "contradiction", "two lengths", "upgrade"],
)
async def test_what_is_no_http_is_not_asked_for_again(world: World, engine: Engine, behaviour: Misbehaviour) -> None:
    """N13, M30: a protocol error, and no verdict on the image."""
    world.store.image("team/app:1")
    world.registry.always("GET manifest", behaviour)

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.status) == (Reason.PROTOCOL_ERROR, Status.DEGRADED)
    await world.expect(*BEFORE)


async def test_what_is_no_answer_at_all_counts_on_a_new_connection_only(world: World, engine: Engine) -> None:
    """N12: on a kept one it may belong to the exchange before, whose body came late."""
    world.store.image("team/app:1")
    world.registry.always("GET manifest", mis.speaks_smtp)

    outcome = await engine.check(world.plan())

    assert (outcome.conclusion.reason, outcome.status) == (Reason.PROTOCOL_ERROR, Status.DEGRADED)
    await world.expect(*BEFORE, BEFORE[-1])
    assert outcome.steps[-1].connection == "new"


@pytest.mark.parametrize(
    "behaviour",
    [
        mis.speaks_http10,
        mis.lies_about_keeping_alive,
        mis.goes_on_after_the_end,
        mis.continues_first,
    ],
    ids=lambda it: it.__name__,
)
async def test_odd_manners_that_are_no_fault(world: World, engine: Engine, behaviour: Misbehaviour) -> None:
    """N12: the check goes on, elsewhere if need be; what was not asked for answers nothing."""
    world.store.image("team/app:1", layers=3)
    for line in ("HEAD 1", "GET manifest", "GET config", "GET layer1", "GET layer2", "GET layer3"):
        world.registry.always(line, behaviour)

    first, second = [await engine.check(world.plan()) for _ in range(2)]

    assert [first.conclusion.reason, second.conclusion.reason] == [Reason.OK, Reason.OK]
    assert json.dumps(first.to_json()).count("poisoned") == 0
    blobs = ["registry: GET config", *(f"registry: GET layer{number}" for number in (1, 2, 3))]
    await world.expect(*BEFORE, blobs, *BEFORE, blobs)


async def test_a_connection_that_died_at_rest_costs_no_second_try(world: World, engine: Engine) -> None:
    """N12: the pool's trouble is not the registry's."""
    world.store.image("team/app:1")
    world.registry.always("HEAD 1", mis.times_out_early)

    outcomes = []
    for _ in range(3):
        outcomes.append(await engine.check(world.plan(depth=Depth.RESOLVE)))
        await asyncio.sleep(0.05)  # until the 408 that nobody asked for is there

    assert {outcome.conclusion.reason for outcome in outcomes} == {Reason.OK}
    assert {outcome.conclusion.attempts for outcome in outcomes} == {1}
    await world.expect(*["registry: HEAD 1"] * 3)


@pytest.mark.parametrize("status", [408, 425, 499, 500, 502, 503, 504, 520])
async def test_a_server_error_is_asked_for_once_more(world: World, engine: Engine, status: int) -> None:
    """E16."""
    world.store.image("team/app:1")
    world.registry.once("GET manifest", Says(status))

    outcome = await engine.check(world.plan(depth=Depth.MANIFEST))

    assert (outcome.conclusion.reason, outcome.conclusion.attempts) == (Reason.OK, 2)
    await world.expect(*BEFORE, "registry: GET manifest")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (500, Reason.REGISTRY_ERROR),
        (503, Reason.REGISTRY_ERROR),
        (502, Reason.GATEWAY_ERROR),
        (521, Reason.GATEWAY_ERROR),
    ],
)
async def test_a_server_error_that_stays_is_asked_for_no_third_time(
    world: World, engine: Engine, status: int, reason: Reason
) -> None:
    """E16."""
    world.store.image("team/app:1")
    world.registry.always("GET manifest", Says(status))

    outcome = await engine.check(world.plan(depth=Depth.MANIFEST))

    assert outcome.conclusion.reason is reason
    await world.expect(*BEFORE, "registry: GET manifest")


@pytest.mark.parametrize("status", [501, 505])
async def test_a_server_that_cannot_is_not_asked_again(world: World, engine: Engine, status: int) -> None:
    """E17."""
    world.store.image("team/app:1")
    world.registry.always("GET manifest", Says(status))

    outcome = await engine.check(world.plan(depth=Depth.MANIFEST))

    assert outcome.conclusion.reason is Reason.UNEXPECTED_STATUS
    await world.expect(*BEFORE)


async def test_a_registry_that_asks_for_a_pause_gets_it(world: World, engine: Engine) -> None:
    """E16: Retry-After of a 503, as far as it fits."""
    world.store.image("team/app:1")
    world.registry.once("GET manifest", Says(503, b"", {"Retry-After": "1"}))
    began = asyncio.get_running_loop().time()

    outcome = await engine.check(world.plan(depth=Depth.MANIFEST))

    assert outcome.conclusion.reason is Reason.OK
    assert asyncio.get_running_loop().time() - began >= 1
    await world.expect(*BEFORE, "registry: GET manifest")


async def test_a_registry_that_asks_for_a_long_pause_is_left_alone(world: World, engine: Engine) -> None:
    """E16: later checks will see."""
    world.store.image("team/app:1")
    world.registry.once("GET manifest", Says(503, b"", {"Retry-After": "60"}))

    outcome = await engine.check(world.plan(depth=Depth.MANIFEST))

    assert outcome.conclusion.reason is Reason.REGISTRY_ERROR
    assert outcome.conclusion.retry_at is not None
    await world.expect(*BEFORE)
