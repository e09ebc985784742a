"""The cells of the overview: one image from one region, and what does not look healthy there."""

from datetime import timedelta

import pytest
from django.test import Client

from probes.actions import regions as region_actions
from probes.actions import resources
from probes.models import Region, RegionState
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.integration.dashboard.matrix import card, cell, look, read

pytestmark = pytest.mark.django_db


def test_a_cell_says_what_was_found_from_there_and_how_long_ago(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    page = read(client)
    assert look(page, image, "eu-west") == "available"
    assert cell(page, image, "eu-west").startswith("Available, ")
    assert look(page, image, "us-east") == "unavailable"
    assert cell(page, image, "us-east").startswith("Unavailable, tag not found")
    since = RegionState.objects.get(region__slug="us-east").since
    assert f'datetime="{since:%Y-%m-%dT%H:%M:%S}Z" data-time="span"' in page.html
    more = card(page, image, "us-east")
    for part in ("Unavailable since ", "Tag not found, at manifest, host ghcr.io", "The registry knows no such tag"):
        assert part in more
    assert "Last check " in card(page, image, "eu-west")
    assert page.all("a", "cell-none") == []


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (Reason.REGISTRY_ERROR, "degraded"),
        (Reason.RATE_LIMITED, "indeterminate"),
        (Reason.REF_REJECTED, "config_error"),
    ],
)
def test_every_status_has_its_look(client: Client, plane: ControlPlane, reason: Reason, shown: str) -> None:
    image = plane.image()
    plane.check(image, finds={"eu-west": finding(reason)})
    assert look(read(client), image, "eu-west") == shown


def test_a_stale_result_does_not_look_healthy(client: Client, plane: ControlPlane) -> None:
    plane.now -= timedelta(minutes=10)
    image = plane.image(interval_seconds=60)
    plane.check(image)
    page = read(client)
    assert look(page, image, "eu-west") == "stale"
    assert cell(page, image, "eu-west").startswith("Stale, was available")
    assert "10" in cell(page, image, "eu-west")
    assert "hatched" in page[f"cell-{image.pk}-eu-west"].classes
    # Nobody computed the verdict again, so it is not shown as one of now either.
    assert page[f"verdict-{image.pk}"].attributes["data-look"] == "stale"
    assert "was available" in page[f"verdict-{image.pk}"].text


def test_a_silent_region_does_not_look_healthy(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    Region.objects.filter(slug="ap-south").update(last_seen_at=plane.now - timedelta(minutes=12))
    region_actions.note_silence(now=plane.now)
    page = read(client)
    assert look(page, image, "ap-south") == "silent"
    assert look(page, image, "eu-west") == "available"
    assert "silent, heard 12" in page["column-ap-south"].text
    assert "every region that reports" in page["headline"].text
    assert "(ap-south) has been silent for 12" in page.all("p", "is-degraded")[0].text


def test_a_region_that_is_cut_off_does_not_look_healthy(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    cut_off = plane.now - timedelta(minutes=12)
    Region.objects.filter(slug="ap-south").update(egress_down_since=cut_off)
    page = read(client)
    assert look(page, image, "ap-south") == "egress_down"
    assert "hatched" in page[f"cell-{image.pk}-ap-south"].classes
    assert "cut off, heard" in page["column-ap-south"].text
    assert "(ap-south) has reached nothing at all for 1" in page.all("p", "is-degraded")[0].text


def test_pauses_are_shown_as_such(client: Client, plane: ControlPlane) -> None:
    paused, other = plane.image("ghcr.io/org/paused:1"), plane.image("ghcr.io/org/other:1")
    plane.check(paused, other)
    resources.pause([paused.pk], now=plane.now)
    region_actions.pause([plane.region("us-east").pk], now=plane.now)
    page = read(client)
    assert page[f"verdict-{paused.pk}"].text.startswith("Paused")
    assert {look(page, paused, slug) for slug in plane.regions} == {"paused"}
    assert (look(page, other, "us-east"), look(page, other, "eu-west")) == ("paused", "available")
    assert "paused" in page["column-us-east"].text


def test_what_was_not_checked_yet_or_is_not_checked_from_there_is_shown_as_such(
    client: Client, plane: ControlPlane
) -> None:
    image = plane.image()
    image.regions.set([plane.region("eu-west")])
    page = read(client)
    assert look(page, image, "eu-west") == "unchecked"
    assert page[f"verdict-{image.pk}"].text == "Not yet checked"
    assert f"cell-{image.pk}-us-east" not in page
    assert "Not checked from here" in page[f"image-{image.pk}"].text
    assert page["headline"].text == "No result yet for 1 image."
