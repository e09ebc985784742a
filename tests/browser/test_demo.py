"""The dashboard before the real stack in demo state: web server, workers, beat, PostgreSQL, Redis, demo registries.

What it shows here comes from checks of images that misbehave as `kairos.demo.script` says, and from nothing else.
"""

import re
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from kairos.demo.script import IMAGES, REGIONS
from kairos.embedded import free_port
from tests.browser import keys
from tests.browser.conftest import Seen
from tests.browser.demonstration import EGRESS, VERDICTS, Demonstration, are_well, of_team
from tests.browser.eyes import BY_DAY, BY_NIGHT, ON_A_PHONE, SHEET, Eyes
from tests.browser.filters import Filter, Listing, asked, asks, chip, choose, fields, shown
from tests.browser.pages import Ids, paths
from tests.fakes.up import Up, state_directory
from tests.servers import wait_until

pytestmark = pytest.mark.slow

OpenPage = Callable[..., Page]
MINUTE = 60.0
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def demo() -> Iterator[Demonstration]:
    """The demonstration, as soon as every image is seen as the script says. When it has ended, its images rest."""
    port = free_port()
    with state_directory() as state:
        with Up(state, "--no-samples", "--demo", "--demo-port", str(port)) as run:
            run.wait_until_ready()
            demo = Demonstration(run)
            wait_until(lambda: not demo.unexpected(), MINUTE, "every image seen as scripted")
            yield demo
            assert run.stop(signal.SIGTERM, 10) == 0
            assert run.processes == []
        with Up(state, "--no-samples") as run:
            run.wait_for("17 images of the demonstration rest until it runs again")
            assert Demonstration(run).rows(VERDICTS) == [("paused",)]


@pytest.fixture
def server(demo: Demonstration) -> Demonstration:
    """In place of the test server: `open_page` opens pages of the demonstration, and `seen` knows its address."""
    return demo


@pytest.fixture
def ids(demo: Demonstration) -> Ids:
    return demo.ids


LEDGER = shown("payments/ledger")
# What no region can pull, of what is checked as usual.
FAILING = LEDGER | {"shop/search", "payments/invoices", "data/etl", "data/features", "media/transcoder"}


def test_every_state_is_seen_within_a_minute(demo: Demonstration) -> None:
    assert {"available", "degraded", "unavailable", "unknown", "paused"} == {
        verdict for (verdict,) in demo.rows(VERDICTS)
    }
    assert {condition for (condition,) in demo.rows(EGRESS)} == {"ok"}


# Pages of these in another shape, and one that is there for developers: `test_every_page.py` looks at them.
LEFT_OUT = {"overview-search", "overview-dense", "image-well", "incidents-narrowed", "compare", "design"}


def test_every_page_is_fit_to_be_seen_by_day_by_night_and_on_a_phone(
    ids: Ids, open_page: OpenPage, eyes: Eyes, seen: Seen
) -> None:
    page = open_page("/login/")
    found = [
        fault
        for name, path in paths(ids).items()
        if name not in LEFT_OUT
        for fault in eyes.faults(page, name, path, (BY_DAY, BY_NIGHT, ON_A_PHONE))
    ]
    seen.forget_one("404")  # the page that is not there is one of them
    assert not found, "\n".join(found)


# What the registry makes come and go, what is slow, and what one of the tests breaks may be anywhere at any moment.
RESTLESS = shown("platform/ingress", "data/notebooks", "shop/checkout")
OVERVIEW = Listing(path="/", rows=".image-name", restless=RESTLESS - {"shop/checkout"})
INCIDENTS = Listing(path="/incidents/", rows=".incident-name", restless=RESTLESS)
EVENTS = Listing(path="/events/", rows=".happening", parts=(".happening-said b", ".happening-about"))
COMPARED = Listing(path="/compare/", rows=".found a, .compared h2 a")
REGISTRIES = Listing(path="/registries/", rows="main tbody th a")


