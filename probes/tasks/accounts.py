"""Bringing the broker's accounts in line with the table. Redis forgets them when it is restarted."""

import logging

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from probes.actions import accounts as table
from probes.broker.accounts import AccountsUnavailable, Changes, open_accounts, reconcile
from probes.selectors import accounts as selectors

_log = logging.getLogger(__name__)


@shared_task(name="probes.accounts", ignore_result=True)
def accounts() -> None:
    """Make the accounts that should be and are not, and remove those that are over."""
    table.drop_ended(now=timezone.now())
    try:
        changes = apply()
    except AccountsUnavailable as error:
        # A broker without accounts is no fault where none is asked for: regions then share one password.
        if selectors.valid(timezone.now()):
            _log.error("the regions' broker accounts cannot be kept: %s", error)
        return
    if changes.made:
        _log.warning("made broker accounts that were not there: %s", ", ".join(changes.made))
    if changes.removed:
        _log.warning("removed broker accounts: %s", ", ".join(changes.removed))


def apply() -> Changes:
    """Do it now: for a command that has just changed the table. Raises `AccountsUnavailable`."""
    with open_accounts(settings.KAIROS_BROKER, settings.KAIROS_BROKER_MANAGEMENT_URL) as broker:
        return reconcile(broker, lambda: selectors.valid(timezone.now()))
