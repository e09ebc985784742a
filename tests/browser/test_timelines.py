"""Timelines in a browser: what a slot says by arrow keys and by the pointer, and a window that is chosen."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from playwright.sync_api import Page, expect

from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.far_region import finding

if TYPE_CHECKING:
    from tests.fakes.control_plane import ControlPlane


def test_timeline_is_read_by_keys_and_by_pointer(plane: "ControlPlane", open_page: Callable[..., Page]) -> None:
    # Still fresh: the last slot may have begun a moment ago.
    plane.now -= timedelta(minutes=6)
    image = plane.image()
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND, Stage.MANIFEST)})
    page = open_page(f"/resources/{image.pk}/", timezone_id="Asia/Tokyo")

    tip = page.locator("#slot-tip")
    lane = page.locator("#timeline-us-east")
    lane.focus()
    expect(tip).to_contain_text("Unavailable")
    expect(tip).to_contain_text("Why: tag not found")
    expect(tip).to_contain_text("UTC")
    expect(tip).to_contain_text(re.compile(r"\d checks?"))
    expect(lane.locator(".slot-chosen")).to_have_count(1)
    lane.press("Home")
    expect(tip).to_contain_text("Not there yet")
    lane.press("ArrowLeft")
    expect(tip).to_contain_text("Not there yet")
    # What comes in meanwhile does not take away the slot that is being read; what it says may change.
    lane.press("End")
    plane.now += timedelta(minutes=6)
    plane.check(image, finds={"us-east": finding(Reason.LAYER_MISSING, Stage.LAYER)})
    expect(page.locator("#resource")).to_contain_text("layer missing")
    expect(tip).to_contain_text(re.compile("Why: (layer missing|tag not found)"))
    expect(lane.locator(".slot-chosen")).to_have_count(1)
    expect(lane).to_be_focused()
    lane.press("Escape")
    expect(tip).to_be_hidden()

    page.locator("#timeline-verdict").hover(position={"x": 3, "y": 10})
    expect(tip).to_contain_text("Not there yet")
    page.locator("h1").hover()
    expect(tip).to_be_hidden()

    page.locator("#timeline-range > summary").click()
    page.locator("#range-since").fill("yesterday")
    page.locator("#range-since").press("Enter")
    expect(page.locator("#window-error")).to_contain_text("“yesterday” is no time")
    page.locator("#window-7d").click()
    expect(page.locator("#window-7d")).to_have_attribute("aria-current", "true")
    assert page.url.endswith("?window=7d#timeline")
