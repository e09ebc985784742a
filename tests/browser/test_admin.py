"""The admin's pages as a person meets them, in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from probes.actions import regions
from probes.actions.ingest import ingest
from probes.actions.plans import Message
from probes.admin import trial
from probes.models import Resource
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import Find, finding, found

OpenPage = Callable[..., Page]


def login_of(client: Client) -> dict[str, Any]:
    """Return what a browser has that is logged in as the client is."""
    cookie = {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "domain": "127.0.0.1",
        "path": "/",
    }
    return {"cookies": [cookie], "origins": []}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """What would go to the regions."""
    messages: list[Message] = []
    monkeypatch.setattr(trial, "publish_on_commit", messages.extend)
    return messages


def answer(plane: ControlPlane, message: Message, find: Find = found) -> None:
    region = plane.regions[message.queue.removeprefix("probe.")]
    ingest(region.report(region.open(message), find), now=timezone.now())


def test_resource_is_tested_from_its_page_and_the_results_come_in_place(
    plane: ControlPlane, open_page: OpenPage, admin_client: Client, sent: list[Message]
) -> None:
    image = plane.image()
    page = open_page(f"/admin/probes/resource/{image.pk}/change/", storage_state=login_of(admin_client))
    page.get_by_label("ap-south").first.uncheck()
    page.get_by_role("button", name="Test it now").click()
    result = page.locator("#kairos-trial-result")
    expect(result).to_contain_text("0 of 2 answered")
    assert {message.queue for message in sent} == {"probe.eu-west", "probe.us-east"}
    first, second = sent
    answer(plane, first)
    expect(result).to_contain_text("1 of 2 answered")
    answer(plane, second, finding(Reason.TAG_NOT_FOUND))
    expect(result).to_contain_text("degraded")
    expect(result.locator("tbody tr")).to_have_count(2)
    expect(result).to_contain_text("The registry knows no such tag.")
    expect(result.locator("progress")).to_have_count(0)


def test_what_is_typed_is_tested_and_nothing_is_saved(
    plane: ControlPlane, open_page: OpenPage, admin_client: Client, sent: list[Message]
) -> None:
    page = open_page("/admin/probes/resource/add/", storage_state=login_of(admin_client))
    page.locator("#id_reference").fill("ghcr.io/org/new:1")
    page.get_by_role("button", name="Test it now").click()
    result = page.locator("#kairos-trial-result")
    expect(result).to_contain_text("0 of 3 answered")
    assert not Resource.objects.exists()
    for message in sent:
        answer(plane, message)
    expect(result.locator(".kairos-verdict")).to_contain_text("available")


def test_table_of_workers_scrolls_in_a_box_of_its_own(
    plane: ControlPlane, open_page: OpenPage, admin_client: Client
) -> None:
    """It is wider than the page, whose last columns were cut off."""
    far = plane.regions["eu-west"]
    regions.record_heartbeat(far.heartbeat(host="edge-7", refused={"expired": 2}), now=timezone.now())
    page = open_page(
        f"/admin/probes/region/{far.row.pk}/change/",
        viewport={"width": 900, "height": 700},
        storage_state=login_of(admin_client),
    )
    box = page.locator(".field-worker_table .kairos-scroll")
    last = box.locator("th").last
    expect(last).to_have_text("Refused")
    assert box.evaluate("element => element.scrollWidth > element.clientWidth")
    last.scroll_into_view_if_needed()
    for shown in (box, last):
        assert shown.evaluate("element => element.getBoundingClientRect().right") <= 900
