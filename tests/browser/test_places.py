"""Lists and places as a person meets them: without a script, by the keyboard, and as they change by themselves."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from probes.models import Region, Resource
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import finding

OpenPage = Callable[..., Page]
GONE = dict.fromkeys(SLUGS, finding(Reason.TAG_NOT_FOUND))
LOST = {"eu-west": finding(Reason.LAYER_MISSING, Stage.LAYER)}


@pytest.fixture
def images(plane: ControlPlane) -> list[Resource]:
    images = [plane.image("ghcr.io/org/app:1", name="the app"), plane.image("quay.io/org/db:1", name="a database")]
    Region.objects.filter(slug="eu-west").update(latitude=50.1, longitude=8.7)
    plane.check(images[0], finds=GONE)
    plane.check(images[1], finds=LOST)
    return images


def test_lists_are_narrowed_and_days_opened_without_a_script(open_page: OpenPage, images: list[Resource]) -> None:
    page = open_page("/incidents/", java_script_enabled=False)
    expect(page.locator("#open .incident")).to_have_count(1)
    page.get_by_label("Find").fill("database")
    page.keyboard.press("Enter")
    expect(page.locator("#chip-find")).to_contain_text("database")
    expect(page.locator("#open .incident")).to_have_count(0)
    page.get_by_text("More filters").click()
    page.get_by_label("Registry").fill("ghcr.io")
    page.get_by_role("button", name="Show").click()
    page.locator("#chip-find").click()
    expect(page.locator("#open .incident")).to_have_count(1)
    page.locator("#as-calendar").click()
    expect(page.locator("#chip-registry")).to_be_visible()
    day = page.locator("a.day-body")
    day.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".incident-name")).to_have_text("the app")
    page.goto("/compare/")
    page.get_by_label("Find an image").fill("database")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="a database").click()
    expect(page.locator(f"#image-{images[1].pk}-eu-west")).to_contain_text("layer missing")
    expect(page.locator(".worldmap .land")).to_be_visible()


def test_lists_change_by_themselves(open_page: OpenPage, plane: ControlPlane, images: list[Resource]) -> None:
    page = open_page("/incidents/")
    expect(page.locator("#open .incident")).to_have_count(1)
    plane.check(images[0])
    expect(page.locator("#over .incident")).to_have_count(1)
    expect(page.locator("#none-open")).to_be_visible()
    page.goto("/regions/eu-west/")
    expect(page.locator("#alone-table")).to_contain_text("a database")
    plane.check(images[1])
    expect(page.locator("#alone-table")).to_have_count(0)
