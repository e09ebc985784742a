"""Checks on their way into batches: what is wanted of which region, what was granted, and what travels together."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from probes.actions.quota_book import Party
from probes.models import Batch, Credential, Endpoint, Region, Registry, Resource
from probes.policy.rationing import Fate, Key
from probes.protocol.taxonomy import Depth

PLANS_IN_A_BATCH: Final = 100
HEAVY_BYTES_IN_A_BATCH: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Check:
    """A resource (with its registry) to be checked for `slot` from each of `regions`; `depth` None is automatic.

    One that `is_anonymous` shows no stored login, whichever there is, and no client certificate.
    """

    resource: Resource
    slot: datetime
    regions: Sequence[Region]
    depth: Depth | None = None
    is_anonymous: bool = False


@dataclass(frozen=True, slots=True)
class Errand:
    """The run that checks are drawn up for, and for how long their regions have them at most."""

    run_id: int
    lasts: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A check that is to be handed out to one region, which comes from `address` as far as that is known.

    `depth` is None of an endpoint. `needs_depth` tells that a resolve would not do.
    """

    check: Check
    region: Region
    credential: Credential | None
    address: str | None
    depth: Depth | None
    needs_depth: bool = False

    @property
    def resource(self) -> Resource:
        return self.check.resource

    @property
    def key(self) -> Key:
        return self.check.resource.id, self.region.id  # `pk` looks its name up, and this is asked for all the time

    @property
    def party(self) -> Party:
        return Party(self.resource.registry_id, self.credential, self.region, self.address)


@dataclass(frozen=True, slots=True)
class Granted:
    """What a check got: its fate, the account that it counts for, and what was taken from that in advance."""

    account: int
    fate: Fate = Fate.AS_ASKED
    charge: int = 0
    is_limited: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """A check as it goes to a region."""

    wanted: Wanted
    granted: Granted

    @property
    def check(self) -> Check:
        return self.wanted.check

    @property
    def depth(self) -> Depth | None:
        return Depth.RESOLVE if self.granted.fate is Fate.LOWERED else self.wanted.depth


def taken_over(first: Batch, wanted: Iterable[Wanted]) -> list[Granted]:
    """Return what was granted to checks when they were handed out first. An earlier version did not say."""
    granted = {}
    if first.accounts:
        charges = first.charges or [0] * len(first.accounts)
        for resource_id, slot, account, charge in zip(
            first.resource_ids, first.slots, first.accounts, charges, strict=True
        ):
            fate = Fate.LOWERED if resource_id in first.lowered else Fate.AS_ASKED
            granted[resource_id, slot] = Granted(account, fate, charge, is_limited=charge > 0)
    return [granted.get((item.resource.pk, item.check.slot), Granted(account=0)) for item in wanted]


def chunks(orders: Iterable[Order]) -> Iterator[list[Order]]:
    """Yield batches of one interval and one depth asked for each; registries stay together.

    A batch expires as a whole, and what is returned of it is asked for again as it was.

    A batch is full at a hundred plans, or when what can be heavy in it weighs a megabyte: the settings of its
    registries (CA bundles), and their client certificates, since each plan may name a secret of its own; and what is
    sent to endpoints.
    """
    for _, alike in groupby(sorted(orders, key=_seating), key=lambda order: _seating(order)[:2]):
        chunk: list[Order] = []
        seen: set[int] = set()
        bytes_held = 0
        for order in alike:
            registry = order.check.resource.registry
            own_bytes = _identity_bytes(registry) + _endpoint_bytes(order.check.resource)
            added = own_bytes + (0 if registry.pk in seen else _site_bytes(registry))
            is_heavy = bool(added) and bytes_held + added > HEAVY_BYTES_IN_A_BATCH
            if len(chunk) == PLANS_IN_A_BATCH or (chunk and is_heavy):
                yield chunk
                chunk, seen, bytes_held = [], set(), 0
                added = own_bytes + _site_bytes(registry)
            chunk.append(order)
            seen.add(registry.pk)
            bytes_held += added
        yield chunk


def _site_bytes(registry: Registry) -> int:
    return len(registry.ca_pem) + len(json.dumps(registry.resolve))


def _endpoint_bytes(resource: Resource) -> int:
    if not resource.is_endpoint:
        return 0
    endpoint = Endpoint.of(resource)
    return len(json.dumps([endpoint.body, endpoint.headers, endpoint.contains, endpoint.matches]))


def _identity_bytes(registry: Registry) -> int:
    """Return what the client certificate weighs in a sealed secret; Fernet and seal both write base64."""
    return len(registry.client_certificate) * 4 // 3 + len(registry.client_key_encrypted)


def _seating(order: Order) -> tuple[int, str, int, int]:
    resource, check = order.check.resource, order.check
    return resource.every_seconds, check.depth or "", resource.registry_id, resource.pk
