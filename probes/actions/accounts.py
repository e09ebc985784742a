"""The regions' accounts on the broker, as they should be. `probes.tasks.accounts` brings the broker in line."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from probes.models import BrokerAccount, Region
from probes.trust.accounts import Account, new_password, usernames

OVERLAP: Final = timedelta(hours=24)


def issue(region: Region, *, now: datetime, overlap: timedelta = OVERLAP) -> tuple[BrokerAccount, str]:
    """Give a region its next account; return it with its password, which is kept nowhere else.

    The account before it stays valid for `overlap`. A region has two names in turn: one that was still ending from
    an earlier change ends at once.
    """
    password = new_password()
    with transaction.atomic():
        Region.objects.select_for_update(no_key=True).get(pk=region.pk)
        current = BrokerAccount.objects.filter(region=region, valid_until=None)
        taken = set(current.values_list("username", flat=True))
        username = next(name for name in usernames(region.slug) if name not in taken)
        current.update(valid_until=now + overlap)
        made = _put(region, username, password, now=now)
    return made, password


def keep(region: Region, password: str, *, now: datetime) -> BrokerAccount:
    """See that the region's current account is that of its first name with this password; return it.

    For a worker on this machine, whose password is in a file beside its keys. Can run at every start. An account of
    the other name was handed out in a bundle, and ends as if it were replaced.
    """
    username, _ = usernames(region.slug)
    with transaction.atomic():
        Region.objects.select_for_update(no_key=True).get(pk=region.pk)
        current = BrokerAccount.objects.filter(region=region, valid_until=None)
        kept = current.filter(username=username).select_related("region").first()
        if kept is not None and kept.account.has_password(password):
            return kept
        current.exclude(username=username).update(valid_until=now + OVERLAP)
        return _put(region, username, password, now=now)


def end_by(region: Region, *, at: datetime) -> int:
    """Have the region's accounts end then at the latest, without another; return how many would have been longer."""
    longer = Q(valid_until=None) | Q(valid_until__gt=at)
    return BrokerAccount.objects.filter(longer, region=region).update(valid_until=at)


def end_previous(region: Region, *, now: datetime) -> int:
    """End the accounts that are being replaced, once all workers use the current one; return how many there were."""
    return BrokerAccount.objects.filter(region=region, valid_until__gt=now).update(valid_until=now)


def end_all(region: Region) -> int:
    """Take all of a region's accounts away, for good; return how many there were."""
    dropped, _ = BrokerAccount.objects.filter(region=region).delete()
    return dropped


def drop_ended(*, now: datetime) -> int:
    dropped, _ = BrokerAccount.objects.filter(valid_until__lte=now).delete()
    return dropped


def _put(region: Region, username: str, password: str, *, now: datetime) -> BrokerAccount:
    account = Account.make(region.slug, username, password)
    made, _ = BrokerAccount.objects.update_or_create(
        username=username,
        defaults={
            "region": region,
            "sha256": account.sha256,
            "salted_sha256": account.salted_sha256,
            "made_at": now,
            "valid_until": None,
        },
    )
    return made
