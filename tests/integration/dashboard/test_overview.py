"""The first page: images by regions."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from probes.actions import resources, staleness
from probes.models import ControlBeat, Region, RegionState, Registry, Resource, ResourceGroup
from probes.policy.access import Reach
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import FarRegion, finding, found
from tests.integration.dashboard.matrix import cell, everywhere, names, read
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db


def test_what_its_source_lists_no_more_is_told_and_still_checked(client: Client, plane: ControlPlane) -> None:
    unlisted, retired = plane.image("ghcr.io/org/unlisted:1"), plane.image("ghcr.io/org/retired:1")
    plane.check(unlisted, retired)
    staleness.mark_stale([unlisted.pk, retired.pk], now=plane.now)
    staleness.retire([retired.pk], now=plane.now)
    page = read(client)
    assert page[f"verdict-{unlisted.pk}"].text.startswith("Available")
    assert page[f"unlisted-{unlisted.pk}"].text == "not listed any more"
    assert f"verdict-{retired.pk}" not in page


def test_what_is_bad_comes_first_and_then_the_name_decides(client: Client, plane: ControlPlane) -> None:
    all_of_them = ("b-good", "A-good", "gone", "limping", "throttled", "fresh", "asleep")
    images = {name: plane.image(f"ghcr.io/org/{name.lower()}:1", name=name) for name in all_of_them}
    good = [images["b-good"], images["A-good"], images["asleep"]]
    plane.check(*good)
    plane.check(images["gone"], finds=everywhere(Reason.TAG_NOT_FOUND))
    plane.check(images["limping"], finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    plane.check(images["throttled"], finds=everywhere(Reason.RATE_LIMITED))
    resources.pause([images["asleep"].pk], now=plane.now)
    page = read(client)
    assert names(page) == [
        "gone", "limping", "throttled", "fresh", "A-good", "b-good", "asleep",
    ]  # fmt: skip
    assert page["headline"].text == (
        "1 of 7 images is unavailable, 1 degraded, 1 unknown, 1 not yet checked, 1 paused; "
        "2 can be pulled from everywhere."
    )
    assert "<title>1 unavailable, 1 degraded · Kairos</title>" in page.html


def test_a_row_names_its_image_its_registry_and_its_schedule(client: Client, plane: ControlPlane) -> None:
    digest = "sha256:" + "0123456789abcdef" * 4
    image = plane.image(f"ghcr.io/org/app@{digest}", interval_seconds=90, depth="blobs")
    Registry.objects.update(name="GitHub")
    page = read(client)
    assert "org/app ghcr.io/org/app@sha256:0123456789ab…" in page[f"image-{image.pk}"].text
    assert page.all("span", "mono")[0].attributes["title"] == "GitHub, every 90 s, blobs depth"


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
    def queries(address: str = "/") -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            read(client, address)
        return [query["sql"] for query in captured]

    plane.check(plane.image())
    few = queries()
    images = [plane.image(f"ghcr.io/org/app-{number}:1") for number in range(40)]
    plane.check(*images, finds={"us-east": finding(Reason.LAYER_MISSING, Stage.LAYER)})
    many = queries()
    assert len(few) == len(many) == 10
    everything = (
        "/?window=30d&find=app&sort=uptime&region=us-east&seen=failing&label=x&tag=1&by=nothing&state=degraded"
    )
    assert len(queries(everything)) <= len(queries("/?window=30d&sort=uptime")) == 12
    assert len(queries("/?window=30d&sort=latency")) == 11
    assert not [sql for sql in many if "probes_outcome" in sql]
    # Nor the whole documents of the states.
    assert not [sql for sql in many if '"document"' in sql]


def many(count: int, **values: object) -> None:
    registry, _ = Registry.objects.get_or_create(host="ghcr.io")
    start = Resource.objects.count()
    Resource.objects.bulk_create(
        Resource(
            name=f"app-{number:03}",
            slug=f"app-{number}",
            reference=f"ghcr.io/app-{number}:1",
            registry=registry,
            repository=f"app-{number}",
            tag="1",
            **values,
        )
        for number in range(start, start + count)
    )


def test_a_page_holds_fifty_rows_and_the_next_the_rest(client: Client, plane: ControlPlane) -> None:
    many(53)
    first, second = read(client), read(client, "/?page=2")
    assert (len(names(first)), len(names(second))) == (50, 3)
    assert first["page-next"].attributes["href"] == "/?page=2"
    assert second["page-previous"].attributes["href"] == "/"
    assert second["overview"].attributes["data-live"] == "/live/?page=2"
    assert len(names(read(client, "/?page=999"))) == 3


def test_of_many_regions_a_page_has_fewer_rows_and_says_so(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds=everywhere(Reason.TAG_NOT_FOUND))
    many(60)
    plane.regions |= {slug: FarRegion.enrolled(slug) for slug in (f"region-{number:02}" for number in range(17))}
    plane.hear_all()
    seen = RegionState.objects.filter(resource=image).values().first()
    assert seen
    RegionState.objects.all().delete()
    RegionState.objects.bulk_create(
        RegionState(**seen | {"id": None, "resource_id": pk, "region_id": region.row.pk})
        for pk in Resource.objects.values_list("pk", flat=True)
        for region in plane.regions.values()
    )
    for address in ("/?by=nothing", "/?by=nothing&page=2", "/?by=registry"):
        page = read(client, address)
        assert len(names(page)) == 16
        assert len(page.all("td", "is-loud")) == 16 * 20
        assert len(page.html.encode()) < 300_000
        assert page["narrow"].text == "16 rows a page, of 20 regions each"
    assert len(names(read(client, "/?by=nothing&page=4"))) == 61 - 3 * 16


def test_the_slowest_comes_first_and_says_how_slow_it_is(client: Client, plane: ControlPlane) -> None:
    fast, slow = plane.image(name="a fast one"), plane.image("ghcr.io/org/slow:1", name="b slow one")
    plane.check(fast, slow)
    assert set(RegionState.objects.values_list("duration_ms", flat=True)) != {None}
    RegionState.objects.update(duration_ms=90)
    RegionState.objects.filter(resource=slow, region__slug="us-east").update(duration_ms=1240)
    page = read(client, "/?sort=latency")
    assert names(page) == ["b slow one", "a fast one"]
    assert page[f"latency-{slow.pk}"].text.endswith("last 1.24 s")
    assert ["descending", "Latency"] in [[head.attributes.get("aria-sort"), head.text] for head in page.all("th")]
    assert "last" not in read(client)[f"latency-{slow.pk}"].text


def test_of_many_groups_each_shows_its_worst_and_a_way_to_the_rest(client: Client, plane: ControlPlane) -> None:
    shop, till = (ResourceGroup.objects.create(slug=name, name=name.title()) for name in ("shop", "till"))
    gone = plane.image("ghcr.io/shop/gone:1", name="zz-gone", group=shop)
    plane.check(gone, finds=everywhere(Reason.TAG_NOT_FOUND))
    many(40, group=shop)
    many(30, group=till)
    many(3)
    page = read(client)
    assert [row.attributes["id"] for row in page.all("tr", "section-head")] == [
        "group-shop-head", "group-till-head", "group-none-head",
    ]  # fmt: skip
    assert page["group-shop-head"].text == "Shop 1 Unavailable 40 Not yet checked"
    assert page["group-shop-rest"].text == "31 more, all not yet checked of Shop"
    assert names(page)[0] == "zz-gone"
    assert len(names(page)) == 10 + 10 + 3
    assert page["group-shop-link"].attributes["href"] == "/?group=shop"
    assert "group-none-rest" not in page
    alone = read(client, "/?group=shop")
    assert not alone.all("tr", "section-head")
    assert (len(names(alone)), names(alone)[0]) == (41, "zz-gone")
    assert names(read(client, "/?by=nothing"))[:2] == ["zz-gone", "app-001"]
    assert len(names(read(client, "/?by=nothing&page=2"))) == 24
    assert read(client, "/?by=registry&find=zz").all("tr", "section-head") == []


def test_images_are_chosen_by_what_they_are_and_the_address_says_so(client: Client, plane: ControlPlane) -> None:
    good, gone = (
        plane.image("ghcr.io/org/good:1", labels={"team": "a&b"}),
        plane.image("quay.io/org/gone:1", name="Shop"),
    )
    plane.check(good)
    plane.check(gone, finds=everywhere(Reason.TAG_NOT_FOUND))

    def chosen(url: str) -> list[str]:
        return names(read(client, url))

    assert chosen("/?state=unavailable") == ["Shop"]
    assert chosen("/?find=GHCR.io") == ["org/good:1"]
    assert chosen("/?find=shop&state=available") == []
    assert chosen("/?label=team:a%26b") == ["org/good:1"]
    assert chosen("/?seen=failing&region=us-east&registry=quay.io&kind=image&tag=1") == ["Shop"]
    assert chosen("/?sort=name") == ["org/good:1", "Shop"]
    page = read(client, "/?find=nothing%00%3Cb%3E&state=available")
    assert "No image matches" in page["none"].text
    assert page["overview"].attributes["data-live"] == "/live/?find=nothing%3Cb%3E&state=available"
    assert page["find"].attributes["value"] == "nothing<b>"
    assert page["without-find"].attributes["href"] == "/?state=available"
    assert page["without-state"].text.startswith("State available ")
    counted = read(client, "/?registry=quay.io")
    assert counted["show-all"].text == "All 1"
    assert "ghcr.io (1)" in counted["registry"].text
    assert "column-eu-west" in counted
    assert "is-chosen" in read(client, "/?region=eu-west")["column-eu-west"].classes
    assert '"/?label=team%3Aa%26b"' in read(client).html
    assert client.get("/?state=<script>").status_code == 404


def test_nothing_beyond_reach_is_shown_or_counted(
    client: Client, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = (ResourceGroup.objects.create(slug=name, name=name) for name in ("ours", "theirs"))
    mine = plane.image("ghcr.io/org/mine:1", group=ours)
    plane.check(mine, plane.image("quay.io/org/secret:1", name="secret", group=theirs))
    reach = Reach(groups=frozenset({ours.pk}), regions=frozenset({plane.region("eu-west").pk}))
    monkeypatch.setattr("dashboard.overview.views.reach_of", lambda request: reach)
    for address in ("/", "/?find=secret", "/?group=theirs", "/?registry=quay.io", "/?region=us-east"):
        page = read(client, address)
        for word in ("secret:1", "quay.io (", "theirs (", "column-us-east", "us-east</option>"):
            assert word not in page.html, (address, word)
        assert "1 image" in page["headline"].text or "The one image" in page["headline"].text


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


def test_what_is_measured_is_of_the_range_that_is_asked_for(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    since = plane.now - timedelta(hours=3)
    written = f"{since:%Y-%m-%dT%H:%M}"
    page = read(client, f"/?{urlencode({'since': f'{since:%Y-%m-%dT%H:%M:%S}+00:00', 'window': '7d'})}")
    assert page[f"bar-{image.pk}"].attributes["aria-label"].startswith("Chosen range: ")
    assert page["since"].attributes["value"] == written
    said = urlencode({"window": "7d", "since": written})
    assert page["overview"].attributes["data-rows"] == f"/live/rows?{said}"
    assert page["without-range"].text.startswith(f"Measured {written.replace('T', ' ')} to now, UTC")
    assert page["without-range"].attributes["href"] == "/?window=7d"
    assert page["window-30d"].attributes["href"] == "/?window=30d"
    assert f'id="bar-{image.pk}"' in client.get(f"/live/rows?{said}&ids={image.pk}").content.decode()
    for asked, told in (("since=<b>", "is no time"), ("until=2026-01-01", "Say when"), ("window=2y", "no window")):
        page = read(client, f"/?{asked}")
        assert told in page["window-error"].text
        assert "Shown is the last 24h." in page["window-error"].text
        assert page[f"bar-{image.pk}"].attributes["aria-label"].startswith("Last 24h: ")


def test_rows_that_changed_are_given_alone_as_the_page_has_them(
    client: Client, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = ResourceGroup.objects.create(slug="ours", name="ours")
    image, other, gone = (plane.image(f"ghcr.io/org/{name}:1", group=ours) for name in ("a", "b", "c"))
    secret = plane.image("ghcr.io/org/secret:1")
    plane.check(image, other, secret)
    Resource.objects.filter(pk=gone.pk).update(retired_at=plane.now, paused_at=plane.now)
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)  # or else an age goes on between the two
    page = read(client, "/?window=7d&by=nothing")
    address = page["overview"].attributes["data-rows"]
    assert address == "/live/rows?by=nothing&window=7d"
    monkeypatch.setattr("dashboard.overview.views.reach_of", lambda request: Reach(groups=frozenset({ours.pk})))
    with CaptureQueriesContext(connection) as captured:
        ids = f"{image.pk},{gone.pk},{secret.pk},x,{2**70},{'9' * 4500}"
        rows = client.get(f"{address}&ids={ids}").content.decode()
    assert len(captured) <= 10
    assert rows.startswith("<table><tbody><tr ")
    assert [row.attributes["id"] for row in Page(rows).elements if row.tag == "tr"] == [f"image-{image.pk}"]
    start = page.html.index(f'<tr id="image-{image.pk}"')
    assert page.html[start : page.html.index("</tr>", start)] in rows
    assert client.get(f"{address}&ids=").content == b"<table><tbody></tbody></table>"
    assert client.get("/live/rows?state=none").status_code == 404


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
    assert text.startswith("Available ")
    assert text.endswith("10 min")


def test_endpoints_stand_among_images(client: Client, plane: ControlPlane) -> None:
    """H21: and their cells say in words of their own what is wrong."""
    image, endpoint = plane.image(), plane.endpoint("https://api.example/health?token=hush")
    plane.hear_workers()
    plane.check(image, endpoint, finds={"us-east": finding(Reason.ENDPOINT_SLOW)})
    page = read(client)
    assert page["headline"].text.startswith("2 of 2 resources are degraded; none is available")
    assert page[f"name-{endpoint.pk}"].text == "api.example/health?token=…"
    assert "slower than it may be" in cell(page, endpoint, "us-east")
    assert "every 5 min, HTTP endpoint" in page.html
    assert "hush" not in page.html
