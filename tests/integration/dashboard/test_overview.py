"""The first page: images by regions."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from probes.actions import regions as region_actions
from probes.actions import resources, staleness
from probes.models import ControlBeat, Region, RegionState, Registry, Resource
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import Find, finding, found
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db


def read(client: Client, url: str = "/") -> Page:
    response = client.get(url)
    assert response.status_code == 200
    return Page(response.content.decode())


def cell(page: Page, image: Resource, slug: str) -> str:
    return page[f"cell-{image.pk}-{slug}"].text


def look(page: Page, image: Resource, slug: str) -> str:
    return page[f"cell-{image.pk}-{slug}"].attributes["data-look"]


def everywhere(reason: Reason) -> dict[str, Find]:
    return dict.fromkeys(("ap-south", "eu-west", "us-east"), finding(reason))


def test_a_cell_says_what_was_found_from_there_and_how_long_ago(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    page = read(client)
    assert look(page, image, "eu-west") == "available"
    assert cell(page, image, "eu-west").startswith("Available")
    assert look(page, image, "us-east") == "unavailable"
    assert "Unavailable tag not found, " in cell(page, image, "us-east")
    assert "ago" in page[f"cell-{image.pk}-us-east-age"].text or "just now" in cell(page, image, "us-east")
    more = cell(page, image, "us-east")
    for part in ("Failed at manifest", "Host ghcr.io", "The registry knows no such tag", "Next check"):
        assert part in more
    assert "sha256:aaaaaaaaaaaa…" in cell(page, image, "eu-west")


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
    assert "was available, 10" in cell(page, image, "eu-west")
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


def test_what_its_source_lists_no_more_is_told_and_still_checked(client: Client, plane: ControlPlane) -> None:
    unlisted, retired = plane.image("ghcr.io/org/unlisted:1"), plane.image("ghcr.io/org/retired:1")
    plane.check(unlisted, retired)
    staleness.mark_stale([unlisted.pk, retired.pk], now=plane.now)
    staleness.retire([retired.pk], now=plane.now)
    page = read(client)
    assert page[f"verdict-{unlisted.pk}"].text.startswith("Available")
    assert page[f"unlisted-{unlisted.pk}"].text == "not listed any more"
    assert f"verdict-{retired.pk}" not in page


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


def test_what_is_bad_comes_first_and_then_the_name_decides(client: Client, plane: ControlPlane) -> None:
    names = ("b-good", "A-good", "gone", "limping", "throttled", "fresh", "asleep")
    images = {name: plane.image(f"ghcr.io/org/{name.lower()}:1", name=name) for name in names}
    good = [images["b-good"], images["A-good"], images["asleep"]]
    plane.check(*good)
    plane.check(images["gone"], finds=everywhere(Reason.TAG_NOT_FOUND))
    plane.check(images["limping"], finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    plane.check(images["throttled"], finds=everywhere(Reason.RATE_LIMITED))
    resources.pause([images["asleep"].pk], now=plane.now)
    page = read(client)
    assert [element.text for element in page.all("a", "image-name")] == [
        "gone", "limping", "throttled", "fresh", "A-good", "b-good", "asleep",
    ]  # fmt: skip
    assert page["headline"].text == (
        "2 of 7 images can be pulled from everywhere; 1 unavailable, 1 degraded, 1 unknown, "
        "1 not yet checked, 1 paused."
    )
    assert "<title>1 unavailable, 1 degraded · Kairos</title>" in page.html


def test_a_row_names_its_image_its_registry_and_its_schedule(client: Client, plane: ControlPlane) -> None:
    digest = "sha256:" + "0123456789abcdef" * 4
    image = plane.image(f"ghcr.io/org/app@{digest}", interval_seconds=90, depth="blobs")
    Registry.objects.update(name="GitHub")
    text = read(client)[f"image-{image.pk}"].text
    assert "org/app ghcr.io/org/app@sha256:0123456789ab… GitHub, every 90 s, blobs depth" in text


def test_digests_that_differ_between_regions_are_hinted_at(client: Client, plane: ControlPlane) -> None:
    image, same = plane.image("ghcr.io/org/app:1"), plane.image("ghcr.io/org/same:1")
    plane.check(same)
    plane.check(image, finds={"us-east": lambda plan: found(plan, digest="sha256:" + "b" * 64)})
    page = read(client)
    assert "digests differ" in page[f"image-{image.pk}"].text
    assert "digests differ" not in page[f"image-{same.pk}"].text


def test_one_query_budget_serves_any_number_of_rows_and_never_reads_outcomes(
    client: Client, plane: ControlPlane
) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            read(client)
        return [query["sql"] for query in captured]

    plane.check(plane.image())
    few = queries()
    images = [plane.image(f"ghcr.io/org/app-{number}:1") for number in range(40)]
    plane.check(*images, finds={"us-east": finding(Reason.LAYER_MISSING, Stage.LAYER)})
    many = queries()
    assert len(few) == len(many) == 9
    assert not [sql for sql in many if "probes_outcome" in sql]
    # Nor the whole documents of the states.
    assert not [sql for sql in many if '"document"' in sql]


def test_a_page_holds_fifty_rows_and_the_next_the_rest(client: Client, plane: ControlPlane) -> None:
    registry = Registry.objects.create(host="ghcr.io")
    Resource.objects.bulk_create(
        Resource(name=f"app-{number:02}", reference="ghcr.io/app:1", registry=registry, repository="app", tag="1")
        for number in range(53)
    )
    first, second = read(client), read(client, "/?page=2")
    assert (len(first.all("a", "image-name")), len(second.all("a", "image-name"))) == (50, 3)
    assert first["page-next"].attributes["href"] == "/?page=2"
    assert second["page-previous"].attributes["href"] == "/"
    assert second["overview"].attributes["data-live"] == "/live/?page=2"
    assert len(read(client, "/?page=999").all("a", "image-name")) == 3


def test_images_are_found_by_group_and_by_name(client: Client, plane: ControlPlane) -> None:
    good, gone = plane.image("ghcr.io/org/good:1"), plane.image("quay.io/org/gone:1", name="Shop")
    plane.check(good)
    plane.check(gone, finds=everywhere(Reason.TAG_NOT_FOUND))

    def names(url: str) -> list[str]:
        return [element.text for element in read(client, url).all("a", "image-name")]

    assert names("/?show=unavailable") == ["Shop"]
    assert names("/?find=GHCR.io") == ["org/good:1"]
    assert names("/?find=shop&show=available") == []
    page = read(client, "/?find=nothing%00%3Cb%3E&show=available")
    assert "No image matches" in page.html
    assert page["overview"].attributes["data-live"] == "/live/?show=available&find=nothing%3Cb%3E"
    assert page["find"].attributes["value"] == "nothing<b>"
    assert client.get("/?show=<script>").status_code == 404


def test_without_images_the_page_says_how_to_add_one(client: Client, plane: ControlPlane) -> None:
    page = read(client)
    assert "No images yet" in page.html
    assert "/admin/probes/resource/add/" in page.html
    assert "matrix" not in page


def test_without_regions_the_page_says_so(client: Client) -> None:
    assert "No region is enrolled" in read(client).html


def test_a_control_plane_that_stands_still_is_said_before_all_else(client: Client, plane: ControlPlane) -> None:
    plane.check(plane.image())
    ControlBeat.objects.update(ticked_at=plane.now - timedelta(minutes=3))
    page = read(client)
    assert "No checks are handed out" in page.all("p", "is-degraded")[0].text
    assert "could be pulled" in page["headline"].text


def test_text_from_outside_is_escaped_and_capped(client: Client, plane: ControlPlane) -> None:
    hostile = "<img src=x onerror=alert(1)>\u202e"
    image = plane.image(name=hostile)
    plane.check(image)
    Region.objects.filter(slug="eu-west").update(name=hostile)
    RegionState.objects.filter(region__slug="eu-west").update(
        reason="</td><script>alert(1)</script>", host=hostile, status="unavailable", warnings=["<b>"]
    )
    page = read(client)
    assert all(script.attributes["src"].startswith("/static/dashboard/") for script in page.all("script"))
    assert "<img src=x" not in page.html
    assert "\u202e" not in page.html
    assert page[f"name-{image.pk}"].text == "<img src=x onerror=alert(1)>"


def test_the_fragment_is_what_the_page_holds_and_nothing_more(client: Client, plane: ControlPlane) -> None:
    plane.check(plane.image())
    fragment = client.get("/live/", headers={"accept-encoding": "gzip"})
    assert fragment.headers["Content-Encoding"] == "gzip"
    body = client.get("/live/").content.decode()
    assert body.startswith('<div id="overview"')
    assert "csrf" not in body
    assert "<html" not in body
    page = read(client)
    assert page["overview"].attributes["data-live"] == "/live/"
    assert page["overview"].attributes["data-refresh-seconds"] == "5"


def test_ids_are_unique_so_that_a_refresh_finds_every_place_again(client: Client, plane: ControlPlane) -> None:
    plane.check(plane.image(), plane.image("ghcr.io/org/other:1"))
    ids = [element.attributes["id"] for element in read(client).elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))


def test_staff_get_a_link_to_change_an_image_and_others_do_not(
    client: Client, admin_client: Client, plane: ControlPlane
) -> None:
    image = plane.image()
    change = f"/admin/probes/resource/{image.pk}/change/"
    assert change not in read(client).html
    assert change in read(admin_client).html


def test_a_verdict_tells_since_when_it_holds(client: Client, plane: ControlPlane) -> None:
    plane.now -= timedelta(minutes=10)
    image = plane.image()
    plane.check(image)
    plane.now += timedelta(minutes=9)
    plane.check(image)
    text = read(client)[f"verdict-{image.pk}"].text
    assert text.startswith("Available since ")
    assert text.endswith("(10 min)")


def test_endpoints_stand_among_images(client: Client, plane: ControlPlane) -> None:
    """H21: and their cells say in words of their own what is wrong."""
    image, endpoint = plane.image(), plane.endpoint("https://api.example/health?token=hush")
    plane.hear_workers()
    plane.check(image, endpoint, finds={"us-east": finding(Reason.ENDPOINT_SLOW)})
    page = read(client)
    assert page["headline"].text.startswith("0 of 2 resources are available")
    assert page[f"name-{endpoint.pk}"].text == "api.example/health?token=…"
    assert "slower than it may be" in cell(page, endpoint, "us-east")
    assert "every 5 min, HTTP endpoint" in page[f"image-{endpoint.pk}"].text
    assert "hush" not in page.html
