"""Credentials in the admin: a secret goes in, and never comes out."""

import json
import logging
from datetime import UTC, datetime
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
PEM = "-----BEGIN PRIVATE KEY-----\nto-look-for\n-----END PRIVATE KEY-----\n"
GOOGLE_KEY = json.dumps(
    {"type": "service_account", "project_id": "p", "client_email": "robot@p.example", "private_key": PEM}
)
# What is typed for each kind that is no password or identity token, and the secret that comes of it.
KINDS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "bearer": ({"bearer": TOKEN}, {"bearer": TOKEN}),
    "ecr": (
        {"ecr_access_key_id": "AKIAIOSFODNN7EXAMPLE", "ecr_secret_access_key": TOKEN, "ecr_region": "eu-west-1"},
        {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": TOKEN, "region": "eu-west-1"},
    ),
    "google": (
        {"google_key": GOOGLE_KEY},
        {
            "client_email": "robot@p.example",
            "private_key": PEM,
            "token_uri": "https://oauth2.googleapis.com/token",
        },
    ),
    "acr": (
        {"acr_tenant": "example.com", "acr_client_id": "an-id", "acr_client_secret": TOKEN},
        {
            "tenant": "example.com",
            "client_id": "an-id",
            "client_secret": TOKEN,
            "authority": "https://login.microsoftonline.com",
        },
    ),
}


@pytest.fixture
def registry(db: None) -> Registry:
    return Registry.objects.create(host="ghcr.io")


@pytest.fixture
def stored(client: Client, registry: Registry) -> Credential:
    client.post(ADD, typed(registry, username="robot", password=PASSWORD))
    return Credential.objects.get()


def typed(registry: Registry, **values: str) -> dict[str, Any]:
    place = {"registry": registry.pk, "repository_prefix": "", "region": "", "label": ""}
    return {**place, "kind": "password", "username": "", **values}


def page_of(credential: Credential) -> str:
    return f"{ADMIN}/credential/{credential.pk}/change/"


def test_password_is_stored_encrypted_as_it_was_typed(stored: Credential) -> None:
    secret = secrets.open_secret(stored)
    assert (secret.username, secret.password, secret.identity_token) == ("robot", PASSWORD, "")
    assert PASSWORD.encode() not in bytes(stored.secret_encrypted)
    assert stored.rotated_at is not None


def test_identity_token_is_stored_without_a_user_name(client: Client, registry: Registry) -> None:
    client.post(ADD, typed(registry, kind="identity_token", identity_token=TOKEN))
    secret = secrets.open_secret(Credential.objects.get())
    assert (secret.username, secret.password, secret.identity_token) == ("", "", TOKEN)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_stored_as_what_a_region_needs_of_it(client: Client, registry: Registry, kind: str) -> None:
    given, kept = KINDS[kind]
    response = client.post(ADD, typed(registry, kind=kind, **given))
    assert response.status_code == 302, errors_of(response)
    credential = Credential.objects.get()
    secret = secrets.open_secret(credential)
    assert credential.kind == kind
    if kind == "bearer":
        assert secret.to_json() == kept
    else:
        assert (secret.provider, json.loads(secret.provider_key)) == (kind, kept)
    assert b"to-look-for" not in bytes(credential.secret_encrypted)


def test_own_role_is_stored_without_a_key(client: Client, registry: Registry) -> None:
    client.post(ADD, typed(registry, kind="ecr", ecr_own_role="on"))
    assert json.loads(secrets.open_secret(Credential.objects.get()).provider_key) == {"own_role": True}


