"""Every list and every row that is shown takes as many queries where there is much as where there is little.

The rows are held against the URL table, so a new route without a row fails here. Who asks may see everything; that of
somebody with one group does not grow either is asked as well, and its number is not written down.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Final

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver
from rest_framework.test import APIClient

from probes.actions import maintenance, probing, resources, rollups, status_pages
from probes.models import (
    AccessToken,
    Announcement,
    Event,
    HostCertificate,
    Incident,
    MaintenanceWindow,
    MissedSlots,
    Outcome,
    QuotaAccount,
    Region,
    Resource,
    ResourceGroup,
    Run,
    Source,
    StatusGroup,
    StatusPage,
)
from probes.policy.access import Role
from probes.policy.happenings import EventKind
from probes.policy.rollup import HOUR
from probes.policy.slots import MissedCause
from probes.policy.terms import Severity
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.access import grant, token_of
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import FarRegion, Find, finding, found
from tests.fakes.steps import step
from tests.integration.api.test_authorisation_matrix import routes
from tests.integration.control.test_rollups import roll_all

pytestmark = pytest.mark.django_db

FEW, MANY = 2, 6

# queries, and what is asked. `-`: what is told is no row of anything, or is counted by the tests of its noun.
ROWS: Final = """
3   v1/resources
3   v1/resources?include=states
3   v1/resources?search=org
3   v1/resources/<int:id>
5   v1/resources/<int:id>/verdict
3   v1/resources/<int:id>/verdict-changes
15  v1/resources/<int:id>/uptime
3   v1/resources/<int:id>/rollups
2   v1/outcomes
3   v1/outcomes?resource={resource}
2   v1/outcomes/<int:id>
2   v1/regions
2   v1/regions/<slug:slug>
3   v1/regions/<slug:slug>/events
3   v1/regions/<slug:slug>/rollups
2   v1/registries
2   v1/registries/<int:id>
3   v1/registries/<int:id>/rollups
2   v1/sources
2   v1/sources/<int:id>
2   v1/missed-slots
2   v1/certificates
2   v1/quota-accounts
-   v1/notices
-   v1/schedules
-   v1/schedules/<int:id>
-   v1/policies
-   v1/policies/<int:id>
-   v1/credentials
-   v1/credentials/<int:id>
-   v1/channels
-   v1/channels/<int:id>
-   v1/rules
-   v1/rules/<int:id>
2   v1/status-pages
2   v1/status-pages/<int:id>
2   v1/status-groups
2   v1/status-groups/<int:id>
2   v1/announcements
2   v1/announcements/<int:id>
-   v1/terms
2   v1/incidents
3   v1/incidents/<int:id>
2   v1/events
2   v1/audit
2   v1/groups
2   v1/groups/<int:id>
9   v1/groups/<int:id>/uptime
3   v1/groups/<int:id>/rollups
6   v1/maintenance-windows
6   v1/maintenance-windows/<int:id>
2   v1/verdicts
21  v1/compare?resource={resource}
10  v1/compare?group={group}
11  v1/compare?registry={registry}
3   v1/runs
5   v1/runs/<uuid:uuid>
4   v1/tokens
4   v1/tokens/<int:id>
-   v1/configuration/export
-   v1/configuration/schema
-   v1/schema/
-   docs/
"""


def table() -> dict[str, int | None]:
    lines = (line.split() for line in ROWS.strip().splitlines())
    return {asked: None if count == "-" else int(count) for count, asked in lines}


def test_each_route_that_is_read_has_its_row() -> None:
    there = {route for method, route in routes(get_resolver("api.urls")) if method == "GET"}
    told = {asked.partition("?")[0] for asked in table()}
    assert not there - told, f"How many queries do these take? Add them to ROWS here: {sorted(there - told)}"
    assert told <= there, f"no routes any more, take out their rows: {sorted(told - there)}"


class Grown:
    """So many of everything, all about each other: the first one of each noun has something of all the others."""

    def __init__(self, plane: ControlPlane, owner: User) -> None:
        self.plane, self.owner = plane, owner
        plane.now = plane.now.replace(minute=0) - 3 * HOUR
        self.group = ResourceGroup.objects.create(name="all")
        self.size = 0

    def grow(self, size: int) -> None:
        added = range(self.size, size)
        for number in added:
            self._add(number)
        images = list(Resource.objects.all())
        lost = finding(Reason.TAG_NOT_FOUND, Stage.MANIFEST)
        one, *_ = self.plane.regions
        told: dict[str, Find] = {list(self.plane.regions)[number]: lost for number in added}
        told[one] = lambda plan: replace(found(plan), steps=(step(),))
        self.plane.check(*images, finds=told)
        # Their incidents have more to tell with each region.
        self.plane.check(*images, finds=dict.fromkeys(self.plane.regions, lost))
        self.size = size
        roll_all(self.plane.now.replace(minute=0, second=0) + HOUR + rollups.ROLLED_AFTER)

    def _add(self, number: int) -> None:
        if (slug := f"region-{number}") not in self.plane.regions:
            self.plane.regions[slug] = FarRegion.enrolled(slug)
        own = ResourceGroup.objects.create(name=f"group {number}")
        for group in (self.group, own):
            image = self.plane.image(f"registry-{number}.test/org/{group.slug}:1", group=group)
            resources.save(image, regions=list(Region.objects.all()), now=self.plane.now)
            self._happen(image)
        window = MaintenanceWindow(
            name=f"work {number}",
            starts_on=date(2020, 1, 1),
            starts_at=time(1, 30),
            duration_minutes=5,
        )
        maintenance.save(
            window,
            resources=Resource.objects.all(),
            groups=ResourceGroup.objects.all(),
            registries=[item.registry for item in Resource.objects.select_related("registry")],
            regions=Region.objects.all(),
            now=self.plane.now,
        )
        source = Source.objects.create(name=f"source {number}")
        page = StatusPage.objects.create(slug=f"page-{number}", title="A page", managed_by=source)
        for group in (self.group, own):
            StatusGroup.objects.create(slug=f"{page.slug}-{group.pk}", page=page, group=group, public_name="A group")
        said = Announcement(slug=f"news-{number}", page=page, title="News")
        status_pages.announce(said, by=self.owner, now=self.plane.now)
        token_of(self.owner, groups=[self.group, own], regions=Region.objects.all())
        asked = probing.Wanted(reference="ghcr.io/org/app:1", regions=list(self.plane.regions))
        probing.probe(asked, by=self.owner, now=datetime.now(UTC))

    def _happen(self, image: Resource) -> None:
        Event.objects.create(
            kind=EventKind.TAG_MOVED,
            at=self.plane.now,
            severity=Severity.INFO,
            resource=image,
            region="eu-west",
            key=f"{image.pk}",
            text="it moved",
        )
        region, now = self.plane.region("eu-west"), self.plane.now
        MissedSlots.objects.create(
            resource=image, region=region, first_slot=now, last_slot=now, cause=MissedCause.EXPIRED
        )
        HostCertificate.objects.create(
            registry=image.registry,
            region=region,
            host=f"{image.pk}.test",
            not_after=now,
            first_seen_at=now,
            seen_at=now,
        )
        QuotaAccount.objects.create(registry=image.registry, egress=f"{image.pk}", created_at=now)

    def addresses(self, asked: str) -> str:
        """Return the address of what is asked, of the row that has the most to tell."""
        image = Resource.objects.filter(group=self.group).order_by("pk").first()
        assert image is not None
        ids = {
            "resources": image.pk,
            "registries": image.registry_id,
            "groups": self.group.pk,
            "sources": Source.objects.latest("pk").pk,
            "outcomes": Outcome.objects.filter(resource=image).latest("slot").pk,
            "incidents": Incident.objects.filter(resource=image).earliest("pk").pk,
            "maintenance-windows": MaintenanceWindow.objects.latest("pk").pk,
            "tokens": AccessToken.objects.latest("pk").pk,
            "status-pages": StatusPage.objects.latest("pk").pk,
            "status-groups": StatusGroup.objects.latest("pk").pk,
            "announcements": Announcement.objects.latest("pk").pk,
        }
        noun = asked.split("/")[1]
        text = asked.replace("<int:id>", str(ids.get(noun))).replace("<slug:slug>", "eu-west")
        text = text.replace("<uuid:uuid>", str(Run.objects.latest("pk").uuid))
        return "/api/" + text.format(resource=image.pk, group=self.group.name, registry=image.registry.host)


def counted(client: APIClient, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        response = client.get(address)
    assert response.status_code == 200, (address, response.content)
    return len(captured)


def test_no_list_and_no_row_takes_more_queries_where_there_is_more(plane: ControlPlane) -> None:
    people = [User.objects.create(username=name) for name in ("all", "one")]
    grown = Grown(plane, people[0])
    grant(people[0], Role.ADMIN)
    grant(people[1], Role.VIEWER, grown.group)
    clients = [APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(user)}") for user in people]
    counts: list[dict[str, list[int]]] = []
    pinned = {asked: count for asked, count in table().items() if count is not None}
    for size in (FEW, MANY):
        grown.grow(size)
        counts.append({})
        for asked in pinned:
            address = grown.addresses(asked)
            is_for_all = asked.startswith(
                (
                    "v1/audit",
                    "v1/reg",
                    "v1/so",
                    "v1/quota",
                    "v1/compare?registry",
                    "v1/runs/",
                    "v1/tokens/",
                    "v1/status",
                    "v1/ann",
                )
            )
            counts[-1][asked] = [counted(client, address) for client in (clients[:1] if is_for_all else clients)]
    few, many = counts
    grows = {asked: (few[asked], many[asked]) for asked in pinned if few[asked] != many[asked]}
    assert not grows, f"queries for {FEW} and for {MANY} of everything: {grows}"
    other = {asked: many[asked][0] for asked, count in pinned.items() if many[asked][0] != count}
    assert not other, f"another number of queries than in ROWS: {other}"
