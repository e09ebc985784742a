"""Who may read the pages, and what a browser is told about them."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from probes.models import Incident
from probes.policy.access import Role
from probes.protocol.taxonomy import Reason
from tests.fakes.access import grant
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db

LISTS = ["/incidents/", "/incidents/live/", "/incidents/calendar/", "/events/", "/events/live/", "/compare/"]
PLACES = [
    f"{at}/"
    for kind in ("registries", "regions")
    for at in (f"/{kind}", f"/live/{kind}", f"/{kind}/a", f"/{kind}/a/live")
]
PAGES = [
    "/",
    "/live/",
    "/resources/1/",
    "/resources/1/live/",
    "/resources/1/more/",
    "/incidents/1/",
    "/incidents/1/live/",
    *LISTS,
    *PLACES,
]


@pytest.mark.parametrize("url", PAGES)
def test_a_private_dashboard_sends_strangers_to_the_login_and_back(
    client: Client, settings: Settings, url: str
) -> None:
    settings.KAIROS_PUBLIC_DASHBOARD = False
    response = client.get(url)
    assert (response.status_code, response.headers["Location"]) == (302, f"/login/?next={url}")


def test_who_logs_in_may_read_without_being_staff(client: Client, settings: Settings, django_user_model: Any) -> None:
    settings.KAIROS_PUBLIC_DASHBOARD = False
    django_user_model.objects.create_user("reader", password="a-long-password")
    refused = client.post("/login/", {"username": "reader", "password": "wrong", "next": "/"})
    assert "correct username and password" in refused.content.decode()
    accepted = client.post("/login/", {"username": "reader", "password": "a-long-password", "next": "/?page=2"})
    assert (accepted.status_code, accepted.headers["Location"]) == (302, "/?page=2")
    assert client.get("/").status_code == 200
    assert client.get("/admin/").status_code == 302
    assert client.post("/logout/").status_code == 302
    assert client.get("/").status_code == 302


def test_the_login_leads_nowhere_else(client: Client, django_user_model: Any) -> None:
    django_user_model.objects.create_user("reader", password="a-long-password")
    answer = client.post(
        "/login/", {"username": "reader", "password": "a-long-password", "next": "https://evil.example/"}
    )
    assert answer.headers["Location"] == "/"


def test_a_public_dashboard_needs_no_login_but_the_admin_does(client: Client) -> None:
    assert client.get("/").status_code == 200
    assert client.get("/admin/").status_code == 302


def test_what_is_kept_for_all_who_reach_the_same_shows_nothing_of_any_one(
    client: Client,
    settings: Settings,
    django_user_model: Any,
    plane: ControlPlane,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.KAIROS_PUBLIC_DASHBOARD = False
    plane.check(plane.image(), finds=dict.fromkeys(("ap-south", "eu-west", "us-east"), finding(Reason.TAG_NOT_FOUND)))
    monkeypatch.setattr(timezone, "now", lambda: plane.now)
    places = ["", "incidents/", "events/", "registries/", "registries/ghcr.io/", "regions/", "regions/eu-west/"]
    shown = []
    for name, role in (("reads", Role.VIEWER), ("acts", Role.OPERATOR)):
        user = django_user_model.objects.create_user(name)
        grant(user, role)
        client.force_login(user)
        urls = [*(f"/{place}live/" for place in places), f"/incidents/{Incident.objects.get().pk}/live/"]
        shown.append([client.get(url).content for url in urls])
    assert all(len(part) > 300 for part in shown[0])
    assert shown[0] == shown[1]


@pytest.mark.parametrize("url", ["/", "/live/"])
def test_pages_are_read_only_and_kept_by_nobody(client: Client, url: str) -> None:
    assert client.post(url).status_code == 405
    response = client.get(url)
    assert "no-store" in response.headers["Cache-Control"]
    assert "private" in response.headers["Cache-Control"]


def test_pages_keep_to_the_content_security_policy(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    for url in ("/", f"/resources/{image.pk}/?whole=1", f"/resources/{image.pk}/", "/login/"):
        response = client.get(url)
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]
        page = Page(response.content.decode())
        assert all(script.attributes["src"].startswith("/static/") for script in page.all("script"))
        assert not page.all("style")
        assert not [name for element in page.elements for name in element.attributes if re.match(r"on|style$", name)]
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page.html)


def test_without_javascript_the_page_reloads_itself(client: Client) -> None:
    assert '<noscript><meta http-equiv="refresh" content="20"></noscript>' in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("environment", "readers"),
    [
        ({}, "everybody"),
        ({"KAIROS_BIND": "[::1]:8000"}, "everybody"),
        ({"KAIROS_BIND": "0.0.0.0:8000"}, "users"),
        # What a proxy in front of a loopback bind cannot do without.
        ({"KAIROS_ALLOWED_HOSTS": "localhost,kairos.example"}, "users"),
        ({"KAIROS_TRUSTED_ORIGINS": "https://kairos.example"}, "users"),
        ({"KAIROS_HTTPS": "1"}, "users"),
        ({"KAIROS_BIND": "0.0.0.0:8000", "KAIROS_PUBLIC_DASHBOARD": "1"}, "everybody"),
        ({"KAIROS_PUBLIC_DASHBOARD": "0"}, "users"),
    ],
)
def test_it_is_public_by_default_only_where_this_machine_alone_can_reach_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], readers: str
) -> None:
    for name in ("BIND", "ALLOWED_HOSTS", "TRUSTED_ORIGINS", "HTTPS", "PUBLIC_DASHBOARD"):
        monkeypatch.delenv(f"KAIROS_{name}", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = runpy.run_path(str(Path(__file__).parents[3] / "kairos/settings.py"))
    assert settings["KAIROS_PUBLIC_DASHBOARD"] is (readers == "everybody")
