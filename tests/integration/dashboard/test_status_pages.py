"""What a status page tells, in all its forms, and what it costs."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from probes.actions import maintenance, partitions, status_pages
from probes.models import (
    Announcement,
    DaySum,
    HourRollUp,
    HourSum,
    MaintenanceWindow,
    Resource,
    ResourceGroup,
    RollUpProgress,
    StatusGroup,
    StatusPage,
    Verdict,
)
from probes.policy.rollup import DAY, HOUR, floor
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.integration.dashboard.public import shown

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>\"'\u202e\x07 & more"


@pytest.fixture
def plane(plane: ControlPlane) -> ControlPlane:
    """One whose clock has room for some checks until now."""
    plane.hear_all(behind=timedelta(minutes=4))
    return plane


def rolled_up(group: ResourceGroup, image: Resource, now: datetime, **seconds: int) -> None:
    """Let there be three days of figures, the last of them today as far as it goes."""
    today = floor(now, DAY)
    for table in (*partitions.ROLL_UPS, *partitions.SUMS):
        partitions.ensure(table, [(today - back * DAY).date() for back in range(3)])
    for back in (2, 1):
        starts_at = today - back * DAY
        DaySum.objects.create(
            owner_kind="group", owner_id=group.pk, region_id=0, starts_at=starts_at, resources=2, **seconds
        )
        RollUpProgress.objects.create(unit="day", starts_at=starts_at, finished_at=now)
    hour = max(floor(now, HOUR) - HOUR, today)
    common = {"region_id": 0, "starts_at": hour, "seconds_available": 3600}
    HourSum.objects.create(owner_kind="group", owner_id=group.pk, resources=2, **common)
    HourRollUp.objects.create(resource_id=image.pk, **common)
    RollUpProgress.objects.create(unit="hour", starts_at=hour, finished_at=now)


def test_page_tells_in_public_words_how_groups_stand(
    client: Client, plane: ControlPlane, page: StatusPage, group: ResourceGroup
) -> None:
    good, bad = plane.image(group=group), plane.image("ghcr.io/org/other:1", group=group)
    plane.check(good, bad)
    found = shown(client)
    assert found["overall"].text.startswith("Everything is available")
    assert found["group-payments"].attributes["data-look"] == "available"
    plane.check(bad, finds=dict.fromkeys(plane.regions, finding(Reason.TAG_NOT_FOUND)))
    found = shown(client)
    assert found["overall"].text.startswith("Some of it is unavailable")
    assert "Partly unavailable" in found["group-payments"].text
    assert "Unavailable: Payments" in [heading.text for heading in found.all("h3")]
    for inner in ("inner-payments-team", "ghcr.io", "org/other", "not found", "eu-west"):
        assert inner not in re.sub(r"\A.*?<body", "", found.html, flags=re.DOTALL), inner
    plane.check(bad)
    found = shown(client)
    assert found["overall"].text.startswith("Everything is available")
    assert "Resolved: Payments" in [heading.text for heading in found.all("h3")]


def test_no_data_is_no_good_news(client: Client, plane: ControlPlane, page: StatusPage, group: ResourceGroup) -> None:
    assert shown(client)["group-payments"].attributes["data-look"] == "unknown"
    image = plane.image(group=group)
    plane.check(image)
    assert shown(client)["group-payments"].attributes["data-look"] == "available"
    plane.image("ghcr.io/org/new:1", group=group)  # not looked at yet
    assert shown(client)["group-payments"].attributes["data-look"] == "available"
    Verdict.objects.update(stale_at=datetime.now(UTC) - timedelta(minutes=5))  # and nobody computes it again
    assert shown(client)["group-payments"].attributes["data-look"] == "unknown"
    Resource.objects.update(paused_at=plane.now)
    assert shown(client)["overall"].attributes["data-look"] == "unknown"
    StatusGroup.objects.all().delete()
    assert shown(client)["overall"].text.startswith("Nothing is shown here yet")


def test_work_is_shown_over_a_verdict(
    client: Client, plane: ControlPlane, page: StatusPage, group: ResourceGroup
) -> None:
    plane.check(plane.image(group=group))
    now = datetime.now(UTC)
    window = MaintenanceWindow(name="secret work", starts_on=now.date(), starts_at=now.time(), duration_minutes=60)
    maintenance.save(window, groups=[group], now=now)
    found = shown(client)
    assert found["group-payments"].attributes["data-look"] == "maintenance"
    assert "secret work" not in found.html


def test_days_are_drawn_without_telling_how_many_images_there_are(
    client: Client, plane: ControlPlane, page: StatusPage, group: ResourceGroup
) -> None:
    image = plane.image(group=group, name="Web shop")
    plane.check(image)
    now = datetime.now(UTC)
    rolled_up(group, image, now, seconds_available=2 * 86_400 - 60, seconds_unavailable=60)
    found = shown(client)
    bar = found["bar-payments"]
    assert "unavailable" in bar.attributes["aria-label"]
    assert re.search(r"u30a86370", bar.attributes["data-slots"]), bar.attributes["data-slots"]
    assert found["group-payments"].text.count("99.96") == 1
    assert "bar-payments-1" not in found
    for window, said in (("24h", "Payments, 24 h: 100 %"), ("7d", "Payments, 7 d: 99.96")):
        assert said in client.get("/badges/payments/uptime.svg", {"window": window}).content.decode()
    assert client.get("/badges/payments/uptime.svg", {"window": "h"}).status_code == 404
    StatusGroup.objects.update(naming="names")
    found = shown(client)
    assert "Web shop" in found["image-payments-1"].text
    assert "100 %" in found["image-payments-1"].text
    assert "bar-payments-1" in found


@pytest.mark.parametrize(
    ("naming", "told", "not_told"),
    [
        ("together", [], ["Web shop", "org/app", "org/plain"]),
        ("names", ["Web shop"], ["org/app", "org/plain"]),
        ("references", ["Web shop", "ghcr.io/org/plain:1"], []),
    ],
)
def test_images_are_told_of_as_was_chosen(
    client: Client, plane: ControlPlane, page: StatusPage, group: ResourceGroup, naming: str, told: Any, not_told: Any
) -> None:
    images = plane.image(group=group, name="Web shop"), plane.image("ghcr.io/org/plain:1", group=group)
    plane.check(*images, finds=dict.fromkeys(plane.regions, finding(Reason.TAG_NOT_FOUND)))
    StatusGroup.objects.update(naming=naming)
    for address in ("", "history/", "summary.json", "feed.atom", "feed.rss"):
        html = client.get(f"/status/registry-status/{address}").content.decode()
        assert [text for text in told if text not in html] == [], address
        assert [text for text in not_told if text in html] == [], address
    assert ("ghcr.io/org/app:1" in shown(client).html) is (naming == "references")


def test_announcements_come_and_go_by_the_clock(client: Client, page: StatusPage) -> None:
    now = datetime.now(UTC)

    def announce(title: str, **values: Any) -> None:
        status_pages.announce(Announcement(page=page, title=title, **values), now=now)

    announce("News one", starts_at=now - 2 * HOUR, text="First line\nsecond\n\nSee https://example.com/more")
    announce("Pinned one", starts_at=now - 3 * HOUR, is_pinned=True, kind="work")
    announce("Old one", starts_at=now - 3 * HOUR, expires_at=now - HOUR)
    announce("Coming one", starts_at=now + HOUR)
    announce("Draft one", starts_at=now - HOUR, visibility="hidden")
    html = shown(client).html
    assert html.index("Pinned one") < html.index("News one")
    assert '<a href="https://example.com/more" rel="nofollow">' in html
    assert not [title for title in ("Old one", "Coming one", "Draft one") if title in html]
    months = {f"{now - 3 * HOUR:%Y-%m}", f"{now - 2 * HOUR:%Y-%m}"}
    told = "".join(shown(client, f"/status/registry-status/history/?month={month}").html for month in months)
    assert [title for title in ("News one", "Pinned one", "Old one") if title not in told] == []
    assert not [title for title in ("Coming one", "Draft one") if title in told]


def is_whole_atom(feed: ET.Element) -> None:
    """Assert what RFC 4287 asks for: of a feed in 4.1.1, and of each entry in 4.1.2."""
    atom = "{http://www.w3.org/2005/Atom}"
    for element in (feed, *feed.iter(f"{atom}entry")):
        for name in ("id", "title", "updated"):
            (said,) = element.findall(f"{atom}{name}")
            assert said.text
        assert datetime.fromisoformat(str(element.findtext(f"{atom}updated"))).tzinfo
        assert len([link for link in element.findall(f"{atom}link") if link.get("rel") == "alternate"]) == 1
    assert feed.findtext(f"{atom}author/{atom}name") == "Registry status"
    assert [link.get("href") for link in feed.findall(f"{atom}link") if link.get("rel") == "self"]


def is_whole_rss(rss: ET.Element) -> None:
    """Assert what RSS 2.0 asks for: of the channel three texts, of each item the form of its time and of its id."""
    (channel,) = rss.findall("channel")
    assert rss.get("version") == "2.0"
    assert all(channel.findtext(name) for name in ("title", "link", "description"))
    assert parsedate_to_datetime(str(channel.findtext("lastBuildDate"))).tzinfo
    for item in channel.findall("item"):
        assert item.findtext("title")
        assert parsedate_to_datetime(str(item.findtext("pubDate"))).tzinfo
        assert item.find("guid").attrib == {"isPermaLink": "false"}  # type: ignore[union-attr]  # as it has one


def test_feeds_keep_ids_and_tell_when_something_changed(
    client: Client, plane: ControlPlane, page: StatusPage, group: ResourceGroup
) -> None:
    image = plane.image(group=group)
    plane.check(image, finds=dict.fromkeys(plane.regions, finding(Reason.TAG_NOT_FOUND)))
    row = Announcement(page=page, title="News", starts_at=plane.now)
    status_pages.announce(row, now=plane.now)
    atom = "{http://www.w3.org/2005/Atom}"

    def entries() -> dict[str, tuple[str, str]]:
        root = ET.fromstring(client.get("/status/registry-status/feed.atom").content)  # noqa: S314 - our own
        read = ((entry, root) for entry in root.iter(f"{atom}entry"))
        return {
            str(entry.findtext(f"{atom}id")): (
                str(entry.findtext(f"{atom}title")),
                str(entry.findtext(f"{atom}updated")),
            )
            for entry, _ in read
        }

    before = entries()
    assert sorted(title for title, _ in before.values()) == ["Notice: News", "Unavailable: Payments"]
    is_whole_atom(ET.fromstring(client.get("/status/registry-status/feed.atom").content))  # noqa: S314 - our own
    assert client.get("/status/registry-status/feed.atom")["Content-Type"].startswith("application/atom+xml")
    plane.check(image)
    status_pages.announce(row, now=plane.now + HOUR)
    after = entries()
    assert set(after) == set(before)
    assert all(after[key][1] > before[key][1] for key in after)
    rss = ET.fromstring(client.get("/status/registry-status/feed.rss").content)  # noqa: S314 - our own
    assert {item.findtext("guid") for item in rss.iter("item")} == set(before)
    is_whole_rss(rss)
    links = [str(item.findtext("link")) for item in rss.iter("item")]
    assert all("/status/registry-status/history/?month=" in link for link in links)


def test_summary_says_the_same_to_programs(
    client: Client, plane: ControlPlane, page: StatusPage, group: ResourceGroup
) -> None:
    plane.check(plane.image(group=group), finds=dict.fromkeys(plane.regions, finding(Reason.TAG_NOT_FOUND)))
    told = json.loads(client.get("/status/registry-status/summary.json").content)
    assert told["standing"] == "unavailable"
    assert [(entry["name"], entry["standing"], entry["images"]) for entry in told["groups"]] == [
        ("Payments", "unavailable", [])
    ]
    assert [entry["title"] for entry in told["incidents"]] == ["Payments"]


def test_what_others_wrote_is_text_and_nothing_else(
    client: Client, plane: ControlPlane, page: StatusPage, group: ResourceGroup
) -> None:
    StatusPage.objects.update(title=HOSTILE, description=HOSTILE, shows_reasons=True, shows_hosts=True)
    StatusGroup.objects.update(public_name=HOSTILE, description=HOSTILE, naming="references")
    image = plane.image(group=group, name=HOSTILE)
    plane.check(image, finds=dict.fromkeys(plane.regions, finding(Reason.TAG_NOT_FOUND)))
    status_pages.announce(Announcement(page=page, title=HOSTILE, text=HOSTILE), now=datetime.now(UTC))
    for address in (
        *(f"/status/registry-status/{form}" for form in ("", "history/", "widget", "feed.atom", "feed.rss")),
        "/badges/payments/state.svg",
        "/badges/payments/uptime.svg",
    ):
        text = client.get(address).content.decode()
        assert "<script>" not in text, address
        assert "\u202e" not in text, address
        assert "alert(1)" in text, address
        if "feed" in address or "badges" in address:
            ET.fromstring(text)  # noqa: S314 - our own


@pytest.mark.parametrize("slug", ["nope", "%00", "a" * 300, "..", "A%20B", "%F0%9F%98%80"])
def test_address_of_no_page_is_not_there(client: Client, slug: str) -> None:
    for address in (f"/status/{slug}/", f"/status/{slug}/feed.atom", f"/badges/{slug}/state.svg"):
        assert client.get(address).status_code == 404


@pytest.mark.parametrize("month", ["2026-13", "1999-01", "x", "2999-01", "2026-1"])
def test_month_out_of_reach_is_not_there(client: Client, page: StatusPage, month: str) -> None:
    assert client.get("/status/registry-status/history/", {"month": month}).status_code == 404


def test_page_costs_the_same_whatever_there_is_to_tell(
    client: Client, plane: ControlPlane, page: StatusPage, group: ResourceGroup
) -> None:
    StatusPage.objects.update(shows_reasons=True, shows_hosts=True, shows_regions=True)
    StatusGroup.objects.update(naming="references")
    forms = ("", "history/", "summary.json", "feed.atom", "widget")
    addresses = [f"/status/registry-status/{form}" for form in forms] + ["/badges/payments/state.svg"]

    def taken() -> list[int]:
        counts = []
        for address in addresses:
            with CaptureQueriesContext(connection) as captured:
                assert client.get(address).status_code == 200
            counts.append(len(captured))
        return counts

    def grow(number: int) -> None:
        image = plane.image(f"ghcr.io/org/app:{number}", group=group, name=f"image {number}")
        plane.check(image)
        plane.check(image, finds=dict.fromkeys(plane.regions, finding(Reason.TAG_NOT_FOUND)))
        status_pages.announce(Announcement(page=page, title=f"news {number}"), now=plane.now)
        other = ResourceGroup.objects.create(name=f"other {number}")
        StatusGroup.objects.create(page=page, group=other, public_name=f"Other {number}", visibility="public")

    RollUpProgress.objects.create(unit="hour", starts_at=floor(plane.now, HOUR), finished_at=plane.now)
    grow(0)
    few = taken()
    for number in range(1, 5):
        grow(number)
    assert taken() == few
    assert dict(zip([*forms, "badge"], few, strict=True)) == {
        "": 16,
        "history/": 6,
        "summary.json": 16,
        "feed.atom": 6,
        "widget": 5,
        "badge": 3,
    }
