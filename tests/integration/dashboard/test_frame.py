"""The frame of every page: how it looks, and the ways from it."""

import pytest
from django.test import Client

from dashboard.theme import COOKIE
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db


def root(client: Client, path: str = "/") -> dict[str, str]:
    (element,) = Page(client.get(path).content.decode()).all("html")
    return element.attributes


@pytest.mark.parametrize("path", ["/", "/login/"])
def test_page_looks_as_the_system_does_until_somebody_chooses(client: Client, path: str) -> None:
    assert root(client, path)["data-theme"] == "auto"
    client.cookies[COOKIE] = "dark"
    assert root(client, path)["data-theme"] == "dark"
    client.cookies[COOKIE] = '"><script>'
    assert root(client, path)["data-theme"] == "auto"


def test_choice_is_kept_and_leads_back() -> None:
    client = Client(enforce_csrf_checks=True)  # nothing secret is needed for it
    answer = client.post("/theme/", {"theme": "dark", "next": "/login/?next=/"})
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/")
    cookie = answer.cookies[COOKIE]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("dark", True, "Lax")
    assert cookie["max-age"] == 365 * 86_400
    assert root(client, "/login/")["data-theme"] == "dark"
    assert client.post("/theme/", {"theme": "auto"}).cookies[COOKIE].value == ""
    assert root(client, "/login/")["data-theme"] == "auto"


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", ""])
def test_choice_leads_nowhere_else(client: Client, back: str) -> None:
    assert client.post("/theme/", {"theme": "light", "next": back})["Location"] == "/"


def test_what_is_no_theme_is_refused(client: Client) -> None:
    answer = client.post("/theme/", {"theme": "sepia"})
    assert (answer.status_code, COOKIE in answer.cookies) == (400, False)
    assert client.get("/theme/").status_code == 405


def test_choice_is_marked_on_the_page(client: Client) -> None:
    client.cookies[COOKIE] = "light"
    page = Page(client.get("/").content.decode())
    assert {name: page[f"theme-{name}"].attributes["aria-pressed"] for name in ("auto", "light", "dark")} == {
        "auto": "false",
        "light": "true",
        "dark": "false",
    }


def test_ways_lead_to_the_other_pages_and_tell_where_one_is(client: Client) -> None:
    page = Page(client.get("/").content.decode())
    assert page["way-overview"].attributes == {"id": "way-overview", "href": "/", "aria-current": "page"}
    others = [link for link in page.all("a") if link.attributes.get("id", "").startswith("way-")]
    assert [link.attributes["id"] for link in others if "aria-current" in link.attributes] == ["way-overview"]
