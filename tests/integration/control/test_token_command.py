"""`manage.py token`, and what a migration makes of tokens from before there were scopes."""

from importlib import import_module
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from probes.models import AccessToken, ResourceGroup, RoleGrant
from tests.fakes.access import grant

pytestmark = pytest.mark.django_db


def token(*arguments: str) -> str:
    out = StringIO()
    call_command("token", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def reads(text: str) -> int:
    headers = {"Authorization": f"Token {text}"}
    return Client().get("/api/v1/regions", headers=headers).status_code


@pytest.fixture
def user(db: None) -> User:
    found = User.objects.create(username="ci")
    grant(found)
    return found


def test_token_is_made_listed_and_revoked(user: User) -> None:
    ResourceGroup.objects.create(name="payments")
    text = token("create", "ci", "--scope", "read", "--scope", "probe", "--group", "payments", "--days", "90").strip()
    assert reads(text) == 200
    prefix = text.split("_")[1]
    listed = token("list", "--user", "ci")
    assert listed.startswith(f"{prefix}  ci  read,probe  groups payments  until ")
    assert text not in listed
    assert token("revoke", prefix) == "1 revoked\n"
    assert reads(text) == 401
    assert "revoked" in token("list")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("create", "nobody"), "there is no user 'nobody'"),
        (("create", "ci", "--group", "nowhere"), "there is no group 'nowhere'"),
        (("create", "ci", "--region", "nowhere"), "there is no region 'nowhere'"),
        (("create", "ci", "--days", "0"), "--days: from 1 to 36500"),
        (("revoke", "aaaaaaaaaa"), "there is no token 'aaaaaaaaaa'; nothing was revoked"),
    ],
)
def test_what_cannot_be_is_said(user: User, arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(CommandError) as refused:
        token(*arguments)
    assert str(refused.value) == says
    assert not AccessToken.objects.exists()


def test_tokens_from_before_keep_working_as_hashes(user: User) -> None:
    writer = User.objects.create(username="writer")
    writer.user_permissions.add(Permission.objects.get(codename="change_resource"))
    RoleGrant.objects.all().delete()
    keys = {"ci": "0123456789abcdef" * 2 + "01234567", "writer": "fedcba9876543210" * 2 + "01234567"}
    seed: Any = import_module("probes.migrations." + _seed())
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE authtoken_token (key text, user_id integer, created timestamptz)")
        for owner in (user, writer):
            cursor.execute("INSERT INTO authtoken_token VALUES (%s, %s, now())", [keys[owner.username], owner.pk])
        editor = SimpleNamespace(connection=connection, execute=cursor.execute)
        seed.seed(apps, editor)
        cursor.execute("SELECT to_regclass('authtoken_token')")
        assert cursor.fetchone() == (None,)
    assert [reads(key) for key in keys.values()] == [200, 200]
    scopes = {row.owner.username: sorted(row.scopes) for row in AccessToken.objects.select_related("owner")}
    assert scopes == {"ci": ["metrics", "read"], "writer": ["admin", "metrics", "probe", "read", "write"]}


def _seed() -> str:
    from django.db.migrations.loader import MigrationLoader  # noqa: PLC0415 - beside its one use

    names = [name for app, name in MigrationLoader(None).disk_migrations if app == "probes"]
    return next(name for name in names if name.endswith("_access_seed"))
