"""The front page, and tokens of the API."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from probes.models import AccessToken, ResourceGroup
from probes.policy.access import Role
from tests.fakes.access import grant, token_of
from tests.fakes.control_plane import ControlPlane
from tests.integration.admin.pages import messages_of, shown

pytestmark = pytest.mark.django_db


def sections(client: Client) -> dict[str, list[str]]:
    apps = client.get("/admin/").context["app_list"]
    return {app["name"]: [model["object_name"] for model in app["models"]] for app in apps}


def test_front_page_begins_with_what_people_came_for(client: Client) -> None:
    assert sections(client) == {
        "What is checked": [
            *("Resource", "ResourceGroup", "Registry", "Credential", "Region", "Schedule", "Policy"),
            *("MaintenanceWindow", "GlobalTerms", "Source"),
        ],
        "What was found": [
            *("Incident", "Event", "Outcome", "RegionState", "Verdict", "VerdictChange", "HostCertificate", "Run")
        ],
        "Who is told": ["Channel", "Notice", "StatusPage", "Announcement"],
        "What it costs": ["QuotaAccount", "ResourceCosts"],
        "What did not arrive": ["MissedSlots", "MessageRefusal"],
        "People and programs": ["User", "Group", "ProviderIdentity", "AccessAttempt"],
        "Who may do what": ["RoleGrant", "AccessToken", "AuditEntry"],
        "Clockwork": ["PeriodicTask"],
    }
    page = shown(client, "/admin/")
    assert page.startswith("Administration | Kairos")


def test_every_page_that_is_ours_is_on_the_front_page(client: Client) -> None:
    told = {name for names in sections(client).values() for name in names}
    models = apps.get_app_config("probes").get_models()
    ours = {model.__name__ for model in models if site.is_registered(model)}
    assert ours <= told


def test_front_page_shows_only_what_somebody_may_see(django_user_model: Any) -> None:
    user = django_user_model.objects.create(username="narrow", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_outcome"))
    browser = Client()
    browser.force_login(user)
    assert sections(browser) == {"What was found": ["Outcome"]}


@pytest.mark.parametrize("app", ["probes", "auth", "django_celery_beat"])
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


def token_form(owner: Any) -> dict[str, Any]:
    return {"owner": owner.pk, "name": "the pipeline", "scopes": ["read", "probe"]}


def test_token_is_shown_once_and_opens_the_api(client: Client, django_user_model: Any) -> None:
    user = django_user_model.objects.create(username="reader")
    grant(user)
    (told, *_) = messages_of(client.post("/admin/probes/accesstoken/add/", token_form(user)))
    text = told.removeprefix("Copy it now, it is not shown again: <code>Authorization: Bearer ").removesuffix(
        "</code>"
    )
    assert Client().get("/api/v1/regions", headers={"Authorization": f"Bearer {text}"}).status_code == 200
    token = AccessToken.objects.get()
    assert text in shown(client, "/admin/probes/accesstoken/")
    for address in (
        "/admin/",
        "/admin/probes/accesstoken/",
        f"/admin/probes/accesstoken/{token.pk}/change/",
        f"/admin/probes/accesstoken/{token.pk}/delete/",
        f"/admin/probes/accesstoken/{token.pk}/history/",
        f"/admin/auth/user/{user.pk}/delete/",
    ):
        page = shown(client, address)
        assert text not in page
        assert text.rpartition("_")[2] not in page
    assert not any(text in entry.object_repr for entry in LogEntry.objects.all())
    assert text.encode() not in bytes(token.secret_hash)


def test_token_is_revoked_and_stays_to_be_seen(client: Client, django_user_model: Any) -> None:
    user = django_user_model.objects.create(username="reader")
    grant(user)
    headers = {"Authorization": f"Bearer {token_of(user)}"}
    token = AccessToken.objects.get()
    client.post("/admin/probes/accesstoken/", {"action": "revoke", "_selected_action": [token.pk]})
    assert Client().get("/api/v1/regions", headers=headers).status_code == 401
    assert "revoked" in shown(client, "/admin/probes/accesstoken/")


def test_token_is_revoked_from_its_page(client: Client, onlooker: Client, django_user_model: Any) -> None:
    user = django_user_model.objects.create(username="reader")
    grant(user)
    headers = {"Authorization": f"Bearer {token_of(user)}"}
    token = AccessToken.objects.get()
    page, address = (f"/admin/probes/accesstoken/{token.pk}/{name}/" for name in ("change", "revoke"))
    assert f'action="{address}"' in client.get(page).content.decode()
    assert onlooker.post(address).status_code in {403, 404}
    assert client.get(address).status_code == 405
    assert Client().get("/api/v1/regions", headers=headers).status_code == 200
    (told,) = messages_of(client.post(address))
    assert told == "1 revoked, those included that were made with them."
    assert Client().get("/api/v1/regions", headers=headers).status_code == 401
    assert f'action="{address}"' not in client.get(page).content.decode()
    assert client.post("/admin/probes/accesstoken/0/revoke/").status_code == 404


def test_nobody_but_an_admin_makes_or_sees_tokens_of_others_or_gives_roles(django_user_model: Any) -> None:
    chief = django_user_model.objects.create(username="chief", is_superuser=True)
    token_of(chief)
    user = django_user_model.objects.create(username="keen", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__model__in=("accesstoken", "rolegrant")))
    browser = Client()
    browser.force_login(user)
    assert browser.post("/admin/probes/accesstoken/add/", token_form(chief)).status_code == 200
    assert AccessToken.objects.count() == 1
    assert "of a test" not in shown(browser, "/admin/probes/accesstoken/")
    assert browser.post("/admin/probes/rolegrant/add/", {"user": user.pk, "role": "admin"}).status_code == 403
    assert browser.post("/admin/probes/accesstoken/add/", token_form(user)).status_code == 302


def test_admin_who_is_no_superuser_makes_no_token_of_one(django_user_model: Any) -> None:
    root = django_user_model.objects.create(username="root", is_superuser=True)
    chief = django_user_model.objects.create(username="head", is_staff=True)
    grant(chief, Role.ADMIN)
    browser = Client()
    browser.force_login(chief)
    assert browser.post("/admin/probes/accesstoken/add/", token_form(root)).status_code == 200
    assert not AccessToken.objects.exists()
    assert browser.post("/admin/probes/accesstoken/add/", token_form(chief)).status_code == 302


@pytest.mark.parametrize(
    ("noun", "words"),
    [
        ("resource", "Nothing is checked yet. Add an image by its reference"),
        ("source", "Nothing is managed by a program yet"),
        ("run", "Checks that somebody orders"),
        ("channel", "Nobody is told of anything yet."),
        ("outcome", "There is nothing yet."),
    ],
)
def test_empty_list_says_what_to_do(client: Client, noun: str, words: str) -> None:
    address = f"/admin/probes/{noun}/"
    assert words in shown(client, address)
    if noun in ("resource", "source"):
        assert "Nothing matches. Show all" in shown(client, f"{address}?q=nothing-like-it")


def test_list_of_tokens_tells_what_each_may(client: Client, plane: ControlPlane, django_user_model: Any) -> None:
    owner = django_user_model.objects.create(username="ci")
    group = ResourceGroup.objects.create(name="Shop")
    token_of(owner, name="wide")
    token_of(owner, name="narrow", groups=[group], regions=[plane.region("eu-west")])
    token_of(owner, name="old", expires_at=timezone.now() - timedelta(days=1))
    token_of(owner, name="ended")
    AccessToken.objects.filter(name="ended").update(revoked_at=timezone.now())
    address = "/admin/probes/accesstoken/"

    def named(state: str) -> list[str]:
        return [token.name for token in client.get(f"{address}?state={state}").context["cl"].result_list]

    assert named("valid") == ["narrow", "wide"]
    assert (named("expired"), named("revoked")) == (["old"], ["ended"])
    page = shown(client, address)
    assert "✓ in force" in page
    assert "groups shop; regions eu-west" in page
    narrow = AccessToken.objects.get(name="narrow")
    page = shown(client, f"{address}{narrow.pk}/change/")
    assert "groups shop; regions eu-west" in page
    assert "Last used:" in page
