"""Who is shown what of a status page: every page by every group by every viewer, at every address.

What somebody is not shown is found nowhere in what he gets, changes nothing of it, and a page that he is not shown is
answered like one that there is not.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from probes.models import (
    Announcement,
    Incident,
    Registry,
    Resource,
    ResourceGroup,
    StatusGroup,
    StatusPage,
    Verdict,
)
from tests.fakes.access import grant

pytestmark = pytest.mark.django_db

VISIBILITIES: Final = ("public", "signed_in", "hidden")
VIEWERS: Final = ("nobody", "strange", "reader", "owner of one")
FORMS: Final = (
    "",
    "history/",
    "summary.json",
    "feed.atom",
    "feed.rss",
    "widget",
    "preview/",
    "preview/?as=signed_in",
)
BADGES: Final = ("state.svg", "uptime.svg?window=24h", "uptime.svg?window=90d")
NOW: Final = datetime.now(UTC)
HEADERS: Final = {"x-request-id"}
"""What differs from one answer to the next by itself."""


@pytest.fixture(autouse=True)
def _pages(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three pages, each with the same three groups; what is not public is in trouble, and nothing else is."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    registry = Registry.objects.create(host="inner.example")
    for marker in VISIBILITIES:
        group = ResourceGroup.objects.create(name=f"inner {marker}")
        bad = marker != "public"
        state = "unavailable" if bad else "available"
        name = f"mark-{marker}-image"
        image = Resource.objects.create(
            name=name, reference=f"inner.example/{marker}:1", tag="1", registry=registry, group=group
        )
        Verdict.objects.create(resource=image, state=state, since=NOW, computed_at=NOW)
        if bad:
            known = {"level": state, "worst": state, "severity": "critical"}
            Incident.objects.create(resource=image, began_at=NOW, opened_at=NOW, failure="tag_not_found", **known)
    for visibility in VISIBILITIES:
        page = StatusPage.objects.create(title=f"{visibility} page", slug=f"{visibility}-page", visibility=visibility)
        for marker in VISIBILITIES:
            StatusGroup.objects.create(
                page=page,
                group=ResourceGroup.objects.get(name=f"inner {marker}"),
                slug=f"{visibility}-{marker}",
                public_name=f"mark-{marker}-name",
                description=f"mark-{marker}-text",
                visibility=marker,
                naming="names",
            )
            Announcement.objects.create(
                page=page,
                title=f"said-{marker}",
                text=f"said-{marker}",
                visibility=marker,
                starts_at=NOW,
                changed_at=NOW,
            )


@pytest.fixture
def browser() -> Callable[[str], Client]:
    """A browser of somebody: who has no login, no role, a viewer's role, or one over the signed-in group alone."""

    def browser(viewer: str) -> Client:
        client = Client()
        if viewer == "nobody":
            return client
        user, _ = User.objects.get_or_create(username=viewer)
        if viewer == "reader":
            grant(user)
        if viewer == "owner of one":
            grant(user, "viewer", ResourceGroup.objects.get(name="inner signed_in"))  # type: ignore[arg-type]  # its value
        client.force_login(user)
        return client

    return browser


def told(client: Client, address: str) -> tuple[int, Mapping[str, str], str, int]:
    """Return status, headers, text and the number of queries of an answer."""
    with CaptureQueriesContext(connection) as captured:
        response = client.get(address)
    headers = {name.lower(): value for name, value in response.headers.items() if name.lower() not in HEADERS}
    return response.status_code, headers, response.content.decode(), len(captured)


