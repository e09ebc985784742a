"""What is there while the API is fuzzed, and who may ask about it.

There are two groups, each with all that hangs on a group. What belongs to the second, or to none, has `FOREIGN` in
each of its names. One of the four regions is `FAR`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from probes.actions import runs, status_pages
from probes.models import (
    Announcement,
    Channel,
    Credential,
    Event,
    Incident,
    IncidentEntry,
    MaintenanceWindow,
    Policy,
    Region,
    Resource,
    ResourceGroup,
    Rule,
    Schedule,
    StatusGroup,
    StatusPage,
)
from probes.policy.access import Role, Scope
from probes.protocol.taxonomy import Reason
from tests.fakes.access import grant, token_of
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import FarRegion, finding
from tests.fuzz.holders import FAR, FOREIGN, Holder


def lay_out() -> tuple[Holder, ...]:
    """Make all rows in an empty database; return who may ask."""
    plane = ControlPlane()
    far = plane.regions[FAR] = FarRegion.enrolled(FAR)
    boss = User.objects.create(username="boss")
    grant(boss, Role.ADMIN)
    ours = ResourceGroup.objects.create(name="ours", uptime_target_percent="99.9")
    theirs = ResourceGroup.objects.create(name=f"{FOREIGN} group", notes=FOREIGN)
    mine = plane.image("ghcr.io/ours/app:1", group=ours, name="our app", labels={"team": "shop"})
    page = plane.endpoint("https://ours.example/health", name="our page", json_path="$.a", json_equals="1")
    Resource.objects.filter(pk=page.pk).update(group=ours)
    other = plane.image(f"{FOREIGN}.example.com/app:1", group=theirs, name=f"{FOREIGN} app", labels={FOREIGN: "x"})
    lone = plane.image(f"{FOREIGN}.example.com/lone:1", name=f"{FOREIGN} lone")
    plane.hear_workers()
    plane.check(mine, page, other, lone)
    failing = dict.fromkeys(plane.regions, finding(Reason.TAG_NOT_FOUND))
    plane.check(mine, other, lone, finds=failing)
    for key, resource in enumerate((mine, other)):
        _hang_on(resource, str(key))
    _shared()
    runs.check([other.pk], by=boss, now=datetime.now(UTC))
    here = [region.row for region in plane.regions.values() if region is not far]
    return (*_limited(ours, here), *_unlimited(boss))


def _hang_on(resource: Resource, key: str) -> None:
    """Give a resource all that there may be of one: a login, an event, an incident with a comment, planned work."""
    now = datetime.now(UTC)
    group = resource.group
    assert group is not None
    assert resource.registry is not None
    word = "our" if key == "0" else FOREIGN
    Credential.objects.create(registry=resource.registry, label=f"{word} robot", username=f"{word}-user")
    Event.objects.create(
        kind="certificate_expiring", severity="warning", text=f"{word} text", at=now, key=key, resource=resource
    )
    incident = Incident.objects.filter(resource=resource).first() or Incident.objects.create(
        resource=resource, level="unavailable", worst="unavailable", severity="critical", began_at=now, opened_at=now
    )
    IncidentEntry.objects.create(incident=incident, at=now, kind="comment", text=f"{word} comment")
    soon = now + timedelta(days=1)
    window = MaintenanceWindow.objects.create(
        name=f"{word} work", starts_on=soon.date(), starts_at=soon.time(), duration_minutes=60, is_of_everything=False
    )
    window.groups.set([group])
    channel = Channel.objects.create(
        name=f"{word} channel", kind="email", sender="a@example.com", recipients=[f"{word}@example.com"]
    )
    rule = Rule.objects.create(channel=channel)
    rule.groups.set([group])
    page = StatusPage.objects.create(slug=f"{word}-page", title=f"{word} page", visibility="public")
    StatusGroup.objects.create(
        slug=f"{word}-part",
        page=page,
        group=group,
        public_name=f"{word} part",
        visibility="signed_in",
        naming="names",
    )
    said = Announcement(slug=f"{word}-news", page=page, title=f"{word} news", text=f"{word} text", starts_at=now)
    status_pages.announce(said, now=now)


def _shared() -> None:
    """Make what belongs to nobody, so that everybody may see its name."""
    Schedule.objects.create(name="each minute", interval_seconds=60)
    Policy.objects.create(name="strict", failures=1)


def _somebody(name: str, role: Role | None, *groups: ResourceGroup) -> User:
    user = User.objects.create(username=name)
    if role is not None:
        grant(user, role, *groups)
    return user


def _limited(ours: ResourceGroup, here: list[Region]) -> Iterator[Holder]:
    """Yield those out of whose reach the foreign rows are."""
    reach: dict[str, Any] = {"groups": [ours], "regions": here}
    admin = _somebody("admin", Role.ADMIN)

    def holder(name: str, text: str, *scopes: Scope, weight: int = 1) -> Holder:
        return Holder(name=name, text=text, is_limited=True, scopes=frozenset(scopes), weight=weight)

    for role, weight in ((Role.VIEWER, 2), (Role.OPERATOR, 2), (Role.EDITOR, 5), (Role.ADMIN, 2)):
        text = token_of(_somebody(f"our-{role}", role, ours), regions=here)
        yield holder(f"{role} of one group", text, *Scope, weight=weight)
    yield holder("admin whose token is for one group and three regions", token_of(admin, **reach), *Scope, weight=3)
    yield holder("user without a role", token_of(_somebody("nobody", None)))
    yield holder("token for metrics", token_of(admin, Scope.METRICS), Scope.METRICS)
    yield holder("without a token", "")
    ends_at = datetime.now(UTC) + timedelta(milliseconds=1)
    yield holder("token that has ended", token_of(admin, expires_at=ends_at))


def _unlimited(boss: User) -> Iterator[Holder]:
    def holder(name: str, text: str, *scopes: Scope, weight: int = 1) -> Holder:
        return Holder(name=name, text=text, is_limited=False, scopes=frozenset(scopes), weight=weight)

    for scope in Scope:
        yield holder(f"admin with {scope}", token_of(boss, scope), scope)
    for role in (Role.VIEWER, Role.OPERATOR, Role.EDITOR):
        yield holder(f"{role} of everything", token_of(_somebody(f"all-{role}", role)), *Scope)
    yield holder("admin of everything", token_of(boss), *Scope, weight=12)
