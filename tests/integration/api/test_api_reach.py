"""Who sees one group learns nothing of the others: not by lists, numbers, filters, names or counts."""

import threading
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from probes.models import (
    Credential,
    Event,
    Incident,
    IncidentEntry,
    MaintenanceWindow,
    Registry,
    Resource,
    ResourceGroup,
    RoleGrant,
)
from probes.policy.access import Reach, Role, Scope
from probes.selectors import visible
from probes.selectors.maintenance import windows
from tests.fakes.access import grant, token_of
from tests.fakes.at_once import together
from tests.fakes.control_plane import ControlPlane

pytestmark = pytest.mark.django_db

SECRET = "topsecret"


class Two:
    """A group of ours with an image, and one of theirs, with all that there can be around them."""

    def __init__(self, plane: ControlPlane) -> None:
        now = datetime.now(UTC)
        self.ours = ResourceGroup.objects.create(name="ours")
        self.theirs = ResourceGroup.objects.create(name=f"{SECRET}-group")
        self.image = plane.image("ghcr.io/ours/app:1", group=self.ours, name="our app")
        self.other = plane.image(f"ghcr.io/{SECRET}/app:1", group=self.theirs, name=f"{SECRET} app")
        self.far = plane.image(f"{SECRET}.example.com/app:1", name=f"{SECRET} without a group")
        plane.check(self.image, self.other, self.far)
        shared = {"level": "unavailable", "worst": "unavailable", "severity": "critical"}
        times = {"began_at": now, "opened_at": now}
        registry = self.image.registry
        self.login = Credential.objects.create(registry=registry, label=f"{SECRET} robot")
        self.outage = Incident.objects.create(
            scope_kind="credential",
            scope_name=str(self.login.pk),
            scope_label=f"{SECRET} robot",
            extent=7,
            explanation=f"7 resources of credential {SECRET} robot fail: auth_bad_credentials",
            **shared,
            **times,
        )
        self.alone = Incident.objects.create(scope_kind="registry", scope_name=f"{SECRET}.io", **shared, **times)
        for image in (self.image, self.other):
            Incident.objects.create(resource=image, parent=self.outage, explanation=str(image), **shared, **times)
        for kind, text in (("joined", f"our app, {SECRET} app and 5 more"), ("comment", f"{SECRET} is down")):
            IncidentEntry.objects.create(incident=self.outage, at=now, kind=kind, text=text)
        IncidentEntry.objects.create(
            incident=Incident.objects.get(resource=self.image),
            at=now,
            kind="joined",
            text=f"credential {SECRET} robot",
        )
        for key, about in (
            ("1", {"resource": self.other}),
            ("2", {"credential": self.login}),
            ("3", {"registry": self.far.registry}),
        ):
            event = {"kind": "certificate_expiring", "severity": "warning", "text": SECRET, "at": now, "key": key}
            Event.objects.create(**event, **about)
        planned: dict[str, Any] = {
            "starts_on": now.date(),
            "starts_at": now.time(),
            "duration_minutes": 60,
            "is_of_everything": False,
        }
        self.window = MaintenanceWindow.objects.create(name="of both", **planned)
        self.window.groups.set([self.ours, self.theirs])
        self.window.resources.set([self.other])
        self.their_window = MaintenanceWindow.objects.create(name=SECRET, **planned)
        self.their_window.groups.set([self.theirs])


@pytest.fixture
def two(plane: ControlPlane) -> Two:
    return Two(plane)


@pytest.fixture
def ours(two: Two) -> User:
    user = User.objects.create(username="ours")
    grant(user, Role.OPERATOR, two.ours)
    return user


@pytest.fixture
def client(ours: User) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(ours)}")


LISTS = (
    "resources",
    "outcomes",
    "incidents",
    "events",
    "groups",
    "maintenance-windows",
    "regions",
    "tokens",
)


def test_lists_tell_nothing_of_others(client: APIClient) -> None:
    for noun in LISTS:
        response = client.get(f"/api/v1/{noun}")
        assert response.status_code == 200, noun
        assert SECRET not in response.content.decode(), noun


