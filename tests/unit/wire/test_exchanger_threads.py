"""Who has a thread, and until when."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from probes.wire.exchangers.threads import SEATS_OF_ONE, Threads


@pytest.fixture
def threads() -> Iterator[Threads]:
    made = Threads()
    yield made
    made.close()


async def test_seat_is_free_when_its_thread_is_and_not_when_nobody_waits_any_more(threads: Threads) -> None:
    """Else whoever gives up and asks again takes a thread each time."""
    gate = threading.Event()
    begun = threading.Semaphore(0)

    def hang() -> None:
        begun.release()
        gate.wait()

    gone = [asyncio.create_task(threads.run("acr", hang)) for _ in range(SEATS_OF_ONE)]
    try:
        for _ in gone:
            await asyncio.to_thread(begun.acquire, timeout=5)
        for task in gone:
            task.cancel()
        await asyncio.wait(gone)
        late = asyncio.create_task(threads.run("acr", str, 7))
        assert not (await asyncio.wait({late}, timeout=0.05))[0]
    finally:
        gate.set()
    assert await late == "7"


async def test_what_the_work_raises_reaches_who_asked_and_frees_the_seat(threads: Threads) -> None:
    for _ in range(SEATS_OF_ONE + 1):
        with pytest.raises(ValueError, match="invalid literal"):
            await threads.run("acr", int, "x")
