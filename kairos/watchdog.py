"""The control worker looks at itself: one that is stuck ends, so that whoever runs it starts another.

After the broker was away, Celery's consumer can be left alive, connected and taking nothing, for ever. Nothing is
lost by ending: what was not acknowledged comes again. A thread does it, because a stuck consumer runs no timers.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from amqp.exceptions import ChannelError
from celery import Celery
from celery.signals import task_received, worker_shutting_down
from celery.worker import state

from probes.broker.watchdog import Watchdog

LOOK_SECONDS = 5.0
# Longer than any pause between two beats of an idle control plane, shorter than a region's patience with us.
PATIENCE_SECONDS = 30.0

_log = logging.getLogger(__name__)


class ControlWatchdog:
    """Takes a reading every few seconds; calls `leave` with the reason when the worker is stuck."""

    def __init__(self, app: Celery, concurrency: int, *, leave: Callable[[str], None]) -> None:
        self._app = app
        self._concurrency = concurrency
        self._leave = leave
        self._watchdog = Watchdog(PATIENCE_SECONDS)
        self._received = 0
        self._stopping = threading.Event()

    def start(self) -> None:
        # Strongly held: Celery's signals would let a bound method go.
        task_received.connect(self._count, weak=False)
        threading.Thread(target=self._work, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        task_received.disconnect(self._count)
        self._stopping.set()

    def _count(self, **_: Any) -> None:
        self._received += 1

    def _work(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            waiting = self._waiting()
            if self._watchdog.is_stuck(
                time.monotonic(),
                queue_length=waiting,
                popped=self._received,
                has_room=len(state.reserved_requests) < self._concurrency,
            ):
                self._leave(f"{waiting} messages wait and none is taken")
                return

    def _waiting(self) -> int | None:
        """Return how many messages wait, None when the broker does not answer."""
        try:
            with self._app.connection_for_read() as connection:
                return sum(self._lengths(connection.default_channel))
        except Exception:  # noqa: BLE001 - every transport has its own, and the thread must outlive them all
            return None

    def _lengths(self, channel: Any) -> Iterable[int]:
        for queue in self._app.amqp.queues:
            with suppress(ChannelError):  # on Redis, a queue that is empty does not exist
                yield channel.queue_declare(queue, passive=True).message_count


def end_at_once(reason: str) -> None:
    """End the process as it stands: asked politely, a stuck worker would wait for its consumer."""
    _log.error("this worker is stuck: %s; ending it", reason)
    os._exit(os.EX_TEMPFAIL)


def watch(consumer: Any) -> None:
    """Watch over the worker of this consumer until it is told to stop."""
    watchdog = ControlWatchdog(consumer.app, consumer.controller.concurrency, leave=end_at_once)
    watchdog.start()
    worker_shutting_down.connect(lambda **_: watchdog.stop(), weak=False)
