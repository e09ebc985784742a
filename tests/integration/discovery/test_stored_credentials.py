"""`manage.py discover --credential`: what Kairos has stored for a registry, shown to that registry."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from probes.actions import secrets
from probes.models import Credential, Registry
from tests.fakes.listing_service import ListingService
from tests.integration.discovery.test_registries import BASIC, tokens

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "fernet-keys"
    path.write_text(Fernet.generate_key().decode() + "\n")
    settings.KAIROS_FERNET_KEYS_FILE = path


def store(authority: str, *, has_secret: bool = True) -> Credential:
    registry = Registry.objects.create(host=authority, plain_http=True, allow_hosts=[authority])
    credential = Credential(registry=registry, username="robot", slug="robot")
    if has_secret:
        secrets.store_secret(credential, password="hunter2hunter2", now=datetime.now(UTC))
    else:
        credential.save()
    return credential


def test_a_stored_credential_is_used_with_the_settings_of_its_registry() -> None:
    out, err = io.StringIO(), io.StringIO()
    with ListingService(tokens) as service:
        store(service.authority)
        call_command(
            "discover", "--from-registry", service.authority, "--credential", "robot", stdout=out, stderr=err
        )
    assert out.getvalue().count("kind: Image") == 5
    assert "hunter2" not in out.getvalue() + err.getvalue()
    assert {request.authorization for request in service.requests if request.path == "/token"} == {BASIC}


@pytest.mark.parametrize(
    ("slug", "host", "said"), [("gone", "", "no credential"), ("robot", "ghcr.io", "is for 127")]
)
def test_it_is_for_its_registry_and_no_other(slug: str, host: str, said: str) -> None:
    with ListingService(tokens) as service:
        store(service.authority)
        with pytest.raises(CommandError, match=said):
            call_command("discover", "--from-registry", host or service.authority, "--credential", slug)
        assert service.requests == []


def test_one_without_a_secret_is_none() -> None:
    store("r.example.com", has_secret=False)
    with pytest.raises(CommandError, match="with a secret"):
        call_command("discover", "--from-registry", "r.example.com", "--credential", "robot")
