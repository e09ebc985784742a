"""A registry's client certificate in the admin: it is shown whose it is, and its key never."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from pytest_django.fixtures import Settings

from probes.actions import secrets
from probes.models import Registry
from tests.fakes.client_certificates import Pasted
from tests.fakes.control_plane import ControlPlane
from tests.integration.admin.pages import ADMIN, errors_of, messages_of, shown
from tests.integration.admin.test_admin_registries import ADD, typed

pytestmark = pytest.mark.django_db

GOOD = Pasted()
OTHER = Pasted("other")


@pytest.fixture
def registry(db: None) -> Registry:
    return Registry.objects.create(host="registry.example.com")


@pytest.fixture
def holding(registry: Registry) -> Registry:
    """A registry with a client certificate."""
    secrets.store_identity(registry, certificate=GOOD.certificate, key=GOOD.key, now=datetime.now(UTC))
    return registry


@pytest.fixture
def editor(db: None, django_user_model: Any) -> Client:
    """A browser of somebody who may do everything with registries, and nothing with credentials."""
    user = django_user_model.objects.create(username="editor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__model="registry"))
    browser = Client()
    browser.force_login(user)
    return browser


def pasted(pair: Pasted, **values: str) -> dict[str, Any]:
    return typed(identity_certificate=pair.certificate, identity_key=pair.key, **values)


def page_of(registry: Registry) -> str:
    return f"{ADMIN}/registry/{registry.pk}/change/"


def stored(registry: Registry) -> str:
    registry.refresh_from_db()
    return secrets.open_identity(registry)


def test_certificate_is_stored_with_its_key_encrypted(client: Client) -> None:
    response = client.post(ADD, pasted(GOOD))
    assert response.status_code == 302, errors_of(response)
    registry = Registry.objects.get()
    assert registry.client_certificate == GOOD.certificate
    assert stored(registry) == GOOD.key + GOOD.certificate
    assert not any(line.encode() in bytes(registry.client_key_encrypted) for line in GOOD.key_lines)


def test_key_may_be_pasted_with_the_certificate(client: Client, registry: Registry) -> None:
    client.post(page_of(registry), typed(identity_certificate=GOOD.key + GOOD.certificate))
    assert stored(registry) == GOOD.key + GOOD.certificate
    assert registry.client_certificate == GOOD.certificate


def test_page_and_list_tell_whose_it_is_and_until_when(client: Client, holding: Registry) -> None:
    for address in (page_of(holding), f"{ADMIN}/registry/"):
        text = shown(client, address)
        assert "CN=robot,OU=Testing cert" in text
        assert "issued by OU=Testing CA" in text
        assert "✓ expires in " in text


def test_certificate_that_has_expired_since_is_told(client: Client, holding: Registry) -> None:
    Registry.objects.update(client_certificate=Pasted.expired().certificate)
    assert "✗ expired 24 h ago" in shown(client, f"{ADMIN}/registry/")


def test_certificate_that_is_not_valid_yet_is_told(client: Client, registry: Registry) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1, minutes=5)
    client.post(page_of(registry), pasted(Pasted(not_before=tomorrow)))
    assert "! valid in 24 h" in shown(client, page_of(registry))


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"identity_certificate": "swordfish", "identity_key": GOOD.key}, "identity_certificate", "Not certificates"),
        ({"identity_key": GOOD.key}, "identity_certificate", "Give the certificate"),
        ({"identity_certificate": GOOD.certificate}, "identity_key", "Give the certificate's private key"),
        (
            {"identity_certificate": GOOD.certificate, "identity_key": OTHER.key},
            "identity_key",
            "another certificate",
        ),
        ({"identity_certificate": GOOD.certificate, "identity_key": GOOD.encrypted_key}, "identity_key", "encrypted"),
        ({"identity_certificate": "x\0", "identity_key": GOOD.key}, "identity_certificate", "Null characters"),
        ({"identity_certificate": GOOD.certificate, "identity_key": "x" * 16_385}, "identity_key", "at most 16384"),
        (pasted(GOOD, identity_removed="on"), "identity_removed", "not both"),
        (pasted(Pasted.expired()), "identity_certificate", "It expired on "),
    ],
)
def test_bad_input_is_an_error_at_its_field_and_nothing_is_stored(
    client: Client, holding: Registry, values: dict[str, str], field: str, words: str
) -> None:
    before = stored(holding)
    errors = errors_of(client.post(page_of(holding), {**typed(notes="new"), **values}))
    assert list(errors) == [field]
    assert words in errors[field][0]
    assert stored(holding) == before
    assert holding.notes == ""


def test_certificate_stays_where_nothing_is_pasted(client: Client, holding: Registry) -> None:
    before = stored(holding)
    client.post(page_of(holding), typed(notes="new"))
    assert (stored(holding), holding.notes) == (before, "new")


def test_certificate_that_has_expired_keeps_nobody_from_changing_the_rest(client: Client, holding: Registry) -> None:
    Registry.objects.update(client_certificate=Pasted.expired().certificate)
    assert client.post(page_of(holding), typed(notes="new")).status_code == 302


def test_certificate_is_replaced(client: Client, holding: Registry) -> None:
    client.post(page_of(holding), pasted(OTHER))
    assert stored(holding) == OTHER.key + OTHER.certificate


def test_certificate_is_removed_with_its_key(client: Client, holding: Registry) -> None:
    client.post(page_of(holding), typed(identity_removed="on"))
    assert stored(holding) == ""
    assert (holding.client_certificate, bytes(holding.client_key_encrypted)) == ("", b"")


def test_removal_is_offered_where_there_is_something_to_remove(client: Client, holding: Registry) -> None:
    assert "Remove what is stored" in shown(client, page_of(holding))
    assert "Remove what is stored" not in shown(client, ADD)


def test_key_is_shown_nowhere(
    client: Client, plane: ControlPlane, holding: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """S19."""
    caplog.set_level(logging.DEBUG)
    image = plane.image("registry.example.com/org/app:1")
    client.post(page_of(holding), pasted(GOOD, notes="new"))
    together = typed(identity_certificate=GOOD.certificate + GOOD.key, identity_removed="on")
    refused = [client.post(page_of(holding), values) for values in (together, pasted(GOOD, host="-", api_host="-"))]
    assert all(errors_of(response) for response in refused)
    plane.check(image)
    holding.refresh_from_db()
    pages = [
        *refused,
        *(
            client.get(address)
            for address in (
                page_of(holding),
                f"{ADMIN}/registry/",
                f"{ADMIN}/registry/{holding.pk}/history/",
                f"{ADMIN}/registry/{holding.pk}/delete/",
                f"{ADMIN}/resource/{image.pk}/change/",
                f"{ADMIN}/outcome/",
                "/admin/",
            )
        ),
    ]
    assert [page.status_code for page in pages] == [200] * len(pages)
    everywhere = [page.content.decode() for page in pages] + [caplog.text, repr(holding), str(holding)]
    everywhere += [f"{entry.object_repr} {entry.change_message}" for entry in LogEntry.objects.all()]
    hidden = [*GOOD.key_lines, bytes(holding.client_key_encrypted).decode(), "PRIVATE KEY-----"]
    assert not [line for line in hidden if any(line in text for text in everywhere)]


def test_error_report_does_not_hold_what_was_typed(
    client: Client, registry: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S19: the page of an error, which administrators are mailed, shows what was posted."""
    from django.views.debug import ExceptionReporter  # noqa: PLC0415 - as an error would

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(secrets, "store_identity", fail)
    client.raise_request_exception = False
    response = client.post(page_of(registry), pasted(GOOD))
    assert response.status_code == 500
    reporter = ExceptionReporter(response.wsgi_request, *response.exc_info)  # type: ignore[attr-defined]
    posted = reporter.get_traceback_data()["filtered_POST_items"]
    assert not any(line in str(posted) for line in GOOD.key_lines)


