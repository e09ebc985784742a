"""The regions' accounts on the broker, as they should be. `probes.tasks.accounts` brings the broker in line."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery

from probes.models import BrokerAccount, Region, RegionKey
from probes.trust.accounts import Account, generation_of, new_password, username

OVERLAP: Final = timedelta(hours=24)


def issue(region: Region, *, now: datetime, overlap: timedelta = OVERLAP) -> tuple[BrokerAccount, str]:
    """Give a region its next account; return it with its password, which is kept nowhere else.

    Those before it stay valid for `overlap` at most, each under its own name: its user is not touched, so whoever is
    logged in by it stays so.
    """
    password = new_password()
    with transaction.atomic():
        Region.objects.select_for_update(no_key=True).get(pk=region.pk)
        names = BrokerAccount.objects.filter(region=region).values_list("username", flat=True)
        newest = max((generation_of(region.slug, name) for name in names), default=0)
        end_by(region, at=now + overlap)
        account = Account.make(region.slug, username(region.slug, newest + 1), password)
        made = BrokerAccount.objects.create(
            region=region,
            username=account.username,
            sha256=account.sha256,
            salted_sha256=account.salted_sha256,
            made_at=now,
        )
    return made, password


def is_current(region: Region, name: str, password: str) -> bool:
    """Tell whether this is the region's account, and none that is being replaced."""
    current = BrokerAccount.objects.filter(region=region, username=name, valid_until=None)
    return any(row.account.has_password(password) for row in current.select_related("region"))


def end_by(region: Region, *, at: datetime) -> int:
    """Have the region's accounts end then at the latest, without another; return how many would have been longer."""
    longer = Q(valid_until=None) | Q(valid_until__gt=at)
    return BrokerAccount.objects.filter(longer, region=region).update(valid_until=at)


def end_with_keys(region: Region, *, now: datetime) -> int:
    """End the accounts that were replaced and whose keys have ended; return how many.

    An account's keys are the newest that were there when it was made: those that it was handed out with, and at
    whose workers it is in use.
    """
    keys = RegionKey.objects.filter(region=OuterRef("region"), made_at__lte=OuterRef("made_at"))
    its_keys_end = Subquery(keys.order_by("-made_at", "-pk").values("valid_until")[:1])
    replaced = BrokerAccount.objects.filter(region=region, valid_until__gt=now)
    return replaced.alias(its_keys_end=its_keys_end).filter(its_keys_end__lte=now).update(valid_until=now)


def end_all(region: Region) -> int:
    """Take all of a region's accounts away, for good; return how many there were."""
    dropped, _ = BrokerAccount.objects.filter(region=region).delete()
    return dropped


def drop_ended(*, now: datetime) -> int:
    dropped, _ = BrokerAccount.objects.filter(valid_until__lte=now).delete()
    return dropped
