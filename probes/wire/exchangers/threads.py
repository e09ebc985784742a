"""Threads for providers' libraries, which compute or block."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from probes.protocol.provider import Provider

T = TypeVar("T")

SEATS_OF_ONE: Final = 8  # msal holds one for as long as its authority takes
THREADS: Final = SEATS_OF_ONE * len(Provider)


class Threads:
    """A seat for each thread, `SEATS_OF_ONE` a provider: one that hangs has no thread that another may need."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="kairos-exchange")
        self._seats: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(SEATS_OF_ONE))

    async def run(self, provider: str, work: Callable[..., T], *arguments: Any) -> T:
        """Return what `work` returns, as soon as `provider` has a seat for it.

        Whoever is cancelled meanwhile leaves the thread to its work, and the seat is free when that has ended.
        """
        seats = self._seats[provider]
        await seats.acquire()
        running = asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        running.add_done_callback(lambda _: seats.release())
        return await asyncio.shield(running)

    def close(self) -> None:
        """Begin nothing more; what hangs in a library ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
