"""A real Chromium before a real server. Its pages may speak with that server and with nobody else."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer
from django.test import testcases
from django.test.testcases import QuietWSGIRequestHandler
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from tests import chromium
from tests.browser.eyes import Eyes

if TYPE_CHECKING:
    from tests.fakes.control_plane import ControlPlane

REFRESH_SECONDS = 0.4
AXE: Final = Path(__file__).with_name("vendor") / "axe.min.js"
GRAVE: Final = ("serious", "critical")
# How fast this machine is just now is no property of the pages.
expect.set_options(timeout=20_000)
# Chromium's own services must not look for anything either.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)

# What reaches past the window, without what lies in a frame that scrolls by itself.
WIDER: Final = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const scrolls = element => {
        for (let frame = element.parentElement; frame; frame = frame.parentElement) {
            if (!["visible", "clip"].includes(getComputedStyle(frame).overflowX)) return true;
        }
        return false;
    };
    const named = element => `<${element.localName} id="${element.id}" class="${element.className}">`;
    const wide = [...document.body.querySelectorAll("*")].filter(
        element => element.getBoundingClientRect().right > width + 1 && !scrolls(element));
    return [`the page is ${document.documentElement.scrollWidth} wide`, ...wide.slice(0, 5).map(named)];
}"""


class MortalServer(ThreadedWSGIServer):
    """One whose port another may take over as soon as it has stopped."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "allow_reuse_address": True})


class ForgetfulHandler(QuietWSGIRequestHandler):
    """Keeps no connection: a server that has stopped would still answer on one."""

    protocol_version = "HTTP/1.0"


@dataclass
class Seen:
    """What pages asked for and complained about. Tests that provoke a complaint take it out of the list."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda message: self._note(message.type, message.text))

    def count(self, path: str) -> int:
        return sum(urlsplit(url).path == path for url in self.requests)

    def forget_one(self, words: str) -> None:
        """Take one complaint with these words out. Raises StopIteration where there is none."""
        self.complaints.remove(next(said for said in self.complaints if words in said))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    """One for a module: Playwright's event loop runs in the tests' own thread while it lives.

    Not for the session, whose other tests have loops of theirs; and after the test database was made.
    """
    program = chromium.program()
    if program is None:
        pytest.skip("chromium is not installed, or not what CHROMIUM names; .ci/run installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _own_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests use the database beside Playwright, whose own event loop runs in their thread."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


@pytest.fixture
def server(
    browser: Browser, transactional_db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[LiveServer]:
    """A server of the test's own, so that it may stop; readable by everybody, its pages impatient."""
    from dashboard.rhythm import RHYTHM  # noqa: PLC0415 - once Django is set up

    settings.KAIROS_PUBLIC_DASHBOARD = True
    settings.KAIROS_REGION_KEYS_DIR = tmp_path / "regions"
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    monkeypatch.setattr(testcases.LiveServerThread, "server_class", MortalServer)
    monkeypatch.setattr(testcases, "QuietWSGIRequestHandler", ForgetfulHandler)
    monkeypatch.setitem(RHYTHM, "refresh_seconds", REFRESH_SECONDS)
    server = LiveServer("127.0.0.1")
    yield server
    server.stop()


@pytest.fixture
def plane(server: LiveServer) -> "ControlPlane":
    """Three regions that were heard just now, beat alive; the second check of its clock is now."""
    from tests.fakes.control_plane import ControlPlane  # noqa: PLC0415 - models, once Django is set up

    plane = ControlPlane()
    plane.hear_all(behind=timedelta(minutes=2))
    return plane


@pytest.fixture
def seen(server: LiveServer) -> Iterator[Seen]:
    seen = Seen()
    yield seen
    assert seen.complaints == []
    assert {urlsplit(url).netloc for url in seen.requests} <= {urlsplit(server.url).netloc}


@pytest.fixture
def open_page(browser: Browser, server: LiveServer, seen: Seen) -> Iterator[Any]:
    """Open a path of the server; further arguments are those of a browser context."""
    contexts: list[BrowserContext] = []

    def open_page(path: str = "/", **options: Any) -> Page:
        context = browser.new_context(base_url=server.url, **options)
        contexts.append(context)
        context.set_default_timeout(10_000)
        seen.watch(context)
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def axe() -> Callable[..., list[str]]:
    """Return a function that has axe-core look at a page, and returns what it finds to be serious, in a line each.

    With names of `rules` it looks for these alone, which is quicker. It comes in past the page's policy.
    """
    source = AXE.read_text(encoding="utf-8")

    def findings(page: Page, *rules: str) -> list[str]:
        if not page.evaluate("'axe' in window"):
            page.evaluate(source)
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if rules:
            options["runOnly"] = {"type": "rule", "values": list(rules)}
        found = page.evaluate("options => axe.run(document, options)", options)
        return [
            f"{each['id']} ({each['impact']}) at {' '.join(map(str, node['target']))}: {node['failureSummary']}"
            for each in found["violations"]
            if each["impact"] in GRAVE
            for node in each["nodes"][:3]
        ]

    return findings


@pytest.fixture
def too_wide() -> Callable[[Page], list[str]]:
    """Return a function that tells what makes a page wider than its window; nothing where it is not."""

    def widest(page: Page) -> list[str]:
        found: list[str] = page.evaluate(WIDER)
        return found

    return widest


@pytest.fixture
def eyes(axe: Callable[..., list[str]], too_wide: Callable[[Page], list[str]]) -> Eyes:
    return Eyes(axe, too_wide)
