"""From resources and slots to batches of plans for regions: the one place where a check is drawn up.

A batch is written to the ledger and signed in the caller's transaction; what is to be published comes back as
values.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings

from probes.actions import region_keys, secrets
from probes.actions.missed import Shed
from probes.actions.orders import Check, Errand, Order, Wanted, chunks, taken_over
from probes.actions.quota import Manner, ration
from probes.models import Batch, Credential, Endpoint, Region, RegionState, Registry, Resource
from probes.policy import depth, freshness, sampling, slots
from probes.policy.rationing import Fate, Key
from probes.policy.slots import MissedCause
from probes.protocol import batch as wire
from probes.protocol.check import CheckPlan
from probes.protocol.endpoint import EndpointPlan
from probes.protocol.outcome import rfc3339
from probes.protocol.plan import ANONYMOUS, DEFAULT_TIMEOUT_SECONDS, Plan
from probes.protocol.taxonomy import Depth
from probes.protocol.versions import ENDPOINTS_SINCE
from probes.selectors import workers
from probes.selectors.credentials import Keyring
from probes.trust.envelope import CONTROL, Kind, sign
from probes.trust.keys import ControlKeys
from probes.trust.sealing import BoundSecret, seal

_TIMEOUT_SHARE: Final = 0.8
"""Of the interval: a check must be over before its batch expires, or it would find nothing at all."""


@dataclass(frozen=True, slots=True)
class Message:
    """A signed batch that is to be published to `queue` once its transaction is committed."""

    queue: str
    envelope: Mapping[str, Any] = field(repr=False)
    expires_at: datetime
    checks: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """Messages to publish on commit, what is in them, and the checks that a registry's quota leaves no room for."""

    messages: list[Message]
    put_off: list[Shed]
    sent: frozenset[Key] = frozenset()


def draw_up(
    checks: Sequence[Check],
    *,
    manner: Manner,
    now: datetime,
    second_of: Batch | None = None,
    errand: Errand | None = None,
) -> Drawn:
    """Write the batches of all checks to the ledger and return their messages.

    How deep each goes, if it goes at all, is for the quota ledger to say. What was returned of `second_of` is drawn
    up with its expiry, and was taken from the quota with it. `errand` is the run that they are drawn up for. What a
    region's workers could not read is left out: whoever has to account for that asks `readable` first. A constant
    number of queries, however many checks. Raises `KeyFileError` without the control plane's key.
    """
    office = _Office(checks, now)
    # Without its keys a region was retired a moment ago.
    wanted = [
        office.wanted(check, region)
        for region, group in _by_region(checks).items()
        if region.pk in office.box_keys
        for check in group
        if office.is_read_by(region, check)
    ]
    granted = taken_over(second_of, wanted) if second_of else ration(wanted, manner=manner, now=now)
    by_region: dict[Region, list[Order]] = defaultdict(list)
    put_off: list[Shed] = []
    for item, grant in zip(wanted, granted, strict=True):
        if grant.fate is Fate.PUT_OFF:
            put_off.append(Shed(item.resource, item.region.pk, item.check.slot, 1, MissedCause.QUOTA))
        else:
            by_region[item.region].append(Order(item, grant))
    run_id = second_of.run_id if second_of else errand.run_id if errand else None
    ledger: list[Batch] = []
    messages: list[Message] = []
    for region, orders in by_region.items():
        for chunk in chunks(orders):
            batch = office.batch(region, chunk, second_of.expires_at if second_of else None, errand)
            charges = [order.granted.charge for order in chunk]
            ledger.append(
                Batch(
                    id=uuid.UUID(batch.id),
                    region=region,
                    issued_at=batch.issued_at,
                    expires_at=batch.expires_at,
                    resource_ids=[order.check.resource.pk for order in chunk],
                    slots=[order.check.slot for order in chunk],
                    accounts=[order.granted.account for order in chunk],
                    charges=charges if any(charges) else [],
                    lowered=[order.check.resource.pk for order in chunk if order.granted.fate is Fate.LOWERED],
                    depth=chunk[0].check.depth,
                    run_id=run_id,
                    is_second=second_of is not None,
                )
            )
            messages.append(Message(region.queue, office.signed(batch), batch.expires_at, checks=len(chunk)))
    Batch.objects.bulk_create(ledger)
    sent = frozenset(order.wanted.key for orders in by_region.values() for order in orders)
    return Drawn(messages, put_off, sent)


