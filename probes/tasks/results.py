"""What regions send. A message is acknowledged when it was taken in or refused, never before.

Heartbeats have a queue of their own, so that none waits behind reports. Workers of the version before send them to
`results`, as does every worker before its first batch; they are taken from there as well.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from celery import shared_task
from celery.exceptions import Reject
from django.db import IntegrityError, InterfaceError, OperationalError, connection
from django.utils import timezone

from probes.actions import refusals, regions
from probes.actions.ingest import ingest as take_in
from probes.broker.queues import HEARTBEATS, RESULTS
from probes.tasks.publishing import publish_on_commit
from probes.trust.refusal import Refused

PATIENCE_SECONDS: Final = 25.0
"""How long a message is held while the database is away; then it goes back to the queue. Within the time limit."""

PAUSE_SECONDS: Final = 1.0

OVERTAKEN_AT_MOST: Final = 2
"""So often a message is taken in anew since a row was deleted meanwhile that it has to do with."""

_log = logging.getLogger(__name__)


@shared_task(name="probes.ingest", ignore_result=True, acks_late=True)
def ingest(envelope: Any) -> None:
    """Take in a region's report, and hand out again what it returned."""

    def work() -> None:
        publish_on_commit(take_in(envelope, now=timezone.now()).messages)

    _with_patience(lambda: _or_refuse(RESULTS, work))


@shared_task(name="probes.heartbeat", bind=True, ignore_result=True, acks_late=True)
def heartbeat(self: Any, envelope: Any) -> None:
    """Note that a region lives."""
    came_by = (self.request.delivery_info or {}).get("routing_key")
    queue = RESULTS if came_by == RESULTS else HEARTBEATS  # on RabbitMQ the key is the sender's

    def work() -> None:
        regions.record_heartbeat(envelope, now=timezone.now(), among_reports=queue == RESULTS)

    _with_patience(lambda: _or_refuse(queue, work))


def _or_refuse(queue: str, work: Callable[[], None]) -> None:
    try:
        work()
    except Refused as refused:
        refusals.note(queue, refused.cause, refused.detail, now=timezone.now())


def _with_patience(work: Callable[[], None]) -> None:
    """Do the work; while the database is away or two workers are in each other's way, wait and do it again.

    Whether a channel, a login or an account is still there is only looked at when all is committed. Where one was
    deleted meanwhile, the next attempt does without it. Whatever else is at odds with a constraint stays so.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    overtaken = 0
    while True:
        try:
            work()
        except (OperationalError, InterfaceError) as error:
            connection.close()
            if time.monotonic() >= until:
                _log.error("the database does not answer; a message goes back to its queue")
                raise Reject(error, requeue=True) from None
            time.sleep(PAUSE_SECONDS)
        except IntegrityError:
            overtaken += 1
            if overtaken > OVERTAKEN_AT_MOST:
                raise
        else:
            return
