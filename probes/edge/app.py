"""The Celery app of a region's worker: one queue to take from, one to send to, and nothing else switched on.

Delivery is at most once: a batch that dies with its worker is a few missed slots, which the control plane records
as missed, and the next slots come anyway. Asking Redis for more makes a worker hang on a broken link.
"""

from collections.abc import Callable
from typing import Any, Final

from celery import Celery
from kombu import Exchange, Queue

from probes.edge.settings import EdgeSettings

RUN_BATCH: Final = "probes.edge.run_batch"
INGEST: Final = "probes.ingest"
HEARTBEAT: Final = "probes.heartbeat"
RESULTS: Final = "results"

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
    # Without fixups: Celery would import Django wherever DJANGO_SETTINGS_MODULE happens to be set.
    app = Celery("probes.edge", fixups=[])
    app.conf.update(
        broker_url=settings.broker_url,
        broker_transport_options=_REDIS_OPTIONS if settings.broker_url.startswith("redis") else {},
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # for ever: the default gives up within the hour
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        # The default exchange needs no bindings, and so no rights on the broker beyond the queue itself.
        task_queues=(
            Queue(settings.queue, Exchange(""), routing_key=settings.queue),
            Queue(RESULTS, Exchange(""), routing_key=RESULTS, no_declare=True),
        ),
        task_default_queue=settings.queue,
        task_create_missing_queues=False,
        worker_concurrency=settings.batches,
        # A batch is taken only when there is a thread for it: what waits, waits on the broker and not in a
        # process that may die.
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_detect_quorum_queues=False,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )

    @app.task(name=RUN_BATCH, acks_late=False, ignore_result=True)
    def _run_batch(envelope: Any) -> None:
        run_batch(envelope)

    return app
