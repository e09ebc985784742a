"""Images of a registry with a quota, from regions at known addresses, for tests of the ledger."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from probes.actions import resources, secrets
from probes.actions.ingest import Ingested, ingest
from probes.actions.plans import Message
from probes.models import (
    Credential,
    QuotaAccount,
    Region,
    Registry,
    Resource,
)
from probes.policy.quota import buckets_from_json
from probes.protocol.taxonomy import Depth
from tests.fakes.far_region import FarRegion, Find, images

EU, US = "198.51.100.1", "198.51.100.2"


def add(count: int, now: datetime, *, first: int = 0, host: str = "docker.io", **values: Any) -> list[Resource]:
    """Add so many images of a registry, due now."""
    return [
        resources.save(Resource(reference=f"{host}/org/app-{number}:1", next_due_at=now, **values), now=now)
        for number in range(first, first + count)
    ]


def login(now: datetime, *, prefix: str = "", username: str = "robot") -> Credential:
    registry, _ = Registry.objects.get_or_create(host="docker.io")
    credential = Credential(registry=registry, repository_prefix=prefix, username=username)
    secrets.store_secret(credential, password="pass", now=now)
    return credential


def come_from(**addresses: str) -> None:
    """Let canaries have seen the regions at these addresses."""
    for slug, address in addresses.items():
        Region.objects.filter(slug=slug.replace("_", "-")).update(canaries={"public_address": address})


def depths(regions: Mapping[str, FarRegion], messages: Sequence[Message]) -> dict[str, list[Depth]]:
    """Return how deep each region is to look, in the order of resources."""
    asked: dict[str, list[Depth]] = {}
    for message in messages:
        slug = message.queue.removeprefix("probe.")
        asked.setdefault(slug, []).extend(plan.depth for plan in images(regions[slug].open(message)))
    return asked


def deliver(
    regions: Mapping[str, FarRegion], messages: Sequence[Message], now: datetime, **finds: Find
) -> list[Ingested]:
    """Let regions check and report what they were sent; only those named do."""
    taken = []
    for message in messages:
        slug = message.queue.removeprefix("probe.")
        if find := finds.get(slug.replace("-", "_")):
            taken.append(ingest(regions[slug].report(regions[slug].open(message), find), now=now))
    return taken


def only(region: str, regions: Mapping[str, FarRegion]) -> list[Region]:
    return [regions[region].row]


def spent_by(account: QuotaAccount) -> int:
    return sum(bucket.spent for bucket in buckets_from_json(account.buckets))
