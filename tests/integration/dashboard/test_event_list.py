"""The list of events, and what it is narrowed by."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.events import views
from probes.models import Event
from tests.fakes.control_plane import ControlPlane
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)


def read(client: Client, url: str = "/events/") -> Page:
    response = client.get(url)
    assert response.status_code == 200
    return Page(response.content.decode())


def told(page: Page) -> list[str]:
    return [element.text for element in page.all("li", "happening")]


@pytest.fixture
def happened(plane: ControlPlane) -> Mapping[str, Event]:
    """A tag that moved as us-east saw it, and a certificate that expires, of two registries."""
    app, db = plane.image("ghcr.io/org/app:1", name="app"), plane.image("quay.io/org/db:1", name="db")
    moved = Event.objects.create(
        kind="tag_moved", severity="info", at=NOW, resource=app, region="us-east", key="1", text="app moved"
    )
    expiring = Event.objects.create(
        kind="certificate_expiring",
        severity="warning",
        at=NOW - timedelta(days=2),
        registry=db.registry,
        key="2",
        text="quay.io <b>ends</b> in 7 days",
    )
    return {"moved": moved, "expiring": expiring}


def test_events_are_told_in_words_with_what_they_are_about(client: Client, happened: Mapping[str, Event]) -> None:
    page = read(client)
    first, second = told(page)
    assert "Tag moved. app moved" in first
    assert "app · seen from us-east" in first
    assert "Certificate expires soon. quay.io <b>ends</b> in 7 days" in second
    assert "<b>ends" not in page.html
    about = page[f"event-{happened['moved'].pk}-about"]
    assert about.attributes["href"] == f"/resources/{happened['moved'].resource_id}/"


def test_nothing_happened_yet(client: Client, db: None) -> None:
    assert read(client)["no-events"].text.startswith("Nothing has happened yet.")


NARROWED = {
    "kind=tag_moved": 1,
    "severity=warning": 1,
    "registry=quay.io": 1,
    "registry=ghcr.io": 1,
    "region=us-east": 1,
    "region=eu-west": 0,
    "find=app": 1,
    "since=2001-01-01": 2,
    "until=2001-01-01": 0,
    "kind=moved": 0,
    "registry=nowhere.example": 0,
    "resource=999999": 0,
    "resource=x": 0,
}


def test_list_is_narrowed(client: Client, happened: Mapping[str, Event]) -> None:
    for query, count in NARROWED.items():
        page = read(client, f"/events/?{query}")
        assert (query, len(told(page))) == (query, count)
        assert f"chip-{query.partition('=')[0]}" in page


def test_events_of_an_image_are_those_that_concern_it(client: Client, happened: Mapping[str, Event]) -> None:
    page = read(client, f"/events/live/?resource={happened['moved'].resource_id}")
    assert len(told(page)) == 1


def test_pages_follow_each_other_with_the_same_queries(
    client: Client, happened: Mapping[str, Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "ROWS_A_PAGE", 2)
    app: Any = happened["moved"].resource
    for number in range(3):
        Event.objects.create(
            kind="tag_moved", severity="info", at=NOW, resource=app, key=f"x{number}", text=f"moved {number}"
        )
    seen, url, counts = [], "/events/", []
    while url:
        with CaptureQueriesContext(connection) as caught:
            page = read(client, url)
        counts.append(len(caught))
        seen += told(page)
        url = page["page-next"].attributes["href"] if "page-next" in page else ""
    assert len(seen) == len(set(seen)) == 5
    assert len(set(counts)) == 1
    assert counts[0] <= 4
