"""Regions ordered about over the API."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from probes.broker.address import BrokerAddress
from probes.models import Region, RegionKey
from probes.trust.keys import RegionKeys
from tests.fakes.at_once import at_once
from tests.fakes.control_plane import ControlPlane
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/regions"
BROKER = "rediss://broker.example.com:6380/0"


@pytest.fixture(autouse=True)
def _edge_settings(settings: Settings) -> None:
    settings.KAIROS_EDGE_BROKER_URL = BROKER
    settings.KAIROS_BROKER = BrokerAddress("")  # without accounts: tests/integration/control/test_logins.py has them


def allow(reader: User, *codenames: str) -> None:
    reader.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


@pytest.fixture
def operator(client: APIClient, reader: User) -> APIClient:
    """Somebody who may hand out keys."""
    allow(reader, "add_region", "change_region", "change_credential")
    return client


def enroll(client: APIClient, **values: Any) -> Any:
    return client.post(ADDRESS, {"slug": "berlin", **values}, format="json")


def order(client: APIClient, verb: str, slug: str = "eu-west", **values: Any) -> Any:
    return client.post(f"{ADDRESS}/{slug}/{verb}", values, format="json")


def test_enrolling_answers_the_region_and_its_files(operator: APIClient, tmp_path: Path) -> None:
    response = enroll(operator, name="Berlin", latitude=52.5, longitude=13.4, image="registry.test/edge:2")
    assert (response.status_code, response["Cache-Control"]) == (201, "no-store")
    document = response.json()
    assert document["region"]["slug"] == "berlin"
    assert (document["region"]["state"], document["region"]["latitude"]) == ("active", 52.5)
    assert f"BROKER_URL={BROKER}\n" in document["bundle"]["kairos-edge.env"]
    assert "image: registry.test/edge:2" in document["bundle"]["docker-compose.yml"]
    (tmp_path / "key.json").touch(0o600)
    (tmp_path / "key.json").write_text(document["bundle"]["region-key.json"])
    public = RegionKeys.load(tmp_path / "key.json").public
    assert public.verify_key_text == Region.objects.get().verify_key


@pytest.mark.django_db(transaction=True)
def test_of_two_who_enrol_a_region_at_once_one_is_told_of_the_conflict(
    operator: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = at_once(monkeypatch, *[lambda: enroll(operator)] * 2)
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert (Region.objects.count(), RegionKey.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"slug": "Upper"}, "slug"),
        ({"slug": "control"}, ""),
        ({"slug": None}, "slug"),
        ({"latitude": 52.5}, ""),
        ({"latitude": 95, "longitude": 13}, ""),
        ({"broker_url": "http://far"}, ""),
        ({"broker_url": "redis://:secret@far"}, ""),
        ({"image": "a b"}, ""),
        ({"colour": "red"}, "colour"),
    ],
)
def test_value_that_cannot_be_is_an_error_of_its_field(operator: APIClient, values: Any, field: str) -> None:
    response = enroll(operator, **values)
    assert (response.status_code, wrong(response)) == (400, [field])
    assert not Region.objects.exists()


def test_region_in_service_is_not_enrolled_twice(operator: APIClient) -> None:
    enroll(operator)
    response = enroll(operator)
    assert response.status_code == 409
    assert response.json()["detail"].startswith("region berlin is enrolled already")


def test_control_plane_without_a_key_says_so(operator: APIClient, settings: Settings, tmp_path: Path) -> None:
    settings.KAIROS_CONTROL_KEY_FILE = tmp_path / "nowhere.json"
    response = enroll(operator)
    assert (response.status_code, "nowhere.json" in response.json()["detail"]) == (503, True)


def test_new_keys_come_with_those_before(operator: APIClient, plane: ControlPlane) -> None:
    response = order(operator, "rotate")
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert "previous_box_private_keys" in response.json()["bundle"]["region-key.json"]
    assert plane.region("eu-west").keys.count() == 2
    response = order(operator, "rotate", overlap_seconds=0)
    assert "previous_box_private_keys" not in response.json()["bundle"]["region-key.json"]


@pytest.mark.parametrize("value", [-1, 10**9, "soon"])
def test_overlap_that_cannot_be_is_refused(operator: APIClient, plane: ControlPlane, value: Any) -> None:
    response = order(operator, "rotate", overlap_seconds=value)
    assert (response.status_code, wrong(response)) == (400, ["overlap_seconds"])


def test_retired_region_has_no_keys_to_change(operator: APIClient, plane: ControlPlane) -> None:
    order(operator, "retire")
    assert order(operator, "rotate").status_code == 409


@pytest.mark.parametrize(("verb", "state"), [("drain", "draining"), ("pause", "paused"), ("retire", "retired")])
def test_order_answers_the_region_as_it_is_then(
    client: APIClient, reader: User, plane: ControlPlane, verb: str, state: str
) -> None:
    allow(reader, "change_region")
    response = order(client, verb)
    assert (response.status_code, response.json()["slug"], response.json()["state"]) == (200, "eu-west", state)
    assert not Region.objects.get(slug="eu-west").is_active
    events = client.get(f"{ADDRESS}/eu-west/events").json()["results"]
    assert (events[0]["after"], events[0]["detail"]) == (state, "by reader")
    order(client, "resume")
    assert Region.objects.get(slug="eu-west").is_active is (verb != "retire")


@pytest.mark.parametrize("verb", ["drain", "pause", "resume", "retire", "rotate"])
def test_unknown_region_is_not_found(operator: APIClient, verb: str) -> None:
    assert order(operator, verb, "nowhere").status_code == 404


@pytest.mark.parametrize("verb", ["drain", "pause", "resume", "retire", "rotate"])
def test_reader_orders_nothing(client: APIClient, plane: ControlPlane, verb: str) -> None:
    assert order(client, verb).status_code == 403
    assert enroll(client).status_code == 403
    assert Region.objects.active().count() == 3
    assert RegionKey.objects.count() == 3


def test_who_may_not_change_credentials_is_handed_no_keys(
    client: APIClient, reader: User, plane: ControlPlane
) -> None:
    """A region's keys open every credential that it is sent."""
    allow(reader, "add_region", "change_region")
    assert enroll(client).status_code == 403
    assert order(client, "rotate").status_code == 403
    assert RegionKey.objects.count() == 3


def test_without_a_token_nothing_is_told() -> None:
    assert order(APIClient(), "rotate").status_code == 401
    assert enroll(APIClient()).status_code == 401
