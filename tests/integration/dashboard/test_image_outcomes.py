"""All outcomes of an image: narrowed, page by page, each with its steps."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from dashboard.image import outcome_views
from probes.models import Resource
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Outcome, rfc3339
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.fakes.pulls import pulled, refused_by_storage
from tests.integration.dashboard.reading import Element, Page

pytestmark = pytest.mark.django_db


def read(client: Client, image: Resource, **query: str) -> Page:
    response = client.get(f"/resources/{image.pk}/outcomes/?{urlencode(query)}")
    assert response.status_code == 200
    return Page(response.content.decode())


def rows(page: Page) -> list[Element]:
    return page.all("li", "outcome")


def test_outcomes_are_listed_newest_first_and_open_to_their_steps(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    for find in (pulled, pulled, refused_by_storage):
        slot = plane.check(image, finds=dict.fromkeys(plane.regions, find))
    page = read(client, image)
    assert len(rows(page)) == 9
    first = rows(page)[0]
    assert "us-east Degraded blob backend denied layer, blobs.example" in first.text
    assert "failed: layer GET /x?sig=… blobs.example 403 27 ms" in first.text
    assert "Config: ok Layers: broken" in first.text
    assert page.html.count('<details id="outcome-') == 6, "of what was as before only a summary is kept"
    whole = urlencode({"from": "us-east", "slot": rfc3339(slot)}).replace("&", "&amp;")
    assert f"/resources/{image.pk}/?{whole}#outcome" in page.html


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"status": "failing"}, 2),
        ({"status": "unavailable"}, 1),
        ({"status": "available"}, 4),
        ({"region": "us-east"}, 2),
        ({"reason": "tag_not_found"}, 1),
        ({"region": "us-east", "status": "failing", "reason": "registry_error"}, 0),
    ],
)
def test_outcomes_are_narrowed(client: Client, plane: ControlPlane, query: dict[str, str], count: int) -> None:
    image, other = plane.image(), plane.image("ghcr.io/org/other:1")
    plane.check(image, other)
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND), "eu-west": finding(Reason.REGISTRY_ERROR)})
    page = read(client, image, **query)
    assert len(rows(page)) == count
    assert ("no-outcomes" in page) is (count == 0)


def test_outcomes_are_narrowed_by_time(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    slots = [plane.check(image) for _ in range(2)]
    between = rfc3339(slots[1] - timedelta(seconds=1))
    assert len(rows(read(client, image, since=between))) == 3
    assert len(rows(read(client, image, until=between))) == 3


@pytest.mark.parametrize("query", [{"status": "well"}, {"region": "mars"}, {"since": "yesterday"}, {"after": "x"}])
def test_what_cannot_be_understood_is_complained_of(
    client: Client, plane: ControlPlane, query: dict[str, str]
) -> None:
    image = plane.image()
    plane.check(image)
    page = read(client, image, **query)
    said = page.all("p", "notice")
    assert said
    assert not rows(page)
    assert "no-outcomes" not in page


def test_pages_hold_every_outcome_once_and_cost_the_same(
    client: Client, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome_views, "ROWS_A_PAGE", 4)
    image = plane.image()
    for _ in range(3):
        plane.check(image)
    seen: list[str] = []
    url, counts = f"/resources/{image.pk}/outcomes/", set()
    while url:
        with CaptureQueriesContext(connection) as captured:
            page = Page(client.get(url).content.decode())
        counts.add(len(captured))
        seen += [row.attributes["id"] for row in rows(page)]
        url = page["page-next"].attributes["href"] if "page-next" in page else ""
    assert len(seen) == len(set(seen)) == 9
    assert counts == {3}


def test_outcomes_of_what_is_beyond_reach_are_not_there(
    client: Client, plane: ControlPlane, settings: Settings
) -> None:
    image = plane.image()
    settings.KAIROS_PUBLIC_DASHBOARD = False
    url = f"/resources/{image.pk}/outcomes/"
    assert client.get(url)["Location"] == f"/login/?next={url}"
    settings.KAIROS_PUBLIC_DASHBOARD = True
    assert client.get("/resources/999999/outcomes/").status_code == 404
    assert client.post(url).status_code == 405


def test_a_page_of_long_outcomes_stays_small(client: Client, plane: ControlPlane) -> None:
    def long(plan: CheckPlan) -> Outcome:
        outcome = refused_by_storage(plan)
        return replace(outcome, steps=outcome.steps * 20)

    image = plane.image()
    for _ in range(9):
        plane.check(image, finds=dict.fromkeys(plane.regions, long))
    page = read(client, image)
    assert len(rows(page)) == outcome_views.ROWS_A_PAGE
    assert "more steps are left out here" in page.html
    assert len(page.html) < 300_000


def test_a_url_that_is_none_does_not_take_the_page_with_it(client: Client, plane: ControlPlane) -> None:
    def nonsense(plan: CheckPlan) -> Outcome:
        outcome = refused_by_storage(plan)
        return replace(outcome, steps=tuple(replace(step, url="https://[<b>") for step in outcome.steps))

    image = plane.image()
    plane.check(image, finds=dict.fromkeys(plane.regions, nonsense))
    page = read(client, image)
    assert "https://[<b>" in rows(page)[0].text
    assert "<b>" not in page.html
    for form in ("zip", "txt"):
        assert client.get(f"/resources/{image.pk}/evidence.{form}").status_code == 200