def test_overview_is_narrowed_by_each_of_its_fields(demo: Demonstration, open_page: OpenPage) -> None:
    hub = demo.host("hub")
    in_us, elsewhere = shown("shop/search", "shop/recommendations"), shown("shop/search")
    failing = "?group=demo-shop&seen=failing"
    filters = [
        Filter("Find an image", "ledger", "find=ledger", LEDGER),
        Filter("Group", "demo-media", "group=demo-media", of_team("media")),
        Filter("Registry", hub, f"registry={hub}", shown("library/warehouse")),
        Filter("Label", "team:legacy", "label=team:legacy", of_team("legacy")),
        Filter("Tag", "1.9", "tag=1.9", LEDGER),
        Filter("Last seen as", "config_error", "seen=config_error", shown("legacy/reports")),
        Filter("From region", "us-east", "region=us-east", in_us, among=failing),
        Filter("From region", "eu-west", "region=eu-west", elsewhere, among=failing),
    ]
    page = open_page("/")
    assert fields(page) - {each.name for each in filters} == {"sort", "by", "since", "until"}
    for chosen in filters:
        OVERVIEW.use(page, chosen)


def test_overview_is_narrowed_by_a_state_and_put_in_order(open_page: OpenPage) -> None:
    page = open_page("/")
    everything = OVERVIEW.on(page)
    for state, images_of_it in {
        "unavailable": FAILING,
        "degraded": shown("shop/recommendations"),
        "unknown": shown("library/warehouse", "legacy/reports"),
        "maintenance": shown("media/thumbnails"),
        "available": are_well(),
        "paused": shown("legacy/cron"),
    }.items():
        page.locator(f"#show-{state}").click()
        asks(page, {"state": state})
        OVERVIEW.lists(page, images_of_it)
    page.locator("#show-all").click()
    asks(page, {})
    OVERVIEW.lists(page, everything)

    names = page.locator(".image-name")
    choose(page, "Sections by", "nothing")
    choose(page, "Sort", "name")
    asks(page, {"sort": "name", "by": "nothing"})
    expect(names).to_have_text(sorted(scripted.repository for scripted in IMAGES))
    choose(page, "Sections by", "registry")
    expect(page.locator(".section-name a")).to_have_text(["Demo hub", "Demo registry"])
    page.reload()
    expect(page.get_by_label("Sort", exact=True)).to_have_value("name")
    everywhere = sorted(scripted.repository for scripted in IMAGES if scripted.home == "registry")
    expect(names).to_have_text(["library/warehouse", *everywhere])


def test_incidents_are_narrowed_by_each_of_their_fields(demo: Demonstration, open_page: OpenPage) -> None:
    wait_until(lambda: "shop/recommendations" in demo.open_incidents, 2 * MINUTE, "what fails in one region")
    hub = demo.host("hub")
    day, month = (f"{datetime.now(UTC) + ahead:%Y-%m-%dT00:00}" for ahead in (DAY, -30 * DAY))
    filters = [
        Filter("Find", "ledger", "find=ledger", LEDGER),
        Filter("State", "over", "state=over", shown()),
        Filter("Level", "degraded", "level=degraded", shown("shop/recommendations")),
        Filter("Severity", "warning", "severity=warning", shown()),
        Filter("Registry", hub, f"registry={hub}", shown()),
        Filter("Group", "demo-payments", "group=demo-payments", shown("payments/ledger", "payments/invoices")),
        Filter("Region", "us-east", "region=us-east", shown("shop/recommendations"), among="?level=degraded"),
        Filter("Region", "eu-west", "region=eu-west", shown(), among="?level=degraded"),
        Filter("Reason", "tag_not_found", "reason=tag_not_found", shown("shop/search")),
        Filter("Opened from", day, f"since={day}", shown()),
        Filter("Opened before", month, f"until={month}", shown()),
    ]
    page = open_page("/incidents/")
    assert INCIDENTS.on(page) == FAILING | {"shop/recommendations"}
    assert fields(page) == {each.name for each in filters}
    for chosen in filters:
        INCIDENTS.use(page, chosen)


