"""The list of incidents, what it is narrowed by, and the calendar."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.incidents import lists
from probes.models import Incident, ResourceGroup
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import finding
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db

GONE = dict.fromkeys(SLUGS, finding(Reason.TAG_NOT_FOUND))
NOW = datetime.now(UTC)


def read(client: Client, url: str) -> Page:
    response = client.get(url)
    assert response.status_code == 200
    return Page(response.content.decode())


def names(page: Page) -> list[str]:
    return [element.text for element in page.all("a", "incident-name")]


def of(image: Any, **values: Any) -> Incident:
    """An incident of an image that was over an hour after it was opened, a day ago unless told otherwise."""
    at = values.pop("opened_at", NOW - timedelta(days=1))
    fields: dict[str, Any] = {
        "level": "unavailable",
        "worst": "unavailable",
        "severity": "critical",
        "cause": "recovered",
    }
    fields |= {"began_at": at, "opened_at": at, "resolved_at": at + timedelta(hours=1), **values}
    if fields["resolved_at"] is None:
        fields["cause"] = ""
    return Incident.objects.create(resource=image, **fields)


@pytest.fixture
def images(plane: ControlPlane) -> dict[str, Any]:
    web = ResourceGroup.objects.create(name="Web", slug="web")
    return {
        "app": plane.image("ghcr.io/org/app:1", name="app", group=web),
        "db": plane.image("quay.io/org/db:1", name="db"),
    }


def test_open_ones_stand_above_what_is_over(client: Client, images: dict[str, Any]) -> None:
    of(images["db"])
    of(images["app"], resolved_at=None, opened_at=NOW - timedelta(days=9))
    page = read(client, "/incidents/")
    assert names(page) == ["app", "db"]
    assert [element.text.split()[0] for element in page.all("li", "incident")] == ["Unavailable", "Resolved"]
    assert page["way-incidents"].attributes["aria-current"] == "page"


def test_empty_list_says_what_will_be_in_it(client: Client, db: None) -> None:
    page = read(client, "/incidents/")
    assert page["none-open"].text == "No incident is open."
    assert "An incident opens when" in page["none-over"].text


NARROWED = {
    "state=open": ["app"],
    "state=over": ["db"],
    "find=app": ["app"],
    "registry=quay.io": ["db"],
    "group=web": ["app"],
    "severity=warning": ["db"],
    "level=degraded": ["db"],
    "reason=tag_not_found": ["app"],
    "region=us-east": ["app"],
    "since=2001-01-01&until=2001-01-02": [],
    "since=2001-01-01": ["app", "db"],
    "registry=quay.io&state=open": [],
}


def test_list_is_narrowed(client: Client, plane: ControlPlane, images: dict[str, Any]) -> None:
    plane.check(images["app"])
    plane.check(images["app"], finds=GONE)
    of(images["db"], severity="warning", level="degraded", worst="degraded")
    for query, found in NARROWED.items():
        page = read(client, f"/incidents/?{query}")
        assert (query, names(page)) == (query, found)
        for part in query.split("&"):
            assert f"chip-{part.partition('=')[0]}" in page


BEYOND = ("state=shut", "registry=nowhere.example", "region=mars", "group=none", "since=soon", "after=x", "reason=ok")


def test_region_is_one_from_which_it_failed(client: Client, plane: ControlPlane) -> None:
    """Each region's opinion is in the timeline from its beginning; that of one which was well is not looked for."""
    image = plane.image(name="app", degraded_after_seconds=0)
    for _ in range(2):
        plane.check(image, finds={"us-east": GONE["us-east"]})
    assert names(read(client, "/incidents/?region=us-east")) == ["app"]
    assert names(read(client, "/incidents/?region=eu-west")) == []


def test_what_is_not_understood_is_told_and_nothing_listed(client: Client, images: dict[str, Any]) -> None:
    of(images["db"])
    assert names(read(client, "/incidents/live/?after=x")) == []
    for query in BEYOND:
        page = read(client, f"/incidents/?{query}")
        assert names(page) == []
        assert len(page.all("p", "notice")) == 2  # and the one of live pages


def test_pages_follow_each_other(client: Client, images: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "ROWS_A_PAGE", 2)
    same = NOW - timedelta(days=3)
    ids = [of(images["db"], opened_at=same).pk for _ in range(5)]
    found: list[int] = []
    url = "/incidents/?registry=quay.io"
    while url:
        page = read(client, url)
        found += [int(element.attributes["id"].split("-")[1]) for element in page.all("li", "incident")]
        url = page["page-next"].attributes["href"] if "page-next" in page else ""
        assert not url or "registry=quay.io" in url
    assert found == ids[::-1]
    assert page["page-first"].attributes["href"] == "/incidents/?registry=quay.io"


def test_calendar_counts_what_was_open_on_each_day(client: Client, images: dict[str, Any]) -> None:
    third = datetime(2026, 2, 3, 23, 59, tzinfo=UTC)
    of(images["app"], opened_at=third)
    of(images["db"], opened_at=third, level="degraded", worst="degraded")
    of(images["db"], opened_at=third + timedelta(minutes=1), level="degraded", worst="degraded")
    of(images["db"], opened_at=datetime(2026, 3, 1, tzinfo=UTC))
    page = read(client, "/incidents/calendar/?month=2026-02")
    assert page["total"].text == "3 incidents opened"
    assert page["day-2026-02-03"].attributes["data-look"] == "unavailable"
    assert page["day-2026-02-04"].text.endswith("3 incidents were open, the worst unavailable, 1 opened on it")
    assert "data-look" not in page["day-2026-02-05"].attributes
    (link, *_) = page.all("a", "day-body")
    assert link.text.endswith("3 February: 2 incidents were open, the worst unavailable, 2 opened on it")
    assert sorted(names(read(client, link.attributes["href"]))) == ["app", "db"]
    assert page["way-incidents"].attributes["aria-current"] == "true"
    assert page["previous-month"].attributes["href"] == "/incidents/calendar/?month=2026-01"
    narrowed = read(client, "/incidents/calendar/?month=2026-02&registry=ghcr.io")
    assert narrowed["total"].text == "1 incident opened"
    assert narrowed["chip-registry"].attributes["href"] == "/incidents/calendar/?month=2026-02"
    assert "registry=ghcr.io" in narrowed["as-list"].attributes["href"]


def test_month_that_is_none_is_told(client: Client, db: None) -> None:
    page = read(client, "/incidents/calendar/?month=2999-01")
    assert "Month: write one that has been" in page.all("p", "notice")[0].text
    assert "total" not in page


def test_queries_do_not_grow_with_incidents(client: Client, images: dict[str, Any]) -> None:
    counts = []
    for _ in range(2):
        for _ in range(4):
            of(images["db"])
        with CaptureQueriesContext(connection) as caught:
            read(client, "/incidents/?find=db&registry=quay.io")
        counts.append(len(caught))
    assert counts[0] == counts[1] <= 11
    with CaptureQueriesContext(connection) as caught:
        read(client, "/incidents/calendar/")
    assert len(caught) <= 4
