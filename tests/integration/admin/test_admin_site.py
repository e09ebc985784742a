"""The front page, and tokens of the API."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from rest_framework.authtoken.models import Token

from tests.fakes.control_plane import ControlPlane
from tests.integration.admin.pages import messages_of, shown

pytestmark = pytest.mark.django_db


def sections(client: Client) -> dict[str, list[str]]:
    apps = client.get("/admin/").context["app_list"]
    return {app["name"]: [model["object_name"] for model in app["models"]] for app in apps}


def test_front_page_begins_with_what_people_came_for(client: Client) -> None:
    assert sections(client) == {
        "What is checked": [
            *("Resource", "ResourceGroup", "Registry", "Credential", "Region", "MaintenanceWindow", "GlobalTerms")
        ],
        "What was found": [
            *("Incident", "Event", "Outcome", "RegionState", "Verdict", "VerdictChange", "HostCertificate")
        ],
        "Who is told": ["Channel", "Notice"],
        "What it costs": ["QuotaAccount", "ResourceCosts"],
        "What did not arrive": ["MissedSlots", "MessageRefusal"],
        "People and programs": ["User", "Group", "TokenProxy", "AccessAttempt"],
        "Clockwork": ["PeriodicTask"],
    }
    page = shown(client, "/admin/")
    assert page.startswith("Administration | Kairos")


def test_front_page_shows_only_what_somebody_may_see(django_user_model: Any) -> None:
    from django.contrib.auth.models import Permission  # noqa: PLC0415 - models, once Django is set up

    user = django_user_model.objects.create(username="narrow", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_outcome"))
    browser = Client()
    browser.force_login(user)
    assert sections(browser) == {"What was found": ["Outcome"]}


@pytest.mark.parametrize("app", ["probes", "auth", "authtoken", "django_celery_beat"])
def test_page_of_an_app_is_there(client: Client, app: str) -> None:
    shown(client, f"/admin/{app}/")


def test_no_page_has_anything_inline(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    for address in ("", "resource/", f"resource/{image.pk}/change/", "resource/add/", "region/", "verdict/"):
        response = client.get(f"/admin/probes/{address}")
        assert response["Content-Security-Policy"].startswith("default-src 'self'")
        assert " style=" not in response.content.decode()
        assert " onclick=" not in response.content.decode()


def test_token_is_shown_once_and_opens_the_api(client: Client, django_user_model: Any) -> None:
    user = django_user_model.objects.create(username="reader")
    response = client.post("/admin/authtoken/tokenproxy/add/", {"user": user.pk})
    token = Token.objects.get()
    told = messages_of(response)
    assert told[0] == f"Copy it now, it is not shown again: <code>Authorization: Token {token.key}</code>"
    assert Client().get("/api/v1/regions", headers={"Authorization": f"Token {token.key}"}).status_code == 200
    assert token.key in shown(client, "/admin/authtoken/tokenproxy/")
    for address in (
        "/admin/",
        "/admin/authtoken/tokenproxy/",
        f"/admin/authtoken/tokenproxy/{user.pk}/change/",
        f"/admin/authtoken/tokenproxy/{user.pk}/delete/",
        f"/admin/authtoken/tokenproxy/{user.pk}/history/",
        f"/admin/auth/user/{user.pk}/delete/",
    ):
        page = client.get(address)
        assert page.status_code == 200
        assert token.key not in page.content.decode()
    assert not any(token.key in entry.object_repr for entry in LogEntry.objects.all())


def test_token_is_revoked(client: Client, django_user_model: Any) -> None:
    user = django_user_model.objects.create(username="reader")
    token = Token.objects.create(user=user)
    client.post(f"/admin/authtoken/tokenproxy/{user.pk}/delete/", {"post": "yes"})
    assert not Token.objects.exists()
    assert Client().get("/api/v1/regions", headers={"Authorization": f"Token {token.key}"}).status_code == 401
    assert not any(token.key in entry.object_repr for entry in LogEntry.objects.all())