def readable(checks: Sequence[Check], *, now: datetime) -> list[Check]:
    """Return the checks without the regions whose live workers could not read them."""
    regions = [region for check in checks if check.resource.is_endpoint for region in check.regions]
    if not regions:
        return list(checks)
    outdated = workers.too_old(regions, ENDPOINTS_SINCE, now=now)
    return [
        replace(check, regions=[region for region in check.regions if region.pk not in outdated])
        if check.resource.is_endpoint
        else check
        for check in checks
    ]


class _Office:
    """What is looked up once for all batches of one transaction.

    Keys, credentials, what is proven so far, and what the regions' workers can read.
    """

    def __init__(self, checks: Sequence[Check], now: datetime) -> None:
        self._now = now
        self._key = ControlKeys.load(settings.KAIROS_CONTROL_KEY_FILE).signing_key
        self._keyring = Keyring({check.resource.registry_id for check in checks})
        self._opened: dict[str, BoundSecret | None] = {}
        self.box_keys = region_keys.box_keys({region.pk for check in checks for region in check.regions}, now=now)
        self._addressees = workers.addressees((region for check in checks for region in check.regions), now=now)
        self._states = {
            (state.resource_id, state.region_id): state
            for state in RegionState.objects.filter(resource__among={check.resource.pk for check in checks}).only(
                "resource_id",
                "region_id",
                "digest",
                "consecutive_failures",
                "proved_digest",
                "manifest_proved_at",
                "blobs_proved_at",
                "ballot",
                "status",
                "stage",
                "reason",
                "warnings",
            )
        }

    def is_read_by(self, region: Region, check: Check) -> bool:
        """Tell whether every live worker of the region can read what the check would be."""
        return not check.resource.is_endpoint or self._addressees[region.pk].version >= ENDPOINTS_SINCE

    def wanted(self, check: Check, region: Region) -> Wanted:
        """Return a check for a region with the credential that it uses, and as deep as it should be."""
        resource, state = check.resource, self._state(check, region)
        return Wanted(
            check=check,
            region=region,
            credential=None if check.is_anonymous else self._keyring.shown(resource, region.slug),
            address=self._addressees[region.pk].address,
            depth=None if resource.is_endpoint else _depth(check, state),
            needs_depth=state is not None
            and depth.needs_depth(
                ballot=state.ballot,
                status=state.status,
                stage=state.stage,
                reason=state.reason,
                warnings=state.warnings,
            ),
        )

    def batch(
        self, region: Region, orders: Sequence[Order], expires_at: datetime | None, errand: Errand | None
    ) -> wire.Batch:
        longest = errand.lasts if errand else slots.LATEST
        lasts = min(timedelta(seconds=orders[0].check.resource.every_seconds), longest)
        plans, opened = [], {}
        for order in orders:
            registry, credential = order.check.resource.registry, order.wanted.credential
            secret_key = "" if order.check.is_anonymous else _secret_key(registry, credential)
            if secret_key:
                opened[secret_key] = self._open(secret_key, registry, credential)
            plans.append(self._plan(order, secret_key))
        box_key, addressees = self.box_keys[region.pk], self._addressees[region.pk]
        return wire.Batch(
            id=str(uuid.uuid4()),
            region=region.slug,
            issued_at=self._now,
            expires_at=expires_at or self._now + lasts,
            plans=tuple(plans),
            secrets={key: seal(bound, box_key) for key, bound in opened.items() if bound is not None},
            clock_offset_seconds=region.clock_offset_seconds,
            clock_offsets=addressees.clock_offsets,
            heartbeats_apart=True,
            version=addressees.version,
        )

    def signed(self, batch: wire.Batch) -> Mapping[str, Any]:
        return sign(Kind.BATCH, CONTROL, batch.region, batch.to_json(), self._key)

    def _state(self, check: Check, region: Region) -> RegionState | None:
        return self._states.get((check.resource.id, region.id))

    def _plan(self, order: Order, secret_key: str) -> CheckPlan:
        state = self._state(order.check, order.wanted.region)
        if order.depth is None:
            failures = state.consecutive_failures if state else 0
            return _endpoint_plan(order.check, secret_key, consecutive_failures=failures)
        return self._image_plan(order, order.depth, state, secret_key)

    def _image_plan(self, order: Order, deep: Depth, state: RegionState | None, secret_key: str) -> Plan:
        check = order.check
        resource, interval_seconds = check.resource, check.resource.every_seconds
        proof, digest, failures = depth.NOTHING_PROVED, None, 0
        if state is not None:
            proof, digest, failures = _proof(state), state.digest, state.consecutive_failures
        forced, cadences = _forced(check), _cadences(resource)
        # What fails deep down is looked at each time: then only what is not known is read, as reading counts.
        is_thrifty = order.granted.is_limited and order.wanted.needs_depth
        is_reread_due = depth.is_reread_due(proof, digest=digest, now=check.slot, cadences=cadences)
        number = resource.slot_number(check.slot)
        sample_blobs = deep is Depth.BLOBS and sampling.is_sample_enough(
            wanted=resource.sample_blobs, consecutive_failures=failures
        )
        blobs_every = timedelta(seconds=interval_seconds) if forced else cadences.blobs
        return Plan(
            reference=resource.reference,
            depth=deep,
            platforms=tuple(resource.platforms),
            site=resource.registry.site,
            timeout_seconds=_timeout_seconds(resource),
            strict_platform=resource.strict_platform,
            check_tag=resource.check_tag,
            fresh=freshness.is_fresh_due(number, consecutive_failures=failures),
            reread=(is_reread_due or not forced) and not is_thrifty,
            sample_blobs=sample_blobs,
            rotation=sampling.rotation(check.slot, interval_seconds=interval_seconds, blobs_every=blobs_every)
            if sample_blobs
            else 0,
            secret_key=secret_key,
            key=str(resource.pk),
            slot=rfc3339(check.slot),
        )

    def _open(self, secret_key: str, registry: Registry, credential: Credential | None) -> BoundSecret | None:
        """Open a secret once. One that does not open is left out: the region then reports a config_error.

        The client certificate is the whole registry's: it goes with each of its credentials, whatever their prefix.
        """
        if secret_key not in self._opened:
            try:
                login = secrets.open_secret(credential) if credential else ANONYMOUS
                secret = replace(login, client_identity=secrets.open_identity(registry))
            except secrets.SecretUnreadable:
                self._opened[secret_key] = None
            else:
                prefix = credential.repository_prefix if credential else ""
                self._opened[secret_key] = BoundSecret(secret, registry.host, prefix)
        return self._opened[secret_key]


