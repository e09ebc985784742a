"""The Celery app of a region's worker: one queue to take from, two to send to, and nothing else switched on.

Delivery is at most once: a batch that dies with its worker is a few missed slots, which the control plane records
as missed, and the next slots come anyway. Asking Redis for more makes a worker hang on a broken link.
"""

import socket
from collections.abc import Callable
from typing import Any, Final

from celery import Celery

from probes.broker.queues import HEARTBEATS, RESULTS, plain_queue, queue_of_regions
from probes.broker.reconnecting import EagerAMQP
from probes.edge.settings import EdgeSettings

RUN_BATCH: Final = "probes.edge.run_batch"
INGEST: Final = "probes.ingest"
HEARTBEAT: Final = "probes.heartbeat"

_TCP_OPTIONS: Final = {"TCP_USER_TIMEOUT": 10_000, "TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 2}
_AMQP_OPTIONS: Final = {
    # How long an answer is waited for; by default for ever, and then a worker that is told to stop does not notice.
    # Each step of a login has as long, by Celery's `broker_connection_timeout`.
    "read_timeout": 4,
    # A message for an exchange that is not there, or not ours to write to, is dropped without a word otherwise.
    "confirm_publish": True,
    # As above. By default it is one second, which a bad line to a far region may well take.
    "socket_settings": {
        getattr(socket, name): value for name, value in _TCP_OPTIONS.items() if hasattr(socket, name)
    },
}
_REDIS_OPTIONS: Final = {
    "ack_emulation": False,
    # A half-open link is noticed within seconds instead of the kernel's two hours.
    "health_check_interval": 5,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "priority_steps": [0],
}


def make_app(settings: EdgeSettings, run_batch: Callable[[object], None]) -> Celery:
    """Return the app whose one task hands its argument, an envelope still to be opened, to `run_batch`."""
    # Without fixups: Celery would import Django wherever DJANGO_SETTINGS_MODULE happens to be set. Not the current
    # app, which a worker makes its own by itself: in any other process that is somebody else's, and what is sent
    # without naming an app must not go to this one's broker.
    app = Celery("probes.edge", fixups=[], amqp=EagerAMQP, set_as_current=False)
    app.conf.update(
        broker_url=settings.broker.url,
        broker_use_ssl=settings.broker.kombu_ssl,
        broker_transport_options=_REDIS_OPTIONS if settings.broker.is_redis else _AMQP_OPTIONS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # for ever: the default gives up within the hour
        broker_channel_error_retry=True,  # a queue of RabbitMQ that is not there may come back
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        # We may declare nothing. On RabbitMQ all were made for us, on Redis they come with a message.
        task_queues=(
            plain_queue(settings.queue, no_declare=True),
            *(queue_of_regions(name, settings.broker, no_declare=True) for name in (RESULTS, HEARTBEATS)),
        ),
        task_default_queue=settings.queue,
        task_create_missing_queues=False,
        worker_concurrency=settings.batches,
        # On Redis a batch is taken only when there is a thread for it: what waits, waits on the broker and not in a
        # process that may die. RabbitMQ takes back what a dead process had not begun, so there as many wait here.
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=settings.broker.is_redis,
        # After a connection to RabbitMQ 3 was lost Celery would ask for fewer batches while old ones are in hand, and
        # for more from the thread in which the next begins: two then read from one connection, and no more is taken.
        worker_enable_prefetch_count_reduction=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_detect_quorum_queues=False,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )

    @app.task(name=RUN_BATCH, shared=False, acks_late=False, ignore_result=True)  # this app's, and no other's
    def _run_batch(envelope: Any) -> None:
        run_batch(envelope)

    return app
