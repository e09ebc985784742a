"""Every page by day, by night and on a phone: nothing that keeps somebody out, and nothing wider than its window."""

from collections.abc import Callable
from typing import Final

from playwright.sync_api import Page, ViewportSize
from pytest_django.fixtures import Settings

from tests.browser.conftest import Seen
from tests.browser.pages import paths
from tests.fakes.control_plane import ControlPlane

DESKTOP: Final[ViewportSize] = {"width": 1280, "height": 900}
PHONE: Final[ViewportSize] = {"width": 360, "height": 740}


def test_nobody_is_kept_out_of_any_page_by_day_by_night_or_on_a_phone(
    plane: ControlPlane,
    open_page: Callable[..., Page],
    axe: Callable[..., list[str]],
    too_wide: Callable[[Page], list[str]],
    settings: Settings,
    seen: Seen,
) -> None:
    from tests.fakes.showcase import Showcase  # noqa: PLC0415 - models, once Django is set up

    ids = Showcase(plane, days=0.2).ids_of_pages()
    found: dict[str, list[str]] = {}
    page = open_page("/login/", viewport=DESKTOP, color_scheme="light")
    for name, path in paths(ids).items():
        settings.DEBUG = name == "design"  # which is there with it alone; without it, errors are pages of ours
        page.goto(path)
        page.locator("[data-wanted]").wait_for(state="detached")
        found[f"{name}, by day"] = axe(page)
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size(PHONE)
        found[f"{name}, by night and on a phone"] = [*axe(page), *too_wide(page)]
        page.set_viewport_size(DESKTOP)
        page.emulate_media(color_scheme="light")
    # The page that is not there is one of them.
    seen.complaints[:] = [said for said in seen.complaints if "404" not in said]
    told = "\n".join(f"{name}: {each}" for name, what in found.items() for each in what)
    assert not told, told
