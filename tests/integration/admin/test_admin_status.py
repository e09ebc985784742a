"""docs/how-to/public-status.md: a page is made in the admin as it says, and is at the addresses that it names."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.test import Client

from probes.models import Announcement, AuditEntry, ResourceGroup, StatusGroup, StatusPage
from probes.policy.access import Role
from probes.policy.publishing import Visibility
from tests.fakes.access import grant
from tests.integration.admin.pages import ADMIN, errors_of, shown, text_of

pytestmark = pytest.mark.django_db

PAGE: Final = (Path(__file__).resolve().parents[3] / "docs/how-to/public-status.md").read_text()


def form(group: ResourceGroup, **values: Any) -> dict[str, Any]:
    return {
        "title": "The registry",
        "slug": "registry",
        "description": "Pull from it.",
        "visibility": "public",
        "frame_origins": "https://www.example.com, https://*.example.org",
        "groups-TOTAL_FORMS": 1,
        "groups-INITIAL_FORMS": 0,
        "groups-0-group": group.pk,
        "groups-0-public_name": "Payments",
        "groups-0-visibility": "public",
        "groups-0-naming": "together",
        "groups-0-position": 0,
        **values,
    }


def editor(role: Role) -> Client:
    user = User.objects.create(username=role.value, is_staff=True)
    grant(user, role)
    browser = Client()
    browser.force_login(user)
    return browser


def test_page_is_at_the_addresses_that_are_told_of() -> None:
    group = ResourceGroup.objects.create(name="inner-payments")
    assert editor(Role.EDITOR).post(f"{ADMIN}/statuspage/add/", form(group)).status_code == 302
    (block,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    addresses = block.split()
    assert len(addresses) == 8
    for address in addresses:
        response = Client().get(address)
        assert response.status_code == 200, address
        assert b"inner-payments" not in response.content
    embedded = re.findall(r"https://kairos\.example(/(?!api/)[^\")]+)", PAGE)
    assert {Client().get(address).status_code for address in embedded} == {200}
    assert (
        "frame-ancestors https://www.example.com https://*.example.org"
        in (Client().get("/status/registry/widget")["Content-Security-Policy"])
    )
    assert [entry.object_name for entry in AuditEntry.objects.filter(model="probes.statuspage")] == ["registry"]
    assert AuditEntry.objects.filter(model="probes.statusgroup", action="create").exists()


def test_page_and_what_it_shows_are_hidden_until_somebody_says_otherwise(client: Client) -> None:
    group = ResourceGroup.objects.create(name="inner")
    given = form(group)
    assert StatusPage(title="x").visibility == Visibility.HIDDEN
    assert StatusGroup(public_name="x").visibility == Visibility.HIDDEN
    del given["visibility"]
    assert "visibility" in errors_of(client.post(f"{ADMIN}/statuspage/add/", given))


def test_preview_is_led_to_from_the_page_s_form(client: Client) -> None:
    page = StatusPage.objects.create(title="Hidden one", slug="hidden-one")
    html = client.get(f"{ADMIN}/statuspage/{page.pk}/change/").content.decode()
    assert 'href="/status/hidden-one/preview/"' in html
    assert "nobody is shown" in shown(client, "/status/hidden-one/preview/")
    assert Client().get("/status/hidden-one/preview/").status_code == 404


@pytest.mark.parametrize("origin", ["www.example.com", "https://a.example/path", "'self'", "https://a.example; x"])
def test_what_is_no_origin_is_refused(client: Client, origin: str) -> None:
    group = ResourceGroup.objects.create(name="inner")
    answer = client.post(f"{ADMIN}/statuspage/add/", form(group, frame_origins=origin))
    assert "Write an origin" in str(errors_of(answer)["frame_origins"])


def test_operator_announces_and_does_not_publish() -> None:
    group = ResourceGroup.objects.create(name="inner")
    page = StatusPage.objects.create(title="The registry", visibility="public")
    operator = editor(Role.OPERATOR)
    assert operator.post(f"{ADMIN}/statuspage/add/", form(group)).status_code == 403
    given = {
        "page": page.pk,
        "kind": "work",
        "title": "Upgrade tonight",
        "visibility": "public",
        "starts_at_0": "2026-01-05",
        "starts_at_1": "20:00",
    }
    refused = operator.post(
        f"{ADMIN}/announcement/add/", {**given, "expires_at_0": "2026-01-05", "expires_at_1": "19:00"}
    )
    assert "It expires after it starts." in str(errors_of(refused))
    assert operator.post(f"{ADMIN}/announcement/add/", given).status_code == 302
    row = Announcement.objects.get()
    assert str(row.made_by) == "operator"
    assert "Upgrade tonight" in Client().get("/status/the-registry/").content.decode()
    assert AuditEntry.objects.get(model="probes.announcement").actor == "operator"
    assert "Upgrade tonight" in shown(operator, f"{ADMIN}/announcement/")


def test_group_that_is_published_is_not_deleted_and_the_page_says_why(client: Client) -> None:
    group = ResourceGroup.objects.create(name="inner-payments")
    assert client.post(f"{ADMIN}/statuspage/add/", form(group)).status_code == 302
    for address, asked in (
        (f"{ADMIN}/resourcegroup/{group.pk}/delete/", {"post": "yes"}),
        (f"{ADMIN}/resourcegroup/", {"action": "delete_selected", "_selected_action": group.pk, "post": "yes"}),
    ):
        refused = client.post(address, asked, follow=True)
        assert refused.status_code == 200, address
        said = text_of(refused)
        assert "Payments" in said, said
    assert ResourceGroup.objects.filter(pk=group.pk).exists()
    assert StatusGroup.objects.filter(group=group).exists()
