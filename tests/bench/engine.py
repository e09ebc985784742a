"""Client CPU per check over TLS: the engine against bare aiohttp making the same requests.

    python -m tests.bench engine

On kept connections, with the same headers. A cold check is HEAD (401), token, HEAD (200), each for a repository of
its own, so that no login is remembered; a warm one is a single HEAD; one of full depth is HEAD, index, child, config
and eight layers by a byte each, under a remembered login. See `tests.bench.clients` for what each client does
besides.

Rounds alternate, so that whatever else the machine does falls on both; the median of the rounds' ratios counts.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator
from itertools import count
from typing import Final

from tests.bench.clients import COLD, WARM, WHOLE, Check, Kind, with_bare_aiohttp, with_engine
from tests.bench.figures import Figure, at_most
from tests.bench.registry import BenchRegistry, running_registry

BAR: Final = 2.0
CHECKS: Final = {COLD: 200, WARM: 400, WHOLE: 50}
IN_FLIGHT: Final = 50
ROUNDS: Final = 35


async def measure(check: Check, numbers: Iterator[int], checks: int) -> float:
    """Return CPU microseconds of this process per check."""
    left = iter(range(checks))

    async def work() -> None:
        for _ in left:
            await check(next(numbers))

    began = time.process_time()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return (time.process_time() - began) * 1e6 / checks


async def compare(registry: BenchRegistry, kind: Kind) -> list[tuple[float, float]]:
    """Return for each round what a check took with bare aiohttp, and with the engine."""
    numbers = count()
    checks = CHECKS[kind]
    async with with_bare_aiohttp(registry, kind) as bare, with_engine(registry, kind) as own:
        for check in (bare, own):  # opens the connections, and logs in where logins last
            await measure(check, numbers, checks)
        return [(await measure(bare, numbers, checks), await measure(own, numbers, checks)) for _ in range(ROUNDS)]


def measured() -> list[Figure]:
    """Run it. Takes about a minute."""
    figures = []
    for kind in CHECKS:
        with running_registry() as registry:
            rounds = asyncio.run(compare(registry, kind))
        print(
            f"{kind.name}: {IN_FLIGHT} in flight, {ROUNDS} rounds of {CHECKS[kind]} checks, requests {kind.requests}"
        )
        for name, taken in zip(("bare aiohttp", "engine"), zip(*rounds, strict=True), strict=True):
            print(
                f"{name:>12}: {statistics.median(taken):5.0f} µs CPU a check ({min(taken):.0f} to {max(taken):.0f})"
            )
        ratio = statistics.median(own / bare for bare, own in rounds)
        what = f"client CPU per {kind.name} check, engine against bare aiohttp"
        figures.append(at_most(what, ratio, BAR, "x") if kind is not WHOLE else Figure(what, f"{ratio:.3g} x"))
    return figures