@pytest.mark.parametrize("viewer", VIEWERS)
@pytest.mark.parametrize("visibility", VISIBILITIES)
def test_nothing_is_told_to_whom_it_is_not_shown(
    browser: Callable[[str], Client], visibility: str, viewer: str
) -> None:
    client = browser(viewer)
    for form in FORMS:
        # A widget is the same for all; a preview is for those who may change the page.
        is_signed_in = viewer != "nobody" and form != "widget"
        reaches = viewer in ("reader", "owner of one") and form != "widget"
        page = visibility == "public" or (visibility == "signed_in" and is_signed_in)
        status, headers, text, _ = told(client, f"/status/{visibility}-page/{form}")
        is_there = page and not form.startswith("preview")
        assert status == (200 if is_there else 404), form
        seen = {
            marker: is_there and (marker == "public" or (marker == "signed_in" and reaches))
            for marker in VISIBILITIES
        }
        everything = f"{headers} {text}"
        in_trouble = form in ("history/", "feed.atom", "feed.rss")
        for marker, is_seen in seen.items():
            # Of what is well, history has nothing to tell.
            is_told = is_seen and not (in_trouble and marker == "public")
            assert (f"mark-{marker}" in everything) is is_told, (form, marker)
            is_said = is_there and (marker == "public" or (marker == "signed_in" and is_signed_in))
            assert (f"said-{marker}" in everything) is is_said, (form, marker)
        for inner in (
            ("inner.example", "inner public", "inner signed_in", "inner hidden", "not found") if is_there else ()
        ):
            assert inner not in everything, (form, inner)
        if is_there and form in ("", "widget", "summary.json"):
            assert ("Everything is available" in text) is not seen["signed_in"], form


@pytest.mark.parametrize("viewer", VIEWERS)
@pytest.mark.parametrize("visibility", ["signed_in", "hidden"])
def test_page_that_is_not_shown_is_answered_like_one_that_there_is_not(
    browser: Callable[[str], Client], visibility: str, viewer: str
) -> None:
    client = browser(viewer)
    slug, none = f"{visibility}-page", "nothing-at-all"
    for form in FORMS:
        if visibility == "signed_in" and viewer != "nobody" and form != "widget" and "preview" not in form:
            continue  # it is shown
        hidden, missing = told(client, f"/status/{slug}/{form}"), told(client, f"/status/{none}/{form}")
        length = len(none) - len(slug)
        assert hidden[0] == missing[0] == 404
        assert hidden[2].replace(slug, none) == missing[2], form
        assert hidden[3] == missing[3], form
        sizes = [int(answer[1].get("content-length", 0)) for answer in (hidden, missing)]
        assert sizes[1] - sizes[0] in (0, length, 2 * length), form
        own = {"content-length"}
        assert {k: v for k, v in hidden[1].items() if k not in own} == {
            k: v for k, v in missing[1].items() if k not in own
        }, form


@pytest.mark.parametrize("viewer", VIEWERS)
@pytest.mark.parametrize("form", FORMS[:6])
def test_what_is_not_shown_changes_nothing_of_what_is(
    browser: Callable[[str], Client], viewer: str, form: str
) -> None:
    """Neither the text nor a header, an ETag among them, nor how many queries it takes."""
    client = browser(viewer)
    before = told(client, f"/status/public-page/{form}")
    reaches = viewer in ("reader", "owner of one") and form != "widget"
    unseen = ["hidden"] if reaches else ["hidden", "signed_in"]
    StatusGroup.objects.filter(visibility__in=unseen).delete()
    is_signed_in = viewer != "nobody" and form != "widget"
    Announcement.objects.filter(visibility__in=["hidden"] if is_signed_in else ["hidden", "signed_in"]).delete()
    assert told(client, f"/status/public-page/{form}") == before


@pytest.mark.parametrize("viewer", ["nobody", "reader"])
def test_badges_are_of_what_everybody_may_see_alone(browser: Callable[[str], Client], viewer: str) -> None:
    client = browser(viewer)
    for badge in BADGES:
        missing = told(client, f"/badges/nothing-at-all/{badge}")
        assert (missing[0], "not found" in missing[2]) == (404, True)
        for visibility in VISIBILITIES:
            for marker in VISIBILITIES:
                answer = told(client, f"/badges/{visibility}-{marker}/{badge}")
                if (visibility, marker) == ("public", "public"):
                    assert answer[0] == 200
                    assert "mark-public-name" in answer[2]
                else:
                    assert answer == missing, (visibility, marker)
        assert told(client, f"/badges/mark-public-image/{badge}")[0] == 200
        for image in ("mark-signed_in-image", "mark-hidden-image"):
            assert told(client, f"/badges/{image}/{badge}") == missing


