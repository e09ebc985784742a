"""When changes are committed, to the millisecond: what the database tells then, heard as the web server hears it."""

import asyncio
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final, Self

from probes.policy.changes import changes

_AWAY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Commit:
    """A change of one resource: from when on it was taken in, and when that was committed."""

    pk: int
    began: float
    at: float


class Listener:
    """Hears from its beginning to its end, in a thread of its own, of which resource something was committed when."""

    def __init__(self) -> None:
        self._heard: dict[str, list[float]] = defaultdict(list)
        self._is_listening = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_listening.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()

    def heard_after(self, pk: int, at: float) -> float:
        """Return when something of a resource was first committed after that; waits for it for a moment."""
        until = time.monotonic() + _AWAY_SECONDS
        while time.monotonic() < until:
            found = [heard for heard in tuple(self._heard[f"resource:{pk}"]) if heard >= at]
            if found:
                return found[0]
            time.sleep(0.01)  # it is heard in a thread of its own, some milliseconds after the commit
        raise AssertionError(f"nothing was told of resource {pk}")

    def _run(self) -> None:
        self._task: Any = self._loop.create_task(self._listen())
        self._loop.run_until_complete(asyncio.gather(self._task, return_exceptions=True))
        self._loop.close()

    async def _listen(self) -> None:
        from probes.selectors import listening  # noqa: PLC0415 - once Django is set up

        async for payload in listening.payloads(listening=self._is_listening.set):
            now = time.monotonic()
            for change in changes(payload):
                for topic in change.topics:
                    self._heard[topic].append(now)
