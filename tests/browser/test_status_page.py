"""A status page as somebody meets it who knows nothing else of us: on a wide screen, on a phone, in a frame."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from probes.actions import partitions, status_pages
from probes.models import (
    Announcement,
    DayRollUp,
    DaySum,
    HourSum,
    Resource,
    ResourceGroup,
    RollUpProgress,
    StatusGroup,
    StatusPage,
)
from probes.policy.rollup import DAY, floor
from probes.protocol.taxonomy import Reason
from tests.browser.conftest import Seen
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import finding

OpenPage = Callable[..., Page]
GONE = dict.fromkeys(SLUGS, finding(Reason.TAG_NOT_FOUND))
DAY_SECONDS = 86_400
WIDE = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"}


@pytest.fixture
def published(plane: ControlPlane) -> StatusPage:
    """Three groups: one well for long, one with an image that is gone, one that nobody looked at yet."""
    page = StatusPage.objects.create(
        title="Container registry",
        slug="registry",
        description="Images of the platform team, as they are pulled from three continents.",
        visibility="public",
        frame_origins=["*"],
    )
    groups = [ResourceGroup.objects.create(name=f"inner {number}") for number in range(3)]
    names = ("Base images", "Web shop", "Machine learning with quite a long name for so small a thing")
    for place, (group, name) in enumerate(zip(groups, names, strict=True)):
        StatusGroup.objects.create(
            page=page,
            group=group,
            public_name=name,
            slug=f"g{place}",
            position=place,
            visibility="public",
            naming="references" if place == 1 else "together",
            description="Rebuilt each night." if place == 0 else "",
        )
    base = plane.image("ghcr.io/org/base:1", group=groups[0])
    shop = plane.image("ghcr.io/org/shop:1", group=groups[1], name="Front end")
    gone = plane.image("ghcr.io/an-organisation-with-a-long-name/checkout-service-worker:2026.11.27", group=groups[1])
    plane.check(base, shop, gone, finds=GONE)
    plane.check(base, shop)
    now = datetime.now(UTC)
    _roll_up(groups, [shop, gone], now)
    for title, kind, text in (
        (
            "Upgrade on Sunday",
            "work",
            "We move to new disks.\nPulls may be slow for an hour.\n\nMore: https://example.com/x",
        ),
        ("New names", "notice", ""),
    ):
        status_pages.announce(
            Announcement(page=page, title=title, kind=kind, text=text, starts_at=now - DAY), now=now
        )
    return page


def _roll_up(groups: list[ResourceGroup], images: list[Resource], now: datetime) -> None:
    today = floor(now, DAY)
    days = [today - back * DAY for back in range(60, 0, -1)]
    for table in (*partitions.ROLL_UPS, *partitions.SUMS):
        partitions.ensure(table, [day.date() for day in (*days, today)])
    for number, day in enumerate(days):
        seconds = {"seconds_available": DAY_SECONDS}
        if number % 17 == 5:
            seconds = {"seconds_available": DAY_SECONDS - 5000, "seconds_unavailable": 5000}
        elif number == 30:
            seconds = {"seconds_degraded": 40_000, "seconds_available": DAY_SECONDS - 40_000}
        elif number in (40, 41):
            seconds = {"seconds_unknown": DAY_SECONDS}
        elif number == 45:
            seconds = {"seconds_maintenance": DAY_SECONDS}
        for group in groups[:2]:
            DaySum.objects.create(
                owner_kind="group", owner_id=group.pk, region_id=0, starts_at=day, resources=1, **seconds
            )
        for image in images:
            DayRollUp.objects.create(resource_id=image.pk, region_id=0, starts_at=day, **seconds)
        RollUpProgress.objects.create(unit="day", starts_at=day, finished_at=now)
    HourSum.objects.create(
        owner_kind="group", owner_id=groups[0].pk, region_id=0, starts_at=today, resources=1, seconds_available=3600
    )
    RollUpProgress.objects.create(unit="hour", starts_at=today, finished_at=now)


def is_scrolled_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_page_tells_all_by_day_and_by_night_and_on_a_phone_without_any_script(
    published: StatusPage, open_page: OpenPage, axe: Callable[..., list[str]]
) -> None:
    page = open_page("/status/registry/", **WIDE)
    expect(page.get_by_role("heading", level=1)).to_have_text("Container registry")
    expect(page.locator("#overall")).to_contain_text("Some of it is unavailable")
    expect(page.locator("#group-g2")).to_contain_text("Not known")
    expect(page.locator("#group-g1 li")).to_have_count(2)
    expect(page.get_by_role("link", name="https://example.com/x")).to_be_visible()
    assert axe(page) == []
    # It shares the styles of charts, and nothing of them is meant for what is beside a chart.
    strokes = "nodes => nodes.map(node => getComputedStyle(node).stroke)"
    assert set(page.locator(".stands .symbol").evaluate_all(strokes)) == {"none"}
    page.locator("#bar-g0").hover()
    expect(page.locator(".slot-tip")).to_be_visible()
    page.get_by_role("link", name="All history").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{datetime.now(UTC):%B %Y}")
    expect(page.get_by_role("heading", name="Web shop")).not_to_have_count(0)
    assert axe(page) == []
    phone = open_page("/status/registry/", **PHONE, java_script_enabled=False)
    expect(phone.locator("#bar-g0")).to_be_visible()
    expect(phone.locator("#group-g1")).to_contain_text("Partly unavailable")
    narrow = open_page("/status/registry/", **PHONE)
    assert not is_scrolled_sideways(narrow)
    assert axe(narrow) == []
    narrow.goto("/status/registry/history/")
    assert not is_scrolled_sideways(narrow)


def test_widget_is_shown_in_a_frame_and_leads_to_the_page(
    published: StatusPage, open_page: OpenPage, axe: Callable[..., list[str]]
) -> None:
    page = open_page("/status/registry/widget", viewport={"width": 360, "height": 260})
    expect(page.locator("li")).to_have_count(3)
    assert not is_scrolled_sideways(page)
    assert axe(page) == []
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Container registry").click()
    expect(opened.value).to_have_url("/status/registry/")
    page.set_content(Client(headers={"host": "127.0.0.1"}).get("/badges/g0/state.svg").content.decode())
    expect(page.locator("text").last).to_have_text("available")
    box, text = page.locator("rect").last.bounding_box(), page.locator("text").last.bounding_box()
    assert box is not None
    assert text is not None
    assert box["x"] <= text["x"] <= text["x"] + text["width"] <= box["x"] + box["width"]


def test_page_prints_and_is_gone_when_it_is_hidden(published: StatusPage, open_page: OpenPage, seen: Seen) -> None:
    page = open_page("/status/registry/")
    page.emulate_media(media="print")
    expect(page.locator("#overall")).to_be_visible()
    expect(page.locator(".follow")).to_be_hidden()
    StatusPage.objects.update(visibility="hidden")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    assert [complaint for complaint in seen.complaints if "404" not in complaint] == []
    seen.complaints.clear()
