"""Registry secrets: never in clear in the table, in a message, or where an object is shown."""

import json
from datetime import datetime
from importlib import import_module
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection

from probes.actions import dispatch, secrets
from probes.models import Credential, Region, Registry
from probes.protocol.batch import Batch
from tests.fakes.far_region import FarRegion
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keys_file")]

PASSWORD = "correct-horse-battery"


def store(now: datetime, prefix: str = "", region: Region | None = None, **secret: str) -> Credential:
    registry, _ = Registry.objects.get_or_create(host="ghcr.io")
    credential = Credential(registry=registry, repository_prefix=prefix, region=region, username="robot")
    secrets.store_secret(credential, **(secret or {"password": PASSWORD}), now=now)
    return credential


def table_dump() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT convert_from(secret_encrypted, 'UTF8'), row::text FROM probes_credential AS row")
        return str(cursor.fetchall())


def batch_for(region: FarRegion, now: datetime) -> Batch:
    (message,) = [m for m in dispatch.claim_due(now).messages if m.queue == f"probe.{region.slug}"]
    assert PASSWORD not in json.dumps(message.envelope)
    return region.open(message)


def test_secret_is_not_in_clear_anywhere(now: datetime) -> None:
    credential = store(now)
    assert secrets.open_secret(credential).password == PASSWORD
    assert credential.rotated_at == now
    shown = f"{credential} {credential!r} {credential.__dict__} {secrets.open_secret(credential)!r}"
    assert PASSWORD not in shown
    assert PASSWORD not in table_dump()


def test_identity_token_is_kept_as_such(now: datetime) -> None:
    secret = secrets.open_secret(store(now, identity_token=PASSWORD))
    assert (secret.password, secret.identity_token) == ("", PASSWORD)


@pytest.mark.parametrize(
    "secret",
    [
        {"password": ""},
        {"password": "a", "identity_token": "b"},
        {"password": "a", "bearer": "b"},
        {"bearer": "a", "provider": "ecr", "provider_key": '{"own_role": true}'},
        {"bearer": "two words"},
        {"provider": "ecr", "provider_key": "{}"},
        {"provider": "quay", "provider_key": "{}"},
        {"passphrase": "a"},
    ],
)
def test_what_is_not_exactly_one_login_is_not_stored(now: datetime, secret: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"one password|visible ASCII|access_key_id|not known here"):
        store(now, region=None, **secret)
    assert not Credential.objects.exists()


def test_kinds_of_what_was_stored_before_there_were_kinds_are_told(now: datetime) -> None:
    migration = import_module("probes.migrations.0007_credential_kinds")
    token = store(now, "token", identity_token=PASSWORD)
    password = store(now, "password", password=PASSWORD)
    empty = Credential.objects.create(registry=token.registry, repository_prefix="empty")
    Credential.objects.filter(pk=token.pk).update(username="", kind="password")
    with connection.cursor() as cursor:
        cursor.execute(migration.TELL)
    kinds = [Credential.objects.get(pk=credential.pk).kind for credential in (token, password, empty)]
    assert kinds == ["identity_token", "password", "password"]


