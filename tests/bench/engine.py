"""Client CPU per cold check over TLS: the engine against bare aiohttp making the same three requests.

    python -m tests.bench.engine [--checks N] [--in-flight N] [--rounds N]

A cold check is HEAD (401), token, HEAD (200), on kept connections; each names a repository of its own, so that no
login is remembered. Rounds alternate, so that whatever else the machine does falls on both; the median counts.
The bar is 2 x.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count

import trustme

from probes.protocol.plan import Plan, Site
from probes.protocol.taxonomy import Depth, Reason
from probes.wire.driver import Engine
from tests.bench.transport import responder, with_aiohttp

BAR = 2.0
Check = Callable[[str], Awaitable[None]]
"""Checks the repository of this name."""


@asynccontextmanager
async def with_engine(authority: trustme.CA, base: str) -> AsyncIterator[Check]:
    host = base.removeprefix("https://")
    site = Site(ca_pem=authority.cert_pem.bytes().decode(), allow_cidrs=("127.0.0.0/8", "::1/128"))
    async with Engine(user_agent="kairos/bench") as engine:

        async def check(repository: str) -> None:
            plan = Plan(reference=f"{host}/{repository}:latest", depth=Depth.RESOLVE, site=site)
            outcome = await engine.check(plan)
            assert (outcome.conclusion.reason, outcome.requests) == (Reason.OK, 3), outcome

        yield check


@asynccontextmanager
async def with_bare_aiohttp(authority: trustme.CA, base: str) -> AsyncIterator[Check]:
    async with with_aiohttp(authority) as request:

        async def check(repository: str) -> None:
            manifest = f"{base}/v2/{repository}/manifests/latest"
            assert await request(manifest, {}) == 401
            token = f"{base}/token?service=localhost&scope=repository:{repository}:pull"
            assert await request(token, {}) == 200
            assert await request(manifest, {"Authorization": "Bearer " + "t" * 512}) == 200

        yield check


async def measure(check: Check, names: Iterator[int], checks: int, in_flight: int) -> float:
    """Return CPU microseconds of this process per check."""
    left = iter(range(checks))

    async def work() -> None:
        for _ in left:
            await check(f"bench/image-{next(names)}")

    began = time.process_time()
    await asyncio.gather(*(work() for _ in range(in_flight)))
    return (time.process_time() - began) * 1e6 / checks


async def compare(base: str, authority: trustme.CA, checks: int, in_flight: int, rounds: int) -> float:
    """Print both medians and return their ratio."""
    names = count()
    figures: dict[str, list[float]] = {}
    async with with_bare_aiohttp(authority, base) as bare, with_engine(authority, base) as own:
        for number in range(rounds + 1):
            for name, check in (("bare aiohttp", bare), ("engine", own)):
                figure = await measure(check, names, checks, in_flight)
                if number:  # the first round opens the connections
                    figures.setdefault(name, []).append(figure)
    medians = {name: statistics.median(taken) for name, taken in figures.items()}
    ratio = medians["engine"] / medians["bare aiohttp"]
    print(f"{in_flight} in flight, {rounds} rounds of {checks} cold checks of three requests over TLS")  # noqa: T201
    for name, taken in figures.items():
        print(f"{name:>14}  {medians[name]:7.1f} µs a check ({min(taken):.0f} to {max(taken):.0f})")  # noqa: T201
    print(f"{'ratio':>14}  {ratio:7.2f} x (bar {BAR:g} x)")  # noqa: T201
    return ratio


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--checks", type=int, default=2000)
    options.add_argument("--in-flight", type=int, default=50)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    authority = trustme.CA()
    with responder(authority) as base:
        asyncio.run(compare(base, authority, chosen.checks, chosen.in_flight, chosen.rounds))


if __name__ == "__main__":
    main()
