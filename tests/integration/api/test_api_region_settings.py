"""What people say of a region, over the API."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from probes.actions import regions
from probes.models import Region, RoleGrant, Source
from probes.policy.access import Role
from tests.fakes.access import token_of
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/regions"
FAR = f"{ADDRESS}/eu-west"
PLACE = {"name": "Frankfurt", "latitude": 50.11, "longitude": 8.68}


def test_region_is_shown_with_its_workers(
    client: APIClient, plane: ControlPlane, django_assert_num_queries: Any
) -> None:
    regions.record_heartbeat(plane.regions["eu-west"].heartbeat(), now=datetime.now(UTC))
    client.get(FAR)
    with django_assert_num_queries(2):
        shown = client.get(FAR).json()
    assert (shown["slug"], shown["state"], len(shown["workers"])) == ("eu-west", "active", 1)
    assert client.get(f"{ADDRESS}/nowhere").status_code == 404


def test_settings_are_changed_and_replaced(editor: APIClient, plane: ControlPlane) -> None:
    changed = editor.patch(FAR, PLACE, format="json")
    assert changed.status_code == 200, changed.content
    assert {name: changed.json()[name] for name in PLACE} == PLACE
    replaced = editor.put(FAR, {"name": "Europe"}, format="json").json()
    assert (replaced["name"], replaced["latitude"], replaced["longitude"]) == ("Europe", None, None)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"latitude": 50.11}, "longitude"),
        ({"longitude": 8.68}, "latitude"),
        ({"latitude": 91, "longitude": 8.68}, "latitude"),
        ({"latitude": "50.11", "longitude": 8.68}, "latitude"),
        ({"name": ""}, "name"),
        ({"slug": "eu-east"}, "slug"),
        ({"paused_at": None}, "paused_at"),
    ],
)
def test_what_cannot_be_is_named(editor: APIClient, plane: ControlPlane, values: dict[str, Any], field: str) -> None:
    response = editor.patch(FAR, values, format="json")
    assert (response.status_code, wrong(response)) == (400, [field])
    assert Region.objects.get(slug="eu-west").latitude is None


def test_heartbeat_is_in_nobodys_way_and_is_kept(editor: APIClient, plane: ControlPlane) -> None:
    tag = editor.get(FAR)["ETag"]
    regions.record_heartbeat(plane.regions["eu-west"].heartbeat(in_flight=7), now=datetime.now(UTC))
    assert editor.patch(FAR, {"name": "One"}, format="json", headers={"If-Match": tag}).status_code == 200
    assert editor.patch(FAR, {"name": "Two"}, format="json", headers={"If-Match": tag}).status_code == 412
    shown = editor.get(FAR).json()
    assert (shown["name"], shown["workers"][0]["in_flight"]) == ("One", 7)


def test_region_is_retired_and_not_deleted(editor: APIClient, plane: ControlPlane) -> None:
    assert editor.delete(FAR).status_code == 405
    assert Region.objects.filter(slug="eu-west", retired_at=None).exists()


def test_list_is_narrowed(client: APIClient, plane: ControlPlane) -> None:
    Region.objects.filter(slug="eu-west").update(managed_by=Source.objects.create(name="Git"))
    Region.objects.filter(slug="us-east").update(retired_at=plane.now)

    def slugs(query: str) -> list[str]:
        return [region["slug"] for region in client.get(f"{ADDRESS}?{query}").json()]

    assert slugs("") == sorted(SLUGS)
    assert slugs("search=eu-") == ["eu-west"]
    assert slugs("managed_by=git") == ["eu-west"]
    assert slugs("retired=true") == ["us-east"]
    assert slugs("retired=false") == sorted(set(SLUGS) - {"us-east"})
    assert client.get(f"{ADDRESS}?fields=slug").json()[0] == {"slug": min(SLUGS)}
    assert client.get(f"{ADDRESS}?page_size=1").status_code == 400


def test_region_beyond_reach_is_not_there(reader: User, plane: ControlPlane) -> None:
    RoleGrant.objects.filter(user=reader).update(role=Role.EDITOR)
    near = Region.objects.get(slug="us-east")
    limited = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(reader, regions=[near])}")
    assert [region["slug"] for region in limited.get(ADDRESS).json()] == ["us-east"]
    assert limited.get(FAR).status_code == 404
    assert limited.patch(f"{ADDRESS}/us-east", {"name": "x"}, format="json").json()["code"] == "missing_role"
