"""Every page of the admin takes as many queries for many rows as for few: of every list, and of a row of each."""

from datetime import timedelta
from typing import Any, Final

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from kairos.admin_site import find_pages
from probes.actions import channels, events, maintenance, refusals, runs, status_pages
from probes.models import (
    AccessToken,
    Announcement,
    Channel,
    Credential,
    HostCertificate,
    MaintenanceWindow,
    MissedSlots,
    Policy,
    ProviderIdentity,
    Resource,
    ResourceGroup,
    RoleGrant,
    Rule,
    Schedule,
    Source,
    StatusGroup,
    StatusPage,
)
from probes.policy.slots import MissedCause
from probes.policy.tag_events import Tagged, of_move
from probes.policy.tags import Move
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import FarRegion, finding

pytestmark = pytest.mark.django_db

MOST: Final = 30
"""Queries of any page. Django's own for the person and the session are among them."""

ONE_ROW_FOR_EVER: Final = frozenset({"probes.GlobalTerms"})

DAY: Final = timedelta(days=1)


def grow(plane: ControlPlane, number: int) -> None:
    """Add a row to every table that has a page, each with what belongs to it."""
    now = plane.now
    plane.regions[f"far-{number}"] = FarRegion.enrolled(f"far-{number}")
    people = Group.objects.create(name=f"people {number}")
    user = User.objects.create(username=f"user-{number}", is_staff=True)
    user.groups.add(people)
    policy = Policy.objects.create(name=f"policy {number}")
    schedule = Schedule.objects.create(name=f"schedule {number}", interval_seconds=300)
    source = Source.objects.create(name=f"source-{number}")
    group = ResourceGroup.objects.create(name=f"group {number}", policy=policy)
    RoleGrant.objects.create(user=user, role="operator", group=group)
    RoleGrant.objects.create(team=people, role="viewer")
    ProviderIdentity.objects.create(user=user, issuer="https://id", subject=str(number), made_at=now, seen_at=now)
    token = AccessToken.objects.create(
        owner=user, name="script", prefix=f"prefix{number:04}", secret_hash=b"x" * 32, scopes=["read"], created_at=now
    )
    token.groups.add(group)
    AccessAttempt.objects.create(
        username=f"user-{number}", ip_address="203.0.113.9", user_agent="browser", failures_since_start=1
    )
    _grow_clockwork(number)

    image = plane.image(f"registry-{number}.example/org/app:1", name=f"image {number}", group=group)
    Resource.objects.filter(pk=image.pk).update(policy=policy, schedule=schedule, managed_by=source)
    Credential.objects.create(registry=image.registry, repository_prefix=f"org-{number}")
    image.regions.set([region.row for region in plane.regions.values()])
    runs.check([image.pk], by=user, now=now)
    for found in (None, dict.fromkeys(plane.regions, finding(Reason.TAG_NOT_FOUND))):
        plane.check(image, finds=found)
    MissedSlots.objects.create(resource=image, first_slot=now, last_slot=now, cause=MissedCause.DOWNTIME.value)
    refusals.count("results", f"cause-{number}", "", now=now)
    HostCertificate.objects.create(
        registry=image.registry,
        region=plane.region("eu-west"),
        host=f"cdn-{number}.example",
        not_after=now + 90 * DAY,
        first_seen_at=now,
        seen_at=now,
    )
    window = MaintenanceWindow(name=f"Work {number}", starts_on=now.date(), starts_at=now.time(), duration_minutes=9)
    maintenance.save(
        window,
        resources=[image],
        groups=[group],
        registries=[image.registry],
        regions=[plane.region("eu-west")],
        now=now,
    )
    _grow_notices(plane, image, number)
    page = StatusPage.objects.create(title=f"page {number}")
    StatusGroup.objects.create(page=page, group=group, public_name=f"public {number}")
    status_pages.announce(Announcement(page=page, title=f"news {number}"), by=user, now=now)


def _grow_clockwork(number: int) -> None:
    every = IntervalSchedule.objects.create(every=number + 1, period="days")
    PeriodicTask.objects.create(name=f"task {number}", task="probes.tick", interval=every, enabled=False)
    CrontabSchedule.objects.create(minute=str(number))
    ClockedSchedule.objects.create(clocked_time="2099-01-01T00:00:00Z")
    SolarSchedule.objects.create(event="sunset", latitude=number, longitude=number)


def _grow_notices(plane: ControlPlane, image: Resource, number: int) -> None:
    channel = Channel(name=f"channel {number}", kind="webhook")
    channels.save(channel, url="https://hooks.example/x")
    Rule.objects.create(channel=channel, severity="info", topics=["tag_moved"])
    move = Move(before="sha256:" + "a" * 64, after="sha256:" + "b" * 64, region="eu-west", at=plane.now)
    events.record([of_move(Tagged(resource=image.pk, name=image.canonical), move)], now=plane.now)


def labels() -> dict[str, Any]:
    """Return the models that have pages, by their names."""
    find_pages()
    return {str(model._meta.label): model for model in admin.site._registry}  # noqa: SLF001 - Django's own API


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        status = client.get(address).status_code
    assert status in (200, 302), address  # of the one row for ever the list leads to its page
    return len(captured)


def measured(client: Client, rows: dict[str, Any]) -> dict[str, int]:
    """Return how many queries each page takes: every list, and of each model the page of the row that is named."""
    taken = {}
    for label, model in labels().items():
        pages = f"admin:{model._meta.app_label}_{model._meta.model_name}"  # noqa: SLF001 - likewise
        taken[f"list of {label}"] = queries(client, reverse(f"{pages}_changelist"))
        taken[f"page of {label}"] = queries(client, reverse(f"{pages}_change", args=[rows[label]]))
    return taken


def test_pages_take_the_same_queries_for_many_rows_as_for_few(client: Client, plane: ControlPlane) -> None:
    for number in range(2):
        grow(plane, number)
    before = {label: model.objects.count() for label, model in labels().items()}
    empty = [label for label, count in before.items() if not count]
    assert empty == [], "let `grow` add a row to the table of each model that has a page"
    # The newest: those before it are not on their pages alone any more once there are others.
    rows = {label: model.objects.latest("pk").pk for label, model in labels().items()}
    measured(client, rows)  # what is asked once in a process
    few = measured(client, rows)
    for number in range(2, 6):
        grow(plane, number)
    still = {label for label, model in labels().items() if model.objects.count() == before[label]}
    assert still - ONE_ROW_FOR_EVER == set(), "`grow` adds rows to these once only"
    many = measured(client, rows)
    grown = {page: (few[page], count) for page, count in many.items() if count > few[page]}
    assert grown == {}, "(few, many) queries"
    assert {page: count for page, count in many.items() if count > MOST} == {}
