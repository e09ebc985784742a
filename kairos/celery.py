"""The Celery app of the control plane. A region's worker has its own, without Django: `probes.edge.app`."""

import logging.config
import os
import warnings
from typing import Any

from celery import Celery, states
from celery.contrib.django.task import DjangoTask
from celery.platforms import SecurityWarning  # type: ignore[attr-defined]  # missing from the stubs
from celery.signals import (
    celeryd_init,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
)

from kairos.actors import performing
from probes import tracing
from probes.actions import acting
from probes.broker.queues import HEARTBEATS, RESULTS
from probes.broker.reconnecting import EagerAMQP
from probes.broker.transports import guard_queues
from probes.trust.refusal import RefusalCause

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kairos.settings")
# A worker and beat would run Django's checks, for which everything that the web server serves is loaded, and then say
# nothing of what they found. `manage.py check` does.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")


class TracedTask(DjangoTask):  # type: ignore[type-arg]  # generic in its stubs alone
    """What every task is: traced, where anything is."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with tracing.span("task", task=self.name) as noted:
            noted.came_to(task=self.name)
            return super().__call__(*args, **kwargs)


app: "Celery[Any]" = Celery("kairos", amqp=EagerAMQP, task_cls=TracedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def count_refusal(queue: str, cause: RefusalCause, detail: str) -> None:
    """Count what the guard refused and logged. It runs in the consumer, which no task's end tidies up after."""
    from django.db import close_old_connections  # noqa: PLC0415 - models exist only once a worker has started
    from django.utils import timezone  # noqa: PLC0415 - likewise

    from probes.actions import refusals  # noqa: PLC0415 - likewise

    close_old_connections()
    refusals.count(queue, cause, detail, now=timezone.now())


# Regions write to these: nothing is taken from there but their reports and heartbeats. Workers of the version before
# know of the first alone.
guard_queues(
    app,
    {RESULTS: {"probes.ingest", "probes.heartbeat"}, HEARTBEATS: {"probes.heartbeat"}},
    on_refused=count_refusal,
)


@task_prerun.connect
def act(sender: Any, **_: Any) -> None:
    """Let the audit log say which task it was that changed something."""
    actor = performing(sender.name)
    acting.begin(lambda: actor)


@task_postrun.connect
def act_no_more(**_: Any) -> None:
    acting.end()


@task_postrun.connect
def keep_the_connection(state: str | None, **_: Any) -> None:
    """Let a database connection that served a task to its good end serve the next one; close it after any other.

    Celery alone would close it after each task, and a new one costs more than most tasks. Where a time limit cuts
    into a transaction, though, Django does not know any more what state its connection is in.
    """
    from django.db import close_old_connections, connections  # noqa: PLC0415 - as above

    if state == states.SUCCESS:
        close_old_connections()
    else:
        connections.close_all()


@worker_process_init.connect
def trace_this_process(**_: Any) -> None:
    """Trace what the process does, where the environment says where to: by threads of its own, so after the fork."""
    tracing.start("kairos-control")


@worker_process_shutdown.connect
def send_what_was_traced(**_: Any) -> None:
    tracing.stop()


@setup_logging.connect
def log_as_django_does(**_: Any) -> None:
    """Keep Celery from adding handlers of its own: its lines take the one pipeline of the settings."""
    from django.conf import settings  # noqa: PLC0415 - settings are read when a worker starts, not on import

    logging.config.dictConfig(settings.LOGGING)


@celeryd_init.connect
def accept_root(**_: Any) -> None:
    """Drop the warning to a worker of root: it is about pickles, which are not accepted here."""
    warnings.simplefilter("ignore", SecurityWarning)


@celeryd_init.connect
def begin_with_everything_there(**_: Any) -> None:
    """End a worker that is started without its database or its broker."""
    from kairos.start import ensure_services  # noqa: PLC0415 - settings are read when a worker starts, not on import

    ensure_services()


@worker_init.connect
def take_heartbeats_with_reports(**_: Any) -> None:
    """Let a worker take heartbeats too whose command line was written before they had a queue of their own."""
    queues = app.amqp.queues
    if RESULTS in queues.consume_from:
        queues.select_add(queues[HEARTBEATS])


@worker_ready.connect
def watch_over_it(sender: Any, **_: Any) -> None:
    """Let a worker that is stuck notice it."""
    from kairos.watchdog import watch  # noqa: PLC0415 - of use to a worker alone

    watch(sender)
