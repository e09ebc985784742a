"""Something of everything that pages show: regions on a map, groups, registries, images that are well and others.

What each image goes through is a table below: which reason, from where, from when to when. The real actions check and
report it, round by round, so verdicts, incidents and roll-ups are what they would have been.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db.models import Case, When

from probes.actions import maintenance, partitions, resources, rollups, scopes, status_pages
from probes.models import (
    Announcement,
    Endpoint,
    Event,
    Incident,
    MaintenanceWindow,
    Region,
    Resource,
    ResourceGroup,
    ResourceKind,
    RollUpProgress,
    StatusGroup,
    StatusPage,
)
from probes.policy.publishing import AnnouncementKind, Naming, Visibility
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Certificate, Outcome, PlatformResult
from probes.protocol.plan import Plan
from probes.protocol.taxonomy import Reason, Stage, Status
from tests.browser.pages import STATUS, Ids
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.exchanges import digest_of, exchanges
from tests.fakes.far_region import Find, found

PLACES: Final = {
    "ap-south": ("Mumbai", 19.08, 72.88, 165),
    "eu-west": ("Dublin", 53.35, -6.26, 18),
    "us-east": ("Ashburn", 39.04, -77.49, 62),
}
"""Name, latitude, longitude, and how many milliseconds a round trip to most registries takes."""


SELDOM_SECONDS: Final = 6 * 3600
HOURLY_SECONDS: Final = 3600
OFTEN: Final = "payments"
"""Whose page and incident are shown: for a day it has been checked every five minutes, all others by the hour."""

EXPIRED: Final = timedelta(hours=9)
"""So long ago a certificate expired."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is found in a part of the history. `ended` hours ago 0 is trouble that goes on."""

    reason: Reason
    began_hours_ago: float
    ended_hours_ago: float = 0
    regions: Collection[str] = SLUGS
    stage: Stage = Stage.MANIFEST


@dataclass(frozen=True, slots=True)
class Shown:
    """One image or endpoint."""

    reference: str
    name: str
    group: str
    troubles: Sequence[Trouble] = ()
    platforms: Sequence[str] = ("linux/amd64", "linux/arm64")


SHOWN: Final = (
    Shown("ghcr.io/shop/cart:2.14", "cart", "Checkout"),
    Shown(
        "ghcr.io/shop/payments:1.9.3",
        "payments",
        "Checkout",
        [
            Trouble(Reason.BLOB_DENIED, 2.2, regions=("ap-south", "us-east"), stage=Stage.LAYER),
            Trouble(Reason.GATEWAY_ERROR, 212, 207),
        ],
    ),
    Shown("ghcr.io/shop/storefront:7.0", "storefront", "Checkout", [Trouble(Reason.RATE_LIMITED, 60, 54)]),
    Shown(
        "registry.corp.example/checkout/receipts:stable",
        "receipts",
        "Checkout",
        [Trouble(Reason.TLS_EXPIRED, 9.5, stage=Stage.TLS), Trouble(Reason.REGISTRY_ERROR, 460, 452)],
    ),
    Shown(
        "registry.corp.example/platform/base:bookworm",
        "base image",
        "Platform",
        [Trouble(Reason.TLS_EXPIRED, 9.5, stage=Stage.TLS)],
    ),
    Shown("quay.io/platform/ingress:v4.11.2", "ingress", "Platform", [Trouble(Reason.CONNECT_TIMEOUT, 131, 128)]),
    Shown("quay.io/platform/dns:v1.12", "cluster DNS", "Platform"),
    Shown("docker.io/library/postgres:18", "postgres", "Data", [Trouble(Reason.RATE_LIMITED, 5, 3)]),
    Shown("docker.io/library/redis:8", "redis", "Data"),
    Shown(
        "ghcr.io/data/etl:nightly",
        "nightly ETL",
        "Data",
        [Trouble(Reason.TAG_NOT_FOUND, 3.5, regions=("eu-west",)), Trouble(Reason.PLATFORM_MISSING, 300, 288)],
    ),
    Shown(
        "ghcr.io/data/a-notebook-server-with-every-library/jupyter-lab-scientific:2026.11.0-cuda",
        "",
        "Data",
        [Trouble(Reason.TIMEOUT_HEADERS, 32, 29, ("ap-south",))],
    ),
    Shown("https://api.corp.example/healthz", "checkout API", "Checkout", [Trouble(Reason.ENDPOINT_ERROR, 90, 88)]),
)