def test_without_keys_nothing_is_stored_and_the_person_is_told(
    client: Client, registry: Registry, settings: Settings, tmp_path: Path
) -> None:
    settings.KAIROS_FERNET_KEYS_FILE = tmp_path / "none"
    response = client.post(page_of(registry), pasted(GOOD))
    assert messages_of(response) == [f"Nothing was stored: {tmp_path / 'none'}: No such file or directory."]
    registry.refresh_from_db()
    assert not registry.has_client_identity


class TestWhoMayNotTouchCredentials:
    def test_gives_no_certificate(self, editor: Client, registry: Registry) -> None:
        assert "Private key" not in shown(editor, page_of(registry))
        editor.post(page_of(registry), pasted(GOOD, notes="new"))
        assert (stored(registry), registry.notes) == ("", "new")

    def test_gives_no_certificate_to_a_new_registry(self, editor: Client) -> None:
        editor.post(ADD, pasted(GOOD))
        assert not Registry.objects.get().has_client_identity

    def test_neither_replaces_nor_removes_it(self, editor: Client, holding: Registry) -> None:
        before = stored(holding)
        editor.post(page_of(holding), pasted(OTHER))
        editor.post(page_of(holding), typed(identity_removed="on", notes="new"))
        assert (stored(holding), holding.notes) == (before, "new")

    def test_does_not_lead_it_elsewhere(self, editor: Client, holding: Registry) -> None:
        editor.post(page_of(holding), typed(api_host="elsewhere.example.net", plain_http="on", notes="new"))
        holding.refresh_from_db()
        assert (holding.api_host, holding.plain_http, holding.notes) == ("", False, "new")

    def test_does_not_delete_it_with_its_registry(self, editor: Client, holding: Registry) -> None:
        assert editor.post(f"{ADMIN}/registry/{holding.pk}/delete/", {"post": "yes"}).status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": [holding.pk], "post": "yes"}
        editor.post(f"{ADMIN}/registry/", chosen)
        assert Registry.objects.exists()

    def test_deletes_a_registry_without_one(self, editor: Client, registry: Registry) -> None:
        editor.post(f"{ADMIN}/registry/{registry.pk}/delete/", {"post": "yes"})
        assert not Registry.objects.exists()

    def test_sees_whose_it_is(self, editor: Client, onlooker: Client, holding: Registry) -> None:
        for browser in (editor, onlooker):
            text = shown(browser, page_of(holding))
            assert "CN=robot" in text
            assert "Private key" not in text
