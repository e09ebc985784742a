"""The page of one image tells what happened to it, and shows the outcome behind a line of its incident's timeline."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from probes.models import Credential, Event, Incident, Outcome, Registry, Resource
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Outcome as Found
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import found
from tests.fakes.steps import step
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db


def hole(plan: CheckPlan) -> Found:
    return replace(found(plan, Reason.LAYER_MISSING, Stage.LAYER), steps=(step(),))


HOLE = dict.fromkeys(SLUGS, hole)


def read(client: Client, url: str) -> Page:
    response = client.get(url)
    assert response.status_code == 200
    return Page(response.content.decode())


def page_of(client: Client, image: Resource, **query: str) -> Page:
    """Return the whole page, as it is without script."""
    return read(client, f"/resources/{image.pk}/?{urlencode({'whole': '1', **query})}")


def event(number: int = 0, **values: Any) -> Event:
    at = datetime.now(UTC) - timedelta(minutes=number)
    fields = {"kind": "tag_moved", "severity": "info", "at": at, "key": f"k{Event.objects.count()}", "text": "moved"}
    return Event.objects.create(**{**fields, **values})


def lines(page: Page) -> list[str]:
    return [
        element.text for element in page.all("li", "entry") if element.attributes.get("id", "").startswith("event-")
    ]


@pytest.fixture
def image(plane: ControlPlane) -> Resource:
    image = plane.image("ghcr.io/team/app:1")
    plane.check(image)
    return image


def test_events_of_an_image_are_told_newest_first_with_time_and_severity(client: Client, image: Resource) -> None:
    event(2, resource=image, text="app:1 moved from a to b.")
    newest = event(1, resource=image, kind="tag_split", severity="warning", text="app:1 points at different digests.")
    page = page_of(client, image)
    first, second = lines(page)
    assert first == f"{newest.at:%H:%M} UTC app:1 points at different digests. warning"
    assert second.endswith("app:1 moved from a to b. info")
    assert "is-degraded" in page[f"event-{newest.pk}"].classes


def test_what_happens_to_its_registry_and_its_logins_concerns_an_image(client: Client, image: Resource) -> None:
    """Not what happens to another's, or to a login for another place."""
    ghcr = image.registry
    logins = {
        prefix: Credential.objects.create(registry=ghcr, repository_prefix=prefix) for prefix in ("team", "tea")
    }
    event(1, registry=ghcr, kind="certificate_expiring", text="The certificate of ghcr.io ends.")
    event(2, credential=logins["team"], kind="credential_expiring", text="The login of team ends.")
    event(3, credential=logins["tea"], kind="credential_expiring", text="The login of tea ends.")
    event(4, registry=Registry.objects.create(host="quay.io"), text="The certificate of quay.io ends.")
    told = " ".join(lines(page_of(client, image)))
    assert "ghcr.io ends" in told
    assert "of team ends" in told
    assert "of tea ends" not in told
    assert "quay.io" not in told
    image.credential = logins["tea"]
    image.save()
    told = " ".join(lines(page_of(client, image)))
    assert "of team ends" not in told
    assert "of tea ends" in told


def test_older_events_are_folded_away_and_the_oldest_left_out(client: Client, image: Resource) -> None:
    for number in range(22):
        event(number, resource=image, text=f"<i>move {number}</i>")
    page = page_of(client, image)
    assert len(lines(page)) == 20
    assert "<i>move 5</i>" in page["earlier-events"].text
    assert "<i>move 4</i>" not in page["earlier-events"].text
    assert "What came before this is left out here." in page["earlier-events"].text
    assert "<i>move" not in page.html


def test_image_to_which_nothing_happened_has_no_list(client: Client, image: Resource) -> None:
    assert "events" not in page_of(client, image)


@pytest.fixture
def outage(plane: ControlPlane, image: Resource) -> Incident:
    plane.check(image, finds=HOLE)
    return Incident.objects.get()


def outcome_link(page: Page, slug: str = "us-east") -> str:
    links = [element.attributes["href"] or "" for element in page.all("a", "entry-outcome")]
    (link,) = (link for link in links if f"from={slug}&" in link)
    return link


def test_failure_in_a_timeline_leads_to_its_steps(client: Client, plane: ControlPlane, outage: Incident) -> None:
    """Also when the region has found something else since, and from the incident's own page."""
    for address in (f"/incidents/{outage.pk}/", f"/resources/{outage.resource_id}/more/"):
        assert outcome_link(read(client, address)).endswith("#outcome")
    link = outcome_link(read(client, f"/incidents/{outage.pk}/"))
    assert outage.resource
    plane.check(outage.resource)
    page = read(client, link.partition("#")[0])
    told = page["outcome"].text
    assert told.startswith("us-east at ")
    assert "layer missing layer_missing" in told
    assert "Failed at layer" in told
    assert "GET /v2/org/app/manifests/1" in page["from-.then-steps"].text
    assert "all answered" in read(client, f"/resources/{outage.resource_id}/more/")["from-us-east"].text
    assert page["outcome-close"].attributes["href"] == f"/resources/{outage.resource_id}/#incidents"
    # What keeps the page current keeps the outcome on it.
    assert page["resource"].attributes["data-live"] == link.partition("#")[0].replace("/?", "/live/?")
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))


def test_outcome_that_is_gone_is_said_to_be(client: Client, outage: Incident) -> None:
    link = outcome_link(read(client, f"/incidents/{outage.pk}/")).partition("#")[0]
    Outcome.objects.all().delete()
    assert "This outcome is not kept, or not any more." in read(client, link)["outcome"].text


def test_outcome_of_which_a_summary_is_kept_says_so(client: Client, plane: ControlPlane, image: Resource) -> None:
    plane.check(image)
    slot = Outcome.objects.filter(document__isnull=True, region__slug="us-east").latest("slot").slot
    page = page_of(client, image, **{"from": "us-east", "slot": slot.isoformat()})
    assert "All answered. Of this outcome only a summary is kept." in page["outcome"].text


@pytest.mark.parametrize(
    "query",
    [
        {"from": "us-east"},
        {"slot": "2026-03-01T12:00:00Z"},
        {"from": "us-east", "slot": "noon"},
        {"from": "us-east", "slot": "2026-03-01T12:00:00"},
        {"from": "us-east", "slot": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_what_names_no_outcome_shows_none(client: Client, image: Resource, query: dict[str, str]) -> None:
    assert "outcome" not in page_of(client, image, **query)


@pytest.mark.parametrize("region", ["nowhere", "x" * 500, "<b>\0"])
def test_outcome_of_nowhere_is_not_kept(client: Client, image: Resource, region: str) -> None:
    page = page_of(client, image, **{"from": region, "slot": "2026-03-01T12:00:00+01:00"})
    assert "This outcome is not kept" in page["outcome"].text
    assert region[:3] in page["outcome"].text  # as text: an element of that name would not be read


def test_page_takes_one_query_more_for_an_outcome_of_the_past(client: Client, outage: Incident) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            read(client, address)
        return len(captured)

    link = outcome_link(read(client, f"/incidents/{outage.pk}/")).partition("#")[0]
    plain, more = (queries(f"/resources/{outage.resource_id}/{half}") for half in ("", "more/"))
    for number in range(30):
        event(number, resource_id=outage.resource_id)
    assert queries(f"/resources/{outage.resource_id}/more/") == more
    assert queries(link) == plain + 1
