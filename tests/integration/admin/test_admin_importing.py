"""Documents in the admin: shown before they are imported, imported as shown, and exported."""

import re
from html import unescape
from typing import Any, Final

import pytest
import yaml
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from probes.actions import channels
from probes.models import AuditEntry, Channel, Endpoint, Resource, ResourceGroup, Source
from probes.policy.access import Role
from tests.fakes.access import grant
from tests.integration.admin.pages import ADMIN
from tests.integration.declared.test_applying import ALL

pytestmark = pytest.mark.django_db

IMPORT: Final = f"{ADMIN}/resource/import/"
GROUP: Final = "apiVersion: kairos/v1\nkind: Group\nmetadata: {name: shop}\nspec: {name: The shop}\n"


def html(response: Any) -> str:
    text: str = response.content.decode()
    return text


def look(client: Client, text: str, **wanted: Any) -> str:
    response = client.post(IMPORT, {"text": text, **wanted})
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    return html(response)


def confirm(client: Client, page: str) -> str:
    (packed,) = re.findall(r'name="confirmed" value="([^"]+)"', page)
    return html(client.post(IMPORT, {"confirmed": packed}, follow=True))


def test_list_leads_to_the_page(client: Client, onlooker: Client) -> None:
    assert IMPORT in html(client.get(f"{ADMIN}/resource/"))
    assert IMPORT not in html(onlooker.get(f"{ADMIN}/resource/"))
    assert onlooker.get(IMPORT).status_code == 403
    assert onlooker.post(IMPORT, {"text": GROUP}).status_code == 403
    assert 'enctype="multipart/form-data"' in html(client.get(IMPORT))


def test_what_would_change_is_shown_and_nothing_is_done(client: Client) -> None:
    ResourceGroup.objects.create(slug="shop", name="Shop <b>")

    page = look(client, ALL, adopt="on")

    assert "What would be done" in page
    assert "5 new" in page
    assert "1 changed" in page
    assert "<del>&quot;Shop &lt;b&gt;&quot;</del>" in page
    assert "is taken over from those who change it by hand" in page
    assert "s3cret" not in page
    assert ResourceGroup.objects.get().name == "Shop <b>"
    assert not Source.objects.exists()


def test_what_was_shown_is_imported_and_told_of_with_how_it_was(client: Client) -> None:
    ResourceGroup.objects.create(slug="shop", name="Shop")

    page = confirm(client, look(client, ALL, adopt="on", note="ticket 7"))

    assert "Imported" in page
    assert "5 things are new" in page
    assert "name: Shop" in page  # how it was
    assert ResourceGroup.objects.get().name == "The shop"
    assert Endpoint.objects.get().headers == {"X-Probe": "s3cret"}
    entry = AuditEntry.objects.get(object_name="shop", action="change", model="probes.resourcegroup")
    assert (entry.via, entry.actor) == ("apply", "admin")
    assert entry.path == f"POST {IMPORT} source shop-git ticket 7"
    assert "Nothing to do" in look(client, ALL)


def test_how_it_was_is_imported_to_undo_it_and_makes_nothing_stale(client: Client) -> None:
    confirm(client, look(client, ALL))
    page = confirm(client, look(client, ALL.replace("The shop", "Another shop")))

    (undo,) = re.findall(r'aria-label="How it was">(.+?)</textarea>', page, re.DOTALL)
    confirm(client, look(client, unescape(undo)))

    assert ResourceGroup.objects.get().name == "The shop"
    assert not Resource.objects.exclude(stale_at=None).exists()


def test_something_else_than_was_shown_is_not_imported_but_shown(client: Client) -> None:
    page = look(client, GROUP, adopt="on")
    ResourceGroup.objects.create(slug="shop", name="Made meanwhile")

    page = confirm(client, page)

    assert "something has changed meanwhile" in page
    assert "Made meanwhile" in page
    assert ResourceGroup.objects.get().name == "Made meanwhile"
    confirm(client, page)
    assert ResourceGroup.objects.get().name == "The shop"


def test_file_is_imported_as_its_text_is(client: Client) -> None:
    response = client.post(IMPORT, {"file": SimpleUploadedFile("shop.yaml", GROUP.encode()), "source": "git"})

    confirm(client, html(response))

    group = ResourceGroup.objects.get()
    assert group.managed_by is not None
    assert (group.name, group.managed_by.slug) == ("The shop", "git")


