"""Telling what will expire soon. Outcomes are not read: what hosts showed is in a small table of its own."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import transaction

from probes.actions import events
from probes.models import Credential, Event, HostCertificate, Registry
from probes.models.client_identity import ClientCertificate
from probes.policy import expiry
from probes.policy.happenings import Happening

MET_WITHIN: Final = timedelta(days=3)
"""A host that was not asked for longer may have renewed its certificate. Layers are asked for once a day."""

_AT_ONCE: Final = 500


def tell(*, now: datetime) -> list[Event]:
    """Tell what expires and was not told of yet, some hundreds in a transaction; return the new events."""
    happened = _happenings(now)
    told: list[Event] = []
    while some := list(islice(happened, _AT_ONCE)):
        told += _record(some, now)
    return told


def _happenings(now: datetime) -> Iterator[Happening]:
    found = (
        *(expiry.of_host(item, now=now) for item in _of_hosts(now)),
        *(_of_client(registry, now) for registry in _with_identity()),
        *(
            expiry.of_credential(item.pk, str(item), item.expires_at, now=now)
            for item in _ending(now)
            if item.expires_at is not None
        ),
    )
    return (item for item in found if item is not None)


def _of_hosts(now: datetime) -> Iterable[expiry.HostCertificate]:
    """Return each certificate that ends soon once, wherever it is met. One query."""
    ending = HostCertificate.objects.filter(
        not_after__lte=now + expiry.HORIZON, seen_at__gte=now - MET_WITHIN, region__retired_at=None
    )
    grouped = ending.order_by("not_after", "host").values("not_after", "host")
    for row in grouped.annotate(
        issuers=ArrayAgg("issuer", distinct=True),
        regions=ArrayAgg("region__slug", distinct=True),
        ids=ArrayAgg("registry_id", order_by="id"),
        hosts=ArrayAgg("registry__host", order_by="id"),
    ):
        yield expiry.HostCertificate(
            host=row["host"],
            not_after=row["not_after"],
            issuers=[issuer for issuer in row["issuers"] if issuer],
            regions=row["regions"],
            registries=sorted(set(zip(row["ids"], row["hosts"], strict=True))),
        )


def _with_identity() -> Iterable[Registry]:
    return Registry.objects.exclude(client_certificate="").only("host", "client_certificate").order_by("pk")


def _of_client(registry: Registry, now: datetime) -> Happening | None:
    certificate = ClientCertificate.of(registry.client_certificate)
    return expiry.of_client(registry.pk, registry.host, certificate.subject, certificate.not_after, now=now)


def _ending(now: datetime) -> Iterable[Credential]:
    stored = Credential.objects.exclude(secret_encrypted=b"").filter(expires_at__lte=now + expiry.HORIZON)
    return stored.select_related("registry", "region").order_by("pk")


def _record(happened: list[Happening], now: datetime) -> list[Event]:
    """Record what is new, of what still exists. One query where nothing is new."""
    known = set(Event.objects.filter(key__in=[item.key for item in happened]).values_list("key", flat=True))
    new = [item for item in happened if item.key not in known]
    if not new:
        return []
    with transaction.atomic():
        registries = Registry.objects.filter(pk__in=[item.registry for item in new if item.registry])
        credentials = Credential.objects.filter(pk__in=[item.credential for item in new if item.credential])
        held = {
            rows.model: set(rows.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
            for rows in (registries, credentials)
        }
        return events.record(
            [item for item in new if item.registry in held[Registry] or item.credential in held[Credential]],
            now=now,
        )
