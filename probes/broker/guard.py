"""What the queues of one app may hold, and what has come out of them."""

import logging
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from probes.broker.delivery import Delivery, screen_delivery
from probes.broker.entry import screen
from probes.broker.task_message import MAX_MESSAGE_BYTES
from probes.trust.refusal import RefusalCause, Refused

OnRefused = Callable[[str, RefusalCause, str], None]
"""Called with the queue, the cause and a short detail of each refused message."""

OnLate = Callable[[object], None]
"""Called with the envelope of a message that Redis gave us when we had ceased to consume."""

_log = logging.getLogger(__name__)


class Guard:
    """Screens what leaves the broker, logs and counts what it refuses.

    `popped` counts every message that was taken from a queue, admitted or not: a watchdog compares it with the
    queue's length (`probes.broker.watchdog`). `on_late` is None where kombu may put such a message back.
    """

    def __init__(
        self,
        tasks: Mapping[str, AbstractSet[str]],
        on_refused: OnRefused,
        max_bytes: int = MAX_MESSAGE_BYTES,
        on_late: OnLate | None = None,
    ) -> None:
        self.on_late = on_late
        self._tasks = tasks
        self._on_refused = on_refused
        self.max_bytes = max_bytes
        self.popped = 0

    def admits(self, queue: str, message: bytes | Delivery) -> bool:
        """Screen one message; a refused one is logged and counted. Never raises, whatever the message is."""
        self.popped += 1
        tasks = self._tasks.get(queue)
        try:
            if isinstance(message, Delivery):
                screen_delivery(message, tasks=tasks, max_bytes=self.max_bytes)
            else:
                screen(message, queue, tasks=tasks, max_bytes=self.max_bytes)
        except Refused as refused:
            self.refuse(queue, refused.cause, refused.detail)
        except Exception:  # noqa: BLE001 - a message that we cannot even judge must not stop those behind it
            _log.exception("screening of a message from %s failed", queue)
            self.refuse(queue, RefusalCause.MALFORMED, "screening failed")
        else:
            return True
        return False

    def refuse(self, queue: str, cause: RefusalCause, detail: str) -> None:
        """Log a refused message once and have it counted."""
        _log.warning("refused a message from %s: %s%s", queue, cause, f" ({detail})" if detail else "")
        try:
            self._on_refused(queue, cause, detail)
        except Exception:  # noqa: BLE001 - counting must not stop the consumer
            _log.exception("a refused message from %s could not be counted", queue)
