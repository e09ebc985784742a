"""Regions and the page of one: how it is, what it missed, and what it says that no other does."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from dashboard.live.subscriptions import Subscription, heard
from probes.actions import resources
from probes.models import MissedSlots, Region, RegionEvent, Registry, Resource, ResourceGroup
from probes.models.event import TagWatch
from probes.policy.access import EVERYTHING, Role
from probes.policy.changes import changes
from probes.protocol.taxonomy import Reason
from tests.fakes.access import grant
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding, found
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db

OTHER = "sha256:" + "b" * 64
LOST = {"eu-west": finding(Reason.LAYER_MISSING)}


def read(client: Client, url: str) -> Page:
    response = client.get(url)
    assert response.status_code == 200, response.status_code
    return Page(response.content.decode())


def test_what_is_called_live_has_a_page_as_any_other(client: Client, plane: ControlPlane) -> None:
    Region.objects.filter(slug="us-east").update(slug="live")
    Registry.objects.create(host="live")
    for address, root in (("/regions/live/", "region"), ("/registries/live/", "registry")):
        page = read(client, address)
        assert page[root].attributes["data-live"] == f"{address}live/"
        assert page.all("title")[0].text


def test_list_tells_how_each_region_is(client: Client, plane: ControlPlane) -> None:
    asleep = plane.image("ghcr.io/org/asleep:1")
    plane.check(plane.image(), asleep, finds=LOST)
    resources.pause([asleep.pk], now=plane.now)
    Region.objects.filter(slug="us-east").update(silent_since=datetime.now(UTC), latitude=-33.9, longitude=151.2)
    page = read(client, "/regions/")
    looks = {slug: page[f"region-{slug}"].attributes["data-look"] for slug in ("ap-south", "eu-west", "us-east")}
    assert looks == {"ap-south": "available", "eu-west": "available", "us-east": "silent"}
    assert "1 image fails from there" in page["region-eu-west"].text
    assert "when last checked" not in page["region-eu-west"].text
    assert "fails" not in page["region-ap-south"].text
    assert "33.9° S, 151.2° E" in page["region-us-east"].text
    assert page["region-eu-west-link"].attributes["href"] == "/regions/eu-west/"
    # The overview goes by what was last seen, also of what is paused: that is not what is counted here.
    link = page["region-eu-west-failing"]
    assert (link.text, link.attributes["href"]) == ("Last seen failing from there", "/?region=eu-west&seen=failing")
    assert "ghcr.io/org/asleep:1" in read(client, link.attributes["href"] or "").html
    # Of one that is enrolled while the list is open it is told as well, and of what begins to fail.
    wanted = Subscription.of(page["regions"].attributes["data-topics"] or "", EVERYTHING)
    for payload in ("region 99 mars", "resource 7 - ghcr.io verdict"):
        assert wanted.of_these(heard(changes(payload), EVERYTHING)), payload


def test_what_counts_no_more_is_not_told_to_fail_now(client: Client, plane: ControlPlane) -> None:
    """A region that fell silent was told for ever to see fail what it had found last."""
    plane.hear_all(behind=timedelta(minutes=20))
    old, new = plane.image("ghcr.io/org/old:1"), plane.image("ghcr.io/org/new:1")
    plane.check(old, finds=LOST)
    plane.hear_all()
    plane.check(new, finds=LOST)
    last, now = "1 image failed when last checked, which counts no more", "1 image fails from there"
    for address, root in (("/regions/", "region-eu-west"), ("/regions/eu-west/", "region")):
        Region.objects.filter(slug="eu-west").update(silent_since=None)
        told = read(client, address)[root].text
        assert (now in told, last in told) == (True, True)
        Region.objects.filter(slug="eu-west").update(silent_since=datetime.now(UTC))
        told = read(client, address)[root].text
        assert ("from there" in told, last.replace("1 image", "2 images") in told) == (False, True)
    assert "the region has no vote" in read(client, "/regions/eu-west/")["alone-none"].text


def test_what_it_says_alone_is_of_now_for_as_long_as_in_verdicts(client: Client, plane: ControlPlane) -> None:
    """It was for three intervals, whatever the terms say: the page said that one fails, and that it is not alone."""
    plane.hear_all(behind=timedelta(minutes=20))
    plane.check(plane.image(name="the app", fresh_intervals=5), finds=LOST)
    page = read(client, "/regions/eu-west/")
    assert "1 image fails from there" in page["region"].text
    assert page["failing"].text == "Last seen failing from there"
    assert page["failing"].attributes["href"] == "/?region=eu-west&seen=failing"
    assert "the app" in read(client, page["failing"].attributes["href"] or "").html
    assert "the app" not in read(client, "/?region=us-east&seen=failing").html
    assert "the app ghcr.io bad good" in page["alone-table"].text
    Resource.objects.update(fresh_intervals=3)
    page = read(client, "/regions/eu-west/")
    assert "1 image failed when last checked" in page["region"].text
    assert "Nothing" in page["alone-none"].text


def test_without_regions_it_says_how_there_will_be_one(client: Client, db: None) -> None:
    assert "No region is enrolled" in read(client, "/regions/").html


def test_page_tells_how_a_region_is(client: Client, plane: ControlPlane) -> None:
    plane.hear_workers()
    image = plane.image(name="the app")
    slot = plane.check(image, finds=LOST)
    region = plane.region("eu-west")
    MissedSlots.objects.create(
        resource=image, region=region, first_slot=slot - timedelta(hours=1), last_slot=slot, count=9, cause="shed"
    )
    RegionEvent.objects.create(
        region=region, at=slot, before="active", after="late", detail="checks <b>wait</b> 40 s in its queue"
    )
    page = read(client, "/regions/eu-west/")
    text = page["region"].text
    assert page["state"].text == "Active"
    assert "9 the region's queue was full" in text
    assert "The region is late: checks <b>wait</b> 40 s in its queue" in text
    assert "<b>wait" not in page.html
    assert len(page["crew-table"].text) > 100
    assert "made" in text[text.index("Keys") :]
    assert "the app ghcr.io bad good" in page["alone-table"].text
    assert page["incidents"].attributes["href"] == "/incidents/?region=eu-west"
    assert client.get("/regions/mars/").status_code == 404


def test_what_a_region_says_alone_goes_both_ways(client: Client, plane: ControlPlane) -> None:
    bad, split, alike = (plane.image(f"ghcr.io/org/{name}:1", name=name) for name in ("bad", "split", "alike"))
    plane.check(bad, split, alike)
    everywhere_else = dict.fromkeys(("ap-south", "us-east"), finding(Reason.TAG_NOT_FOUND))
    plane.check(bad, finds=everywhere_else)
    plane.check(split, finds={"eu-west": lambda plan: found(plan, digest=OTHER)})
    plane.check(alike, finds=LOST | {"us-east": finding(Reason.TAG_NOT_FOUND)})
    TagWatch.objects.update_or_create(resource=split, defaults={"look_at": datetime.now(UTC)})
    rows = [element.text for element in read(client, "/regions/eu-west/").all("tr")]
    assert any(row.startswith("bad ghcr.io good bad") for row in rows)
    assert any(row.startswith("split ghcr.io sha256:bbbbbbbbbbbb…") for row in rows)
    assert not any(row.startswith("alike") for row in rows)
    assert "alone-table" not in read(client, "/regions/us-east/")


def test_whoever_reaches_a_group_is_told_of_nothing_else(
    client: Client, plane: ControlPlane, settings: Settings, django_user_model: Any
) -> None:
    web = ResourceGroup.objects.create(name="Web", slug="web")
    mine, other = plane.image("ghcr.io/org/mine:1", name="mine", group=web), plane.image(name="other")
    slot = plane.check(mine, other, finds=LOST)
    MissedSlots.objects.create(
        resource=other, region=plane.region("eu-west"), first_slot=slot, last_slot=slot, cause="lost"
    )
    settings.KAIROS_PUBLIC_DASHBOARD = False
    viewer = django_user_model.objects.create_user("viewer")
    grant(viewer, Role.VIEWER, web)
    client.force_login(viewer)
    assert "1 image fails from there" in read(client, "/regions/")["region-eu-west"].text
    page = read(client, "/regions/eu-west/")
    assert "mine" in page["alone-table"].text
    assert "other" not in page["alone-table"].text.lower().replace("all others", "")
    assert "nothing usable came back" not in page["region"].text
    assert "keys-name" not in page


def test_queries_do_not_grow_with_what_fails(client: Client, plane: ControlPlane) -> None:
    counts = []
    for number in range(2):
        plane.check(*(plane.image(f"ghcr.io/org/app-{number}-{more}:1") for more in range(4)), finds=LOST)
        with CaptureQueriesContext(connection) as caught:
            read(client, "/regions/eu-west/")
        counts.append(len(caught))
    assert counts[0] == counts[1] <= 17
    with CaptureQueriesContext(connection) as caught:
        read(client, "/regions/")
    assert len(caught) <= 4
