"""Comparing what regions see, as people meet it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from probes.actions import partitions, rollups
from probes.models import DayRollUp, HourRollUp, Region, Registry, Resource, ResourceGroup
from probes.policy.rollup import DAY, HOUR
from probes.protocol.taxonomy import Reason, Stage
from probes.selectors import by_hour, comparison
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding, found
from tests.fakes.steps import step
from tests.integration.control.test_rollups import roll_all
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db

OTHER = "sha256:" + "b" * 64
LOST = {"eu-west": finding(Reason.LAYER_MISSING, Stage.LAYER)}
TIMED = {"us-east": lambda plan: replace(found(plan, digest=OTHER), steps=(step(),))}


def read(client: Client, url: str) -> Page:
    response = client.get(url)
    assert response.status_code == 200, response.status_code
    return Page(response.content.decode())


@pytest.fixture
def images(plane: ControlPlane) -> dict[str, Resource]:
    """Two images of a group, one of which has an hour behind it in which eu-west lacks a layer, as it does now."""
    web = ResourceGroup.objects.create(name="Web", slug="web")
    app = plane.image("ghcr.io/org/app:1", name="the app", group=web)
    other = plane.image("quay.io/org/other:1", name="other app", group=web)
    plane.now = plane.now.replace(minute=0, second=0) - 3 * HOUR
    Resource.objects.update(reference_since=plane.now - HOUR)
    for _ in range(3):
        plane.check(app, finds={**LOST, **TIMED})
    roll_all(plane.now.replace(minute=0, second=0) + HOUR + rollups.ROLLED_AFTER)
    plane.hear_all(behind=timedelta(minutes=14))
    plane.check(app, finds={**LOST, **TIMED})
    Region.objects.filter(slug="eu-west").update(latitude=50.1, longitude=8.7)
    Region.objects.filter(slug="us-east").update(latitude=39.0, longitude=-77.5)
    return {"app": app, "other": other}


def test_nothing_is_compared_before_something_is_chosen(client: Client, images: dict[str, Resource]) -> None:
    page = read(client, "/compare/")
    assert "Find up to four images" in page["nothing-chosen"].text
    found = read(client, "/compare/?find=app&window=7d")
    chosen, other = images["app"].pk, images["other"].pk
    assert found[f"add-{chosen}"].attributes["href"] == f"/compare/?window=7d&image={chosen}"
    more = read(client, f"/compare/?find=app&image={chosen}")
    assert f"add-{chosen}" not in more
    assert more[f"add-{other}"].attributes["href"] == f"/compare/?image={chosen}%2C{other}"


def test_regions_stand_side_by_side_for_an_image(client: Client, images: dict[str, Resource]) -> None:
    app, other = images["app"].pk, images["other"].pk
    page = read(client, f"/compare/?image={app},{other}")
    rows = {slug: page[f"image-{app}-{slug}"] for slug in ("ap-south", "eu-west", "us-east")}
    assert rows["eu-west"].attributes["data-look"] == "unavailable"
    assert rows["ap-south"].attributes["data-look"] == "available"
    assert "layer missing" in rows["eu-west"].text
    assert "3 unavailable" in rows["eu-west"].text
    assert "sha256:bbbbbbbbbbbb…" in rows["us-east"].text
    assert "The image behind the tag" in page[f"image-{app}-disagree"].text
    assert "layer missing: 4" in page[f"image-{app}"].text
    assert len(page.all("svg", "heat")) == 3
    assert "Regions on a map:" in page.all("svg", "worldmap")[0].attributes["aria-label"]
    assert [element.text for element in page.all("text")][:2] == ["eu-west", "us-east"]
    assert page[f"image-{other}-off"].attributes["href"] == f"/compare/?image={app}"
    assert f"image-{app}" in read(client, f"/compare/?resource={app}"), "as the API calls it"
    assert page["chip-image"].attributes["href"] == "/compare/"


def test_all_of_a_group_or_a_registry_is_compared(client: Client, images: dict[str, Resource]) -> None:
    page = read(client, "/compare/?group=web&window=7d")
    assert "1 fails" in page["group-eu-west"].text
    assert "How many fail now" in page["group-disagree"].text
    assert "layer missing: 4" in page["group"].text
    assert len(page.all("svg", "heat")) == 3
    assert read(client, "/compare/?registry=quay.io")["registry-eu-west"].attributes["data-look"] == "unchecked"


def test_regions_from_which_as_many_fail_and_not_the_same_ones_disagree(
    client: Client, images: dict[str, Resource], plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, other = images["app"], images["other"]
    lost = finding(Reason.LAYER_MISSING, Stage.LAYER)
    for _ in range(3):
        plane.check(app, finds=dict.fromkeys(("ap-south", "eu-west", "us-east"), lost))
        plane.check(other, finds=dict.fromkeys(("ap-south", "eu-west", "us-east"), lost))
    page = read(client, "/compare/?group=web")
    assert page["group-agree"].text == "Nothing fails now from one region and not from another."
    for _ in range(3):
        plane.check(app, finds={"eu-west": lost, "ap-south": lost})
        plane.check(other, finds={"us-east": lost, "ap-south": lost})
    page = read(client, "/compare/?group=web")
    assert page["group-split"].text == "2 fail from one region and not from another:"
    assert page[f"group-split-{app.pk}"].attributes["href"] == f"/resources/{app.pk}/"
    assert "the app fails from ap-south and eu-west, not from us-east" in page["group-disagree"].text
    assert "other app fails from ap-south and us-east, not from eu-west" in page["group-disagree"].text
    assert "How many fail now" in page["group-disagree"].text
    assert "looked through" not in page["group"].text
    monkeypatch.setattr(comparison, "MOST_SPLIT", 1)
    assert "2 fail from one region and not from another, the newest:" in read(client, "/compare/?group=web").html
    # What a region found that is silent now is no more than what it found last.
    Region.objects.filter(slug="us-east").update(silent_since=timezone.now())
    page = read(client, "/compare/?group=web")
    assert page["group-split"].text == "1 fails from one region and not from another:"
    assert "other app fails from ap-south, not from eu-west" in page["group-disagree"].text
    Region.objects.filter(slug="eu-west").update(paused_at=timezone.now())
    assert "group-split" not in read(client, "/compare/?group=web")


def test_it_is_told_of_which_failures_the_causes_are_where_they_are_not_all(
    client: Client, images: dict[str, Resource], plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loud image of another group hid why this one fails, and nothing said so."""
    loud, addresses = plane.image("ghcr.io/org/loud:1"), ("group=web", f"image={images['app'].pk}")
    for _ in range(3):
        plane.check(loud, finds=LOST)
    for address in addresses:
        page = read(client, f"/compare/?{address}")
        assert "layer missing: 4" in page.html
        assert "causes-bound" not in page.html
    monkeypatch.setattr(by_hour, "MOST_OF_ALL", 3)
    monkeypatch.setattr(by_hour, "MOST_OF_A_REGION", 2)
    page = read(client, "/compare/?group=web")
    said = page["group-causes-bound"].text
    assert said.startswith("Complete only since ")
    assert said.endswith("no more than the newest 3 of all images together are looked through. None is among them.")
    assert "layer missing: 4" not in page.html
    page = read(client, f"/compare/?image={images['app'].pk}")
    assert "no more than the newest 2 from each region" in page[f"image-{images['app'].pk}-causes-bound"].text
    assert "layer missing: 2" in page.html


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("group=web&registry=quay.io", "Choose images, or a group, or a registry."),
        ("image=999999", "Images: not all of these are there."),
        ("image=1,2,3,4,5", "at most 4"),
        ("window=1y", "Time: there is no"),
        ("group=web&since=2999-01-01", "this is still to come"),
        ("group=web&until=1999-01-01", "figures are kept for"),
        ("group=web&until=0001-02-01", "figures are kept for"),  # ninety days before that there was no calendar
    ],
)
def test_what_is_not_understood_is_told_and_nothing_compared(client: Client, db: None, query: str, said: str) -> None:
    ResourceGroup.objects.create(name="Web", slug="web")
    Registry.objects.create(host="quay.io")
    page = read(client, f"/compare/?{query}")
    assert said in " ".join(element.text for element in page.all("p", "notice"))
    assert not page.all("section", "compared")


