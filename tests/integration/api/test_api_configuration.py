"""Documents over the API: applied as by the command, exported without secrets, refused with all that is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from probes.actions import applying, channels, prompt_applying
from probes.models import (
    AuditEntry,
    Channel,
    Credential,
    Endpoint,
    Policy,
    Registry,
    Resource,
    ResourceGroup,
    Source,
)
from probes.policy.access import Role, Scope
from probes.policy.delivery import ChannelKind
from tests.fakes.access import grant, token_of
from tests.integration.api.asking import wrong
from tests.integration.api.documents import APPLY, EXPORT, YAML, exported, group, text
from tests.integration.declared.test_applying import ALL

pytestmark = pytest.mark.django_db

GROUP: Final = "apiVersion: kairos/v1\nkind: Group\nmetadata: {name: shop}\nspec: {name: The shop}\n"


def test_text_is_applied_as_by_the_command_and_told_in_the_audit_log(editor: APIClient) -> None:
    answer = text(editor, ALL, "note=3f2c1a9")

    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["source"] == told["source_created"] == "shop-git"
    assert told["counts"] == {"create": 6, "update": 0, "restore": 0, "stale": 0, "retire": 0, "delete": 0}
    assert told["summary"] == "Done: 6 created, one source made, 0 unchanged."
    assert told["text"].splitlines()[0] == "+ Source/shop-git"
    assert "s3cret" not in answer.content.decode()
    assert Endpoint.objects.get().headers == {"X-Probe": "s3cret"}
    entry = AuditEntry.objects.get(object_name="shop", action="create", model="probes.resourcegroup")
    assert (entry.via, entry.actor, entry.token_name) == ("apply", "reader", "of a test")
    assert entry.path == f"POST {APPLY} source shop-git 3f2c1a9"


def test_same_again_does_nothing(editor: APIClient) -> None:
    text(editor, ALL)
    before = list(Resource.objects.values_list("pk", "updated_at"))

    told = text(editor, ALL).json()

    assert told["changes"] == []
    assert told["unchanged"] == 6
    assert list(Resource.objects.values_list("pk", "updated_at")) == before


def test_dry_run_tells_the_same_and_does_nothing(editor: APIClient) -> None:
    ResourceGroup.objects.create(slug="shop", name="Shop")
    body = {"documents": [group(name="The shop", terms={"failures": 2})], "adopt": True, "source": "git"}

    told = editor.post(APPLY, {**body, "dry_run": True}, format="json").json()

    assert ResourceGroup.objects.get().name == "Shop"
    assert not Source.objects.exists()
    assert told["dry_run"] is True
    assert told["changes"] == [
        {
            "action": "update",
            "kind": "Group",
            "name": "shop",
            "adopted_from": "",
            "differences": [
                {"field": "name", "before": '"Shop"', "after": '"The shop"'},
                {"field": "terms.failures", "before": "null", "after": "2"},
            ],
        }
    ]
    done = editor.post(APPLY, body, format="json").json()
    assert done["dry_run"] is False
    assert done["fingerprint"] == told["fingerprint"]
    assert ResourceGroup.objects.get().name == "The shop"


def test_only_what_was_shown_is_done(editor: APIClient) -> None:
    shown = text(editor, GROUP, "dry_run=true").json()["fingerprint"]
    there = ResourceGroup.objects.create(slug="shop", name="Another")

    answer = text(editor, GROUP, f"adopt=true&fingerprint={shown}")
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert ResourceGroup.objects.get().name == "Another"

    there.delete()
    assert text(editor, GROUP, f"fingerprint={shown}").status_code == 200
    assert ResourceGroup.objects.get().name == "The shop"


def test_all_faults_are_told_with_line_and_thing_and_nothing_is_stored(editor: APIClient) -> None:
    image = "---\napiVersion: kairos/v1\nkind: Image\nmetadata: {name: web}\nspec:\n  reference: a b\n  depht: x\n"

    answer = text(editor, GROUP + image + image)

    assert answer.status_code == 422
    problem = answer.json()
    assert (problem["code"], problem["count"]) == ("documents_refused", 2)
    assert problem["detail"].startswith("line 11: Image/web: depht: There is no such field.")
    assert problem["detail"].endswith("And 1 more.")
    first = problem["errors"][0]
    assert (first["field"], first["kind"], first["name"], first["line"]) == ("depht", "Image", "web", 11)
    assert first["document"] is None
    assert not ResourceGroup.objects.exists()


def test_fault_of_json_names_the_document_by_its_number(editor: APIClient) -> None:
    documents = [group(), group("other", terms={"failures": 0})]

    problem = editor.post(APPLY, {"documents": documents}, format="json").json()

    (error,) = problem["errors"]
    assert (error["document"], error["line"], error["field"]) == (1, None, "terms.failures")
    assert problem["detail"].startswith("documents[1]: Group/other: terms.failures: ")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("prune=true", "prune"),
        ("source=Shop!", "source"),
    ],
)
def test_fault_of_what_is_wanted_names_the_parameter(editor: APIClient, query: str, field: str) -> None:
    answer = text(editor, GROUP, query)

    assert answer.status_code == 422
    assert field in wrong(answer)


@pytest.mark.parametrize(
    ("query", "body", "named"),
    [
        ("dryrun=true", {"documents": [group()]}, ["dryrun"]),
        ("dry_run=perhaps", {"documents": [group()]}, ["dry_run"]),
        ("source=", {"documents": [group()]}, ["source"]),
        ("", {"documents": []}, ["documents"]),
        ("", {"documents": [1]}, ["documents[0]"]),
        ("", {}, ["documents"]),
        ("", {"documents": [group()], "dry_run": "yes"}, ["dry_run"]),
        ("", {"documents": [group()], "dryRun": True}, ["dryRun"]),
        ("", {"documents": [group()], "note": "x" * 201}, ["note"]),
        ("adopt=true&note=a", {"documents": [group()], "adopt": True, "note": "b"}, ["adopt", "note"]),
    ],
)
def test_request_that_is_wrong_is_refused_by_field(
    editor: APIClient, query: str, body: dict[str, Any], named: list[str]
) -> None:
    answer = editor.post(f"{APPLY}?{query}", body, format="json")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert wrong(answer) == named
    assert not ResourceGroup.objects.exists()


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"", YAML, 400, "invalid"),
        (b" \n", YAML, 400, "malformed_body"),
        (b"name: \xff", YAML, 400, "malformed_body"),
        (b"a: [", YAML, 422, "documents_refused"),
        (b"a: \x00", YAML, 422, "documents_refused"),
        (b"&a [*a]", YAML, 422, "documents_refused"),
        (b"a: " + b"[" * 500, YAML, 422, "documents_refused"),
        (b"- 1", YAML, 422, "documents_refused"),
        (b"null", YAML, 422, "documents_refused"),
        (b"# nothing yet\n---\n", YAML, 422, "documents_refused"),
        (b"[1]", "application/json", 400, "malformed_body"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
    ],
)
def test_body_that_cannot_be_read_is_refused(
    editor: APIClient, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = editor.generic("POST", APPLY, body, content_type=content_type)  # type: ignore[arg-type]  # bytes as they are

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("content_type", [YAML, "application/json"])
def test_body_is_bounded(editor: APIClient, monkeypatch: pytest.MonkeyPatch, content_type: str) -> None:
    monkeypatch.setattr(prompt_applying, "MOST_BYTES", 100)

    answer = editor.generic("POST", APPLY, b"#" * 101, content_type=content_type)  # type: ignore[arg-type]  # likewise

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_more_than_other_bodies_is_taken(editor: APIClient) -> None:
    assert text(editor, GROUP + "#" * 1_100_000 + "\n").status_code == 200


def test_what_takes_too_long_is_not_done(editor: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompt_applying, "MOST_SECONDS", 0)
    monkeypatch.setattr(prompt_applying, "_BOUND", "SELECT %s")

    answer = text(editor, GROUP)

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert not ResourceGroup.objects.exists()


def test_long_plan_is_cut_and_counted(editor: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.serializers.applying.MOST_TOLD", 2)

    told = editor.post(APPLY, {"documents": [group(name) for name in "abc"]}, format="json").json()

    assert [change["name"] for change in told["changes"]] == ["a", "b"]
    assert (told["changes_left_out"], told["counts"]["create"]) == (1, 3)
    assert "… and 1 more" in told["text"]


def test_dry_run_takes_the_scope_read_and_nothing_else_does(editor: APIClient, reader: User) -> None:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(reader, Scope.READ)}")
    body = {"documents": [group()]}

    assert client.post(f"{APPLY}?dry_run=true", body, format="json").status_code == 200
    assert text(client, GROUP, "dry_run=true").status_code == 200
    in_body = client.post(APPLY, {**body, "dry_run": True}, format="json")
    for answer in (
        text(client, GROUP),
        text(client, GROUP, "dry_run=false"),
        in_body,
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    both = client.post(f"{APPLY}?dry_run=true", {**body, "dry_run": False}, format="json")
    assert wrong(both) == ["dry_run"]
    assert not ResourceGroup.objects.exists()


def test_no_dry_run_confirms_a_guess(editor: APIClient, reader: User) -> None:
    text(editor, ALL)
    for client in (editor, APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(reader, Scope.READ)}")):
        told = [text(client, ALL.replace("s3cret", guess), "dry_run=true").json() for guess in ("s3cret", "guess")]
        assert told[0] == told[1]
        (change,) = told[0]["changes"]
        assert [item["field"] for item in change["differences"]] == ["reference", "endpoint.headers"]


@pytest.mark.parametrize("guess", ["s3cret", "guess"])
def test_nothing_hangs_on_a_guess_but_what_is_stored(editor: APIClient, guess: str) -> None:
    """Who manages it, and what was shown: each refuses a right guess like a wrong one."""
    text(editor, ALL)
    before = Resource.objects.get(slug="api").updated_at
    tried = ALL.replace("s3cret", guess)

    assert text(editor, tried.replace("shop-git", "another")).status_code == 422
    withheld = exported(editor, "source=shop-git")
    nothing = text(editor, withheld, "source=shop-git&dry_run=true").json()["fingerprint"]
    assert text(editor, tried, f"fingerprint={nothing}").status_code == 412
    assert Endpoint.objects.get().headers == {"X-Probe": "s3cret"}
    shown = text(editor, ALL, "dry_run=true").json()["fingerprint"]
    done = text(editor, tried, f"fingerprint={shown}").json()
    assert done["fingerprint"] == shown
    assert bool(done["changes"]) is (guess != "s3cret")
    assert (Resource.objects.get(slug="api").updated_at == before) is (guess == "s3cret")


def test_neither_roles_over_a_group_nor_limited_tokens_apply_or_export(django_user_model: Any) -> None:
    ours = ResourceGroup.objects.create(name="ours")
    user, limited = (django_user_model.objects.create(username=name) for name in ("one", "limited"))
    grant(user, Role.ADMIN, ours)
    grant(limited, Role.ADMIN)
    for token in (token_of(user), token_of(limited, groups=[ours])):
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")
        for answer in (text(client, GROUP, "dry_run=true"), client.get(EXPORT)):
            assert (answer.status_code, answer.json()["code"]) == (403, "missing_role")


def test_apply_takes_as_many_queries_for_more_images(
    editor: APIClient, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    images = [
        {**group(f"web-{number}"), "kind": "Image", "spec": {"reference": f"ghcr.io/shop/web:{number}"}}
        for number in range(60)
    ]
    with CaptureQueriesContext(connection) as captured:
        assert editor.post(APPLY, {"documents": images[:2]}, format="json").status_code == 200
    with django_assert_max_num_queries(len(captured)):
        assert editor.post(APPLY, {"documents": images[2:]}, format="json").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_whoever_comes_while_another_applies_is_told_to_ask_again(editor: APIClient) -> None:
    is_held, is_over = Event(), Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(applying._LOCK)  # noqa: SLF001 - as an apply that has not ended
            is_held.set()
            is_over.wait(20)
        connection.close()

    other = Thread(target=hold)
    other.start()
    try:
        assert is_held.wait(20)
        answer = text(editor, GROUP)
        assert (answer.status_code, answer.json()["code"]) == (409, "in_progress")
        assert answer["Retry-After"] == str(prompt_applying.RETRY_SECONDS)
        assert text(editor, GROUP, "dry_run=true").status_code == 200
        assert not ResourceGroup.objects.exists()
    finally:
        is_over.set()
        other.join()
    assert text(editor, GROUP).status_code == 200


def test_pruning_over_the_api_keeps_its_guards(editor: APIClient) -> None:
    names = [f"p{number}" for number in range(12)]
    policy = {"apiVersion": "kairos/v1", "kind": "Policy", "spec": {}}
    documents = [{**policy, "metadata": {"name": name}} for name in names]
    body = {"documents": documents, "source": "git"}
    assert editor.post(APPLY, body, format="json").status_code == 200

    fewer = {**body, "documents": documents[:1], "prune": True}
    refused = editor.post(APPLY, fewer, format="json")
    assert "more than half" in refused.json()["detail"]
    assert Policy.objects.count() == 12
    done = editor.post(APPLY, {**fewer, "yes": True}, format="json").json()
    assert done["counts"]["delete"] == 11
    assert [policy.slug for policy in Policy.objects.all()] == ["p0"]


def test_what_takes_a_superuser_elsewhere_takes_one_here(editor: APIClient, reader: User) -> None:
    channel = Channel(slug="pager", name="Pager", kind=ChannelKind.APPRISE, is_enabled=False)
    channels.save(channel, url="json://hooks.example/T0")
    document = {
        "apiVersion": "kairos/v1",
        "kind": "Channel",
        "metadata": {"name": "pager"},
        "spec": {"name": "Pager", "kind": "apprise", "is_enabled": True},
    }
    for is_dry_run in (True, False):
        refused = editor.post(APPLY, {"documents": [document], "dry_run": is_dry_run}, format="json")
        assert (refused.status_code, wrong(refused)) == (422, ["kind"])
    assert not Channel.objects.get().is_enabled
    User.objects.filter(pk=reader.pk).update(is_superuser=True)
    assert editor.post(APPLY, {"documents": [document]}, format="json").status_code == 200
    assert Channel.objects.get().is_enabled


def test_secrets_by_reference_are_not_looked_up_for_somebody_elsewhere(
    editor: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUSH", "hush")
    Registry.objects.create(host="ghcr.io")
    for origin in ({"env": "HUSH"}, {"file": "/etc/hostname"}):
        spec = {"registry": "ghcr.io", "username": "robot", "secretFrom": origin}
        document = {"apiVersion": "kairos/v1", "kind": "Credential", "metadata": {"name": "robot"}, "spec": spec}
        refused = editor.post(APPLY, {"documents": [document]}, format="json")
        assert (refused.status_code, wrong(refused)[0]) == (422, "secretFrom")
    assert not Credential.objects.exists()


def test_schema_of_documents_is_the_committed_one_for_everybody() -> None:
    answer = APIClient().get("/api/v1/configuration/schema")

    assert (answer.status_code, answer["Content-Type"]) == (200, "application/schema+json")
    committed = Path(__file__).parents[3] / "docs/reference/configuration.schema.json"
    assert answer.content.decode() == committed.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("noun", "accept"),
    [("schema", "application/schema+json"), ("export", YAML), ("export", "application/json"), ("apply", "*/*")],
)
def test_options_of_a_route_are_told_in_what_it_speaks(editor: APIClient, noun: str, accept: str) -> None:
    answer = editor.options(f"/api/v1/configuration/{noun}", headers={"Accept": accept})

    assert answer.status_code == 200, answer.content
    assert json.loads(answer.content)["parses"]
