"""The admin's pages as a person meets them, in a real browser."""

import os
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
from probes.models import Resource, ResourceGroup, Source
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


DOCUMENTS = """\
apiVersion: kairos/v1
kind: Group
metadata: {name: shop}
spec: {name: The shop, terms: {failures: 3}}
---
apiVersion: kairos/v1
kind: Image
metadata: {name: web, labels: {team: shop}}
spec: {reference: ghcr.io/shop/web:1.2, group: shop}
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_documents_are_imported_after_a_look_at_what_they_change(
    plane: ControlPlane, open_page: OpenPage, admin_client: Client, theme: str
) -> None:
    """Each kind of change has its colour, in both themes, and on a telephone nothing is cut off."""
    ResourceGroup.objects.create(slug="shop", name="Shop")
    plane.image("ghcr.io/shop/old:1", slug="old", managed_by=Source.objects.create(slug="git", name="git"))
    page = open_page(
        "/admin/probes/resource/",
        viewport={"width": 1280, "height": 900},
        color_scheme=theme,
        storage_state=login_of(admin_client),
    )
    page.get_by_role("link", name="Import").click()
    _keep(page, f"import-form-{theme}")
    page.get_by_label("Or its text").fill(DOCUMENTS)
    page.get_by_label("Managed by").fill("git")
    page.get_by_label("Take over").check()
    page.get_by_label("Prune", exact=True).check()
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_role("heading", name="What would be done")).to_be_visible()
    colours = [
        page.locator(f".kairos-plan > .kairos-{tone}").first.evaluate(
            "item => getComputedStyle(item).borderLeftColor"
        )
        for tone in ("made", "changed", "gone")
    ]
    assert len(set(colours)) == 3
    _keep(page, f"import-plan-{theme}")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.locator(".kairos-plan").evaluate("list => list.getBoundingClientRect().right") <= 390
    _keep(page, f"import-plan-{theme}-390")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("button", name="Import this").click()
    expect(page.get_by_role("heading", name="Imported")).to_be_visible()
    page.get_by_text("How it was").click()
    expect(page.get_by_label("How it was")).to_contain_text("name: Shop")
    _keep(page, f"import-done-{theme}")


def _keep(page: Page, name: str) -> None:
    """Write a picture for whoever asks for them by SCREENSHOTS."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
