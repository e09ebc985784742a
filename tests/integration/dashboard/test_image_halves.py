"""The two halves of an image's page: what each has, what each costs, and who is shown them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from probes.models import Policy, Region, Resource, ResourceGroup
from probes.policy.access import Role
from probes.protocol.taxonomy import Reason
from tests.fakes.access import grant
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db

FIRST = ("verdict", "sentence", "tools", "ladder", "open-incident", "timeline")
OF_THE_SESSION = ('FROM "django_session"', 'FROM "auth_user"')
SECOND = ("incidents", "timeline-regions", "latency", "spread", "uptime-24h", "by-region", "from-us-east")


@pytest.fixture
def image(plane: ControlPlane) -> Resource:
    """One of a group with a policy, failing, and checked from a region that is retired since."""
    plane.now -= timedelta(minutes=5)
    group = ResourceGroup.objects.create(name="Shop", policy=Policy.objects.create(name="Strict", failures=1))
    image = plane.image(group=group, policy=Policy.objects.create(name="Own", recoveries=1))
    plane.check(image)
    plane.check(image, finds=dict.fromkeys(plane.regions, finding(Reason.TAG_NOT_FOUND)))
    Region.objects.filter(slug="ap-south").update(retired_at=plane.now)
    return image


@pytest.fixture
def viewer(image: Resource, django_user_model: Any, settings: Any) -> Client:
    """A browser of somebody who sees that group and may order nothing, where not everybody may look."""
    settings.KAIROS_PUBLIC_DASHBOARD = False
    user = django_user_model.objects.create(username="ada")
    assert image.group is not None
    grant(user, Role.VIEWER, image.group)
    browser = Client()
    browser.force_login(user)
    return browser


def read(client: Client, url: str) -> Page:
    response = client.get(url)
    assert response.status_code == 200
    return Page(response.content.decode())


def queries(client: Client, url: str) -> int:
    """Return how many it takes besides the two of the session."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return sum(not any(table in query["sql"] for table in OF_THE_SESSION) for query in captured)


def test_each_half_has_its_own_and_the_page_asks_for_the_second(client: Client, image: Resource) -> None:
    url = f"/resources/{image.pk}/"
    page, live, more, whole = (read(client, url + part) for part in ("", "live/", "more/", "?whole=1"))
    for name in FIRST:
        assert name in page
        assert name in live
        assert name not in more
        assert name in whole
    for name in SECOND:
        assert name not in page
        assert name in more
        assert name in whole
    assert live.html.startswith('<div id="resource"')
    assert more.html.startswith('<div id="more"')
    assert page["resource"].attributes["data-live"] == f"{url}live/"
    assert page["more"].attributes["data-live"] == f"{url}more/"
    assert "data-wanted" in page["more"].attributes
    assert "data-wanted" not in whole["more"].attributes
    assert "data-wanted" not in more["more"].attributes
    assert page["whole"].attributes["href"] == f"{url}?whole=1"
    for shown in (page, whole):
        ids = [element.attributes["id"] for element in shown.elements if "id" in element.attributes]
        assert len(ids) == len(set(ids))


def test_both_halves_keep_the_window_and_the_first_keeps_the_whole(client: Client, image: Resource) -> None:
    page = read(client, f"/resources/{image.pk}/?window=7d&whole=1")
    assert page["more"].attributes["data-live"] == f"/resources/{image.pk}/more/?window=7d"
    assert page["resource"].attributes["data-live"] == f"/resources/{image.pk}/live/?window=7d&whole=1"
    for shown in (page, read(client, page["resource"].attributes["data-live"])):
        assert "whole=1" in shown["window-30d"].attributes["href"]
        assert "whole" in [field.attributes.get("name") for field in shown.all("input")]


def test_first_half_has_its_budget_and_the_second_costs_no_more_for_more(
    viewer: Client, image: Resource, plane: ControlPlane
) -> None:
    url, slot = f"/resources/{image.pk}/", f"{plane.now:%Y-%m-%dT%H:%M:%SZ}"
    for first in (url, f"{url}live/", f"{url}?window=7d", f"{url}?from=us-east&slot={slot}"):
        assert queries(viewer, first) <= 12, first
    more = queries(viewer, f"{url}more/")
    assert more <= 26
    Region.objects.update(retired_at=None)
    plane.check(image, finds={"eu-west": finding(Reason.REGISTRY_ERROR)})
    plane.check(image)
    assert queries(viewer, f"{url}more/") == more


def test_nobody_is_shown_either_half_of_what_is_beyond_reach(viewer: Client, plane: ControlPlane) -> None:
    other = plane.image("ghcr.io/org/other:1")
    for half in ("", "live/", "more/", "?whole=1"):
        assert viewer.get(f"/resources/{other.pk}/{half}").status_code == 404