def _endpoint_plan(check: Check, secret_key: str, *, consecutive_failures: int) -> EndpointPlan:
    resource = check.resource
    number = resource.slot_number(check.slot)
    return Endpoint.of(resource).plan(
        site=resource.registry.site,
        timeout_seconds=_timeout_seconds(resource),
        fresh=freshness.is_fresh_due(number, consecutive_failures=consecutive_failures),
        secret_key=secret_key,
        key=str(resource.pk),
        slot=rfc3339(check.slot),
    )


def _depth(check: Check, state: RegionState | None) -> Depth:
    proof, digest = (_proof(state), state.digest) if state else (depth.NOTHING_PROVED, None)
    cadences = _cadences(check.resource)
    return depth.next_depth(proof, digest=digest, now=check.slot, forced=_forced(check), cadences=cadences)


def _forced(check: Check) -> Depth | None:
    return check.depth or (Depth(check.resource.depth) if check.resource.depth else None)


def _timeout_seconds(resource: Resource) -> float:
    return min(DEFAULT_TIMEOUT_SECONDS, resource.every_seconds * _TIMEOUT_SHARE)


def _secret_key(registry: Registry, credential: Credential | None) -> str:
    """Name what a check shows: a credential, or else its registry's client certificate alone, or nothing."""
    if credential is not None:
        return str(credential.pk)
    return f"registry-{registry.pk}" if registry.has_client_identity else ""


def _by_region(checks: Iterable[Check]) -> Mapping[Region, list[Check]]:
    grouped: dict[Region, list[Check]] = defaultdict(list)
    for check in checks:
        for region in check.regions:
            grouped[region].append(check)
    return grouped


def _proof(state: RegionState) -> depth.Proof:
    return depth.Proof(
        digest=state.proved_digest, manifest_at=state.manifest_proved_at, blobs_at=state.blobs_proved_at
    )


def _cadences(resource: Resource) -> depth.Cadences:
    return depth.Cadences(
        manifest=timedelta(seconds=resource.manifest_cadence_seconds),
        blobs=timedelta(seconds=resource.blobs_cadence_seconds),
    )
