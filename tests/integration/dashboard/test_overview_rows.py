"""Rows of the overview that were made for one reader: who else is given them, and until when."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from dashboard.live import hub, kept
from dashboard.live.pieces import Pieces
from dashboard.live.tellings import Telling, Tellings
from dashboard.overview import views
from probes.models import RegionState, Resource, ResourceGroup
from probes.policy.access import EVERYTHING, Reach, Role
from probes.policy.changes import Change
from probes.protocol.taxonomy import Reason
from tests.fakes.access import grant
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db


class Told(hub.Hub):
    """A hub that nobody listens to, and of which the test says what it has told."""

    def __init__(self) -> None:
        self._tellings = Tellings()
        self._place = ("e", 0)

    def tell(self, *topics: str) -> None:
        number = self._place[1] + 1
        self._tellings.add(Telling(number, 0.0, (Change(frozenset(topics)),)))
        self._place = ("e", number)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()
    monkeypatch.setattr(hub, "running", lambda: told)
    monkeypatch.setattr(kept, "_fragments", kept.Shelf(100))
    monkeypatch.setattr(views, "_pieces", Pieces(100))
    return told


def asked(client: Client, told: Told, address: str = "/live/") -> Page:
    response = client.get(address, headers={"Kairos-Live": told.position})
    assert response.status_code == 200
    return Page(response.content.decode())


def look(page: Page, image: Resource) -> str:
    return page[f"cell-{image.pk}-us-east"].attributes["data-look"]


def test_a_row_is_made_again_once_it_is_told_of_and_shared_by_pages_until_then(
    client: Client, plane: ControlPlane, told: Told
) -> None:
    image, other = plane.image("ghcr.io/org/app:1", labels={"team": "<a&b>"}), plane.image("ghcr.io/org/other:1")
    plane.check(image, other)
    assert look(asked(client, told), image) == "available"
    plane.check(image, other, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    # What is not told of yet is as it was; whoever polls, or opens the page, is shown what is so.
    told.tell("verdicts", f"resource:{other.pk}")
    page = asked(client, told)
    assert (look(page, image), look(page, other)) == ("available", "unavailable")
    assert look(Page(client.get("/live/").content.decode()), image) == "unavailable"
    told.tell(f"resource:{image.pk}")
    for address in ("/live/", "/live/?sort=name", f"/live/rows?ids={image.pk}", "/live/?label=team:%3Ca%26b%3E"):
        assert look(asked(client, told, address), image) == "unavailable"
    # Pages that are made of the same rows lead to their own addresses.
    for address, leading in (("/live/", "/?label="), ("/live/?sort=name&find=org", "/?find=org&sort=name&label=")):
        (label,) = asked(client, told, address).all("a", "tag")
        assert label.attributes["href"] == f"{leading}team%3A%3Ca%26b%3E"


def test_a_row_is_as_new_as_the_order_by_how_long_its_checks_took(
    client: Client, plane: ControlPlane, told: Told
) -> None:
    """It was kept for twenty seconds, as of a check that came out as before nothing is told."""
    image, other = plane.image(), plane.image("ghcr.io/org/other:1")
    plane.check(image, other)
    for slow, quick in ((image, other), (other, image)):
        RegionState.objects.filter(resource=slow).update(duration_ms=1240)
        RegionState.objects.filter(resource=quick).update(duration_ms=1180)
        told.tell("verdicts")  # of something else
        page = asked(client, told, "/live/?sort=latency&by=nothing")
        assert page.html.index(f'id="image-{slow.pk}"') < page.html.index(f'id="image-{quick.pk}"')
        rows = asked(client, told, f"/live/rows?ids={slow.pk},{quick.pk}&sort=latency&by=nothing")
        for shown in (page, rows):
            assert shown[f"latency-{slow.pk}"].text.endswith("last 1.24 s")
            assert shown[f"latency-{quick.pk}"].text.endswith("last 1.18 s")


def test_a_row_is_given_to_nobody_who_reaches_less_or_may_change_nothing(
    client: Client, plane: ControlPlane, told: Told, settings: Settings, django_user_model: Any
) -> None:
    settings.KAIROS_PUBLIC_DASHBOARD = False
    ours = ResourceGroup.objects.create(name="Ours")
    mine, secret = plane.image("ghcr.io/org/mine:1", group=ours), plane.image("ghcr.io/org/secret:1")
    plane.check(mine, secret)
    readers: list[Client] = []
    for name, group in (("root", None), ("ada", ours)):
        user = django_user_model.objects.create(username=name, is_staff=name == "root", is_superuser=name == "root")
        if group is not None:
            grant(user, Role.VIEWER, group)
        readers.append(Client())
        readers[-1].force_login(user, "django.contrib.auth.backends.ModelBackend")
    root, ada = readers
    addresses = ("/live/", f"/live/rows?ids={mine.pk},{secret.pk}")
    for address in addresses:
        page = asked(root, told, address)
        assert f"image-{secret.pk}" in page
        assert f"change-{mine.pk}" in page
    for address in addresses:
        page = asked(ada, told, address)
        assert f"image-{mine.pk}" in page
        assert f"image-{secret.pk}" not in page
        assert f"change-{mine.pk}" not in page


def test_a_row_has_the_regions_within_reach_alone(
    client: Client, plane: ControlPlane, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = plane.image()
    plane.check(image)
    for reach in (EVERYTHING, Reach(regions=frozenset({plane.region("eu-west").pk}))):
        for module in (views, kept):
            monkeypatch.setattr(module, "reach_of", lambda request, reach=reach: reach)
        page = asked(client, told, f"/live/rows?ids={image.pk}")
        assert (f"cell-{image.pk}-us-east" in page) is reach.is_everything
        assert f"cell-{image.pk}-eu-west" in page
