"""Every page by day, by night and on a phone: nothing that keeps somebody out, and nothing wider than its window."""

from collections.abc import Callable

from playwright.sync_api import Page
from pytest_django.fixtures import Settings

from tests.browser.conftest import Seen
from tests.browser.eyes import BY_DAY, ON_A_PHONE_BY_NIGHT, Eyes
from tests.browser.pages import paths
from tests.fakes.control_plane import ControlPlane


def test_nobody_is_kept_out_of_any_page_by_day_by_night_or_on_a_phone(
    plane: ControlPlane, open_page: Callable[..., Page], eyes: Eyes, settings: Settings, seen: Seen
) -> None:
    from tests.fakes.showcase import Showcase  # noqa: PLC0415 - models, once Django is set up

    ids = Showcase(plane, days=0.2).ids_of_pages()
    found: list[str] = []
    page = open_page("/login/")
    for name, path in paths(ids).items():
        settings.DEBUG = name == "design"  # which is there with it alone; without it, errors are pages of ours
        found += eyes.faults(page, name, path, (BY_DAY, ON_A_PHONE_BY_NIGHT))
    seen.forget_one("404")  # the page that is not there is one of them
    assert not found, "\n".join(found)
