"""Client CPU per cold check over TLS: the engine against bare aiohttp making the same three requests.

    python -m tests.bench engine

A cold check is HEAD (401), token, HEAD (200), on kept connections, with the same headers; each names a repository of
its own, so that no login is remembered. What bare aiohttp does besides is the least that any client has to: read the
token out of its JSON. The engine reads the reference, the challenge and the token by their grammars, decides whom to
trust, bounds and times every phase, and puts it all together to an outcome.

Rounds alternate, so that whatever else the machine does falls on both; the median of the rounds' ratios counts.
"""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

import aiohttp

from probes.protocol.manifest import ACCEPT
from probes.protocol.plan import Plan
from probes.protocol.taxonomy import Depth, Reason
from probes.wire.driver import Engine
from tests.bench.figures import Figure, at_most
from tests.bench.registry import BenchRegistry, running_registry
from tests.bench.transport import context_of

BAR: Final = 2.0
CHECKS: Final = 1000
IN_FLIGHT: Final = 50
ROUNDS: Final = 7

Check = Callable[[int], Awaitable[None]]
"""Checks the image of this number."""


@asynccontextmanager
async def with_engine(registry: BenchRegistry) -> AsyncIterator[Check]:
    async with Engine(user_agent="kairos/bench") as engine:

        async def check(number: int) -> None:
            plan = Plan(reference=registry.image(number), depth=Depth.RESOLVE, site=registry.site)
            outcome = await engine.check(plan)
            assert (outcome.conclusion.reason, outcome.requests) == (Reason.OK, 3), outcome

        yield check


@asynccontextmanager
async def with_bare_aiohttp(registry: BenchRegistry) -> AsyncIterator[Check]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=context_of(registry)),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"User-Agent": "kairos/bench", "Accept-Encoding": "identity"},
    ) as session:

        async def request(method: str, url: str, expected: int, headers: dict[str, str]) -> bytes:
            async with session.request(method, url, headers=headers, allow_redirects=False) as response:
                assert response.status == expected, response
                return await response.read()

        async def check(number: int) -> None:
            repository = f"bench/image-{number:06}"
            manifest = f"{registry.base}/v2/{repository}/manifests/1"
            await request("HEAD", manifest, 401, {"Accept": ACCEPT})
            token = f"{registry.base}/token?service=localhost&scope=repository%3A{repository}%3Apull"
            answer = json.loads(await request("GET", token, 200, {"Accept": "application/json"}))
            await request("HEAD", manifest, 200, {"Accept": ACCEPT, "Authorization": f"Bearer {answer['token']}"})

        yield check


async def measure(check: Check, numbers: Iterator[int]) -> float:
    """Return CPU microseconds of this process per check."""
    left = iter(range(CHECKS))

    async def work() -> None:
        for _ in left:
            await check(next(numbers))

    began = time.process_time()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return (time.process_time() - began) * 1e6 / CHECKS


async def compare(registry: BenchRegistry) -> list[tuple[float, float]]:
    """Return for each round what a check took with bare aiohttp, and with the engine."""
    numbers = count()
    async with with_bare_aiohttp(registry) as bare, with_engine(registry) as own:
        for check in (bare, own):  # opens the connections
            await measure(check, numbers)
        return [(await measure(bare, numbers), await measure(own, numbers)) for _ in range(ROUNDS)]


def measured() -> list[Figure]:
    """Run it. Takes about twenty seconds."""
    with running_registry() as registry:
        rounds = asyncio.run(compare(registry))
    print(f"{IN_FLIGHT} in flight, {ROUNDS} rounds of {CHECKS} cold checks of three requests")
    for name, taken in zip(("bare aiohttp", "engine"), zip(*rounds, strict=True), strict=True):
        print(f"{name:>12}: {statistics.median(taken):5.0f} µs CPU a check ({min(taken):.0f} to {max(taken):.0f})")
    ratio = statistics.median(own / bare for bare, own in rounds)
    return [at_most("client CPU per three-request check, engine against bare aiohttp", ratio, BAR, "x")]