def test_days_of_the_calendar_count_what_it_is_narrowed_to(demo: Demonstration, open_page: OpenPage) -> None:
    calendar = Listing(path="/incidents/calendar/", rows=".is-today .day-count")
    hub = demo.host("hub")
    both, one = shown("2"), shown("1")
    payments = "?group=demo-payments"
    filters = [
        Filter("Find", "ledger", "find=ledger", one),
        Filter("State", "open", "state=open", both, among=payments),
        Filter("Level", "unavailable", "level=unavailable", both, among=payments),
        Filter("Severity", "warning", "severity=warning", shown()),
        Filter("Registry", hub, f"registry={hub}", shown()),
        Filter("Group", "demo-payments", "group=demo-payments", both),
        Filter("Region", "ap-south", "region=ap-south", both, among=payments),
        Filter("Reason", "tls_expired", "reason=tls_expired", one),
    ]
    page = open_page("/incidents/calendar/")
    assert fields(page) == {each.name for each in filters}
    for chosen in filters:
        calendar.use(page, chosen)


def test_events_are_narrowed_by_each_of_their_fields(demo: Demonstration, open_page: OpenPage) -> None:
    """There is one kind of them from the first minute on: the hub's quota is short, as each region was told."""
    hub, registry = demo.host("hub"), demo.host("registry")
    day, month = (f"{datetime.now(UTC) + ahead:%Y-%m-%dT00:00}" for ahead in (DAY, -30 * DAY))
    short = {region: f"Quota is short.: {hub} · seen from {region}" for region in REGIONS}
    number = demo.image_ids["shop/checkout"]
    page = open_page("/events/")
    EVENTS.lists(page, shown(*short.values()))
    filters = [
        Filter("Find", "checkout", "find=checkout", shown()),
        Filter("Kind", "tag_moved", "kind=tag_moved", shown()),
        Filter("Kind", "quota_short", "kind=quota_short", shown(*short.values())),
        Filter("Severity", "critical", "severity=critical", shown()),
        Filter("Registry", registry, f"registry={registry}", shown()),
        Filter("Region", "us-east", "region=us-east", shown(short["us-east"])),
        Filter("Image's number", str(number), f"resource={number}", shown()),
        Filter("Happened from", day, f"since={day}", shown()),
        Filter("Happened before", month, f"until={month}", shown()),
    ]
    assert fields(page) == {each.name for each in filters}
    for chosen in filters:
        EVENTS.use(page, chosen)


def test_outcomes_are_narrowed_by_each_of_their_fields(ids: Ids, open_page: OpenPage) -> None:
    outcomes = Listing(
        path=f"/resources/{ids.bad}/outcomes/", rows="#outcomes > li", parts=(".outcome-region", ".outcome-state")
    )
    refused, well = shown("US East: Unavailable"), shown("Europe West: Available", "Asia South: Available")
    day, month = (f"{datetime.now(UTC) + ahead:%Y-%m-%dT00:00}" for ahead in (DAY, -30 * DAY))
    filters = [
        Filter("Status", "failing", "status=failing", refused),
        Filter("Status", "available", "status=available", well),
        Filter("Region", "eu-west", "region=eu-west", shown("Europe West: Available")),
        Filter("Reason", "policy_blocked", "reason=policy_blocked", refused),
        Filter("Due from", day, f"since={day}", shown()),
        Filter("Due before", month, f"until={month}", shown()),
    ]
    page = open_page(outcomes.path)
    assert outcomes.on(page) == refused | well
    assert fields(page) == {each.name for each in filters}
    for chosen in filters:
        outcomes.use(page, chosen)


