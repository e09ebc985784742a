"""What Kairos is told about the demonstration: its registries, its logins, its images, and what of them is public.

The only module here that knows Django. Everything can be done again at every start: rows are found by their
host under `kairos.test`, a name reserved for such uses, and brought to what the script says.
"""

import re
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction

from kairos.demo import script
from kairos.demo.accounts import Account, account
from kairos.demo.certificates import LOOPBACK, authority
from kairos.demo.repository import Repository
from kairos.demo.script import ScriptedImage
from kairos.demo.sites import DOMAIN, Site, Sites
from probes.actions import maintenance, resources, secrets, status_pages
from probes.models import (
    Credential,
    MaintenanceWindow,
    Registry,
    Resource,
    ResourceGroup,
    StatusGroup,
    StatusPage,
)
from probes.policy.publishing import Naming, Visibility

STATUS_PAGE: Final = "demo"
"""The public page at `/status/demo/`."""

_PREFIX: Final = "Demo:"
_PUBLIC_TEAMS: Final = ("shop", "platform", "media")
_TARGET_PERCENT: Final = Decimal("99.9")
_DEGRADED_AFTER_SECONDS: Final = 60
_HOSTS: Final = rf"^(registry|hub)\.{re.escape(DOMAIN)}:[0-9]+$"
_FORMER_PASSWORD: Final = "changed-since"  # noqa: S105 - wrong on purpose, for the image that shows a wrong login


def install(state_dir: Path, port: int, *, now: datetime) -> int:
    """Make or mend the rows of the demonstration that listens at `port`; return the number of its images.

    Images of an earlier start are kept with their history, and follow when the port is another one. Raises
    `OSError` and `ValueError` as `certificates.authority`, and `ValidationError`.
    """
    sites = Sites.at(port)
    pem = authority(state_dir).pem
    login = account(state_dir)
    with transaction.atomic():
        registries = {
            site: _registry(site, sites, pem, name)
            for site, name in ((sites.registry, "Demo registry"), (sites.hub, "Demo hub"))
        }
        for scripted in script.IMAGES:
            _credential(registries[sites.registry], scripted, login, now)
            _resource(scripted, sites, now)
        former = Registry.objects.filter(host__regex=_HOSTS).exclude(host__in=[site.authority for site in registries])
        former.delete()
        _publish()
    return len(script.IMAGES)


def pause(*, now: datetime) -> int:
    """Stop checking the demonstration's images: its registry does not run. Returns how many were not paused."""
    return resources.pause(_ids(Resource.objects.filter(registry__host__regex=_HOSTS)), now=now)


def _registry(site: Site, sites: Sites, pem: str, name: str) -> Registry:
    registry = Registry.objects.filter(host=site.authority).first() or Registry(host=site.authority)
    registry.name = name
    registry.ca_pem = pem
    registry.allow_cidrs = [LOOPBACK]
    registry.resolve = sites.resolve
    registry.notes = "Local and scripted: docs/how-to/demo.md says what each image does."
    registry.full_clean()
    registry.save()
    return registry


def _credential(registry: Registry, scripted: ScriptedImage, login: Account, now: datetime) -> None:
    if scripted.check.login == "none":
        return
    place = {"registry": registry, "repository_prefix": scripted.repository, "region": None}
    credential = Credential.objects.filter(**place).first() or Credential(**place)
    credential.username = login.username
    credential.label = f"Demo: the {scripted.check.login} login for {scripted.repository}"
    password = login.password if scripted.check.login == "right" else _FORMER_PASSWORD
    secrets.store_secret(credential, password=password, now=now)


def _resource(scripted: ScriptedImage, sites: Sites, now: datetime) -> None:
    known = Resource.objects.filter(registry__host__regex=_HOSTS, repository=scripted.repository).first()
    resource = known or Resource()
    check = scripted.check
    resource.name = scripted.repository
    resource.reference = Repository.of(scripted).reference(sites)
    resource.platforms = list(check.platforms)
    resource.depth = check.depth.value
    resource.interval_seconds = max(check.interval_seconds, settings.KAIROS_INTERVAL_FLOOR_SECONDS)
    team = scripted.repository.partition("/")[0]
    resource.labels = {"team": team}
    resource.group = _group(team)
    resources.save(resource, now=now)
    change = resources.pause if check.paused else resources.resume
    change([resource.pk], now=now)
    if check.maintained:
        _maintain(resource, now)


def _group(team: str) -> ResourceGroup:
    """Return the group of a team, as it is by now if somebody has changed it."""
    terms = {"uptime_target_percent": _TARGET_PERCENT, "degraded_after_seconds": _DEGRADED_AFTER_SECONDS}
    return ResourceGroup.objects.get_or_create(name=f"{_PREFIX} {team}", defaults=terms)[0]


def _maintain(resource: Resource, now: datetime) -> None:
    """Plan work on an image for every day, all day but its last minute."""
    name = f"{_PREFIX} restoring {resource.name}"
    if MaintenanceWindow.objects.filter(name=name).exists():
        return
    window = MaintenanceWindow(
        name=name,
        starts_on=now.date() - timedelta(days=1),
        starts_at=time(0, 0),
        duration_minutes=24 * 60 - 1,
        rule="FREQ=DAILY",
    )
    maintenance.save(window, resources=[resource], now=now)


def _publish() -> None:
    """Tell everybody of some teams' images, by their names and nothing else; left as somebody changed it."""
    if StatusPage.objects.filter(slug=STATUS_PAGE).exists():
        return
    page = status_pages.save(
        StatusPage(
            slug=STATUS_PAGE,
            title="Images of the demonstration",
            description="What customers may know: whether these images can be pulled, and nothing of how it is told.",
            visibility=Visibility.PUBLIC,
        )
    )
    for position, team in enumerate(_PUBLIC_TEAMS):
        status_pages.save(
            StatusGroup(
                slug=f"{STATUS_PAGE}-{team}",
                page=page,
                group=_group(team),
                public_name=team.capitalize(),
                visibility=Visibility.PUBLIC,
                naming=Naming.NAMES,
                position=position,
            )
        )


def _ids(rows: Iterable[Resource]) -> list[int]:
    return [row.pk for row in rows]