def test_lists_tell_what_is_ours(client: APIClient, two: Two) -> None:
    def ids(noun: str) -> list[int]:
        return [row["id"] for row in client.get(f"/api/v1/{noun}").json()["results"]]

    assert ids("resources") == [two.image.pk]
    assert ids("groups") == [two.ours.pk]
    assert ids("maintenance-windows") == [two.window.pk]
    assert set(ids("incidents")) == {two.outage.pk, Incident.objects.get(resource=two.image).pk}
    assert {row["resource"] for row in client.get("/api/v1/outcomes").json()["results"]} == {two.image.pk}


def test_what_others_have_is_not_there(client: APIClient, two: Two) -> None:
    outcome = two.other.outcomes.first()
    assert outcome is not None
    theirs = Incident.objects.get(resource=two.other).pk
    for address in (
        f"resources/{two.other.pk}",
        f"resources/{two.far.pk}",
        f"resources/{two.other.pk}/verdict",
        f"resources/{two.other.pk}/uptime",
        f"groups/{two.theirs.pk}",
        f"groups/{two.theirs.pk}/uptime",
        f"outcomes/{outcome.pk}",
        f"incidents/{theirs}",
        f"incidents/{two.alone.pk}",
        f"maintenance-windows/{two.their_window.pk}",
    ):
        assert client.get(f"/api/v1/{address}").status_code == 404, address
    assert client.post(f"/api/v1/resources/{two.other.pk}/check", {}, format="json").status_code == 404
    assert client.post(f"/api/v1/incidents/{theirs}/acknowledge").status_code == 404


THERE_AND_NOT: Final = {
    "outcomes?resource={other}": "outcomes?resource=999999",
    "incidents?resource={other}": "incidents?resource=999999",
    "incidents?parent={alone}": "incidents?parent=999999",
    "incidents?group=topsecret-group": "incidents?group=nowhere",
    "incidents?registry=topsecret.example.com": "incidents?registry=nowhere.example",
    "resources?registry=topsecret.example.com": "resources?registry=nowhere.example",
    "events?resource={other}": "events?resource=999999",
    "compare?resource={other}": "compare?resource=999999",
    "compare?group=topsecret-group": "compare?group=nowhere",
}


def test_filters_do_not_tell_what_exists(client: APIClient, two: Two) -> None:
    def problem(address: str) -> Any:
        response = client.get(f"/api/v1/{address}".format(other=two.other.pk, alone=two.alone.pk))
        return response.status_code, [(error["field"], error["code"]) for error in response.json()["errors"]]

    for there, not_there in THERE_AND_NOT.items():
        assert problem(there) == problem(not_there), there
        assert problem(there)[0] == 400, there


def test_search_finds_nothing_of_others(client: APIClient, two: Two) -> None:
    assert client.get(f"/api/v1/resources?search={SECRET}").json()["results"] == []
    # An outage that is seen, of a login that is not named.
    for text in (SECRET, SECRET[:3], str(two.login.pk)):
        found = client.get(f"/api/v1/incidents?search={text}").json()["results"]
        assert two.outage.pk not in [incident["id"] for incident in found], text


def test_outage_that_several_share_is_told_without_the_others(client: APIClient, two: Two) -> None:
    response = client.get(f"/api/v1/incidents/{two.outage.pk}")
    shown = response.json()
    assert SECRET not in response.content.decode()
    assert (shown["extent"], shown["explanation"][:11]) == (1, "1 resources")
    (child,) = client.get(f"/api/v1/incidents?parent={two.outage.pk}").json()["results"]
    story = client.get(f"/api/v1/incidents/{child['id']}")
    assert SECRET not in story.content.decode()
    two.outage.refresh_from_db()
    assert two.outage.extent == 7


