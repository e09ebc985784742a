"""Which accounts the broker should hold for regions."""

from datetime import datetime

from django.db.models import Q

from probes.models import BrokerAccount
from probes.trust.accounts import Account


def valid(now: datetime) -> list[Account]:
    """Return the accounts of all regions that are not retired."""
    rows = BrokerAccount.objects.filter(Q(valid_until=None) | Q(valid_until__gt=now), region__retired_at=None)
    return [row.account for row in rows.select_related("region")]
