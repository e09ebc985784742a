"""What is told by the clock: tags that stay split, and what will soon expire."""

import logging

from celery import shared_task
from django.utils import timezone

from probes.actions import expiry as expiry_actions
from probes.actions import tags as tag_actions

_log = logging.getLogger(__name__)


@shared_task(name="probes.tags", ignore_result=True)
def tags() -> None:
    """Look at the tags on which regions do not agree."""
    for event in tag_actions.look_at_watched(now=timezone.now()):
        _log.info("%s", event.text)


@shared_task(name="probes.expiry", ignore_result=True)
def expiry() -> None:
    """Tell which certificates and logins expire soon."""
    for event in expiry_actions.tell(now=timezone.now()):
        _log.warning("%s", event.text)