class Showcase:
    """All of it, as it is now. `ids` are the resources' by name."""

    def __init__(self, plane: ControlPlane, *, days: float) -> None:
        """Play `days` of history, in more and more rounds towards now."""
        self.plane = plane
        self.ids: dict[str, int] = {}
        now = plane.now = datetime.now(UTC).replace(microsecond=0)
        partitions.ensure_partitions((now - timedelta(days=days)).date(), days_ahead=int(days) + 2)
        self._set_up(now)
        rows = [self._save(shown, now - timedelta(days=days)) for shown in SHOWN]
        rounds = set(_rounds(now, days))
        often = {now - timedelta(minutes=5 * number) for number in range(4, 290)} if days >= 2 else set()
        for at in sorted(rounds | often):
            plane.now = at - timedelta(minutes=1)
            finds = {slug: _finder(slug, now - at) for slug in SLUGS}
            plane.check(*(rows if at in rounds else [row for row in rows if row.name == OFTEN]), finds=finds)
        _roll(now)
        # What came a few times a day comes by the hour by now; before, its votes were to stay fresh.
        Resource.objects.update(
            interval_seconds=Case(When(name=OFTEN, then=300), default=HOURLY_SECONDS),
            next_due_at=now + timedelta(minutes=4),
            created_at=now - timedelta(days=days),
        )
        Region.objects.update(condition_since=now - timedelta(days=days))
        plane.hear_all()
        scopes.infer_scopes(now=now)
        self._tell_events(now)

    def ids_of_pages(self) -> Ids:
        """Return what stands for the parts of pages' addresses."""
        bad = self.ids["payments"]
        return Ids(
            good=self.ids["cart"],
            bad=bad,
            endpoint=self.ids["checkout API"],
            incident=Incident.objects.get(resource_id=bad, resolved_at=None).pk,
        )

    def _set_up(self, now: datetime) -> None:
        for slug, (name, latitude, longitude, _) in PLACES.items():
            Region.objects.filter(slug=slug).update(name=name, latitude=latitude, longitude=longitude)
        for name in dict.fromkeys(shown.group for shown in SHOWN):
            ResourceGroup.objects.create(slug=name.lower(), name=name)
        self.plane.hear_workers()

    def _save(self, shown: Shown, since: datetime) -> Resource:
        group = ResourceGroup.objects.get(name=shown.group)
        self.plane.now = since
        if shown.reference.startswith("https:"):
            row = Resource(
                kind=ResourceKind.ENDPOINT,
                reference=shown.reference,
                name=shown.name,
                group=group,
                interval_seconds=SELDOM_SECONDS,
            )
            resource = resources.save(row, endpoint=Endpoint(), now=since)
        else:
            resource = self.plane.image(
                shown.reference,
                name=shown.name,
                group=group,
                platforms=list(shown.platforms),
                depth="blobs",
                interval_seconds=SELDOM_SECONDS,
            )
        self.ids[shown.name or shown.reference] = resource.pk
        return resource

    def _tell_events(self, now: datetime) -> None:
        told = (
            (
                "tag_moved",
                "info",
                4,
                "cart",
                "shop/cart:2.14 moved from sha256:9f2b7c01ae44 to sha256:41c0d8863b1f, as first seen from us-east.",
            ),
            (
                "tag_split",
                "warning",
                2,
                "nightly ETL",
                "data/etl:nightly has pointed at different digests for 2 h: 7a11 from us-east; c2fe from eu-west.",
            ),
            (
                "certificate_expiring",
                "warning",
                20,
                "receipts",
                f"The certificate of registry.corp.example expires in 11 hours, on {now - EXPIRED:%Y-%m-%d}.",
            ),
        )
        Event.objects.bulk_create(
            Event(
                kind=kind,
                severity=severity,
                at=now - timedelta(hours=hours),
                resource_id=self.ids[name],
                key=f"shown-{number}",
                text=text,
            )
            for number, (kind, severity, hours, name, text) in enumerate(told)
        )
        self._plan_work(now)
        self._publish(now)

    def _plan_work(self, now: datetime) -> None:
        window = MaintenanceWindow(
            name="Upgrade of the message broker",
            starts_on=now.date(),
            starts_at=now.time(),
            duration_minutes=120,
        )
        maintenance.save(window, resources=[Resource.objects.get(pk=self.ids["cluster DNS"])], now=now)

    def _publish(self, now: datetime) -> None:
        page = status_pages.save(
            StatusPage(
                slug=STATUS,
                title="Images of the platform",
                description="Whether what we publish can be pulled.",
                visibility=Visibility.PUBLIC,
                shows_reasons=True,
            )
        )
        for position, group in enumerate(ResourceGroup.objects.order_by("name")):
            StatusGroup.objects.create(
                slug=f"public-{group.slug}",
                page=page,
                group=group,
                public_name=f"{group.name} images",
                visibility=Visibility.PUBLIC,
                naming=Naming.NAMES,
                position=position,
            )
        work = Announcement(
            page=page,
            kind=AnnouncementKind.WORK,
            title="The message broker is upgraded",
            text="Pulls go on meanwhile.",
            expires_at=now + timedelta(hours=2),
        )
        status_pages.announce(work, now=now)


