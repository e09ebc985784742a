"""Credentials in the admin: a secret goes in, and never comes out."""

import logging
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django.fixtures import Settings

from probes.actions import secrets
from probes.models import Credential, Registry
from tests.fakes.control_plane import ControlPlane
from tests.integration.admin.pages import ADMIN, errors_of, messages_of, shown

pytestmark = pytest.mark.django_db

ADD = f"{ADMIN}/credential/add/"
PASSWORD = " a-pass-phrase, to look for "
TOKEN = "an-identity-token-to-look-for"


@pytest.fixture
def registry(db: None) -> Registry:
    return Registry.objects.create(host="ghcr.io")


@pytest.fixture
def stored(client: Client, registry: Registry) -> Credential:
    client.post(ADD, typed(registry, username="robot", password=PASSWORD))
    return Credential.objects.get()


def typed(registry: Registry, **values: str) -> dict[str, Any]:
    return {"registry": registry.pk, "repository_prefix": "", "region": "", "label": "", "username": "", **values}


def page_of(credential: Credential) -> str:
    return f"{ADMIN}/credential/{credential.pk}/change/"


def test_password_is_stored_encrypted_as_it_was_typed(stored: Credential) -> None:
    secret = secrets.open_secret(stored)
    assert (secret.username, secret.password, secret.identity_token) == ("robot", PASSWORD, "")
    assert PASSWORD.encode() not in bytes(stored.secret_encrypted)
    assert stored.rotated_at is not None


def test_identity_token_is_stored_without_a_user_name(client: Client, registry: Registry) -> None:
    client.post(ADD, typed(registry, identity_token=TOKEN))
    secret = secrets.open_secret(Credential.objects.get())
    assert (secret.username, secret.password, secret.identity_token) == ("", "", TOKEN)


def test_secret_is_shown_nowhere(
    client: Client, registry: Registry, stored: Credential, plane: ControlPlane, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    image = plane.image(credential=stored)
    client.post(page_of(stored), typed(registry, username="robot", password=PASSWORD, label="new"))
    refused = client.post(ADD, typed(registry, username="robot", password=PASSWORD, identity_token=TOKEN))
    assert errors_of(refused)
    secret = bytes(stored.secret_encrypted).decode()
    pages = [
        refused,
        *(
            client.get(address)
            for address in (
                page_of(stored),
                f"{ADMIN}/credential/",
                f"{ADMIN}/credential/{stored.pk}/history/",
                f"{ADMIN}/credential/{stored.pk}/delete/",
                f"{ADMIN}/resource/{image.pk}/change/",
                f"{ADMIN}/registry/{registry.pk}/change/",
                "/admin/autocomplete/?app_label=probes&model_name=resource&field_name=credential",
                "/admin/",
            )
        ),
    ]
    assert [page.status_code for page in pages] == [200] * len(pages)
    everywhere = [page.content.decode() for page in pages] + [caplog.text]
    everywhere += [f"{entry.object_repr} {entry.change_message}" for entry in LogEntry.objects.all()]
    for text in everywhere:
        assert "to look for" not in text
        assert TOKEN not in text
        assert secret not in text


def test_form_has_no_value_to_echo(client: Client, registry: Registry, stored: Credential) -> None:
    for page in (client.get(page_of(stored)), client.post(ADD, typed(registry, password=PASSWORD))):
        form = page.context["adminform"].form
        for name in ("password", "identity_token"):
            field = str(form[name])
            assert 'type="password"' in field
            assert 'autocomplete="new-password"' in field
            assert "value=" not in field


def test_secret_left_empty_is_kept(client: Client, registry: Registry, stored: Credential) -> None:
    assert "Leave empty to keep what is stored." in shown(client, page_of(stored))
    client.post(page_of(stored), typed(registry, username="other", label="the robot"))
    stored.refresh_from_db()
    assert (stored.label, stored.username) == ("the robot", "other")
    assert secrets.open_secret(stored).password == PASSWORD


def test_secret_is_replaced_by_a_new_one(client: Client, registry: Registry, stored: Credential) -> None:
    client.post(page_of(stored), typed(registry, username="", identity_token=TOKEN))
    stored.refresh_from_db()
    secret = secrets.open_secret(stored)
    assert (secret.password, secret.identity_token) == ("", TOKEN)


def test_stored_secret_does_not_move_to_another_registry(
    client: Client, registry: Registry, stored: Credential
) -> None:
    other = Registry.objects.create(host="registry.attacker.example")
    client.post(page_of(stored), typed(other, username="robot"))
    stored.refresh_from_db()
    assert stored.registry == registry


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"username": "robot"}, "password", "Give a password, or an identity token below."),
        ({"password": PASSWORD}, "username", "A password needs its user name."),
        (
            {"username": "robot", "password": PASSWORD, "identity_token": TOKEN},
            "identity_token",
            "A password or an identity token, and not both.",
        ),
        ({"username": "ro:bot", "password": PASSWORD}, "username", "A user name holds no colon"),
        ({"username": "robot", "password": "a\0b"}, "password", "Null characters are not allowed."),
        ({"username": "robot", "password": "x" * 16_385}, "password", "at most 16384 characters"),
        (
            {"username": "robot", "password": PASSWORD, "repository_prefix": "Team"},
            "repository_prefix",
            "repository must be lowercase: team",
        ),
        ({"username": "robot", "password": PASSWORD, "region": "99"}, "region", "not one of the available choices"),
    ],
)
def test_bad_input_is_an_error_at_its_field_and_nothing_is_stored(
    client: Client, registry: Registry, values: dict[str, str], field: str, words: str
) -> None:
    errors = errors_of(client.post(ADD, typed(registry, **values)))
    assert list(errors) == [field]
    assert words in errors[field][0]
    assert not Credential.objects.exists()


def test_second_credential_for_the_same_place_is_refused(
    client: Client, registry: Registry, stored: Credential
) -> None:
    errors = errors_of(client.post(ADD, typed(registry, username="other", password="another")))
    assert errors == {"__all__": ["There is a credential for this registry and prefix already."]}


def test_without_keys_nothing_is_stored_and_the_person_is_told(
    client: Client, registry: Registry, settings: Settings, tmp_path: Path
) -> None:
    settings.KAIROS_FERNET_KEYS_FILE = tmp_path / "none"
    response = client.post(ADD, typed(registry, username="robot", password=PASSWORD))
    assert response.headers["Location"] == ADD
    assert messages_of(response) == [f"Nothing was stored: {tmp_path / 'none'}: No such file or directory."]
    assert not Credential.objects.exists()


def test_onlooker_sees_that_there_is_a_secret(onlooker: Client, stored: Credential) -> None:
    page = shown(onlooker, page_of(stored))
    assert "robot" in page
    assert "Password" not in page
    assert "now" in page or "ago" in page