def test_custom_range_is_read_in_whole_hours(client: Client, images: dict[str, Resource]) -> None:
    now = datetime.now(UTC)
    since, until = ((now - ago * HOUR).strftime("%Y-%m-%dT%H:30") for ago in (5, 2))
    for chosen in ("group=web", f"image={images['app'].pk}"):
        named = chosen.replace("=", "-").removesuffix("-web")
        assert "Why it failed until now" in read(client, f"/compare/?{chosen}&since={since}")[named].text
        past = read(client, f"/compare/?{chosen}&since={since}&until={until}")[named].text
        assert "Why it failed eu-west layer missing: 3" in past, "until then, and not until now"
    page = read(client, f"/compare/?image={images['app'].pk}&since={since}")
    assert f"image-{images['app'].pk}-eu-west" in page
    assert since[11:13] + ":00" in page[f"image-{images['app'].pk}"].text


def test_days_that_lie_in_the_range_in_part_are_told_by_their_hours(
    client: Client, images: dict[str, Resource], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Today, which is no whole day yet, and the day on which the range begins."""
    app, eu_west = images["app"], Region.objects.get(slug="eu-west")
    hour = HourRollUp.objects.filter(resource_id=app.pk, region_id=eu_west.pk).latest("starts_at")
    midnight = hour.starts_at.replace(hour=0)
    now = midnight + 14 * HOUR
    monkeypatch.setattr(timezone, "now", lambda: now)
    HourRollUp.objects.filter(resource_id=app.pk).delete()
    own: dict[str, Any] = {"resource_id": app.pk, "region_id": eu_west.pk}
    for table in partitions.ROLL_UPS:
        partitions.ensure(table, [(now - days * DAY).date() for days in (30, 1, 0)])
    for starts_at in (midnight + 2 * HOUR, midnight + 3 * HOUR, now - 30 * DAY, now - 30 * DAY - HOUR):
        HourRollUp.objects.create(**own, starts_at=starts_at, seconds_unavailable=900, seconds_available=2700)
    # It has hours still, and is summed up.
    HourRollUp.objects.create(**own, starts_at=midnight - HOUR, seconds_unavailable=3600)
    DayRollUp.objects.create(**own, starts_at=midnight - DAY, seconds_available=86_400)
    page = read(client, f"/compare/?image={app.pk}&window=30d")
    told = next(item for item in page.all("svg", "heat") if item.attributes["aria-label"].startswith("eu-west"))
    assert told.attributes["aria-label"] == "eu-west: 3 hours or days known, 2 of them not wholly available"
    assert told.text.count("UTC: 75 % available") == 2
    assert told.text.count("UTC: 100 % available") == 1


def test_queries_are_few(client: Client, images: dict[str, Resource]) -> None:
    counts: dict[str, Any] = {}
    for query in (f"image={images['app'].pk}", "group=web", "registry=ghcr.io", "find=app"):
        with CaptureQueriesContext(connection) as caught:
            read(client, f"/compare/?{query}")
        counts[query.partition("=")[0]] = len(caught)
    assert counts == {"image": counts["image"], "group": 14, "registry": 14, "find": 3}
    assert counts["image"] <= 20
