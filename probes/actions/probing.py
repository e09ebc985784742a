"""Checking a reference or URL once that is stored nowhere.

It is drawn up as any check is, of a resource that exists for that long alone: the region gets the same plan in the
same signed batch, with the same guards, whatever its version. What it finds is kept on the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count

from probes.actions import plans, runs
from probes.actions.dispatch import refuse_unknown
from probes.actions.orders import Check, Errand
from probes.actions.quota import Manner
from probes.models import AccessToken, Credential, Endpoint, Region, Registry, Resource, ResourceKind, Run, RunCheck
from probes.policy import slots
from probes.policy.networks import closed_target
from probes.policy.quota_limits import HUB
from probes.policy.runs import PROBE_SECONDS, CheckState, RunKind
from probes.protocol.endpoint import EndpointPlan
from probes.protocol.plan import DEFAULT_PLATFORM
from probes.protocol.reference import parse_reference
from probes.protocol.taxonomy import Depth
from probes.selectors.regions import UNREAD
from probes.selectors.workers import READ_TO_ADDRESS

MOST_OPEN_PER_PERSON: Final = 20
MOST_OPEN_PER_REGION: Final = 200
CROWDED_RETRY_SECONDS: Final = 10

_OWN_FIELDS: Final = ("reference", "platforms", "depth")


class Crowded(Exception):
    """Too many probes are on their way already. Nothing was sent; ask again in `CROWDED_RETRY_SECONDS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to check, from which regions (slugs) and as whom: without a credential, as nobody.

    `reference` is an image's, or an endpoint's URL, which has neither platforms nor a depth.
    """

    reference: str
    regions: Sequence[str]
    platforms: Sequence[str] = field(default=(DEFAULT_PLATFORM,))
    depth: Depth = Depth.BLOBS
    credential: Credential | None = None

    @property
    def is_endpoint(self) -> bool:
        return self.reference.startswith(("http://", "https://"))


def probe(wanted: Wanted, *, by: Any, token: AccessToken | None = None, now: datetime) -> runs.Ordered:
    """Order one check from each of the regions, and a run to wait for.

    Raises `ValidationError` by field, where nothing is stored, and `Crowded` where too many are on their way.
    """
    resource = _resource(wanted)
    refuse_unknown(wanted.regions)
    with transaction.atomic():
        unread = [name for name in UNREAD if name not in READ_TO_ADDRESS]
        regions = list(Region.objects.active().filter(slug__in=wanted.regions).defer(*unread).order_by("slug"))
        _refuse_crowds(by, regions, now)
        run = runs.opened(
            RunKind.PROBE,
            by=by,
            token=token,
            now=now,
            depth=None if wanted.is_endpoint else wanted.depth,
            reference=resource.shown_reference,
            platforms=[] if wanted.is_endpoint else list(wanted.platforms),
            credential=wanted.credential.slug if wanted.credential else "",
        )
        resource.pk = -run.pk  # see `Run`
        item = Check(
            resource,
            slots.asked_slot(now, None),
            regions,
            None if wanted.is_endpoint else wanted.depth,
            is_anonymous=wanted.credential is None,
        )
        drawn = plans.draw_up(
            [item], manner=Manner.BY_HAND, now=now, errand=Errand(run.pk, timedelta(seconds=PROBE_SECONDS))
        )
        put_off = {(shed.resource.pk, shed.region_id) for shed in drawn.put_off}
        rows = [
            RunCheck(
                run=run,
                region=region,
                slot=item.slot,
                **runs.fate(
                    (resource.pk, region.pk), sent=drawn.sent, put_off=put_off, is_endpoint=wanted.is_endpoint
                ),
            )
            for region in regions
        ]
        runs.begin(run, rows, drawn.messages, now=now)
    return runs.Ordered(run, drawn.messages, {})


def _resource(wanted: Wanted) -> Resource:
    """Return what is to be checked, as a resource that is not stored. Raises `ValidationError` by field."""
    resource = Resource(
        kind=ResourceKind.ENDPOINT if wanted.is_endpoint else ResourceKind.IMAGE,
        reference=wanted.reference,
        platforms=list(wanted.platforms),
        depth=wanted.depth,
        credential=wanted.credential,
        interval_seconds=PROBE_SECONDS,
    )
    others = [item.name for item in resource._meta.fields if item.name not in _OWN_FIELDS]  # noqa: SLF001 - documented
    errors: dict[str, Any] = {}
    try:
        resource.clean_fields(exclude=others)
    except ValidationError as error:
        errors = error.update_error_dict(errors)
    try:
        resource.clean()
    except ValidationError as error:
        errors = error.update_error_dict(errors)
    if errors:
        raise ValidationError(errors)
    if wanted.credential is not None and not wanted.credential.has_secret:
        raise ValidationError({"credential": "Nothing is stored there yet: it would be a check without a login."})
    host = EndpointPlan(url=wanted.reference).host if wanted.is_endpoint else parse_reference(wanted.reference).host
    resource.registry = _registry(host)
    if sentence := closed_target(host, resource.registry.site):
        raise ValidationError({"reference": sentence})
    if wanted.is_endpoint:
        Endpoint(resource=resource)  # a plain GET, which the resource remembers
    return resource


def _registry(host: str) -> Registry:
    """Return the settings that a host goes by: the stored ones, or those of a host that nobody has set anything for.

    Such a one is not stored. But of Docker Hub it is known that it counts: what it is asked has to be counted too.
    """
    if host == HUB:
        return Registry.objects.get_or_create(host=HUB)[0]
    return Registry.objects.filter(host=host).first() or Registry(host=host)


def _refuse_crowds(by: Any, regions: Sequence[Region], now: datetime) -> None:
    """Raise `Crowded` where somebody, or a region, has too much on its way."""
    own = Run.objects.filter(kind=RunKind.PROBE, asked_by=by, finished_at=None, ends_at__gt=now)
    if own.count() >= MOST_OPEN_PER_PERSON:
        raise Crowded(f"{MOST_OPEN_PER_PERSON} probes of yours are on their way already.")
    waiting = RunCheck.objects.filter(
        resource=None, state=CheckState.WAITING, region__in=regions, run__ends_at__gt=now
    )
    counts = waiting.order_by().values("region__slug").annotate(number=Count("pk"))
    for row in counts:
        if row["number"] >= MOST_OPEN_PER_REGION:
            raise Crowded(f"{MOST_OPEN_PER_REGION} probes are on their way to {row['region__slug']} already.")
