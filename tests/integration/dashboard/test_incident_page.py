"""Incidents as people meet them: what is wrong now, the page of one, and what may be noted on it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from probes.actions import incidents as actions
from probes.models import Incident, IncidentEntry, Resource
from probes.policy.terms import Severity
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import finding
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db

GONE = dict.fromkeys(SLUGS, finding(Reason.TAG_NOT_FOUND))


def read(client: Client, url: str = "/") -> Page:
    response = client.get(url)
    assert response.status_code == 200
    return Page(response.content.decode())


def lines(page: Page) -> list[str]:
    return [element.text for element in page.all("a", "incident-name")]


def image_of(incident: Incident) -> Resource:
    assert incident.resource is not None
    return incident.resource


@pytest.fixture
def outage(plane: ControlPlane) -> Incident:
    image = plane.image(name="the app")
    plane.check(image)
    plane.check(image, finds=GONE)
    return Incident.objects.get()


@pytest.fixture
def operator(django_user_model: Any) -> Client:
    """A browser of somebody who may change incidents, and is no staff."""
    user = django_user_model.objects.create(username="anna")
    user.user_permissions.add(Permission.objects.get(codename="change_incident"))
    browser = Client()
    browser.force_login(user)
    return browser


def scope(name: str = "ghcr.io", **values: Any) -> Incident:
    now = datetime.now(UTC)
    fields = {"level": "degraded", "worst": "unavailable", "severity": "critical", "began_at": now, "opened_at": now}
    return Incident.objects.create(scope_kind="registry", scope_name=name, extent=3, **{**fields, **values})


def test_what_is_wrong_now_stands_above_the_matrix(client: Client, outage: Incident) -> None:
    page = read(client)
    text = page[f"incident-{outage.pk}"].text
    assert text.startswith(
        "Unavailable the app 3 of 3 fresh regions cannot read the manifest: ghcr.io: tag not found"
    )
    assert page[f"incident-{outage.pk}-link"].attributes["href"] == f"/incidents/{outage.pk}/"
    ids = [element.attributes.get("id") for element in page.elements]
    assert ids.index("wrong-now") < ids.index("matrix")


def test_nothing_is_said_of_incidents_where_none_is_open(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds=GONE)
    plane.check(image)
    assert "wrong-now" not in read(client)


def test_scopes_come_first_and_stand_for_what_they_explain(
    client: Client, plane: ControlPlane, outage: Incident
) -> None:
    other = plane.image("quay.io/org/other:1", name="other")
    plane.check(other, finds=GONE)
    parent = scope()
    Incident.objects.filter(pk=outage.pk).update(parent=parent)
    page = read(client)
    assert lines(page) == ["registry ghcr.io", "other"]
    assert "1 incident explained" in page[f"incident-{parent.pk}"].text
    Incident.objects.filter(pk=parent.pk).update(resolved_at=datetime.now(UTC), cause="recovered")
    assert lines(read(client)) == ["the app", "other"]


def test_outages_come_before_the_rest_and_the_severe_before_the_slight(client: Client, plane: ControlPlane) -> None:
    severities = {"slight": Severity.INFO, "severe": Severity.CRITICAL, "middling": Severity.WARNING}
    for name, severity in severities.items():
        plane.check(plane.image(f"{name}.example/org/app:1", name=name, severity=severity), finds=GONE)
    limping = plane.image("limping.example/org/app:1", name="limping", degraded_after_seconds=0)
    for _ in range(2):
        plane.check(limping, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    page = read(client)
    assert lines(page) == ["severe", "middling", "slight", "limping"]
    assert "info" in page[f"incident-{Incident.objects.get(severity='info').pk}"].text


def test_many_are_counted_and_not_all_listed(client: Client, plane: ControlPlane) -> None:
    plane.check(*(plane.image(f"host-{number}.example/org/app:1") for number in range(11)), finds=GONE)
    page = read(client)
    assert len(lines(page)) == 8
    assert "3 more incidents are open." in page["overview"].text


def test_page_tells_the_whole_story(client: Client, outage: Incident, plane: ControlPlane) -> None:
    page = read(client, f"/incidents/{outage.pk}/")
    assert page["subject"].text == "the app"
    assert page["subject"].attributes["href"] == f"/resources/{outage.resource_id}/"
    assert page["state"].text == "Unavailable"
    text = page["incident"].text
    assert "3 of 3 fresh regions cannot read the manifest" in text
    assert "Severity critical" in text
    assert "us-east bad: tag not found" in text
    assert "Nobody is at it yet." in page["seen-to"].text
    plane.check(image_of(outage))
    page = read(client, f"/incidents/{outage.pk}/")
    assert page["state"].text == "Resolved"
    assert "Over: all is well again." in page["incident"].text


def test_page_of_a_scope_lists_what_it_explains(client: Client, outage: Incident) -> None:
    parent = scope()
    Incident.objects.filter(pk=outage.pk).update(parent=parent)
    page = read(client, f"/incidents/{parent.pk}/")
    assert "registry ghcr.io" in page["incident"].text
    assert lines(page) == ["the app"]
    child = read(client, f"/incidents/{outage.pk}/")
    assert child["parent"].attributes["href"] == f"/incidents/{parent.pk}/"


def test_incident_that_is_not_there_is_not_found(client: Client, db: None) -> None:
    for url in ("/incidents/1/", "/incidents/1/live/", f"/incidents/{2**80}/"):
        assert client.get(url).status_code == 404


def test_who_may_acknowledges_and_comments(operator: Client, outage: Incident) -> None:
    address = f"/incidents/{outage.pk}/"
    assert "Acknowledge" in read(operator, address).html
    response = operator.post(f"{address}note/", {"order": "acknowledge", "text": ""})
    assert response["Location"] == address
    page = read(operator, address)
    assert "Noted: you are at it." in page.html
    assert page["seen-to"].text.startswith("anna is at it, since")
    assert 'value="acknowledge"' not in page.html
    operator.post(f"{address}note/", {"order": "comment", "text": " <b>A disk</b>\0 "})
    page = read(operator, address)
    assert "anna <b>A disk</b>" in page["incident"].text
    assert "<b>A disk" not in page.html
    assert "anna is at it" in read(operator)[f"incident-{outage.pk}"].text


def test_second_to_acknowledge_is_told(operator: Client, outage: Incident, django_user_model: Any) -> None:
    somebody = django_user_model.objects.create(username="bert")
    actions.acknowledge(outage.pk, by=somebody, now=outage.opened_at)
    operator.post(f"/incidents/{outage.pk}/note/", {"order": "acknowledge", "text": ""})
    page = read(operator, f"/incidents/{outage.pk}/")
    assert "somebody is at it already" in page.html
    assert page["seen-to"].text.startswith("bert is at it")


def test_comment_without_words_is_none(operator: Client, outage: Incident) -> None:
    operator.post(f"/incidents/{outage.pk}/note/", {"order": "comment", "text": " "})
    assert "Write something first." in read(operator, f"/incidents/{outage.pk}/").html
    assert not IncidentEntry.objects.filter(kind="comment").exists()


def test_strangers_are_sent_to_the_login_and_readers_are_refused(
    client: Client, outage: Incident, django_user_model: Any
) -> None:
    address = f"/incidents/{outage.pk}/"
    page = read(client, address)
    assert "to acknowledge or to comment" in page.html
    assert "<textarea" not in page.html
    refused = client.post(f"{address}note/", {"order": "acknowledge"})
    assert (refused.status_code, refused["Location"]) == (302, f"/login/?next={address}")
    client.force_login(django_user_model.objects.create(username="reader"))
    assert "takes the permission to change incidents" in read(client, address).html
    assert client.post(f"{address}note/", {"order": "acknowledge"}).status_code == 403
    assert not IncidentEntry.objects.filter(kind="acknowledged").exists()


def test_note_is_a_post_from_our_own_page(operator: Client, outage: Incident) -> None:
    address = f"/incidents/{outage.pk}/note/"
    assert operator.get(address).status_code == 405
    assert operator.post(f"/incidents/{outage.pk + 1}/note/", {"text": "x"}).status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    assert strict.post(address, {"order": "acknowledge"}).status_code == 403


def test_private_pages_are_for_who_has_logged_in(client: Client, outage: Incident, settings: Settings) -> None:
    settings.KAIROS_PUBLIC_DASHBOARD = False
    for url in (f"/incidents/{outage.pk}/", f"/incidents/{outage.pk}/live/"):
        assert client.get(url)["Location"] == f"/login/?next={url}"


def test_fragment_is_what_the_page_holds_without_its_form(operator: Client, outage: Incident) -> None:
    body = operator.get(f"/incidents/{outage.pk}/live/").content.decode()
    assert body.lstrip().startswith('<div id="incident"')
    assert "csrf" not in body
    page = read(operator, f"/incidents/{outage.pk}/")
    assert page["incident"].attributes["data-live"] == f"/incidents/{outage.pk}/live/"
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))


def test_story_takes_the_same_queries_however_long(client: Client, outage: Incident, plane: ControlPlane) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            read(client, f"/incidents/{outage.pk}/")
        return len(captured)

    few = queries()
    IncidentEntry.objects.bulk_create(
        IncidentEntry(incident=outage, at=plane.now, kind="comment", text=str(number)) for number in range(600)
    )
    assert queries() == few == 8
    assert "What came before this is left out here." in read(client, f"/incidents/{outage.pk}/").html


def test_page_of_an_image_shows_its_incidents(client: Client, outage: Incident, plane: ControlPlane) -> None:
    address = f"/resources/{outage.resource_id}/?whole=1"
    page = read(client, address)
    assert page[f"incident-{outage.pk}"].attributes["data-look"] == outage.level
    assert page[f"incident-{outage.pk}"].text in page["open-incident"].text
    assert page["last-incident"].text == "The open incident so far"
    assert "open" in page["last-incident-timeline"].attributes
    assert "us-east bad: tag not found" in page["incidents"].text
    assert page.html.index('id="timeline-regions"') < page.html.index('id="incidents"')
    plane.check(image_of(outage))
    page = read(client, address)
    assert "open-incident" not in page
    assert page["last-incident"].text == "Last incident"
    assert "open" not in page["last-incident-timeline"].attributes
    assert f"incident-{outage.pk}" in page


def test_page_of_an_image_without_incidents_says_nothing_of_them(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    page = read(client, f"/resources/{image.pk}/?whole=1")
    assert "incidents" not in page
    assert "open-incident" not in page
