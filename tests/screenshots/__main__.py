"""Take pictures of every page: `python -m tests.screenshots [PAGE ...]`, or `make screenshots`.

A PostgreSQL of its own gets a month of history (`tests.fakes.showcase`); the pages are served by this process, and
Chromium looks at each by day, by night and on a phone. Pictures go to `docs/images/` in 256 colours, and
none is larger than `MOST_BYTES`: what would be is cut at its foot.
"""

import argparse
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.sync_api import FloatRect, Page, ViewportSize, sync_playwright

from tests import chromium
from tests.bench.database import own_database
from tests.browser.conftest import FLAGS
from tests.browser.pages import PAGES, paths
from tests.screenshots.packing import packed

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

    from tests.fakes.control_plane import ControlPlane

IMAGES: Final = Path(__file__).parents[2] / "docs/images"
MOST_BYTES: Final = 150_000
LEAST_HEIGHT: Final = 400
DAYS: Final = 30
# Name of the picture, size of the window, theme, and the height at which a long page is cut.
VIEWS: Final[tuple[tuple[str, ViewportSize, str, int], ...]] = (
    ("light", {"width": 1280, "height": 800}, "light", 1300),
    ("dark", {"width": 1280, "height": 800}, "dark", 1300),
    ("phone", {"width": 360, "height": 740}, "light", 1300),
)
WIDGET: Final = "status-widget"
FRAME: Final[ViewportSize] = {"width": 400, "height": 240}
"""Of the widget, which is seen within others' pages."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__.partition("\n")[0])
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=f"of {', '.join(PAGES)}; all unless named")
    parser.add_argument("--to", type=Path, default=IMAGES, help="the directory for pictures")
    chosen = parser.parse_args()
    if unknown := set(chosen.pages) - PAGES.keys():
        parser.error(f"no such page: {', '.join(sorted(unknown))}")
    program = chromium.program()
    if program is None:
        parser.error("chromium is not installed")
    os.environ["KAIROS_PUBLIC_DASHBOARD"] = "true"
    # Playwright's own loop runs in this thread.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    chosen.to.mkdir(parents=True, exist_ok=True)
    with own_database():
        from tests.fakes.control_plane import ControlPlane  # noqa: PLC0415 - models, once Django is set up
        from tests.fakes.showcase import Showcase  # noqa: PLC0415 - likewise

        print(f"Making {DAYS} days of history …", flush=True)
        plane = ControlPlane()
        addresses = paths(Showcase(plane, days=DAYS).ids_of_pages())
        with served() as origin:
            _take({name: addresses[name] for name in chosen.pages or addresses}, origin, program, chosen.to, plane)
    return 0


@contextmanager
def served() -> Iterator[str]:
    """Serve the pages from a thread of this process; yield their origin."""
    from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: PLC0415 - once Django is set up
    from django.core.servers.basehttp import ThreadedWSGIServer  # noqa: PLC0415 - likewise
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415 - likewise
    from django.test.testcases import QuietWSGIRequestHandler  # noqa: PLC0415 - likewise

    server: WSGIServer = ThreadedWSGIServer(("127.0.0.1", 0), QuietWSGIRequestHandler)
    server.set_app(StaticFilesHandler(get_wsgi_application()))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _take(addresses: dict[str, str], origin: str, program: str, to: Path, plane: "ControlPlane") -> None:
    from django.conf import settings  # noqa: PLC0415 - once Django is set up

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        for view, size, scheme, most_height in VIEWS:
            context = browser.new_context(
                base_url=origin,
                viewport=size,
                color_scheme="dark" if scheme == "dark" else "light",
                timezone_id="UTC",
                reduced_motion="reduce",
            )
            page, packer = context.new_page(), context.new_page()
            for name, path in addresses.items():
                settings.DEBUG = name == "design"
                seen = FRAME if name == WIDGET else size
                plane.hear_all()  # or time would go by without a beat
                page.set_viewport_size({**seen, "width": min(seen["width"], size["width"])})
                page.goto(path)
                page.wait_for_load_state("load")
                page.locator("[data-wanted]").wait_for(state="detached")
                picture = to / f"{name}-{view}.png"
                picture.write_bytes(_picture(page, packer, most_height))
                print(f"{picture.name}: {picture.stat().st_size:,} bytes", flush=True)
            context.close()
        browser.close()


def _picture(page: Page, packer: Page, most_height: int) -> bytes:
    """Return the picture of a page from its head on, cut where it would be too long or too large."""
    width, whole = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    height = min(whole, most_height)
    while True:
        clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": height}
        taken = packed(packer, page.screenshot(full_page=True, clip=clip))
        if len(taken) <= MOST_BYTES or height <= LEAST_HEIGHT:
            return taken
        height = max(LEAST_HEIGHT, height * 4 // 5)


if __name__ == "__main__":
    sys.exit(main())
