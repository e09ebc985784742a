"""Choosing on the overview, as a person does it: the page turns into what was chosen, and its address says so."""

import re
from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page, expect

from probes.models import ResourceGroup
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding

OpenPage = Callable[..., Page]


def test_what_is_chosen_is_shown_at_once_and_kept_in_the_address(plane: ControlPlane, open_page: OpenPage) -> None:
    shop, till = (ResourceGroup.objects.create(slug=name, name=name.title()) for name in ("shop", "till"))
    gone = plane.image("ghcr.io/shop/cart:1", name="cart", group=shop, labels={"team": "shop"})
    well = plane.image("quay.io/till/scan:2", name="scan", group=till)
    plane.check(well)
    plane.check(gone, finds=dict.fromkeys(plane.regions, finding(Reason.TAG_NOT_FOUND)))
    page = open_page("/", viewport={"width": 1280, "height": 800})
    page.evaluate("window.loadedOnce = true")
    names = page.locator(".image-name")
    expect(names).to_have_text(["cart", "scan"])
    expect(page.locator(".section-head")).to_have_count(2)

    page.locator("#group").select_option("till")
    expect(names).to_have_text(["scan"])
    expect(page).to_have_url("/?group=till")
    expect(page.locator("#without-group")).to_contain_text("Group Till")
    page.locator("#without-group").click()
    expect(names).to_have_text(["cart", "scan"])
    expect(page).to_have_url("/")
    expect(page.locator("#group")).to_have_value("")

    page.locator("#show-unavailable").click()
    expect(names).to_have_text(["cart"])
    page.go_back()
    expect(names).to_have_text(["cart", "scan"])
    page.get_by_role("link", name="team:shop").click()
    expect(page).to_have_url("/?label=team%3Ashop")
    expect(names).to_have_text(["cart"])
    expect(page.locator("#label")).to_have_value("team:shop")
    page.locator("#label").fill("")
    expect(names).to_have_text(["cart", "scan"])

    page.locator("#find").press_sequentially("nothing of the kind")
    expect(page.locator("#none")).to_contain_text("No image matches")
    page.locator("#find").fill("")
    expect(names).to_have_text(["cart", "scan"])
    page.locator("#window-7d").click()
    expect(page).to_have_url("/?window=7d")
    expect(page.locator(f"#bar-{well.pk}")).to_have_attribute("aria-label", re.compile("^Last 7d: "))
    page.locator("#since").fill(f"{plane.now - timedelta(hours=3):%Y-%m-%dT%H:%M}")
    expect(page.locator(f"#bar-{well.pk}")).to_have_attribute("aria-label", re.compile("^Chosen range: "))
    page.locator("#without-range").click()
    expect(page).to_have_url("/?window=7d")
    expect(page.locator("#since")).to_have_value("")
    page.locator("#view").click()
    expect(page.locator("#overview")).to_have_class(re.compile("is-dense"))
    assert page.evaluate("window.loadedOnce")

    page.locator(f"#cell-{gone.pk}-eu-west a").hover()
    card = page.locator("#cell-card")
    expect(card).to_contain_text("cart from")
    expect(card).to_contain_text("The registry knows no such tag")
    page.locator("#headline").hover()
    expect(card).to_be_hidden()
    assert "Unavailable since" in (page.locator(f"#cell-{gone.pk}-eu-west a").get_attribute("title") or "")
