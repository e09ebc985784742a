"""Incidents as a person meets them, in a real browser: from the overview to the page, and back with a note."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import Client
from playwright.sync_api import Page, expect

from probes.models import Incident
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import finding

OpenPage = Callable[..., Page]
GONE = dict.fromkeys(SLUGS, finding(Reason.TAG_NOT_FOUND))


@pytest.fixture
def outage(plane: ControlPlane) -> Incident:
    image = plane.image(name="the app", uptime_target_percent="99.9")
    plane.check(image, finds=GONE)
    return Incident.objects.get()


@pytest.fixture
def signed_in(django_user_model: Any) -> dict[str, Any]:
    """The state of a browser in which somebody is signed in who may change incidents."""
    user = django_user_model.objects.create(username="anna")
    user.user_permissions.add(Permission.objects.get(codename="change_incident"))
    client = Client()
    client.force_login(user)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": value, "domain": "127.0.0.1", "path": "/"}
    return {"cookies": [cookie], "origins": []}


def test_what_is_wrong_appears_leads_to_its_story_and_goes_when_it_is_over(
    plane: ControlPlane, open_page: OpenPage
) -> None:
    image = plane.image(name="the app")
    plane.check(image)
    page = open_page()
    expect(page.get_by_role("heading", name="Wrong now")).to_have_count(0)
    plane.check(image, finds=GONE)
    expect(page.get_by_role("heading", name="Wrong now")).to_be_visible()
    incident = Incident.objects.get()
    page.locator(f"#incident-{incident.pk}-link").click()
    expect(page).to_have_url(f"/incidents/{incident.pk}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("the app")
    plane.check(image)
    expect(page.locator("#state")).to_have_text("Resolved")
    expect(page).to_have_title("Resolved: the app · Kairos")
    page.locator("#subject").click()
    expect(page.locator("#last-incident")).to_have_text("Last incident")


def test_it_is_acknowledged_and_commented_by_keyboard_and_what_is_typed_stays(
    plane: ControlPlane, outage: Incident, open_page: OpenPage, signed_in: dict[str, Any]
) -> None:
    page = open_page(f"/incidents/{outage.pk}/", storage_state=signed_in)
    page.get_by_label("Comment").press_sequentially("A disk is full.")
    with page.expect_response("**/live/"):
        pass
    expect(page.get_by_label("Comment")).to_have_value("A disk is full.")
    expect(page.get_by_label("Comment")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Acknowledge")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#seen-to")).to_contain_text("anna is at it")
    expect(page.locator(".timeline")).to_contain_text("A disk is full.")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)


def test_no_page_is_wider_than_its_window(
    plane: ControlPlane, outage: Incident, open_page: OpenPage, signed_in: dict[str, Any]
) -> None:
    long = plane.image(f"ghcr.io/org/{'a-very-long-name/' * 8}app:1", name="x" * 200)
    plane.check(long, finds=GONE)
    incident = Incident.objects.get(resource=long)
    for path in ("/", f"/resources/{long.pk}/", f"/incidents/{incident.pk}/"):
        page = open_page(path, viewport={"width": 360, "height": 700}, storage_state=signed_in)
        for width in (360, 800, 1280):
            page.set_viewport_size({"width": width, "height": 700})
            assert page.evaluate("document.documentElement.scrollWidth") == width, path


def test_no_data_does_not_look_like_a_figure(plane: ControlPlane, outage: Incident, open_page: OpenPage) -> None:
    unseen = plane.image("ghcr.io/org/unseen:1")
    looks = {}
    for image in (outage.resource_id, unseen.pk):
        page = open_page(f"/resources/{image}/")
        share = page.locator("#uptime-24h .figure-share")
        looks[image] = (share.inner_text(), share.evaluate("element => getComputedStyle(element).color"))
    assert looks[unseen.pk][0] == "No data"
    assert looks[outage.resource_id][0] == "0 %"
    assert looks[unseen.pk][1] != looks[outage.resource_id][1]
