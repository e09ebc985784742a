"""The regions' logins at the broker: only who may dial it can tell whether it has accounts, so no action does."""

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction

from probes.actions import accounts
from probes.actions.enrolment import EnrolmentRefused, Login, Logins
from probes.broker.accounts import AccountsUnavailable, AccountsUnsupported, open_accounts
from probes.bundle.contents import has_login
from probes.models import Region
from probes.tasks import publishing
from probes.tasks.accounts import apply

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _AtTheBroker:
    """Accounts in the table, which are brought to the broker when the transaction is committed."""

    is_here: bool  # for a worker on this machine, which reaches the broker as we do

    def issue(self, region: Region, *, now: datetime, overlap: timedelta) -> Login | None:
        """See `Logins`. Raises `EnrolmentRefused` while a broker that has accounts does not answer."""
        if not self.is_here and has_login(settings.KAIROS_EDGE_BROKER_URL):
            self._give_up(region, now + overlap)
            return None  # the operator gives all regions this one
        try:
            with open_accounts(settings.KAIROS_BROKER, settings.KAIROS_BROKER_MANAGEMENT_URL) as broker:
                broker.check()
        except AccountsUnsupported as error:
            _log.warning("%s: region %s gets the login for all", error, region.slug)
            self._give_up(region, now + overlap)
            return None
        except AccountsUnavailable as error:
            raise EnrolmentRefused(f"region {region.slug} can be given no login now: {error}") from None
        made, password = accounts.issue(region, now=now, overlap=overlap)
        transaction.on_commit(_bring_in_line)
        return Login(made.username, password)

    def _give_up(self, region: Region, until: datetime) -> None:
        """Have the logins that the region had end as if they were replaced, though no other of its own follows."""
        accounts.end_by(region, at=until)
        transaction.on_commit(_bring_in_line)

    def withdraw(self, region: Region, *, now: datetime) -> None:  # noqa: ARG002 - see Logins
        accounts.end_all(region)
        transaction.on_commit(_bring_in_line)
        transaction.on_commit(partial(_drop, region.queue))


def at_the_broker(*, is_here: bool = False) -> Logins:
    """Return where regions get their logins from, those far away or one whose worker is on this machine."""
    return _AtTheBroker(is_here)


def _bring_in_line() -> None:
    with suppress(AccountsUnavailable):  # `probes.accounts` tries again in a few seconds
        apply()


def _drop(queue: str) -> None:
    with suppress(Exception):  # every transport has its own; `probes.trim` tries again within a minute
        publishing.drop([queue])
