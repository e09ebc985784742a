"""Regions enrolled, given new keys and given up in the admin."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from pytest_django.fixtures import Settings

from probes.broker.address import BrokerAddress
from probes.bundle.contents import read_environment
from probes.models import Region, RegionKey
from probes.trust.keys import RegionKeys
from tests.fakes.at_once import at_once
from tests.fakes.control_plane import ControlPlane
from tests.integration.admin.pages import ADMIN, errors_of, messages_of, shown

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db

ADD = f"{ADMIN}/region/add/"
NEW = {"slug": "berlin", "name": "Berlin", "latitude": "52.5", "longitude": "13.4"}


@pytest.fixture(autouse=True)
def _edge_settings(settings: Settings) -> None:
    settings.KAIROS_EDGE_BROKER_URL = "rediss://broker.example.com:6380/0"
    settings.KAIROS_BROKER = BrokerAddress("")  # without accounts: tests/integration/control/test_logins.py has them


def unpacked(response: "Response") -> dict[str, str]:
    """Return the files of the bundle that was downloaded, without their directory."""
    assert (response.status_code, response["Content-Type"]) == (200, "application/gzip"), response.status_code
    assert "no-store" in response["Cache-Control"]
    with tarfile.open(fileobj=io.BytesIO(response.content)) as archive:
        files = {entry.name.partition("/")[2]: archive.extractfile(entry) for entry in archive if entry.isfile()}
        return {name: file.read().decode() for name, file in files.items() if file}


def order(client: Client, region: Region, what: str) -> Any:
    return client.post(f"{ADMIN}/region/{region.pk}/order/", {"order": what})


@pytest.fixture
def keeper(onlooker: Client, django_user_model: Any) -> Client:
    """Somebody who may change regions, and no credential."""
    grant(django_user_model, ["add_region", "change_region"])
    return onlooker


def grant(users: Any, codenames: Iterable[str]) -> None:
    users.objects.get(username="onlooker").user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def test_enrolling_ends_in_the_download_of_the_bundle(client: Client, tmp_path: Path) -> None:
    assert "Slug" in shown(client, ADD)
    response = client.post(ADD, NEW)
    assert response["Content-Disposition"] == 'attachment; filename="kairos-edge-berlin.tar.gz"'
    files = unpacked(response)
    region = Region.objects.get()
    assert (region.slug, region.name, region.latitude, region.longitude) == ("berlin", "Berlin", 52.5, 13.4)
    assert region.is_active
    assert read_environment(files["kairos-edge.env"])["KAIROS_REGION"] == "berlin"
    (tmp_path / "key.json").touch(0o600)
    (tmp_path / "key.json").write_text(files["region-key.json"])
    assert RegionKeys.load(tmp_path / "key.json").public.verify_key_text == region.keys.get().verify_key
    assert LogEntry.objects.get().object_id == str(region.pk)


@pytest.mark.parametrize(
    ("values", "field"),
    [({"slug": "control"}, "__all__"), ({"slug": "Upper"}, "slug"), ({"longitude": ""}, "longitude")],
)
def test_region_that_cannot_be_is_not_enrolled(client: Client, values: dict[str, str], field: str) -> None:
    assert field in errors_of(client.post(ADD, {**NEW, **values}))
    assert not Region.objects.exists()


def test_bundle_that_cannot_be_made_is_told_and_nothing_is_enrolled(client: Client, settings: Settings) -> None:
    settings.KAIROS_EDGE_BROKER_URL = ""
    settings.BROKER_URL = "redis://127.0.0.1:6379/0"
    response = client.post(ADD, NEW)
    assert messages_of(response)[-1].startswith("Nothing was changed: the broker is on loopback")
    assert not Region.objects.exists()


def test_new_keys_are_downloaded_with_those_before(client: Client, plane: ControlPlane) -> None:
    region = plane.region("eu-west")
    files = unpacked(order(client, region, "rotate"))
    assert "previous_box_private_keys" in files["region-key.json"]
    assert region.keys.count() == 2
    assert "not used yet; the one before counts until" in shown(client, f"{ADMIN}/region/{region.pk}/change/")
    assert "New keys." in LogEntry.objects.get().change_message


def test_retired_region_is_enrolled_again_from_its_page(client: Client, plane: ControlPlane) -> None:
    region = plane.region("eu-west")
    assert messages_of(order(client, region, "retire"))[-1].startswith("1 retired: keys and accounts have ended.")
    page = shown(client, f"{ADMIN}/region/{region.pk}/change/")
    assert "Enrol again, with new keys" in page
    assert "Give it new keys" not in page
    unpacked(order(client, region, "enroll"))
    assert Region.objects.get(slug="eu-west").is_active


def test_order_that_cannot_be_followed_says_why(client: Client, plane: ControlPlane) -> None:
    response = order(client, plane.region("eu-west"), "enroll")
    assert messages_of(response)[-1].startswith("Nothing was changed: region eu-west is enrolled already")


@pytest.mark.parametrize("what", ["drain", "pause"])
def test_buttons_of_the_page_do_what_they_say(client: Client, plane: ControlPlane, what: str) -> None:
    region = plane.region("eu-west")
    response = order(client, region, what)
    assert response["Location"] == f"{ADMIN}/region/{region.pk}/change/"
    assert not Region.objects.get(slug="eu-west").is_active
    order(client, region, "resume")
    assert Region.objects.get(slug="eu-west").is_active


def test_who_may_not_change_credentials_is_handed_no_keys(keeper: Client, plane: ControlPlane) -> None:
    """A region's keys open every credential that it is sent."""
    region = plane.region("eu-west")
    assert keeper.get(ADD).status_code == 403
    assert keeper.post(ADD, NEW).status_code == 403
    assert order(keeper, region, "rotate").status_code == 403
    assert order(keeper, region, "enroll").status_code == 403
    assert "Give it new keys" not in shown(keeper, f"{ADMIN}/region/{region.pk}/change/")
    assert RegionKey.objects.count() == 3
    assert messages_of(order(keeper, region, "drain")) == ["1 draining. What is in flight still arrives."]


def test_who_may_change_both_is(keeper: Client, plane: ControlPlane, django_user_model: Any) -> None:
    grant(django_user_model, ["change_credential"])
    unpacked(order(keeper, plane.region("eu-west"), "rotate"))


def test_onlooker_orders_nothing(onlooker: Client, plane: ControlPlane) -> None:
    for what in ("drain", "pause", "resume", "retire", "rotate", "enroll"):
        assert order(onlooker, plane.region("eu-west"), what).status_code == 403
    assert Region.objects.active().count() == 3


def test_order_is_given_by_post_only(client: Client, plane: ControlPlane) -> None:
    assert client.get(f"{ADMIN}/region/{plane.region('eu-west').pk}/order/").status_code == 405


@pytest.mark.django_db(transaction=True)
def test_of_two_who_enrol_a_region_at_once_one_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = at_once(monkeypatch, *[lambda: client.post(ADD, NEW)] * 2)
    assert sorted(answer.status_code for answer in answers) == [200, 302]
    (refused,) = (answer for answer in answers if answer.status_code == 302)
    assert refused["Location"] == ADD
    assert messages_of(refused)[0].startswith("Nothing was changed: region berlin is enrolled already")
    assert (Region.objects.count(), RegionKey.objects.count()) == (1, 1)
