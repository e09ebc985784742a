"""The dashboard as a person meets it, in a real browser."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, Route, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from probes.actions import regions as region_actions
from probes.actions import resources
from probes.models import Region, Resource
from probes.protocol.taxonomy import Reason
from tests.browser.conftest import REFRESH_SECONDS, Seen
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import Find, finding

OpenPage = Callable[..., Page]
LONG_ENOUGH_MS = 4 * REFRESH_SECONDS * 1000


def everywhere(reason: Reason) -> dict[str, Find]:
    return dict.fromkeys(("ap-south", "eu-west", "us-east"), finding(reason))


def cell(page: Page, image: Resource, slug: str = "us-east") -> str:
    return f"#cell-{image.pk}-{slug}"


def look(page: Page, image: Resource, slug: str = "us-east") -> str:
    return page.locator(cell(page, image, slug)).get_attribute("data-look") or ""


def refreshed(page: Page, times: int = 1) -> None:
    for _ in range(times):
        with page.expect_response(re.compile(r"/live/(\?|$)")):
            pass


def test_every_state_is_told_by_word_and_by_symbol_and_none_looks_like_another(
    plane: ControlPlane, open_page: OpenPage
) -> None:
    plane.now -= timedelta(minutes=10)
    stale = plane.image("ghcr.io/org/stale:1", interval_seconds=60)
    plane.check(stale)
    plane.now += timedelta(minutes=9)
    found = {
        "unavailable": Reason.TAG_NOT_FOUND,
        "degraded": Reason.REGISTRY_ERROR,
        "indeterminate": Reason.RATE_LIMITED,
        "config_error": Reason.REF_REJECTED,
        "available": Reason.OK,
    }
    images = {name: plane.image(f"ghcr.io/org/{name}:1") for name in found}
    for name, reason in found.items():
        plane.now -= timedelta(minutes=1)
        plane.check(images[name], finds=everywhere(reason))
    images |= {"stale": stale, "paused": plane.image("ghcr.io/org/paused:1")}
    resources.pause([images["paused"].pk], now=plane.now)
    images["unchecked"] = plane.image("ghcr.io/org/unchecked:1")
    Region.objects.filter(slug="ap-south").update(last_seen_at=plane.now - timedelta(minutes=5))
    region_actions.note_silence(now=plane.now)

    page = open_page()
    for name, image in images.items():
        assert look(page, image) == name
        assert page.locator(f"{cell(page, image)} use").get_attribute("href") == f"#symbol-{name}"
    assert {look(page, image, "ap-south") for image in images.values()} == {"silent", "paused"}
    texts = [page.locator(f"{cell(page, image)} a").inner_text() for image in images.values()]
    assert len(set(texts)) == len(images)
    # Nothing but a counted success has the colour of one.
    inks = {
        name: page.locator(f"{cell(page, image)} a").evaluate("element => getComputedStyle(element).color")
        for name, image in images.items()
    }
    assert [name for name, ink in inks.items() if ink == inks["available"]] == ["available"]
    expect(page.locator("#column-ap-south")).to_contain_text("silent")


def test_a_change_in_the_database_is_shown_without_a_reload(plane: ControlPlane, open_page: OpenPage) -> None:
    image = plane.image()
    plane.check(image)
    page = open_page()
    expect(page.get_by_role("heading", level=1)).to_have_text("The one image can be pulled from everywhere.")
    page.evaluate("window.loadedOnce = true")
    plane.check(image, finds=everywhere(Reason.TAG_NOT_FOUND))
    expect(page.locator(cell(page, image))).to_have_attribute("data-look", "unavailable")
    expect(page.locator(cell(page, image))).to_contain_text("tag not found")
    expect(page.get_by_role("heading", level=1)).to_have_text("The one image is unavailable.")
    expect(page).to_have_title("1 unavailable · Kairos")
    assert page.evaluate("window.loadedOnce")


def test_images_that_come_and_go_are_shown_and_taken_away(plane: ControlPlane, open_page: OpenPage) -> None:
    page = open_page()
    expect(page.get_by_role("heading", name="No images yet")).to_be_visible()
    first, second = plane.image("ghcr.io/org/a:1"), plane.image("ghcr.io/org/b:1")
    expect(page.locator("tbody tr")).to_have_count(2)
    first.delete()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator(f"#image-{second.pk}")).to_be_visible()


def test_focus_unfolded_details_and_scrolling_stay_when_a_row_moves(plane: ControlPlane, open_page: OpenPage) -> None:
    images = [plane.image(f"ghcr.io/org/app-{number:02}:1") for number in range(20)]
    plane.check(*images)
    page = open_page(viewport={"width": 500, "height": 600})
    moving = images[-1]
    page.locator("#filters-more summary").click()
    page.locator(f"{cell(page, moving)} a").focus()
    scrolled = page.locator("#matrix").evaluate("element => [element.scrollLeft, window.scrollX]")
    assert scrolled[0] > 0
    plane.check(moving, finds=everywhere(Reason.TAG_NOT_FOUND))
    expect(page.locator("tbody tr").first).to_have_attribute("id", f"image-{moving.pk}")
    assert page.evaluate("document.activeElement.parentElement.id") == f"cell-{moving.pk}-us-east"
    assert page.locator("#filters-more").get_attribute("open") is not None
    assert page.locator("#matrix").evaluate("element => [element.scrollLeft, window.scrollX]") == scrolled


def test_what_is_being_typed_is_not_lost(plane: ControlPlane, open_page: OpenPage) -> None:
    plane.check(plane.image())
    page = open_page()
    page.locator("#find").press_sequentially("app")
    expect(page).to_have_url("/?find=app")
    refreshed(page, times=2)
    expect(page.locator("#find")).to_have_value("app")
    expect(page.locator("#find")).to_be_focused()


def test_a_server_that_stops_is_noticed_and_one_that_is_back_as_well(
    plane: ControlPlane, server: LiveServer, open_page: OpenPage, seen: Seen
) -> None:
    plane.check(plane.image())
    page = open_page()
    expect(page.locator("#live-text")).to_have_text("Live")
    port = server.thread.port
    server.stop()
    notice = page.locator("#live-lost")
    expect(notice).to_have_text(re.compile(r"^Connection lost, last update ([2-9]|\d\d) s ago\.$"))
    expect(notice).to_be_visible()
    expect(page.locator("#live-text")).to_have_text("Not live")
    expect(page.locator("#live-said")).to_have_text("Connection lost")
    expect(page.locator("#overview")).to_have_class("is-outdated")
    back = LiveServer(f"127.0.0.1:{port}")
    expect(notice).to_be_hidden()
    expect(page.locator("#live-text")).to_have_text("Live")
    expect(page.locator("#overview")).not_to_have_class("is-outdated")
    page.close()
    back.stop()
    assert seen.complaints
    # Which of its words for a lost connection Chromium picks depends on the moment.
    assert all("Failed to load resource: net::ERR_" in complaint for complaint in seen.complaints)
    seen.complaints.clear()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (503, "", "The server has a problem (HTTP 503)"),
        (404, "", "This is gone: reload this page"),
        (200, "<p>A login page of somebody's network</p>", "The server answered something else"),
    ],
)
def test_an_answer_that_is_no_fragment_is_never_shown(
    plane: ControlPlane, open_page: OpenPage, seen: Seen, status: int, body: str, said: str
) -> None:
    plane.check(plane.image())
    page = open_page()

    def answer(route: Route) -> None:
        route.fulfill(status=status, body=body, content_type="text/html")

    page.route("**/live/", answer)
    expect(page.locator("#live-lost")).to_contain_text(said)
    expect(page.locator("#matrix")).to_be_visible()
    seen.complaints.clear()


def test_a_session_that_ended_is_said_to_have_ended(
    plane: ControlPlane, open_page: OpenPage, settings: Settings, django_user_model: type
) -> None:
    from django.contrib.sessions.models import Session  # noqa: PLC0415 - models, once Django is set up

    settings.KAIROS_PUBLIC_DASHBOARD = False
    django_user_model.objects.create_user("reader", password="a-long-password")  # type: ignore[attr-defined]  # a user
    page = open_page()
    page.get_by_label("User name").fill("reader")
    page.get_by_label("Password").fill("a-long-password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="No images yet")).to_be_visible()
    Session.objects.all().delete()
    expect(page.locator("#live-lost")).to_contain_text("Signed out: reload this page to sign in")


def test_nothing_is_fetched_while_the_tab_is_hidden(plane: ControlPlane, open_page: OpenPage, seen: Seen) -> None:
    page = open_page()
    refreshed(page)
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    page.wait_for_load_state("networkidle")
    before = seen.count("/live/")
    page.wait_for_timeout(LONG_ENOUGH_MS)
    assert seen.count("/live/") == before
    with page.expect_request("**/live/"):
        page.evaluate(hide, False)


def test_updates_can_be_paused(plane: ControlPlane, open_page: OpenPage, seen: Seen) -> None:
    page = open_page()
    pause = page.get_by_role("button", name="Pause")
    pause.click()
    expect(pause).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#live-text")).to_contain_text("Paused, updated")
    page.wait_for_load_state("networkidle")
    before = seen.count("/live/")
    page.wait_for_timeout(LONG_ENOUGH_MS)
    assert seen.count("/live/") == before
    with page.expect_request("**/live/"):
        pause.click()
    expect(page.locator("#live-text")).to_have_text("Live")


def test_without_javascript_everything_is_there_and_nothing_that_needs_it(
    plane: ControlPlane, open_page: OpenPage
) -> None:
    image = plane.image()
    plane.check(image)
    page = open_page(java_script_enabled=False)
    expect(page.locator(cell(page, image))).to_contain_text("Available")
    expect(page.locator("#live-status")).to_be_hidden()
    expect(page.locator("#live-lost")).to_be_hidden()
    assert "Last check" in (page.locator(f"{cell(page, image)} a").get_attribute("title") or "")
    page.locator("#find").fill("nothing")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/\?find=nothing&"))
    expect(page.locator("#none")).to_contain_text("No image matches")


def test_a_narrow_window_scrolls_the_matrix_and_not_the_page(plane: ControlPlane, open_page: OpenPage) -> None:
    image = plane.image(f"ghcr.io/org/{'a-very-long-name/' * 8}app:1", name="x" * 200)
    plane.check(image)
    for path in ("/", f"/resources/{image.pk}/"):
        page = open_page(path, viewport={"width": 360, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    page = open_page(viewport={"width": 360, "height": 700})
    assert page.locator("#matrix").evaluate("element => element.scrollWidth > element.clientWidth")


def test_the_keyboard_reaches_and_unfolds_everything(plane: ControlPlane, open_page: OpenPage) -> None:
    image = plane.image()
    plane.check(image)
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    reached: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    for place in (
        "live-pause",
        "find",
        "matrix",
        f"name-{image.pk}",
        "show-available",
        "sort",
        "view",
        "window-7d",
        "sort-name",
    ):
        assert place in reached
    page.locator(f"#name-{image.pk}").focus()
    page.keyboard.press("Tab")
    expect(page.locator("#cell-card")).to_contain_text("Last check")
    page.keyboard.press("Escape")
    expect(page.locator("#cell-card")).to_be_hidden()


def test_colours_follow_the_system_and_motion_its_wish(plane: ControlPlane, open_page: OpenPage) -> None:
    image = plane.image()
    plane.check(image)
    light = open_page(color_scheme="light")
    dark = open_page(color_scheme="dark", reduced_motion="reduce")
    backgrounds = [page.evaluate("getComputedStyle(document.body).backgroundColor") for page in (light, dark)]
    assert backgrounds == ["rgb(245, 246, 248)", "rgb(14, 18, 24)"]
    plane.check(image, finds=everywhere(Reason.TAG_NOT_FOUND))
    for page, animation in ((light, "changed"), (dark, "none")):
        expect(page.locator(cell(page, image))).to_have_attribute("data-look", "unavailable")
        flash = "element => { element.classList.add('has-changed'); return getComputedStyle(element).animationName; }"
        assert page.locator(cell(page, image)).evaluate(flash) == animation


def test_hostile_names_stay_text(plane: ControlPlane, open_page: OpenPage) -> None:
    hostile = "<img src=x onerror='document.title=1'><script>document.title=2</script>"
    image = plane.image(name=hostile)
    plane.check(image)
    page = open_page()
    expect(page.locator(f"#name-{image.pk}")).to_have_text(hostile)
    refreshed(page, times=2)
    expect(page.locator(f"#name-{image.pk}")).to_have_text(hostile)
    expect(page).to_have_title("Kairos")


def test_a_cell_leads_to_the_evidence_which_is_kept_current_too(plane: ControlPlane, open_page: OpenPage) -> None:
    image = plane.image()
    plane.check(image)
    page = open_page()
    page.locator(f"{cell(page, image)} a").click()
    expect(page).to_have_url(f"/resources/{image.pk}/#from-us-east")
    card = page.locator("#from-us-east")
    expect(card).to_contain_text("last 1 check: 1 available")
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    expect(card).to_have_attribute("data-look", "unavailable")
    expect(card).to_contain_text("last 2 checks: 1 available, 1 unavailable")
    expect(card).to_contain_text("The registry knows no such tag.")
    expect(page.locator("#verdict")).to_have_text("Degraded")