def test_faults_are_shown_with_their_lines_and_the_text_stays(client: Client) -> None:
    page = look(client, GROUP.replace("name: The shop", "nmae: x"), source="Shop!")

    assert "Nothing was imported" in page
    assert re.search(r'<td class="number">4</td><td class="kairos-code">Group/shop</td><td>nmae: There is no', page)
    assert "Write small letters and digits" in page
    assert "nmae: x" in page.partition("<textarea")[2]
    assert not ResourceGroup.objects.exists()


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({}, "Choose a file, or write its text."),
        ({"text": GROUP, "file": SimpleUploadedFile("a.yaml", b"a: b")}, "Choose a file, or write its text."),
        ({"file": SimpleUploadedFile("a.yaml", b"\xff")}, "It is not UTF-8."),
        ({"file": SimpleUploadedFile("a.yaml", b"#" * (4 * 1024 * 1024 + 1))}, "It is larger than 4 MiB"),
        ({"text": GROUP, "note": "x" * 201}, "at most 200 characters"),
    ],
)
def test_form_that_is_wrong_is_told_so(client: Client, sent: dict[str, Any], told: str) -> None:
    assert told in html(client.post(IMPORT, sent))


def test_import_takes_the_permissions_of_all_that_it_does(client: Client, django_user_model: Any) -> None:
    ResourceGroup.objects.create(slug="shop", name="Unseen")
    user = django_user_model.objects.create(username="half", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["add_resource", "change_resource"]))
    browser = Client()
    browser.force_login(user)

    page = look(browser, GROUP, adopt="on")
    assert "it takes the permission probes.change_resourcegroup" in page
    assert "Unseen" not in page
    (packed,) = re.findall(r'name="confirmed" value="([^"]+)"', look(client, GROUP, adopt="on"))
    response = browser.post(IMPORT, {"confirmed": packed})
    assert response.status_code == 302
    assert ResourceGroup.objects.get().name == "Unseen"

    user.user_permissions.add(Permission.objects.get(codename="change_resourcegroup"))
    page = look(browser, GROUP, adopt="on")
    user.user_permissions.remove(Permission.objects.get(codename="change_resourcegroup"))
    assert "it takes the permission probes.change_resourcegroup" in confirm(browser, page)
    assert ResourceGroup.objects.get().name == "Unseen"


@pytest.mark.parametrize("packed", ["", "nothing", "a:b:c"])
def test_what_was_not_shown_is_not_imported(client: Client, packed: str) -> None:
    page = html(client.post(IMPORT, {"confirmed": packed}, follow=True))

    assert "look again" in page
    assert not Resource.objects.exists()


def test_chosen_resources_are_exported_as_what_import_takes(client: Client, onlooker: Client) -> None:
    confirm(client, look(client, ALL))
    chosen = {"action": "export", "_selected_action": list(Resource.objects.values_list("pk", flat=True))}

    response = client.post(f"{ADMIN}/resource/", chosen)

    assert response["Content-Disposition"] == 'attachment; filename="resources.yaml"'
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]  # it is streamed
    assert [item["metadata"]["name"] for item in yaml.safe_load_all(text)] == ["web", "api"]
    page = look(client, text, adopt="on")
    assert "2 changed" in page  # by whom they are managed
    assert "<dl>" not in page
    assert b"apiVersion" not in onlooker.post(f"{ADMIN}/resource/", chosen).content


def test_channel_that_takes_a_superuser_is_changed_by_one(client: Client, django_user_model: Any) -> None:
    channel = Channel(slug="pager", name="Pager", kind="apprise", is_enabled=False)
    channels.save(channel, url="json://hooks.example/T0")
    text = "apiVersion: kairos/v1\nkind: Channel\nmetadata: {name: pager}\nspec: {name: Pager, kind: apprise}\n"
    user = django_user_model.objects.create(username="editor", is_staff=True)
    grant(user, Role.EDITOR)
    editor = Client()
    editor.force_login(user)
    assert "only a superuser may set it" in look(editor, text)
    confirm(client, look(client, text))
    assert Channel.objects.get().is_enabled
