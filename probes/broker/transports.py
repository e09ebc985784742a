"""Kombu's transports, replaced by guarded ones. See the package for why."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, Final

from celery import Celery, signals
from kombu.transport import TRANSPORT_ALIASES, _transport_cache  # type: ignore[attr-defined] # private

from probes.broker.guard import Guard, OnLate, OnRefused
from probes.trust.refusal import RefusalCause

# By scheme, because kombu speaks TLS only to a transport that is named `rediss` or is another one for `amqps`.
_TRANSPORTS: Final = {
    "redis": "probes.broker.redis:Transport",
    "rediss": "probes.broker.redis:Transport",
    "amqp": "probes.broker.amqp:Transport",
    "amqps": "probes.broker.amqp:SSLTransport",
}


def guard_queues(
    app: Celery,
    tasks: Mapping[str, AbstractSet[str]],
    *,
    on_refused: OnRefused,
    on_late: OnLate | None = None,
) -> Guard:
    """Have `app` consume through a guard, which is returned.

    `tasks` names, for each queue that outsiders may write to, the tasks a message there may be for; such a message
    must be one envelope and nothing else. A queue that is not named takes any well-formed message for a task that
    the app knows. `on_late` is for who may not write to the queues that it takes from.
    """
    guard = Guard(tasks, on_refused, on_late=on_late)
    for scheme, transport in _TRANSPORTS.items():
        # A connection made earlier in this process has put the plain transport into kombu's cache.
        TRANSPORT_ALIASES[scheme] = transport
        _transport_cache.pop(scheme, None)

    def configure(**_: Any) -> None:
        app.conf.broker_transport_options = {**app.conf.broker_transport_options, "guard": guard}

    if app.configured:  # type: ignore[attr-defined] # celery-types leaves it out
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