def test_outage_that_several_share_is_acknowledged_by_those_who_reach_all_of_it(client: APIClient, two: Two) -> None:
    response = client.post(f"/api/v1/incidents/{two.outage.pk}/acknowledge")
    assert (response.status_code, response.json()["code"]) == (403, "missing_role")
    own = Incident.objects.get(resource=two.image).pk
    assert client.post(f"/api/v1/incidents/{own}/acknowledge").status_code == 200


def test_window_names_what_is_ours_of_it(client: APIClient, two: Two) -> None:
    shown = client.get(f"/api/v1/maintenance-windows/{two.window.pk}").json()
    assert (shown["resources"], shown["groups"]) == ([], ["ours"])


def test_figures_over_all_are_for_those_who_see_all(client: APIClient) -> None:
    for address in ("/api/v1/compare?registry=ghcr.io", "/metrics"):
        response = client.get(address)
        assert (response.status_code, response.json()["code"]) == (403, "missing_role")


def test_viewer_of_one_group_and_operator_of_another(two: Two, ours: User, client: APIClient, broker: str) -> None:
    grant(ours, Role.VIEWER, two.theirs)
    assert client.get(f"/api/v1/resources/{two.other.pk}").status_code == 200
    refused = client.post(f"/api/v1/resources/{two.other.pk}/check", {}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_role")
    assert client.post(f"/api/v1/resources/{two.image.pk}/check", {}, format="json").status_code == 202


def test_token_limited_to_regions_orders_and_reads_from_there_alone(
    two: Two, plane: ControlPlane, broker: str
) -> None:
    admin = User.objects.create(username="admin", is_superuser=True)
    text = token_of(admin, regions=[plane.region("eu-west")])
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {text}")
    check = f"/api/v1/resources/{two.image.pk}/check"
    assert client.post(check, {}, format="json").json()["regions"] == ["eu-west"]
    refused = client.post(check, {"regions": ["us-east"]}, format="json")
    nowhere = client.post(check, {"regions": ["nowhere"]}, format="json")
    assert refused.status_code == nowhere.status_code == 400
    assert [row["slug"] for row in client.get("/api/v1/regions").json()] == ["eu-west"]
    assert {row["region"] for row in client.get("/api/v1/outcomes").json()["results"]} == {"eu-west"}
    states = client.get(f"/api/v1/resources/{two.image.pk}").json()["states"]
    assert [state["region"] for state in states] == ["eu-west"]
    assert client.get("/api/v1/regions/us-east/events").status_code == 404
    # What is for those alone who reach everything is not for a part of it.
    assert client.post("/api/v1/regions/eu-west/pause").status_code == 403


@pytest.mark.parametrize("is_of_all", [True, False])
def test_token_limited_to_regions_changes_what_is_checked_from_there_alone(
    two: Two, plane: ControlPlane, *, is_of_all: bool
) -> None:
    if not is_of_all:
        two.image.regions.set([plane.region("eu-west")])
    admin = User.objects.create(username="admin", is_superuser=True)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(admin, regions=[plane.region('eu-west')])}")
    address = f"/api/v1/resources/{two.image.pk}"
    incident = f"/api/v1/incidents/{Incident.objects.get(resource=two.image).pk}"
    many = {"items": [{"op": "update", "id": two.image.pk, "values": {"name": "other"}}]}
    answers = [
        client.post(f"{address}/pause"),
        client.post(f"{address}/resume"),
        client.patch(address, {"interval_seconds": 600}, format="json"),
        client.post(f"{incident}/acknowledge"),
        client.post(f"{incident}/comments", {"text": "seen"}, format="json"),
    ]
    (in_bulk,) = client.post("/api/v1/resources/bulk", many, format="json").json()["results"]
    told = [*((answer.status_code, answer.json().get("code")) for answer in answers)]
    told.append((in_bulk["status"], (in_bulk["problem"] or {}).get("code")))
    if is_of_all:
        assert told == [(403, "beyond_reach")] * 6
        assert client.delete(address).status_code == 403
        two.image.refresh_from_db()
        assert (two.image.paused_at, two.image.interval_seconds) == (None, 300)
    else:
        assert told == [(status, None) for status in (200, 200, 200, 200, 201, 200)]
        assert client.delete(address).status_code == 204
    # An outage that several share is seen from anywhere.
    assert client.post(f"/api/v1/incidents/{two.outage.pk}/acknowledge").json()["code"] == "beyond_reach"


