"""Client CPU per request over TLS with kept connections: `perform` against bare aiohttp and stock httpx.

    python -m tests.bench.transport [--requests N] [--in-flight N] [--rounds N]

The server runs in a process of its own. A unit of work is the three requests of a check: 401, token, manifest.
Rounds of the contenders alternate, so that whatever else the machine does falls on all; the median counts.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import httpx

from probes.protocol.exchange import Ask, Reply
from probes.protocol.taxonomy import Stage
from probes.wire.exchange import perform
from probes.wire.limits import Limits
from probes.wire.route import Route
from probes.wire.transport import GuardedTransport
from tests.bench.clients import context_of
from tests.bench.registry import BenchRegistry, running_registry

Request = Callable[[str, dict[str, str]], Awaitable[int]]
"""Asks for a URL with headers, reads the body, returns the status."""

_ACCEPT = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, */*"
_AGENT = "kairos/bench"


@asynccontextmanager
async def with_perform(registry: BenchRegistry) -> AsyncIterator[Request]:
    limits = Limits()
    transport = GuardedTransport(limits, _AGENT)
    route = Route.of(registry.site)
    loop = asyncio.get_running_loop()

    async def request(url: str, headers: dict[str, str]) -> int:
        ask = Ask(id=1, method="GET", url=url, stage=Stage.MANIFEST, headers=tuple(headers.items()))
        event, _ = await perform(transport, ask, route, limits, loop.time() + 25)
        assert isinstance(event, Reply), event
        return event.status

    yield request
    await transport.aclose()


@asynccontextmanager
async def with_aiohttp(registry: BenchRegistry) -> AsyncIterator[Request]:
    connector = aiohttp.TCPConnector(limit=0, ssl=context_of(registry))
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as session:

        async def request(url: str, headers: dict[str, str]) -> int:
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                await response.read()
                return response.status

        yield request


@asynccontextmanager
async def with_httpx(registry: BenchRegistry) -> AsyncIterator[Request]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(verify=context_of(registry), trust_env=False, limits=limits) as client:

        async def request(url: str, headers: dict[str, str]) -> int:
            return (await client.get(url, headers=headers)).status_code

        yield request


async def measure(request: Request, base: str, checks: int, in_flight: int) -> float:
    """Return CPU microseconds of this process per request, over `checks` units of three requests."""
    urls = (
        (f"{base}/v2/", 401),
        (f"{base}/token?service=localhost&scope=repository:a/b:pull", 200),
        (f"{base}/v2/a/b/manifests/latest", 200),
    )
    left = iter(range(checks))

    async def work() -> None:
        for _ in left:
            for url, status in urls:
                assert await request(url, {"Accept": _ACCEPT, "Authorization": "Bearer " + "t" * 64}) == status

    began = time.process_time()
    await asyncio.gather(*(work() for _ in range(in_flight)))
    return (time.process_time() - began) * 1e6 / (checks * len(urls))


async def compare(registry: BenchRegistry, requests: int, in_flight: int, rounds: int) -> None:
    """Print each contender's median, and its ratio to bare aiohttp."""
    checks = requests // 3
    async with with_aiohttp(registry) as bare, with_perform(registry) as own, with_httpx(registry) as stock:
        contenders = {"bare aiohttp": bare, "perform": own, "stock httpx": stock}
        figures: dict[str, list[float]] = {name: [] for name in contenders}
        for number in range(rounds + 1):
            for name, request in contenders.items():
                share = checks // 4 if request is stock else checks
                figure = await measure(request, registry.base, share, in_flight)
                if number:  # the first round opens the connections
                    figures[name].append(figure)
    yardstick = statistics.median(figures["bare aiohttp"])
    print(f"{in_flight} in flight, {rounds} rounds of {checks * 3} requests over TLS")
    for name, taken in figures.items():
        median = statistics.median(taken)
        spread = f"{min(taken):.0f} to {max(taken):.0f}"
        print(f"{name:>14}  {median:7.1f} µs a request ({spread})  {median / yardstick:5.2f} x")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--requests", type=int, default=6000)
    options.add_argument("--in-flight", type=int, default=50)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    with running_registry() as registry:
        asyncio.run(compare(registry, chosen.requests, chosen.in_flight, chosen.rounds))


if __name__ == "__main__":
    main()