@pytest.mark.parametrize("kind", KINDS)
def test_key_of_every_kind_is_shown_nowhere(
    client: Client, registry: Registry, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    given, _ = KINDS[kind]
    refused = client.post(ADD, typed(registry, kind=kind, username="robot", **given))
    assert list(errors_of(refused)) == ["username"]
    client.post(ADD, typed(registry, kind=kind, **given))
    credential = Credential.objects.get()
    pages = [refused, client.get(page_of(credential)), client.get(f"{ADMIN}/credential/")]
    everywhere = [page.content.decode() for page in pages] + [caplog.text, repr(secrets.open_secret(credential))]
    assert not any("to-look-for" in text for text in everywhere)


def test_kind_is_not_changed_without_its_secret(client: Client, registry: Registry, stored: Credential) -> None:
    errors = errors_of(client.post(page_of(stored), typed(registry, kind="bearer")))
    assert errors == {"bearer": ["Give the bearer token."]}
    stored.refresh_from_db()
    assert (stored.kind, secrets.open_secret(stored).password) == ("password", PASSWORD)


def test_kind_changes_with_its_secret(client: Client, registry: Registry, stored: Credential) -> None:
    client.post(page_of(stored), typed(registry, kind="bearer", bearer=TOKEN))
    stored.refresh_from_db()
    assert (stored.kind, secrets.open_secret(stored).to_json()) == ("bearer", {"bearer": TOKEN})


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
    client.post(page_of(stored), typed(registry, kind="identity_token", identity_token=TOKEN))
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
        ({"username": "robot"}, "password", "Give the password."),
        ({"password": PASSWORD}, "username", "A password needs its user name."),
        (
            {"username": "robot", "password": PASSWORD, "identity_token": TOKEN},
            "identity_token",
            "This is not for a credential of the kind “user name and password”.",
        ),
        ({"kind": "identity_token"}, "identity_token", "Give the identity token."),
        ({"kind": "bearer"}, "bearer", "Give the bearer token."),
        ({"kind": "bearer", "bearer": "two words"}, "bearer", "visible ASCII"),
        ({"kind": "bearer", "bearer": TOKEN, "username": "robot"}, "username", "There is no user name"),
        ({"kind": "ecr"}, "ecr_access_key_id", "Give an access key, or tick"),
        ({"kind": "ecr", "ecr_access_key_id": "AKIAIOSFODNN7EXAMPLE"}, "ecr_secret_access_key", "Give the secret"),
        (
            {**KINDS["ecr"][0], "kind": "ecr", "ecr_own_role": "on"},
            "ecr_own_role",
            "The worker's own role, or an access key, and not both.",
        ),
        ({**KINDS["ecr"][0], "kind": "ecr", "ecr_region": "Ireland"}, "ecr_region", "such as eu-west-1"),
        ({**KINDS["ecr"][0], "kind": "ecr", "ecr_endpoint": "http://x.example"}, "ecr_endpoint", "an https URL"),
        ({**KINDS["ecr"][0], "kind": "ecr", "google_key": "x"}, "google_key", "kind “Amazon ECR”"),
        ({"kind": "google", "google_key": "{"}, "google_key", "Not JSON."),
        ({"kind": "google", "google_key": '{"client_email": "a@b"}'}, "google_key", "private key is missing"),
        ({"kind": "acr", "acr_tenant": "example.com"}, "acr_client_id", "Write the application (client) ID."),
        ({"kind": "quay"}, "kind", "not one of the available choices"),
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


def test_end_that_was_typed_is_kept_until_another_secret_is_stored(client: Client, registry: Registry) -> None:
    day = {"expires_at_0": "2027-01-31", "expires_at_1": "12:00:00"}
    client.post(ADD, typed(registry, username="robot", password=PASSWORD, **day))
    credential = Credential.objects.get()
    assert credential.expires_at == datetime(2027, 1, 31, 12, tzinfo=UTC)
    client.post(page_of(credential), typed(registry, username="robot", label="the robot", **day))
    credential.refresh_from_db()
    assert (credential.label, credential.expires_at) == ("the robot", datetime(2027, 1, 31, 12, tzinfo=UTC))
    client.post(page_of(credential), typed(registry, username="robot", password="another", **day))
    credential.refresh_from_db()
    assert credential.expires_at is None
