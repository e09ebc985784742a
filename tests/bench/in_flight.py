"""Memory of 1,000 checks in flight at once: resident memory of the engine's process, above that of an idle one.

    python -m tests.bench in_flight

Each holds a connection with TLS and waits for a registry that takes its time. They begin one after the other, so that
the handshakes do not all come at once.
"""

import asyncio
import threading
from itertools import count
from typing import Final, Self

import psutil

from tests.bench.clients import DELAYED, with_engine
from tests.bench.figures import Figure
from tests.bench.registry import BenchRegistry, running_registry

IN_FLIGHT: Final = 1000
RAMP_SECONDS: Final = 20.0
HOLD_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 0.02
_MIB: Final = 1024 * 1024


class Highest:
    """Watches this process's resident memory from a thread, while a block runs."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.before = self.peak = self._process.memory_info().rss

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self.peak = max(self.peak, self._process.memory_info().rss)


async def climb(registry: BenchRegistry) -> float:
    """Return the MiB that `IN_FLIGHT` checks took at most, above what an engine takes that makes one at a time."""
    async with with_engine(registry, DELAYED) as check:
        numbers = count()
        loop = asyncio.get_running_loop()
        until = loop.time() + RAMP_SECONDS + HOLD_SECONDS

        async def work(place: int) -> None:
            await asyncio.sleep(RAMP_SECONDS * place / IN_FLIGHT)
            while loop.time() < until:
                await check(next(numbers))

        with Highest() as highest:
            await asyncio.gather(*(work(place) for place in range(IN_FLIGHT)))
        return (highest.peak - highest.before) / _MIB


def measured() -> list[Figure]:
    """Run it. Takes about half a minute."""
    with running_registry() as registry:
        taken = asyncio.run(climb(registry))
    return [Figure(f"memory of {IN_FLIGHT:,} checks in flight, above that of one at a time", f"{taken:.0f} MiB")]
