"""The admin's pages as a person meets them, in a real browser."""

from collections.abc import Callable

from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from probes.actions import regions
from tests.fakes.control_plane import ControlPlane

OpenPage = Callable[..., Page]


def test_table_of_workers_scrolls_in_a_box_of_its_own(
    plane: ControlPlane, open_page: OpenPage, admin_client: Client
) -> None:
    """It is wider than the page, whose last columns were cut off."""
    far = plane.regions["eu-west"]
    regions.record_heartbeat(far.heartbeat(host="edge-7", refused={"expired": 2}), now=timezone.now())
    cookie = {
        "name": settings.SESSION_COOKIE_NAME,
        "value": admin_client.cookies[settings.SESSION_COOKIE_NAME].value,
        "domain": "127.0.0.1",
        "path": "/",
    }
    page = open_page(
        f"/admin/probes/region/{far.row.pk}/change/",
        viewport={"width": 900, "height": 700},
        storage_state={"cookies": [cookie], "origins": []},
    )
    box = page.locator(".field-worker_table .kairos-scroll")
    last = box.locator("th").last
    expect(last).to_have_text("Refused")
    assert box.evaluate("element => element.scrollWidth > element.clientWidth")
    last.scroll_into_view_if_needed()
    for shown in (box, last):
        assert shown.evaluate("element => element.getBoundingClientRect().right") <= 900
