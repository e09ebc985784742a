"""Tokens: made, shown once, never more than whoever made them, and revoked for good."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from probes.actions import access_tokens
from probes.models import AccessToken, ResourceGroup
from probes.policy import token_text
from probes.policy.access import Role, Scope
from tests.fakes.access import grant, token_of

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/tokens"


def client_of(text: str) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {text}")


def make(client: APIClient, **values: Any) -> Any:
    return client.post(ADDRESS, {"name": "new", "scopes": ["read"], **values}, format="json")


def reads(text: str) -> int:
    return client_of(text).get("/api/v1/regions").status_code


@pytest.fixture
def editor(db: None) -> User:
    user = User.objects.create(username="editor")
    grant(user, Role.EDITOR)
    return user


def test_token_is_shown_once_and_kept_as_a_hash(editor: User) -> None:
    response = make(client_of(token_of(editor)), name="pipeline", scopes=["read", "probe"])
    assert (response.status_code, response["Cache-Control"]) == (201, "no-store")
    made = response.json()
    assert reads(made["token"]) == 200
    row = AccessToken.objects.get(pk=made["id"])
    assert bytes(row.secret_hash) == token_text.hashed(made["token"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT probes_accesstoken::text FROM probes_accesstoken")
        assert made["token"].rpartition("_")[2] not in str(cursor.fetchall())
    listed = client_of(token_of(editor)).get(ADDRESS).content.decode()
    assert made["prefix"] in listed
    assert made["token"] not in listed


@pytest.mark.parametrize("word", ["Bearer", "bearer", "Token"])
def test_either_word_is_taken(editor: User, word: str) -> None:
    assert APIClient(HTTP_AUTHORIZATION=f"{word} {token_of(editor)}").get("/api/v1/regions").status_code == 200


@pytest.mark.parametrize("wrong", ["", "kairos_", "kairos_aaaaaaaaaa_" + "A" * 43, "0" * 40, "\0", "é", "A" * 9000])
def test_what_is_no_token_is_refused(editor: User, wrong: str) -> None:
    assert reads(wrong.encode().decode("latin-1")) == 401


def test_one_character_off_is_refused(editor: User) -> None:
    text = token_of(editor)
    assert reads(text[:-1] + ("A" if text[-1] != "A" else "B")) == 401


def test_token_ends_by_time_by_revocation_and_with_its_people(editor: User) -> None:
    maker = User.objects.create(username="maker", is_superuser=True)
    now = datetime.now(UTC)
    text = token_of(editor)
    token = AccessToken.objects.get()
    assert reads(text) == 200
    for change, undo in (
        ({"expires_at": now - timedelta(seconds=1)}, {"expires_at": None}),
        ({"revoked_at": now}, {"revoked_at": None}),
    ):
        AccessToken.objects.update(**change)
        assert reads(text) == 401
        AccessToken.objects.update(**undo)
    AccessToken.objects.update(created_by=maker)
    for user in (editor, maker):
        User.objects.filter(pk=user.pk).update(is_active=False)
        assert reads(text) == 401
        User.objects.filter(pk=user.pk).update(is_active=True)
    assert reads(text) == 200
    maker.delete()
    assert not AccessToken.objects.filter(pk=token.pk).exists()


def test_token_never_can_more_than_its_owner_now(editor: User) -> None:
    client = client_of(token_of(editor))
    body = {"name": "new", "scopes": ["read"]}
    assert client.post(ADDRESS, body, format="json").status_code == 201
    editor.role_grants.all().delete()
    assert client.get("/api/v1/regions").json()["code"] == "missing_role"
    assert client.post(ADDRESS, body, format="json").json()["code"] == "missing_role"


def test_token_mints_no_more_than_it_is(editor: User) -> None:
    ours, theirs = (ResourceGroup.objects.create(name=name) for name in ("ours", "theirs"))
    soon = datetime.now(UTC) + timedelta(hours=1)
    client = client_of(token_of(editor, Scope.WRITE, Scope.READ, groups=[ours], expires_at=soon))
    assert make(client, scopes=["probe"]).json()["code"] == "missing_scope"
    assert make(client, scopes=["admin"]).json()["code"] == "missing_scope"
    assert make(client, groups=[theirs.slug]).json()["errors"][0]["field"] == "groups[0]"
    late = make(client, expires_at=(soon + timedelta(hours=1)).isoformat())
    assert [error["field"] for error in late.json()["errors"]] == ["expires_at"]
    made = make(client).json()
    assert (made["groups"], made["owner"]) == ([ours.slug], "editor")
    assert datetime.fromisoformat(made["expires_at"]) <= soon


def test_token_of_many_groups_takes_no_more_queries_than_one_of_few(editor: User) -> None:
    slugs = [ResourceGroup.objects.create(name=f"group {number}").slug for number in range(20)]
    client, taken = client_of(token_of(editor)), []
    for named in (slugs[:2], slugs):
        with CaptureQueriesContext(connection) as captured:
            assert make(client, groups=named).json()["groups"] == sorted(named)
        taken.append(len(captured))
    assert taken[0] == taken[1]


def test_scope_beyond_the_owners_roles_is_refused(db: None) -> None:
    viewer = User.objects.create(username="viewer")
    grant(viewer)
    client = client_of(token_of(viewer))
    assert make(client, scopes=["write"]).json()["code"] == "missing_scope"
    assert make(client, scopes=["read", "metrics"]).status_code == 201


def test_what_was_made_with_a_token_ends_with_it(editor: User) -> None:
    parent = token_of(editor)
    first = make(client_of(parent), scopes=["read", "write"]).json()
    second = make(client_of(first["token"])).json()
    access_tokens.revoke([AccessToken.objects.get(made_with=None).pk], now=datetime.now(UTC))
    assert [reads(text) for text in (parent, first["token"], second["token"])] == [401, 401, 401]


def test_what_was_made_with_a_token_is_in_force_only_while_that_one_is(editor: User) -> None:
    """Who has seen the first may hold the others, which say of themselves that their owner made them."""
    chief, now = User.objects.create(username="chief", is_superuser=True), datetime.now(UTC)
    first = access_tokens.issue(AccessToken(owner=editor, name="first", scopes=list(Scope)), by=chief, now=now)
    second = make(client_of(first.text), scopes=["read", "write"]).json()
    third = make(client_of(second["token"])).json()
    texts = (first.text, second["token"], third["token"])
    chiefs, firsts = User.objects.filter(pk=chief.pk), AccessToken.objects.filter(pk=first.token.pk)
    changes: tuple[tuple[Any, dict[str, Any], dict[str, Any]], ...] = (
        (chiefs, {"is_active": False}, {"is_active": True}),
        (firsts, {"expires_at": now}, {"expires_at": None}),
        # As one is that was revoked while another request just made the next with it.
        (firsts, {"revoked_at": now}, {"revoked_at": None}),
    )
    for rows, change, undo in changes:
        rows.update(**change)
        assert [reads(text) for text in texts] == [401, 401, 401], change
        rows.update(**undo)
        assert [reads(text) for text in texts] == [200, 200, 200], undo


def test_others_tokens_are_not_there_and_made_by_admins_alone(editor: User) -> None:
    admin = User.objects.create(username="admin", is_superuser=True)
    token_of(admin)
    theirs = AccessToken.objects.get(owner=admin)
    client = client_of(token_of(editor))
    assert [row["owner"] for row in client.get(ADDRESS).json()["results"]] == ["editor"]
    assert client.get(f"{ADDRESS}/{theirs.pk}").status_code == 404
    assert client.delete(f"{ADDRESS}/{theirs.pk}").status_code == 404
    # Whether there is such a user is not told.
    answers = [make(client, owner=name) for name in ("admin", "nobody")]
    assert [answer.json()["code"] for answer in answers] == ["missing_role", "missing_role"]
    chief = client_of(token_of(admin))
    assert {row["owner"] for row in chief.get(ADDRESS).json()["results"]} == {"editor", "admin"}
    assert make(chief, owner="editor").json()["owner"] == "editor"
    # Without the scope `admin`, the token of an admin is like any other's.
    assert make(client_of(token_of(admin, Scope.WRITE)), owner="editor").status_code == 403


def test_tokens_of_a_superuser_are_made_by_superusers(editor: User) -> None:
    root = User.objects.create(username="root", is_superuser=True)
    chief = User.objects.create(username="chief")
    grant(chief, Role.ADMIN)
    client = client_of(token_of(chief))
    refused = make(client, owner="root")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_role")
    assert make(client, owner="editor").status_code == 201
    assert not AccessToken.objects.filter(owner=root).exists()
    assert make(client_of(token_of(root)), owner="root").status_code == 201


def test_token_revokes_itself_and_lesser_ones(editor: User) -> None:
    greater, lesser = token_of(editor), token_of(editor, Scope.WRITE)
    ids = {token.prefix: token.pk for token in AccessToken.objects.all()}
    great, less = (ids[text.split("_")[1]] for text in (greater, lesser))
    assert client_of(lesser).delete(f"{ADDRESS}/{great}").status_code == 403
    assert client_of(greater).delete(f"{ADDRESS}/{less}").status_code == 204
    assert reads(lesser) == 401
    assert client_of(greater).delete(f"{ADDRESS}/{great}").status_code == 204
    assert reads(greater) == 401


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["all"]}, "scopes[0]"),
        ({"name": ""}, "name"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"groups": ["nowhere"]}, "groups[0]"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_input_names_the_field_and_stores_nothing(editor: User, values: dict[str, Any], field: str) -> None:
    client = client_of(token_of(editor))
    response = make(client, **values)
    assert (response.status_code, [error["field"] for error in response.json()["errors"]]) == (400, [field])
    assert AccessToken.objects.count() == 1


def test_last_use_is_noted_once_a_minute_in_one_more_statement(editor: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert reads(text) == 200
        return len(captured)

    text = token_of(editor)
    AccessToken.objects.update(last_used_at=None)
    assert queries() == 3
    assert queries() == 2
    noted = AccessToken.objects.get().last_used_at
    assert noted is not None
    AccessToken.objects.update(last_used_at=noted - timedelta(seconds=61))
    assert queries() == 3


def test_list_takes_the_same_queries_for_many_as_for_few(editor: User) -> None:
    group = ResourceGroup.objects.create(name="ours")
    client = client_of(token_of(editor))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(ADDRESS).status_code == 200
        return len(captured)

    few = queries()
    for _ in range(5):
        token_of(editor, groups=[group])
    assert queries() == few == 4
