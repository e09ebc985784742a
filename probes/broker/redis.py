"""Kombu's Redis transport with a guard at the socket. See the package for why, and for the two lines of use."""

import logging
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from celery import Celery, signals
from kombu.transport import TRANSPORT_ALIASES, _transport_cache, virtual  # type: ignore[attr-defined] # private
from kombu.transport import redis as kombu_redis

from probes.broker.entry import MAX_ENTRY_BYTES, screen
from probes.broker.url import tls
from probes.trust.refusal import RefusalCause, Refused

OnRefused = Callable[[str, RefusalCause, str], None]
"""Called with the queue, the cause and a short detail of each refused message."""

_SCHEMES: Final = ("redis", "rediss")
_log = logging.getLogger(__name__)


class Guard:
    """What the queues of one app may hold, and what has come out of them.

    `popped` counts every entry that was taken from a queue, admitted or not: a watchdog compares it with the
    queue's length (`probes.broker.watchdog`).
    """

    def __init__(
        self, tasks: Mapping[str, AbstractSet[str]], on_refused: OnRefused, max_bytes: int = MAX_ENTRY_BYTES
    ) -> None:
        self._tasks = tasks
        self._on_refused = on_refused
        self._max_bytes = max_bytes
        self.popped = 0

    def admits(self, queue: str, entry: bytes) -> bool:
        """Screen one entry; a refused one is logged and counted. Never raises, whatever the entry is."""
        self.popped += 1
        try:
            screen(entry, queue, tasks=self._tasks.get(queue), max_bytes=self._max_bytes)
        except Refused as refused:
            self.refuse(queue, refused.cause, refused.detail)
        except Exception:  # noqa: BLE001 - an entry that we cannot even judge must not stop those behind it
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


class GuardedRedis(kombu_redis.PrefixedStrictRedis):
    """A client whose blocking pops yield only what the guard admits; a refused entry reads as an empty pop."""

    def __init__(self, *args: Any, guard: Guard, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guard = guard

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        reply = super().parse_response(connection, command_name, **options)
        if command_name == "BRPOP" and reply:
            key, entry = reply
            queue = key.decode().partition(Channel.sep)[0]  # a list of lower priority has it behind the name
            if not self._guard.admits(queue, entry):
                return None
        return reply


class QoS(kombu_redis.QoS):
    """Kombu's count of what is in hand, which a message leaves also when the broker cannot be told that it is done.

    Celery logs an acknowledgement that fails, and goes on. Were the message still counted, it would be for ever; and
    a consumer whose hands are full does not look at its socket, which would tell it that the link is broken.
    """

    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        finally:
            virtual.QoS.ack(self, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's signature
        try:
            super().reject(delivery_tag, requeue=requeue)
        finally:
            virtual.QoS.ack(self, delivery_tag)


class Channel(kombu_redis.Channel):
    """A channel that gets its guard through the transport option `guard`, and is kombu's own without one."""

    guard: Guard | None = None
    from_transport_options = (*kombu_redis.Channel.from_transport_options, "guard")
    QoS = QoS

    def _get_client(self) -> Any:
        if self.guard is None:
            return super()._get_client()  # type: ignore[misc] # kombu's types leave it out
        return partial(GuardedRedis, guard=self.guard, global_keyprefix=self.global_keyprefix)


class Transport(kombu_redis.Transport):
    """Kombu's Redis transport with guarded channels."""

    Channel = Channel


def guard_queues(app: Celery, tasks: Mapping[str, AbstractSet[str]], *, on_refused: OnRefused) -> Guard:
    """Have `app` consume through a guard, which is returned. With another broker than Redis it sees nothing.

    `tasks` names, for each queue that outsiders may write to, the tasks a message there may be for; such a message
    must be one envelope and nothing else. A queue that is not named takes any well-formed message for a task that
    the app knows. A `rediss` URL that does not say otherwise gets its certificate verified, which kombu leaves out.
    """
    guard = Guard(tasks, on_refused)
    for scheme in _SCHEMES:
        # By scheme, because kombu speaks TLS only to a transport that is named `rediss`. A connection made earlier
        # in this process has put the plain transport into kombu's cache.
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
        _transport_cache.pop(scheme, None)

    def configure(**_: Any) -> None:
        url = app.conf.broker_url or ""
        if urlsplit(url).scheme not in _SCHEMES:
            return
        app.conf.broker_transport_options = {**app.conf.broker_transport_options, "guard": guard}
        app.conf.broker_use_ssl = app.conf.broker_use_ssl or tls(url)

    if app.configured:  # type: ignore[attr-defined] # likewise
        configure()
    else:
        app.on_after_configure.connect(configure, weak=False)
    _count_what_celery_rejects(app, guard)
    return guard


def _count_what_celery_rejects(app: Celery, guard: Guard) -> None:
    """Count what passes the screening of an open queue and Celery then drops: an unknown task, above all."""

    def rejected(cause: RefusalCause, sender: Any, message: Any, **_: Any) -> None:
        if sender.app is app:
            guard.refuse(str(message.delivery_info.get("routing_key")), cause, "Celery rejected it")

    signals.task_unknown.connect(partial(rejected, RefusalCause.UNKNOWN_TASK), weak=False)
    signals.task_rejected.connect(partial(rejected, RefusalCause.MALFORMED), weak=False)
