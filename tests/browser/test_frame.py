"""The frame of the pages as a person meets it: times of where one is, and the theme that one chose."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from playwright.sync_api import Page, expect

from tests.browser.conftest import Seen
from tests.fakes.control_plane import ControlPlane

OpenPage = Callable[..., Page]
GROUND = "getComputedStyle(document.body).backgroundColor"
DAY, NIGHT = "rgb(245, 246, 248)", "rgb(14, 18, 24)"
# A time and an age as the server writes them, of half a minute ago and of a day whose date is another in India.
PLANT = """year => {
    const half = new Date(Date.now() - 30_000).toISOString().slice(0, 19) + "Z";
    const planted = document.createElement("p");
    planted.innerHTML = `<time id="planted-time" datetime="${year}-03-02T20:15:05Z" data-time="moment">UTC</time>
        <time id="planted-day" datetime="${year}-03-02T20:15:05Z" data-time="day">UTC</time>
        <time id="planted-end" datetime="${year}-03-02T20:15:05Z" data-time="end"
            data-began="${year}-03-02T18:00:00Z">UTC</time>
        <time id="planted-same" datetime="${year}-03-02T20:15:05Z" data-time="end"
            data-began="${year}-03-02T19:00:00Z">UTC</time>
        <time id="planted-age" datetime="${half}" data-time="ago">30 s ago</time>`;
    document.querySelector("main").append(planted);
}"""


def test_times_are_those_of_where_one_is_and_ages_go_on(plane: ControlPlane, open_page: OpenPage, seen: Seen) -> None:
    page = open_page("/login/", timezone_id="Asia/Kolkata")
    expect(page.locator("#zone")).to_have_text("Times are those of Asia/Calcutta.")
    year = datetime.now(UTC).year
    page.evaluate(PLANT, year)
    # What comes in later is told as well: 20:15:05 in UTC is of the next day in India.
    expect(page.locator("#planted-time")).to_have_text("3 Mar 01:45:05")
    expect(page.locator("#planted-time")).to_have_attribute(
        "title", f"3 Mar {year}, 01:45:05 Asia/Calcutta\n2 Mar {year}, 20:15:05 UTC"
    )
    expect(page.locator("#planted-day")).to_have_text("3 Mar")
    # An end says its day where that is another than the start's there: at 18:00 in UTC it is the day before.
    expect(page.locator("#planted-end")).to_have_text(re.compile(r"^3 Mar (01:45|2\d{3})$"))
    expect(page.locator("#planted-same")).to_have_text("01:45")
    age = page.locator("#planted-age")
    before = age.inner_text()
    expect(age).not_to_have_text(before)
    # A fragment that brings the server's words back changes nothing for long, and a newer time is told.
    page.evaluate("document.getElementById('planted-time').textContent = '20:15:05 UTC'")
    expect(page.locator("#planted-time")).to_have_text("3 Mar 01:45:05")
    later = f"{year}-03-02T20:16:00Z"
    page.locator("#planted-time").evaluate("(time, later) => time.setAttribute('datetime', later)", later)
    expect(page.locator("#planted-time")).to_have_text("3 Mar 01:46:00")

    plain = open_page("/login/", timezone_id="Asia/Kolkata", java_script_enabled=False)
    expect(plain.locator("#zone")).to_have_text("Times are in UTC.")


def test_theme_that_one_chose_is_there_at_once_and_on_the_next_page(plane: ControlPlane, open_page: OpenPage) -> None:
    page = open_page("/", color_scheme="light")
    assert page.evaluate(GROUND) == DAY
    page.locator("#menu-name").focus()
    page.keyboard.press("Enter")
    with page.expect_response("**/theme/"):
        page.get_by_role("button", name="Dark").click()
    assert page.evaluate(GROUND) == NIGHT
    expect(page.locator("#theme-dark")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.locator("#theme")).to_be_hidden()
    expect(page.locator("#menu-name")).to_be_focused()
    page.goto("/login/")
    assert page.evaluate(GROUND) == NIGHT
    page.emulate_media(media="print")
    assert page.evaluate(GROUND) == "rgb(255, 255, 255)"
    expect(page.locator("#menu")).to_be_hidden()


def test_theme_can_be_chosen_without_javascript(plane: ControlPlane, open_page: OpenPage) -> None:
    page = open_page("/login/?next=/", color_scheme="dark", java_script_enabled=False)
    page.locator("#menu-name").click()
    page.get_by_role("button", name="Light").click()
    expect(page).to_have_url("/login/?next=/")
    page.locator("#menu-name").click()
    expect(page.locator("#theme-light")).to_have_css("font-weight", "600")