def test_what_is_compared_is_chosen_by_each_of_its_fields(demo: Demonstration, ids: Ids, open_page: OpenPage) -> None:
    registry, now = demo.host("registry"), datetime.now(UTC)
    shop = shown("Demo: shop")
    page = open_page("/compare/")
    filters = [
        Filter("Find an image", "ledger", "find=ledger", LEDGER),
        Filter("Group", "demo-shop", "group=demo-shop", shop),
        Filter("Registry", registry, f"registry={registry}", shown(registry)),
    ]
    for chosen in filters:
        COMPARED.use(page, chosen)
    assert fields(page) - {each.name for each in filters} == {"window", "since", "until"}

    page.goto("/compare/?group=demo-shop")
    told = page.locator(".compared .panel-head p")
    for days, window in ((7, "7d"), (30, "30d"), (90, "90d")):
        choose(page, "Time", window)
        asks(page, {"group": "demo-shop", "window": window})
        expect(told).to_contain_text(f"{now - timedelta(days=days):%-d %b}")
    chip(page, "window").click()
    for name, label, days in (("since", "Time from", 5), ("until", "Time before", 3)):
        choose(page, label, f"{now - timedelta(days=days):%Y-%m-%dT00:00}")
        expect(told).to_contain_text(f"{now - timedelta(days=5):%-d %b}")
        assert name in asked(page)
    expect(told).to_contain_text(f"{now - timedelta(days=3):%-d %b}")
    chip(page, "until").click()
    chip(page, "since").click()
    asks(page, {"group": "demo-shop"})

    # Images come by their names, one after the other, and go again.
    page.goto("/compare/")
    for name in ("checkout", "recommendations"):
        choose(page, "Find an image", name)
        page.get_by_role("link", name=f"shop/{name}").click()
    asks(page, {"image": f"{ids.good},{ids.bad}"})
    COMPARED.lists(page, shown("shop/checkout", "shop/recommendations"))
    page.locator(f"#image-{ids.good}-off").click()
    COMPARED.lists(page, shown("shop/recommendations"))


def test_figures_are_of_the_window_and_of_the_range_that_are_chosen(ids: Ids, open_page: OpenPage) -> None:
    yesterday, just_now = (f"{datetime.now(UTC) - ago:%Y-%m-%dT%H:%M}" for ago in (DAY, timedelta(minutes=1)))
    page = open_page("/")
    bar = page.locator(f"#bar-{ids.bad}")
    for window in ("7d", "30d", "90d"):
        page.locator(f"#window-{window}").click()
        asks(page, {"window": window})
        expect(bar).to_have_attribute("aria-label", re.compile(f"^Last {window}: "))
    choose(page, "Measured from, UTC", yesterday)
    asks(page, {"window": "90d", "since": yesterday})
    expect(page.locator("#without-range")).to_contain_text(f"{yesterday.replace('T', ' ')} to now, UTC")
    choose(page, "Measured to, if not now", just_now)
    asks(page, {"window": "90d", "since": yesterday, "until": just_now})
    expect(bar).to_have_attribute("aria-label", re.compile("^Chosen range: "))
    page.locator("#without-range").click()
    asks(page, {"window": "90d"})
    expect(bar).to_have_attribute("aria-label", re.compile("^Last 90d: "))

    page.goto(f"/resources/{ids.bad}/")
    for window in ("7d", "30d", "90d"):
        page.locator(f"#window-{window}").click()
        expect(page.locator(f"#window-{window}")).to_have_attribute("aria-current", "true")
        asks(page, {"window": window})
    page.get_by_text("Another range", exact=True).click()
    page.get_by_label("From, in UTC").fill(yesterday)
    page.get_by_label("To, or empty for now").fill(just_now)
    page.locator("#timeline-range").get_by_role("button", name="Show").click()
    asks(page, {"since": yesterday, "until": just_now})
    expect(page.locator("#timeline svg.slots").first).to_have_attribute(
        "aria-label", re.compile("^Verdict, chosen range: ")
    )


def test_registries_are_found_by_words(demo: Demonstration, open_page: OpenPage) -> None:
    page = open_page("/registries/")
    assert fields(page) == {"find"}
    REGISTRIES.use(page, Filter("Find", "hub", "find=hub", shown(demo.host("hub"))))


def sign_in(demo: Demonstration, page: Page) -> None:
    name, password = demo.login
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_check_that_is_ordered_shows_its_progress_and_its_end_without_a_reload(
    demo: Demonstration, open_page: OpenPage
) -> None:
    """Of the slow image: one region answers at once, one after seconds, and one has waited in vain."""
    page = open_page(f"/login/?next=/resources/{demo.image_ids['data/notebooks']}/")
    sign_in(demo, page)
    page.locator("#check-now").click()
    in_vain = page.locator("#run-ap-south")
    expect(in_vain).to_have_class(re.compile("is-waiting"))
    page.evaluate("window.loadedOnce = true")
    for region in ("eu-west", "us-east"):
        expect(page.locator(f"#run-{region}")).to_have_attribute("data-look", "available")
    expect(in_vain).to_contain_text("Degraded", timeout=MINUTE * 1000)
    expect(page.locator("#run[data-run]")).to_have_count(0)
    assert page.evaluate("window.loadedOnce")