def test_token_whose_groups_are_gone_opens_nothing(two: Two) -> None:
    admin = User.objects.create(username="admin", is_superuser=True)
    empty = ResourceGroup.objects.create(name="soon gone")
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(admin, groups=[empty])}")
    empty.delete()
    assert client.get("/api/v1/resources").json()["results"] == []


def test_pages_tell_nothing_of_others(two: Two, ours: User, settings: Settings) -> None:
    settings.KAIROS_PUBLIC_DASHBOARD = False
    browser = Client()
    browser.force_login(ours)
    own = Incident.objects.get(resource=two.image).pk
    for address in (
        "/",
        "/live/",
        f"/resources/{two.image.pk}/",
        f"/incidents/{two.outage.pk}/",
        f"/incidents/{own}/",
    ):
        page = browser.get(address)
        assert page.status_code == 200
        assert SECRET not in page.content.decode(), address
    assert SECRET not in browser.get(f"/?find={SECRET[:6]}").content.decode()
    assert browser.get("/").context["total"] == 1
    for address in (f"/resources/{two.other.pk}/", f"/incidents/{two.alone.pk}/"):
        assert browser.get(address).status_code == 404
    assert browser.post(f"/incidents/{two.outage.pk}/note/", {"text": "x"}).status_code == 403
    assert browser.post(f"/incidents/{own}/note/", {"text": "x"}).status_code == 302


def test_group_that_is_deleted_takes_its_grants_along(ours: User, two: Two) -> None:
    Resource.objects.filter(group=two.ours).update(group=None)
    two.ours.delete()
    assert not ours.role_grants.exists()
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(ours, Scope.READ)}")
    assert client.get("/api/v1/resources").status_code == 403


def test_what_several_share_is_seen_in_part_and_changed_by_nobody_who_has_a_part(two: Two) -> None:
    reach = Reach(frozenset({two.ours.pk}))
    seen = windows(reach).get(pk=two.window.pk)
    assert [group.name for group in seen.groups.all()] == ["ours"]
    assert not visible.is_within(seen, reach)
    assert [row.host for row in visible.among(Registry.objects.all(), reach)] == ["ghcr.io"]
    assert not visible.among(Credential.objects.all(), reach).exists()
    two.image.credential = two.login
    two.image.save()
    assert list(visible.among(Credential.objects.all(), reach)) == [two.login]


def test_quotas_are_for_those_who_reach_everything(two: Two, plane: ControlPlane) -> None:
    """They name regions and addresses of all, also to a token that is limited to one region and to no group."""
    admin = User.objects.create(username="admin", is_superuser=True)
    limits: tuple[dict[str, Any], ...] = ({}, {"regions": [plane.region("eu-west")]}, {"groups": [two.ours]})
    for limit, are_told in zip(limits, (True, False, False), strict=True):
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(admin, **limit)}")
        assert bool(client.get("/api/v1/quota-accounts").json()["results"]) is are_told


@pytest.mark.django_db(transaction=True)
def test_what_others_have_is_not_waited_for(two: Two, ours: User, client: APIClient) -> None:
    RoleGrant.objects.filter(user=ours).update(role=Role.EDITOR)
    is_held, is_answered = threading.Event(), threading.Event()

    def hold() -> bool:
        with transaction.atomic():
            Resource.objects.select_for_update().get(pk=two.other.pk)
            is_held.set()
            return is_answered.wait(3)

    def ask() -> int:
        is_held.wait(3)
        status: int = client.patch(f"/api/v1/resources/{two.other.pk}", {"name": "x"}, format="json").status_code
        is_answered.set()
        return status

    assert set(together(hold, ask)) == {True, 404}