def _rounds(now: datetime, days: float) -> Iterator[datetime]:
    """When all is checked: four times a day, and in the last two days by the hour; around each change as well."""
    first = now - timedelta(days=days)
    moments = {first + timedelta(hours=6 * number) for number in range(int(days * 4))}
    moments |= {now - timedelta(hours=hours) for hours in range(1, int(min(days, 2) * 24))}
    for shown in SHOWN:
        for trouble in shown.troubles:
            for hours in (trouble.began_hours_ago, trouble.ended_hours_ago):
                moments |= {now - timedelta(hours=hours, minutes=minutes) for minutes in (-1, 1)}
    moments |= {now - timedelta(minutes=minutes) for minutes in (15, 10, 5)}
    yield from sorted(moment for moment in moments if first < moment < now)
    yield now - timedelta(seconds=30)


def _roll(now: datetime) -> None:
    """Roll up all hours and days that are over. A day's worth is opened at once."""
    opened = -1
    while opened != (opened := _open(now)):
        while rollups.advance(now=now):
            pass


def _open(now: datetime) -> int:
    """Return how many hours and days are opened now."""
    rollups.open_units(now=now)
    return RollUpProgress.objects.count()


def _finder(region: str, before: timedelta) -> Find:
    hours = before.total_seconds() / 3600
    by_reference = {shown.reference: shown for shown in SHOWN}

    def find(plan: CheckPlan) -> Outcome:
        shown = by_reference[plan.reference]
        trouble = next(
            (
                each
                for each in shown.troubles
                if region in each.regions and each.ended_hours_ago <= hours < each.began_hours_ago
            ),
            None,
        )
        return _outcome(plan, region, trouble, hours)

    return find


def _outcome(plan: CheckPlan, region: str, trouble: Trouble | None, hours: float) -> Outcome:
    stage = trouble.stage if trouble else None
    if not isinstance(plan, Plan):
        stage = Stage.REQUEST if trouble else None
    base = found(plan, trouble.reason if trouble else Reason.OK, stage, digest=digest_of(plan.reference))
    base = replace(base, started_at=datetime.fromisoformat(plan.slot))
    steps = tuple(exchanges(plan, base, at=f"{region} {hours:.1f}", round_trip_ms=PLACES[region][3]))
    if not isinstance(plan, Plan):
        return replace(base, duration_ms=sum(step.total_ms for step in steps), steps=steps)
    conclusion = replace(base.conclusion, host=steps[-1].host if base.conclusion.host else None)
    if conclusion.status is Status.AVAILABLE:
        conclusion = replace(
            conclusion,
            platforms=tuple(
                PlatformResult(
                    platform=name, digest=digest_of(plan.reference + name), status=Status.AVAILABLE, reason=Reason.OK
                )
                for name in plan.platforms
            ),
        )
    until = -EXPIRED if trouble and trouble.reason is Reason.TLS_EXPIRED else timedelta(days=61)
    return replace(
        base,
        conclusion=conclusion,
        duration_ms=sum(step.total_ms for step in steps),
        steps=steps,
        certificates=(
            Certificate(host=steps[0].host, not_after=base.started_at + until, issuer="Example Trust Services R3"),
        ),
    )
