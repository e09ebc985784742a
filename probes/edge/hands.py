"""The batches in hand, and which of them no others need to wait for."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

MOST_ASIDE: Final = 30
"""With a hundred checks each, these weigh some megabytes. What else comes waits in the queue, and is seen there."""

LOOK_SECONDS: Final = 0.5
_log = logging.getLogger(__name__)


class Hands:
    """Carries out batches, each in a thread of its own, for callers that wait and so are the bound on their number.

    A batch that only waits for slow registries, or for canaries, is put aside: it goes on, and its caller is free for
    the next. Else a registry that hangs, or is gone, would hold up the region's whole queue. At most `MOST_ASIDE` are
    aside at a time.
    """

    def __init__(self, callers: int, *, is_held_up: Callable[[str], bool]) -> None:
        self._is_held_up = is_held_up
        self._threads = ThreadPoolExecutor(callers + MOST_ASIDE, thread_name_prefix="batch")
        self._lock = threading.Lock()
        self._aside: set[Future[None]] = set()

    @property
    def aside(self) -> int:
        """How many batches are in hand whose callers wait no more."""
        return len(self._aside)

    def carry_out(self, batch_id: str, work: Callable[[], None]) -> None:
        """Do the work of a batch; return when it is done or put aside. Raises what it raises until then."""
        future = self._threads.submit(work)
        while not wait({future}, LOOK_SECONDS).done:
            if self._is_held_up(batch_id) and self._put_aside(future):
                _log.info("batch %s waits for slow registries or canaries, others go on", batch_id)
                return
        future.result()

    def close(self) -> None:
        """Wait for all that is in hand, also aside."""
        self._threads.shutdown()

    def _put_aside(self, future: Future[None]) -> bool:
        with self._lock:
            if len(self._aside) >= MOST_ASIDE:
                return False
            self._aside.add(future)
        future.add_done_callback(self._ended)
        return True

    def _ended(self, future: Future[None]) -> None:
        with self._lock:
            self._aside.discard(future)
        if error := future.exception():
            _log.error("a batch failed", exc_info=error)
