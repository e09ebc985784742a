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
    return made, password


def is_current(region: Region, username: str, password: str) -> bool:
    """Tell whether this is the region's account, and none that is being replaced."""
    current = BrokerAccount.objects.filter(region=region, username=username, valid_until=None)
    return any(row.account.has_password(password) for row in current.select_related("region"))


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
