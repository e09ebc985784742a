"""The scheduler of Celery beat: django-celery-beat's, which begins only with a database and a broker.

It also keeps the control worker's queues from filling the broker while that worker is away: it is what fills one.
"""

import logging
import time
from typing import Any, Final, NoReturn

from celery import platforms
from django_celery_beat.schedulers import DatabaseScheduler

from kairos.start import ensure_services
from probes.broker import trimming

TIDY_SECONDS: Final = 60.0
_log = logging.getLogger(__name__)


def _leave(*_: Any) -> NoReturn:
    raise SystemExit


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # untyped
    _tidied_at = float("-inf")  # monotonic

    def setup_schedule(self) -> None:
        # Celery's handlers, set by now, first write the schedule down, perhaps over the very connection that they
        # have interrupted. That may wait for itself for ever, or fail, and the failure is lost in the loop: beat
        # would go on. It is written down when the loop has ended.
        platforms.signals.update(SIGTERM=_leave, SIGINT=_leave)
        ensure_services()
        super().setup_schedule()

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        super().apply_entry(entry, producer=producer)
        # After it: while the broker is away it has said so, and there is nothing to tidy.
        if producer is not None and time.monotonic() - self._tidied_at >= TIDY_SECONDS:
            self._tidied_at = time.monotonic()
            self._tidy(producer.connection)

    def _tidy(self, connection: Any) -> None:
        try:
            if dropped := trimming.relieve(connection):
                _log.warning("dropped %d messages that no control worker took in time", dropped)
        except Exception:  # noqa: BLE001 - whatever the transport raises, orders go out
            _log.exception("what waits for the control worker could not be looked at")
