"""What regions send. A message is acknowledged when it was taken in or refused, never before."""

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from celery import shared_task
from celery.exceptions import Reject
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from probes.actions import refusals, regions
from probes.actions.ingest import QUEUE
from probes.actions.ingest import ingest as take_in
from probes.tasks.publishing import publish_on_commit
from probes.trust.refusal import Refused

PATIENCE_SECONDS: Final = 25.0
"""How long a message is held while the database is away; then it goes back to the queue. Within the time limit."""

PAUSE_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


@shared_task(name="probes.ingest", ignore_result=True, acks_late=True)
def ingest(envelope: Any) -> None:
    """Take in a region's report, and hand out again what it returned."""
    _with_patience(lambda: _or_refuse(lambda: publish_on_commit(take_in(envelope, now=timezone.now()).messages)))


@shared_task(name="probes.heartbeat", ignore_result=True, acks_late=True)
def heartbeat(envelope: Any) -> None:
    """Note that a region lives."""
    _with_patience(lambda: _or_refuse(lambda: regions.record_heartbeat(envelope, now=timezone.now())))


def _or_refuse(work: Callable[[], object]) -> None:
    try:
        work()
    except Refused as refused:
        refusals.note(QUEUE, refused.cause, refused.detail, now=timezone.now())


def _with_patience(work: Callable[[], None]) -> None:
    """Do the work; while the database is away or two workers are in each other's way, wait and do it again."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            work()
        except (OperationalError, InterfaceError) as error:
            connection.close()
            if time.monotonic() >= until:
                _log.error("the database does not answer; a message goes back to its queue")
                raise Reject(error, requeue=True) from None
            time.sleep(PAUSE_SECONDS)
        else:
            return