def test_secret_travels_sealed_once_for_the_batch_and_bound(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    store(now, "org")
    make_images(3)
    region = regions["eu-west"]
    batch = batch_for(region, now)
    assert len(batch.secrets) == 1
    bound = region.secret(batch, batch.plans[0])
    assert (bound.host, bound.repository_prefix) == ("ghcr.io", "org")
    assert (bound.secret.username, bound.secret.password) == ("robot", PASSWORD)


def test_region_gets_its_own_credential_only(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    store(now, "org", password="for-everybody")
    store(now, "org", regions["us-east"].row, password="for-us-east")
    make_images(1)
    passwords = {}
    for message in dispatch.claim_due(now).messages:
        region = regions[message.queue.removeprefix("probe.")]
        batch = region.open(message)
        assert len(batch.secrets) == 1
        passwords[region.slug] = region.secret(batch, batch.plans[0]).secret.password
    assert passwords == {
        "ap-south": "for-everybody",
        "eu-west": "for-everybody",
        "us-east": "for-us-east",
    }


def test_longest_prefix_is_chosen_whatever_its_kind_and_travels_as_it_is_stored(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    key = json.dumps({"own_role": True})
    store(now, password="for-everything")
    store(now, "org", provider="ecr", provider_key=key)
    make_images(1)
    region = regions["eu-west"]
    batch = batch_for(region, now)
    secret = region.secret(batch, batch.plans[0]).secret
    assert (secret.provider, secret.provider_key, secret.password) == ("ecr", key, "")


@pytest.mark.parametrize(
    ("login", "kind"),
    [
        ({"password": PASSWORD}, "password"),
        ({"identity_token": PASSWORD}, "identity_token"),
        ({"bearer": PASSWORD}, "bearer"),
        ({"provider": "ecr", "provider_key": '{"own_role": true}'}, "ecr"),
        ({"provider": "acr", "provider_key": json.dumps({"aad_token": PASSWORD})}, "acr"),
    ],
)
def test_every_kind_is_told_by_what_is_stored(now: datetime, login: dict[str, str], kind: str) -> None:
    credential = store(now, region=None, **login)
    assert credential.kind == kind
    opened = secrets.open_secret(credential)
    assert opened.to_json() == {"username": "robot", **login}
    assert PASSWORD not in f"{credential} {credential.__dict__} {opened!r}" + table_dump()


def test_pinned_credential_wins_over_longer_prefix(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    pinned = store(now, password="pinned")
    store(now, "org", password="longer")
    make_images(credential=pinned)
    region = regions["eu-west"]
    batch = batch_for(region, now)
    assert region.secret(batch, batch.plans[0]).secret.password == "pinned"


def test_credential_without_a_secret_leaves_the_check_anonymous(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    registry = Registry.objects.create(host="ghcr.io")
    Credential.objects.create(registry=registry, username="robot")
    make_images()
    batch = batch_for(regions["eu-west"], now)
    assert (batch.plans[0].secret_key, dict(batch.secrets)) == ("", {})


def test_secret_that_no_key_opens_is_named_but_not_sent(
    now: datetime, regions: Regions, make_images: MakeImages, keys_file: Path
) -> None:
    store(now)
    make_images()
    keys_file.write_text(Fernet.generate_key().decode())
    batch = batch_for(regions["eu-west"], now)
    assert batch.plans[0].secret_key
    assert not batch.secrets


def test_keys_are_rotated_by_command(now: datetime, keys_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    credential = store(now)
    (old,) = keys_file.read_text().split()
    call_command("rotate_secret_keys", "--new-key")
    assert "1 secrets encrypted" in capsys.readouterr().out
    new, kept = keys_file.read_text().split()
    assert kept == old
    assert keys_file.stat().st_mode & 0o777 == 0o600
    keys_file.write_text(new)
    credential.refresh_from_db()
    assert secrets.open_secret(credential).password == PASSWORD
    assert credential.rotated_at == now


def test_rotation_names_the_secrets_that_no_key_opens(now: datetime, keys_file: Path) -> None:
    lost = store(now, "org")
    keys_file.write_text(Fernet.generate_key().decode())
    fine = store(now)
    with pytest.raises(
        CommandError, match=f"no key opens the secrets of these.*credential {lost.pk}: robot at ghcr.io/org"
    ):
        call_command("rotate_secret_keys")
    fine.refresh_from_db()
    assert secrets.open_secret(fine).password == PASSWORD
    with pytest.raises(secrets.SecretUnreadable, match="no key opens the secret"):
        secrets.open_secret(lost)


@pytest.mark.parametrize("content", [None, "", "not a key"])
def test_unusable_keys_are_one_clear_line(now: datetime, keys_file: Path, content: str | None) -> None:
    keys_file.unlink() if content is None else keys_file.write_text(content)
    with pytest.raises(CommandError, match=str(keys_file)):
        call_command("rotate_secret_keys")


def test_first_key_can_be_made_where_there_is_none(keys_file: Path) -> None:
    keys_file.unlink()
    secrets.make_key()
    assert len(keys_file.read_text().split()) == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"repository_prefix": "org/"}, "repository_prefix"),
        ({"repository_prefix": "Org"}, "repository_prefix"),
        ({"repository_prefix": "org:tag"}, "repository_prefix"),
        ({"username": "a:b"}, "username"),
    ],
)
def test_credential_that_cannot_be_is_a_field_error(values: dict[str, str], field: str) -> None:
    registry = Registry.objects.create(host="ghcr.io")
    with pytest.raises(ValidationError) as error:
        Credential(registry=registry, **values).full_clean()
    assert list(error.value.message_dict) == [field]


def test_second_credential_for_a_place_is_refused(now: datetime) -> None:
    credential = store(now, "org")
    with pytest.raises(ValidationError, match="There is a credential for this registry and prefix already"):
        Credential(registry=credential.registry, repository_prefix="org").full_clean()