def test_what_breaks_and_is_mended_is_shown_to_whoever_looks_on_without_a_reload(
    demo: Demonstration, ids: Ids, open_page: OpenPage
) -> None:
    looker, owner = open_page("/?group=demo-shop"), open_page(f"/login/?next=/resources/{ids.good}/")
    sign_in(demo, owner)
    expect(owner.locator("#verdict")).to_be_visible()
    cell = looker.locator(f"#cell-{ids.good}-us-east")
    expect(cell).to_have_attribute("data-look", "available")
    expect(looker.locator("#live-text")).to_have_text("Live")
    looker.evaluate("window.loadedOnce = true")
    try:
        pull(owner, ids.good, f"{demo.host('registry')}/shop/checkout:never-pushed")
        expect(cell).to_have_attribute("data-look", "unavailable")
        expect(cell).to_contain_text("tag not found")
    finally:
        pull(owner, ids.good, f"{demo.host('registry')}/shop/checkout:2.4.1")
    expect(cell).to_have_attribute("data-look", "available")
    expect(looker.locator(f"#verdict-{ids.good}")).to_contain_text("Available")
    assert looker.evaluate("window.loadedOnce")


def pull(page: Page, image: int, reference: str) -> None:
    """Let an image be pulled by another reference, as somebody who is signed in may over the API."""
    token = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "csrftoken")
    answer = page.request.patch(
        f"/api/v1/resources/{image}",
        data={"reference": reference},
        headers={"X-CSRFToken": token, "Referer": page.url},
    )
    assert answer.ok, answer.text()


def test_keyboard_reaches_everything_in_its_order_where_it_can_be_seen(ids: Ids, open_page: OpenPage) -> None:
    page = open_page("/")
    found: list[str] = []
    for path in (
        "/",
        f"/resources/{ids.bad}/",
        "/incidents/",
        f"/incidents/{ids.incident}/",
        "/compare/?group=demo-shop",
    ):
        page.goto(path)
        page.locator("[data-wanted]").wait_for(state="detached")
        found += (f"{path}: {fault}" for fault in keys.faults(page))
    assert not found, "\n".join(found)


def test_keyboard_skips_opens_and_closes(ids: Ids, open_page: OpenPage) -> None:
    page = open_page("/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()

    page.locator("#menu-name").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#theme")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#theme")).to_be_hidden()
    expect(page.locator("#menu-name")).to_be_focused()

    page.locator(f"#name-{ids.bad}").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="team:shop").and_(page.locator(":focus"))).to_be_visible()
    page.keyboard.press("Tab")
    card = page.locator("#cell-card")
    expect(card).to_be_visible()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    page.locator(f"#name-{ids.bad}").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"/resources/{ids.bad}/")
    commands = page.locator("#commands")
    commands.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(commands).to_have_attribute("open", "")


def test_what_is_printed_is_light_and_whole_and_has_no_navigation(ids: Ids, open_page: OpenPage, eyes: Eyes) -> None:
    page = open_page("/", color_scheme="dark", viewport=SHEET)
    page.emulate_media(media="print")
    for path in ("/", f"/resources/{ids.bad}/", f"/incidents/{ids.incident}/"):
        page.goto(path)
        page.locator("[data-wanted]").wait_for(state="detached")
        for element in (".ways", "#menu", "#live-pause", ".skip", "form:visible", "button:visible"):
            expect(page.locator(element)).to_be_hidden()
        expect(page.locator("#zone")).to_contain_text("Times are")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        found = eyes.cut(page)
        assert not found, "\n".join([path, *found])
        assert page.pdf(format="A4").startswith(b"%PDF")
