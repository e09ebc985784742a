"""The one event loop of a worker process: it lives in a thread as long as the process, with the engine on it."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from probes.edge.canaries import Canaries
from probes.edge.engine import Engine
from probes.edge.reporter import Reporter
from probes.edge.runner import Runner

_T = TypeVar("_T")
_CLOSE_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Crew:
    """What works on the loop: the engine, and those who use it."""

    engine: Engine
    runner: Runner
    canaries: Canaries
    reporter: Reporter


class EngineLoop:
    """An event loop in a daemon thread, with what works on it. Usable between `start` and `stop`."""

    def __init__(self, build: Callable[[], Crew]) -> None:
        self._build = build
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine", daemon=True)
        self._crew: Crew | None = None
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the thread and build the engine on its loop. Raises whatever building raises."""
        self._thread.start()
        self._crew = self.run(self._built())

    @property
    def crew(self) -> Crew:
        """Who works here; to be used on this loop alone. Raises `RuntimeError` before `start`."""
        if self._crew is None:
            raise RuntimeError("the engine's loop has not been started")
        return self._crew

    async def _built(self) -> Crew:
        # On the loop, because an engine may reach for the running loop when it is made.
        crew = self._build()
        self._watching = asyncio.create_task(crew.canaries.watch())
        return crew

    async def _closed(self, crew: Crew) -> None:
        crew.canaries.close()
        await crew.engine.aclose()  # a round under way ends with it
        if self._watching is not None:
            await asyncio.wait({self._watching})

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run `work` on the loop and wait for it, from any other thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close_within(self, seconds: float) -> None:
        """Have what is not done in so many seconds cut off; returns at once, also in a signal handler."""
        self._loop.call_soon_threadsafe(self.crew.runner.close_within, seconds)
        self._loop.call_soon_threadsafe(self.crew.canaries.close)

    def stop(self) -> None:
        """Close the engine and end the thread; an engine that does not close in time is left to the process's end."""
        if self._crew is not None:
            closing = asyncio.run_coroutine_threadsafe(self._closed(self._crew), self._loop)
            try:
                closing.result(_CLOSE_SECONDS)
            except Exception:  # noqa: BLE001 - whatever it is, the process ends now
                _log.exception("the engine did not close")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()
