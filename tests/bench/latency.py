"""What the engine adds to the time of a check at 200 in flight, beside what bare aiohttp adds.

    python -m tests.bench latency

The registry answers each request after `responder.DELAY_SECONDS`; whatever a check takes longer was added by the
client, the kernel and the server. 200 workers check warm images without a pause. Rounds alternate.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator
from itertools import count
from typing import Final

from tests.bench.clients import DELAYED, Check, with_bare_aiohttp, with_engine
from tests.bench.figures import Figure
from tests.bench.registry import BenchRegistry, running_registry
from tests.bench.responder import DELAY_SECONDS

CHECKS: Final = 4000
IN_FLIGHT: Final = 200
ROUNDS: Final = 5


async def measure(check: Check, numbers: Iterator[int]) -> list[float]:
    """Return the milliseconds that were added to each check."""
    left = iter(range(CHECKS))
    added = []

    async def work() -> None:
        for _ in left:
            began = time.perf_counter()
            await check(next(numbers))
            added.append((time.perf_counter() - began - DELAY_SECONDS) * 1000)

    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return added


async def compare(registry: BenchRegistry) -> dict[str, list[list[float]]]:
    numbers = count()
    async with with_bare_aiohttp(registry, DELAYED) as bare, with_engine(registry, DELAYED) as own:
        clients = {"bare aiohttp": bare, "engine": own}
        for check in clients.values():
            await measure(check, numbers)  # opens the connections
        rounds: dict[str, list[list[float]]] = {name: [] for name in clients}
        for _ in range(ROUNDS):
            for name, check in clients.items():
                rounds[name].append(await measure(check, numbers))
        return rounds


def measured() -> list[Figure]:
    """Run it. Takes about a minute."""
    with running_registry() as registry:
        rounds = asyncio.run(compare(registry))
    print(
        f"{IN_FLIGHT} in flight, {ROUNDS} rounds of {CHECKS} checks of one request, answered after {DELAY_SECONDS} s"
    )
    figures = []
    for name, taken in rounds.items():
        cuts = [statistics.quantiles(added, n=100) for added in taken]
        median, last = (statistics.median(cut[at] for cut in cuts) for at in (49, 98))
        print(f"{name:>12}: adds {median:.1f} ms at the median, {last:.1f} ms at the 99th percentile")
        figures.append(Figure(f"p99 latency added at {IN_FLIGHT} in flight, {name}", f"{last:.1f} ms"))
    return figures
