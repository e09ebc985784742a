"""What is measured of what checks depend on, and of what leaves us: certificates, quotas, notices. A query each."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, F, Min, Q

from probes.models import HostCertificate, Notice, QuotaAccount
from probes.policy import hearsay
from probes.policy.quota_limits import Reading
from probes.selectors.quota import reading_of


class Expiry(NamedTuple):
    """Until when the certificate is good that a host last showed to a region."""

    registry: str
    host: str
    region: str
    not_after: datetime


class Limited(NamedTuple):
    """An account, with its registry and credential, and what is left of what the registry lets it have."""

    account: QuotaAccount
    reading: Reading


class Told(NamedTuple):
    """How many notices of a channel are in a state, and when the first of them is or was due.

    None where the channel is disabled: they wait until somebody enables it.
    """

    channel: str
    state: str
    notices: int
    first_due_at: datetime | None


def expiries() -> Iterator[Expiry]:
    """Yield the certificates of hosts, as seen from regions that are not retired."""
    rows = HostCertificate.objects.filter(region__retired_at=None).order_by("registry__host", "host", "region__slug")
    for row in rows.values_list("registry__host", "host", "region__slug", "not_after").iterator(chunk_size=2000):
        yield Expiry(*row)


def limited(*, now: datetime) -> list[Limited]:
    """Return the accounts of which a registry told a limit, with what is left of it by the least that is believed."""
    known = QuotaAccount.objects.filter(Q(limit__isnull=False) | ~Q(readings=[]))
    known = known.select_related("registry", "credential__registry", "credential__region")
    known = known.defer("credential__secret_encrypted", "buckets")
    rows = known.order_by("registry__host", F("credential").asc(nulls_first=True), "egress")
    told = [(row, _least_left(row, now)) for row in rows]
    return [Limited(row, reading) for row, reading in told if reading is not None]


def _least_left(row: QuotaAccount, now: datetime) -> Reading | None:
    if not row.readings:  # as the version before wrote it
        return reading_of(row)
    return hearsay.least_left(hearsay.readings_from_json(row.readings), now)


def notices() -> Sequence[Told]:
    """Return how many notices there are of each channel and state."""
    counted = Notice.objects.order_by().values("channel__name", "state")
    counted = counted.annotate(Count("pk"), first=Min("due_at", filter=Q(channel__is_enabled=True)))
    return [Told(*row) for row in counted.values_list("channel__name", "state", "pk__count", "first")]
