"""Something of what checks depend on, and of what leaves us: a certificate, a quota and notices."""

from datetime import datetime, timedelta

from probes.models import Channel, HostCertificate, Notice, QuotaAccount, Region, Registry
from probes.policy.delivery import ChannelKind
from probes.policy.notices import Topic

SOON = timedelta(days=10)


def surroundings_of(registry: Registry, region: Region, *, now: datetime) -> None:
    """Store a certificate that ends in ten days, a quota of which 40 of 100 are left, and two notices that wait."""
    HostCertificate.objects.create(
        registry=registry,
        region=region,
        host="auth.example",
        not_after=now + SOON,
        first_seen_at=now,
        seen_at=now,
    )
    QuotaAccount.objects.create(
        registry=registry,
        egress="192.0.2.7",
        limit=100,
        remaining=40,
        window_seconds=21_600,
        read_at=now,
        lowered=3,
        put_off=2,
        created_at=now,
    )
    channel = Channel.objects.create(name="mail", kind=ChannelKind.EMAIL)
    for number in (1, 2):
        Notice.objects.create(
            channel=channel,
            key=str(number),
            topic=next(iter(Topic)),
            announcement={},
            created_at=now,
            due_at=now + timedelta(minutes=number),
        )