def test_image_is_not_found_by_a_name_that_tells_more_than_the_page() -> None:
    client = Client()
    image = Resource.objects.get(name="mark-public-image")
    assert client.get(f"/badges/{image.slug}/state.svg").status_code == 200
    Resource.objects.filter(pk=image.pk).update(slug="inner.example-public-1")
    assert client.get("/badges/inner.example-public-1/state.svg").status_code == 404
    StatusGroup.objects.filter(visibility="public").update(naming="references")
    assert client.get("/badges/inner.example-public-1/state.svg").status_code == 200
    StatusGroup.objects.update(naming="together")
    assert client.get("/badges/inner.example-public-1/state.svg").status_code == 404


def test_image_that_moved_to_another_group_is_not_told_of_by_name() -> None:
    image = Resource.objects.get(name="mark-signed_in-image")
    StatusGroup.objects.filter(visibility="signed_in").update(visibility="public")
    assert "mark-signed_in-image" in Client().get("/status/public-page/").content.decode()
    image.group = ResourceGroup.objects.get(name="inner hidden")
    image.save()
    text = Client().get("/status/public-page/").content.decode()
    assert "mark-signed_in-name" in text
    assert "mark-signed_in-image" not in text


@pytest.mark.parametrize("viewer", ["nobody", "reader"])
def test_only_what_everybody_is_shown_may_be_kept_by_others(browser: Callable[[str], Client], viewer: str) -> None:
    client = browser(viewer)
    for form in FORMS[:5]:
        response = client.get(f"/status/public-page/{form}")
        assert response["Cache-Control"] == ("public, max-age=60" if viewer == "nobody" else "private, no-cache")
        assert "Cookie" in response["Vary"]
        again = client.get(f"/status/public-page/{form}", headers={"If-None-Match": response["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
    for address in ("/status/public-page/widget", "/badges/public-public/state.svg"):
        response = client.get(address)
        assert response["Cache-Control"] == "public, max-age=60"
        assert "Cookie" not in response.get("Vary", "")
        assert not response.cookies


def test_also_where_everybody_may_read_the_dashboard(settings: Settings) -> None:
    settings.KAIROS_PUBLIC_DASHBOARD = True
    assert "mark-signed_in" not in Client().get("/status/public-page/").content.decode()
    assert Client().get("/status/signed_in-page/").status_code == 404


def test_widget_is_framed_by_whom_the_page_names() -> None:
    response = Client().get("/status/public-page/widget")
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"
    StatusPage.objects.update(frame_origins=["https://a.example", "x; script-src *"])
    response = Client().get("/status/public-page/widget")
    assert response["Content-Security-Policy"].endswith("frame-ancestors https://a.example")
    assert "X-Frame-Options" not in response
    for form in FORMS[:5]:
        assert "frame-ancestors 'none'" in Client().get(f"/status/public-page/{form}")["Content-Security-Policy"]


def test_preview_is_for_those_who_may_change_the_page(django_user_model: Any) -> None:
    user = django_user_model.objects.create(username="publisher")
    user.user_permissions.add(Permission.objects.get(codename="change_statuspage"))
    grant(user)
    client = Client()
    client.force_login(user)
    everybody = client.get("/status/hidden-page/preview/").content.decode()
    assert "mark-public" in everybody
    assert "mark-signed_in" not in everybody
    signed_in = client.get("/status/hidden-page/preview/?as=signed_in")
    assert "mark-signed_in" in signed_in.content.decode()
    assert "mark-hidden" not in signed_in.content.decode()
    assert signed_in["Cache-Control"] == "no-store"
    assert client.get("/status/hidden-page/").status_code == 404
