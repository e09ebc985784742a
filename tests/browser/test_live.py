"""Open pages before the web server as it is deployed: told, come again, and stale when they hear nothing."""

import os
import re
import signal
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.fakes.web_server import Servers, Web


@pytest.fixture
def serve(browser: Browser, transactional_db: None, broker: str) -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.stop()


class Watched:
    """A page, and the paths that it asked for."""

    def __init__(self, browser: Browser, web: Web, path: str, *, height: int = 720) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": height})
        self.page: Page = self.context.new_page()
        self.asked: list[str] = []
        self.page.on("request", lambda request: self.asked.append(urlsplit(request.url).path))
        self.page.clock.install()
        self.page.goto(f"http://127.0.0.1:{web.port}{path}")
        self.page.evaluate("window.loadedOnce = true")

    def is_live(self) -> None:
        expect(self.page.locator("#live-status")).to_have_attribute("title", "Changes are told as they come.")
        expect(self.page.locator("#live-text")).to_have_text("Live")


def test_pages_are_told_by_a_stream_come_again_after_a_restart_and_say_when_they_are_stale(
    browser: Browser, serve: Servers
) -> None:
    web = serve(KAIROS_PUBLIC_DASHBOARD="1")
    plane = ControlPlane()
    plane.hear_all(behind=timedelta(minutes=5))
    image = plane.image()
    plane.check(image)
    overview, own = Watched(browser, web, "/"), Watched(browser, web, f"/resources/{image.pk}/", height=300)
    cell = overview.page.locator(f"#cell-{image.pk}-us-east")
    expect(cell).to_have_attribute("data-look", "available")
    overview.is_live()
    own.is_live()
    evidence = own.page.locator("#from-us-east")
    expect(evidence).to_have_attribute("data-look", "available")
    polls = len(overview.asked)

    # Its row alone is fetched; then counts and order.
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    expect(cell).to_have_attribute("data-look", "unavailable")
    assert "/live/rows" in overview.asked
    expect(overview.page.locator("#headline")).to_have_text("The one image is degraded.")
    expect(own.page.locator("#resource")).to_contain_text("tag not found")
    assert overview.asked[polls:].count("/live/") <= 4
    # What is far from being seen waits until it comes near, and looks as old as it is.
    expect(own.page.locator("#more")).to_have_class(re.compile("is-outdated"))
    expect(evidence).to_have_attribute("data-look", "available")
    evidence.scroll_into_view_if_needed()
    expect(evidence).to_have_attribute("data-look", "unavailable")
    expect(own.page.locator("#more")).not_to_have_class(re.compile("is-outdated"))

    # A server that is gone is missed, and one that is back is listened to again.
    process = psutil.Process(web.pid)
    process.terminate()
    process.wait(10)
    for page in (overview.page, own.page):
        page.clock.fast_forward(90_000)
        expect(page.locator("#live-lost")).to_contain_text(re.compile("Connection lost|Nothing is heard"))
    web = serve(port=web.port, KAIROS_PUBLIC_DASHBOARD="1")
    overview.page.clock.fast_forward(90_000)
    overview.is_live()
    expect(overview.page.locator("#live-lost")).to_be_hidden()
    plane.check(image)
    expect(cell).to_have_attribute("data-look", "available")
    assert overview.page.evaluate("window.loadedOnce")

    # One that says nothing any more: what is shown may be old, and the page says so.
    worker = psutil.Process(web.pid).children()[0]
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        overview.page.clock.fast_forward(16_000)
        expect(overview.page.locator("#live-text")).to_contain_text("Stale, updated")
        expect(overview.page.locator("#live-lost")).to_contain_text("Nothing is heard from the server")
        expect(overview.page.locator("#overview")).to_have_class(re.compile("is-outdated"))
    finally:
        os.kill(worker.pid, signal.SIGCONT)
    overview.page.clock.fast_forward(61_000)
    overview.is_live()
    overview.context.close()
    own.context.close()


def test_a_page_whose_stream_is_refused_polls(browser: Browser, serve: Servers) -> None:
    web = serve(KAIROS_PUBLIC_DASHBOARD="1", KAIROS_LIVE_STREAMS_EACH="1")
    plane = ControlPlane()
    plane.hear_all(behind=timedelta(minutes=5))
    image = plane.image()
    plane.check(image)
    first = Watched(browser, web, "/")
    first.is_live()
    second = Watched(browser, web, "/")
    expect(second.page.locator("#live-status")).to_have_attribute("title", "Asked for every 5 s.")
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    second.page.clock.fast_forward(6_000)
    expect(second.page.locator(f"#cell-{image.pk}-us-east")).to_have_attribute("data-look", "unavailable")
    expect(second.page.locator("#live-text")).to_have_text("Live")
    assert "/live/" in second.asked
    first.context.close()
    second.context.close()
