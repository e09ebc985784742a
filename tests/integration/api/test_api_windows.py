"""Maintenance planned over the API."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from probes.models import MaintenanceOccurrence, MaintenanceWindow, ResourceGroup, RoleGrant
from probes.policy.access import Role
from tests.fakes.access import token_of
from tests.fakes.control_plane import ControlPlane
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/maintenance-windows"
WORK = {
    "name": "Nightly work",
    "starts_on": "2026-01-01",
    "starts_at": "01:30:00",
    "zone": "Asia/Tokyo",
    "duration_minutes": 90,
    "rule": "FREQ=DAILY",
    "groups": ["shop"],
}


@pytest.fixture
def shop(db: None) -> ResourceGroup:
    return ResourceGroup.objects.create(name="Shop")


def plan(client: APIClient, **values: Any) -> Any:
    return client.post(ADDRESS, {**WORK, **values}, format="json")


def test_window_is_planned_changed_and_called_off(
    editor: APIClient, shop: ResourceGroup, plane: ControlPlane
) -> None:
    image = plane.image("ghcr.io/org/app:1")
    response = plan(editor, resources=[image.slug], registries=["ghcr.io"], regions=["us-east", "eu-west"])
    assert response.status_code == 201
    shown = response.json()
    assert {name: shown[name] for name in WORK} == WORK
    assert (shown["slug"], shown["resources"], shown["registries"]) == ("nightly-work", [image.slug], ["ghcr.io"])
    assert (shown["regions"], len(shown["next"])) == (["eu-west", "us-east"], 5)
    planned = MaintenanceOccurrence.objects.count()
    assert planned >= 34
    address = response["Location"]
    patched = editor.patch(address, {"rule": "", "starts_on": "2090-01-01", "regions": []}, format="json")
    assert (patched.status_code, patched.json()["regions"], patched.json()["groups"]) == (200, [], ["shop"])
    # One that is on at this hour of the day has ended now.
    assert not MaintenanceOccurrence.objects.filter(ends_at__gt=timezone.now()).exists()
    assert editor.delete(address).status_code == 204
    assert not MaintenanceWindow.objects.exists()


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"groups": []}, "", "required"),
        ({"groups": ["shop", "nothing"]}, "groups[1]", "does_not_exist"),
        ({"groups": "shop"}, "groups", "wrong_type"),
        ({"zone": "Mars/Olympus"}, "zone", "zone"),
        ({"rule": "FREQ=SECONDLY"}, "rule", "invalid"),
        ({"duration_minutes": 0}, "duration_minutes", "min_value"),
        ({"starts_at": "half past one"}, "starts_at", "invalid"),
        ({"starts_at": "01:30+02:00"}, "starts_at", "invalid"),
        ({"starts_at": "T0130"}, "starts_at", "invalid"),
        ({"rule": ""}, "", "past"),
    ],
)
def test_what_cannot_be_planned_is_named(
    editor: APIClient, shop: ResourceGroup, values: dict[str, Any], field: str, code: str
) -> None:
    response = plan(editor, **values)
    assert response.status_code == 400, response.content
    assert [(item["field"], item["code"]) for item in response.json()["errors"]] == [(field, code)]
    assert not MaintenanceWindow.objects.exists()


def test_what_is_over_may_still_be_renamed(editor: APIClient, shop: ResourceGroup) -> None:
    address = plan(editor)["Location"]
    MaintenanceWindow.objects.update(rule="")
    assert editor.patch(address, {"name": "Once"}, format="json").status_code == 200
    assert wrong(editor.patch(address, {"duration_minutes": 30}, format="json")) == [""]


def test_operator_plans_what_concerns_its_groups_alone(
    client: APIClient, reader: User, shop: ResourceGroup, plane: ControlPlane
) -> None:
    RoleGrant.objects.filter(user=reader).update(role=Role.OPERATOR, group=shop)
    data = ResourceGroup.objects.create(name="Data")
    plane.image("ghcr.io/org/app:1", group=shop)
    plane.image("other.example.com/org/app:1", group=data, name="theirs")
    assert plan(client, registries=["ghcr.io"]).json()["code"] == "missing_role"
    # What is beyond reach is not there: it is not told apart from what nobody has.
    for field, name in (("groups", "data"), ("resources", "theirs"), ("registries", "other.example.com")):
        answers = [plan(client, **{field: [asked]}).json() for asked in (name, "nobodys")]
        told = [[(error["field"], error["code"]) for error in answer["errors"]] for answer in answers]
        assert told == [[(f"{field}[0]", "does_not_exist")]] * 2
    assert not MaintenanceWindow.objects.exists()
    assert plan(client).status_code == 201


def test_token_of_a_region_plans_what_is_seen_from_there_alone(
    reader: User, editor: APIClient, shop: ResourceGroup, plane: ControlPlane
) -> None:
    plan(editor, regions=["eu-west", "us-east"])
    near = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(reader, regions=[plane.region('eu-west')])}")
    (shown,) = near.get(ADDRESS).json()["results"]
    assert shown["regions"] == ["eu-west"]
    changed = near.patch(f"{ADDRESS}/{shown['id']}", {"duration_minutes": 5}, format="json")
    assert (changed.status_code, changed.json()["code"]) == (403, "beyond_reach")
    assert plan(near).json()["code"] == "beyond_reach"
    assert wrong(plan(near, regions=["us-east"])) == ["regions[0]"]
    assert MaintenanceWindow.objects.count() == 1
    assert plan(near, regions=["eu-west"]).status_code == 201
