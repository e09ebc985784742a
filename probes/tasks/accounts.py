"""Bringing the broker's accounts in line with the table. Redis forgets them when it is restarted."""

import logging
from typing import Final

from celery import shared_task
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from probes.actions import accounts as table
from probes.broker.accounts import AccountsUnavailable, AccountsUnsupported, Changes, open_accounts, reconcile
from probes.selectors import accounts as selectors

_log = logging.getLogger(__name__)
_LOCK: Final = 0x6B6169726F74  # an advisory lock: one process at a time brings the broker in line


class Trouble:
    """What keeps the accounts from being kept: said when it begins, and not every five seconds that it lasts.

    Each process of the worker has its own memory of it.
    """

    def __init__(self) -> None:
        self._said = ""

    def say(self, level: int, text: str) -> None:
        if text != self._said:
            _log.log(level, "%s", text)
        self._said = text

    def is_over(self) -> None:
        self._said = ""


trouble = Trouble()


@shared_task(name="probes.accounts", ignore_result=True)
def accounts() -> None:
    """Make the accounts that should be and are not, and remove those that are over."""
    table.drop_ended(now=timezone.now())
    try:
        changes = apply()
    except AccountsUnavailable as error:
        wanted = selectors.valid(timezone.now())
        if not wanted:
            return  # a broker without accounts is no fault where none is asked for: regions then share one password
        if isinstance(error, AccountsUnsupported):
            names = ", ".join(account.username for account in wanted)
            trouble.say(logging.WARNING, f"broker accounts that nobody can log in by: {names}: {error}")
        else:
            trouble.say(logging.ERROR, f"the regions' broker accounts cannot be kept: {error}")
        return
    trouble.is_over()
    if changes.made:
        _log.warning("made broker accounts that were not there: %s", ", ".join(changes.made))
    if changes.removed:
        _log.warning("removed broker accounts: %s", ", ".join(changes.removed))


def apply() -> Changes:
    """Do it now: for a command that has just changed the table. Raises `AccountsUnavailable`.

    One at a time: another, that read the table before this change, would bring an account back that this one removes.
    """
    with transaction.atomic(), open_accounts(settings.KAIROS_BROKER, settings.KAIROS_BROKER_MANAGEMENT_URL) as broker:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        broker.check()  # an older Redis would refuse the first account with words about syntax
        return reconcile(broker, lambda: selectors.valid(timezone.now()))
