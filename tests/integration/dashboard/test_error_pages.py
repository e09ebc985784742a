"""What went wrong is a page for people and a problem for programs; neither needs the database.

No test here may use it: a query fails them.
"""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.test import Client, RequestFactory

from dashboard.theme import COOKIE
from kairos import faults
from tests.integration.dashboard.reading import Page

HOSTILE = "<script>alert(1)</script>"


def test_what_is_not_there_is_a_page_in_the_frame_of_all_others(client: Client) -> None:
    client.cookies[COOKIE] = "dark"
    answer = client.get("/there-is-no-such-page/", headers={"accept": "text/html"})
    page = Page(answer.content.decode())
    assert (answer.status_code, page.all("h1")[0].text) == (404, "There is no such page")
    assert page.all("html")[0].attributes["data-theme"] == "dark"
    assert page["way-overview"].attributes["href"] == "/"
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("path", ["/api/v1/there-is-none", "/there-is-no-such-page/"])
def test_what_is_not_there_is_a_problem_to_programs(client: Client, path: str) -> None:
    answer = client.get(path, headers={"accept": "application/json"})
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", ""])
def test_who_does_not_ask_for_json_alone_gets_a_page(client: Client, accept: str) -> None:
    answer = client.get("/there-is-no-such-page/", headers={"accept": accept})
    assert answer["Content-Type"].startswith("text/html")


def test_form_without_its_secret_is_told_what_to_do() -> None:
    answer = Client(enforce_csrf_checks=True).post("/login/", {"username": "anna", "password": "x"})
    page = Page(answer.content.decode())
    assert (answer.status_code, page.all("h1")[0].text) == (403, "This form is too old")
    assert "Nothing was done" in page["error"].text


@pytest.mark.parametrize(
    ("handler", "error", "status"),
    [
        (faults.bad_request, SuspiciousOperation(HOSTILE), 400),
        (faults.permission_denied, PermissionDenied(HOSTILE), 403),
        (faults.page_not_found, LookupError(HOSTILE), 404),
        (faults.server_error, None, 500),
    ],
)
def test_page_of_an_error_asks_no_database_and_escapes_what_it_says(handler: Any, error: Any, status: int) -> None:
    answer = handler(RequestFactory().get(f"/{HOSTILE}", {"q": HOSTILE}), *([error] if error else []))
    assert answer.status_code == status
    assert HOSTILE not in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    assert (HOSTILE.replace("<", "&lt;").replace(">", "&gt;") in answer.content.decode()) == (status == 403)
