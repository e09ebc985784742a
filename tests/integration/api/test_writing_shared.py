"""Schedules, policies, credentials, channels, rules and the terms of all, made and changed by programs."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from probes.actions.secrets import open_channel_secret, open_secret
from probes.models import (
    Channel,
    Credential,
    Policy,
    Registry,
    Resource,
    ResourceGroup,
    RoleGrant,
    Rule,
    Schedule,
)
from tests.fakes.control_plane import ControlPlane
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

V1 = "/api/v1"
SCHEDULE: dict[str, Any] = {"name": "Nightly", "crontab": "0 3 * * *", "zone": "Europe/Berlin"}
POLICY: dict[str, Any] = {"name": "Strict", "notes": "of the shop", "terms": {"failures": 1, "severity": "critical"}}
CREDENTIAL: dict[str, Any] = {
    "registry": "ghcr.io",
    "repository_prefix": "org",
    "label": "robot",
    "kind": "password",
    "username": "robot",
    "secret": {"password": "a-pass-phrase"},
}
CHANNEL: dict[str, Any] = {
    "name": "Pager",
    "kind": "webhook",
    "url": "https://hooks.example/T0/hush-hush",
    "signing_key": "0123456789abcdef-key",
    "allowed_cidrs": ["10.20.0.0/16"],
    "reminder_minutes": 60,
}
RULE: dict[str, Any] = {
    "channel": "pager",
    "topics": ["incident_opened", "incident_resolved"],
    "severity": "warning",
    "groups": ["shop"],
    "registries": ["ghcr.io"],
    "labels": {"team": "shop"},
}
NOUNS: dict[str, dict[str, Any]] = {
    "schedules": SCHEDULE,
    "policies": POLICY,
    "credentials": CREDENTIAL,
    "channels": CHANNEL,
    "rules": RULE,
}
HIDDEN = ("secret", "url", "signing_key", "terms")


@pytest.fixture(autouse=True)
def surroundings(db: None) -> None:
    Registry.objects.create(host="ghcr.io")
    ResourceGroup.objects.create(name="Shop")


def send(client: APIClient, noun: str, **values: Any) -> Any:
    if noun == "rules" and not Channel.objects.exists():
        client.post(f"{V1}/channels", CHANNEL, format="json")
    return client.post(f"{V1}/{noun}", {**NOUNS[noun], **values}, format="json")


@pytest.mark.parametrize("noun", NOUNS)
def test_row_is_made_shown_replaced_and_deleted(editor: APIClient, noun: str) -> None:
    made = send(editor, noun)
    assert made.status_code == 201, made.content
    shown, sent = made.json(), {name: value for name, value in NOUNS[noun].items() if name not in HIDDEN}
    assert {name: shown[name] for name in sent} == sent
    address = made["Location"]
    assert editor.get(address).json() == shown
    assert editor.get(f"{V1}/{noun}").json()["results"] == [shown]
    again = editor.put(address, NOUNS[noun], format="json", headers={"If-Match": made["ETag"]})
    assert again.status_code == 200, again.content
    assert {name: again.json()[name] for name in sent} == sent
    renamed = editor.patch(address, {"slug": "other"}, format="json")
    assert renamed.json() == {**again.json(), "slug": "other"}
    assert editor.delete(address).status_code == 204
    assert editor.get(address).status_code == 404


@pytest.mark.parametrize(
    ("noun", "values", "fields"),
    [
        ("schedules", {"name": ""}, ["name"]),
        ("schedules", {"crontab": "* * * *"}, ["crontab"]),
        ("schedules", {"crontab": "61 * * * *"}, ["crontab"]),
        ("schedules", {"crontab": "0 0 30 2 *"}, ["crontab"]),
        ("schedules", {"crontab": "0 " * 400}, ["crontab"]),
        ("schedules", {"crontab": ["0 3 * * *"]}, ["crontab"]),
        ("schedules", {"interval_seconds": 300}, ["crontab"]),
        ("schedules", {"crontab": "", "interval_seconds": None}, ["interval_seconds"]),
        ("schedules", {"crontab": "", "interval_seconds": 0}, ["interval_seconds"]),
        ("schedules", {"crontab": "", "interval_seconds": 10**9}, ["interval_seconds"]),
        ("schedules", {"zone": "Mars/Olympus"}, ["zone"]),
        ("schedules", {"zone": "../etc/passwd"}, ["zone"]),
        ("schedules", {"every": 5}, ["every"]),
        ("policies", {"name": "x" * 101}, ["name"]),
        ("policies", {"terms": {"failures": 0}}, ["terms.failures"]),
        ("policies", {"terms": {"quorum": {"votes": 1, "percent": 5}}}, ["terms.quorum.percent"]),
        ("policies", {"terms": {"severity": "dire"}}, ["terms.severity"]),
        ("policies", {"resources": 3}, ["resources"]),
        ("credentials", {"registry": "nowhere.example"}, ["registry"]),
        ("credentials", {"registry": None}, ["registry"]),
        ("credentials", {"repository_prefix": "org/"}, ["repository_prefix"]),
        ("credentials", {"region": "mars"}, ["region"]),
        ("credentials", {"kind": "magic"}, ["kind"]),
        ("credentials", {"username": "a:b"}, ["username"]),
        ("credentials", {"username": ""}, ["username"]),
        ("credentials", {"secret": {}}, ["secret.password"]),
        ("credentials", {"secret": {"password": ""}}, ["secret.password"]),
        ("credentials", {"secret": {"password": "x" * 20_000}}, ["secret.password"]),
        ("credentials", {"secret": {"password": "x", "token": "y"}}, ["secret.token"]),
        ("credentials", {"secret": {"password": "x", "bearer": "y"}}, ["secret.bearer"]),
        ("credentials", {"secret": "a-pass-phrase"}, ["secret"]),
        ("credentials", {"kind": "bearer", "username": "", "secret": {"bearer": "a b"}}, ["secret.bearer"]),
        ("credentials", {"kind": "bearer", "secret": {"bearer": "ab"}}, ["username"]),
        (
            "credentials",
            {"kind": "ecr", "username": "", "secret": {"access_key_id": "nope"}},
            ["secret.access_key_id"],
        ),
        (
            "credentials",
            {"kind": "google", "username": "", "secret": {"service_account_key": "{}"}},
            ["secret.service_account_key"],
        ),
        ("credentials", {"expires_at": "2026-01-01"}, ["expires_at"]),
        ("credentials", {"has_secret": True}, ["has_secret"]),
        ("channels", {"url": "http://user:pass@hooks.example/"}, ["url"]),
        ("channels", {"url": "nowhere"}, ["url"]),
        ("channels", {"url": ""}, ["url"]),
        ("channels", {"kind": "pigeon"}, ["kind"]),
        ("channels", {"kind": "apprise", "url": "slack://hush-hush"}, ["kind"]),
        ("channels", {"kind": "email", "url": "smtp://mail.example"}, ["recipients", "sender"]),
        ("channels", {"recipients": ["nobody"]}, ["recipients[0]"]),
        ("channels", {"allowed_cidrs": ["169.254.169.254/32"]}, ["allowed_cidrs"]),
        ("channels", {"allowed_cidrs": ["all"]}, ["allowed_cidrs"]),
        ("channels", {"ca_pem": "no certificate"}, ["ca_pem"]),
        ("channels", {"reminder_minutes": 1}, ["reminder_minutes"]),
        ("channels", {"signing_key": "short"}, ["signing_key"]),
        ("channels", {"address": "https://hooks.example"}, ["address"]),
        ("rules", {"channel": "nobody"}, ["channel"]),
        ("rules", {"topics": ["test"]}, ["topics[0]"]),
        ("rules", {"topics": "incident_opened"}, ["topics"]),
        ("rules", {"severity": "dire"}, ["severity"]),
        ("rules", {"groups": ["shop", "none"]}, ["groups[1]"]),
        ("rules", {"registries": ["none"]}, ["registries[0]"]),
        ("rules", {"labels": {"team": 1}}, ["labels.team"]),
        *((noun, {"slug": "Not A Slug"}, ["slug"]) for noun in NOUNS),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_nothing_is_stored(
    editor: APIClient, noun: str, values: dict[str, Any], fields: list[str]
) -> None:
    response = send(editor, noun, **values)
    assert response.status_code == 400, response.content
    assert sorted(set(wrong(response))) == fields
    for secret in (b"a-pass-phrase", b"hush", b"0123456789"):
        assert secret not in response.content
    stored = {
        "schedules": Schedule,
        "policies": Policy,
        "credentials": Credential,
        "channels": Channel,
        "rules": Rule,
    }
    rows: Any = stored[noun]
    assert not rows.objects.exists()


@pytest.mark.parametrize("noun", NOUNS)
def test_name_that_is_taken_is_told_by_its_field(editor: APIClient, noun: str) -> None:
    taken = send(editor, noun).json()["slug"]
    values: dict[str, Any] = {"name": "Other", "repository_prefix": "other"}
    other = {name: value for name, value in values.items() if name in NOUNS[noun]}
    assert wrong(send(editor, noun, slug=taken, **other)) == ["slug"]


def test_secret_of_a_credential_is_stored_and_never_shown(editor: APIClient) -> None:
    made = send(editor, "credentials")
    shown, address = made.json(), made["Location"]
    assert (shown["has_secret"], "secret" in shown, "password" in str(shown["kind"])) == (True, False, True)
    assert shown["rotated_at"] is not None
    credential = Credential.objects.get()
    assert open_secret(credential).password == "a-pass-phrase"
    kept = editor.put(address, {name: value for name, value in CREDENTIAL.items() if name != "secret"}, format="json")
    assert kept.json()["rotated_at"] == shown["rotated_at"]
    rotated = editor.patch(address, {"secret": {"password": "another"}}, format="json")
    assert rotated["ETag"] != kept["ETag"]
    credential.refresh_from_db()
    assert open_secret(credential).password == "another"
    for answer in (made, kept, rotated, editor.get(address), editor.get(f"{V1}/credentials")):
        for secret in ("a-pass-phrase", "another", bytes(credential.secret_encrypted).decode()):
            assert secret not in answer.content.decode()


def test_credential_changes_its_kind_with_its_secret_alone_and_never_its_registry(editor: APIClient) -> None:
    address = send(editor, "credentials")["Location"]
    assert wrong(editor.patch(address, {"kind": "bearer", "username": ""}, format="json")) == ["secret.bearer"]
    sent = {"kind": "bearer", "username": "", "secret": {"bearer": "tok-en"}}
    assert editor.patch(address, sent, format="json").json()["kind"] == "bearer"
    Registry.objects.create(host="quay.io")
    assert wrong(editor.patch(address, {"registry": "quay.io"}, format="json")) == ["registry"]


def test_second_credential_of_a_place_is_refused(editor: APIClient) -> None:
    send(editor, "credentials")
    assert send(editor, "credentials", label="second").status_code == 400
    assert Credential.objects.count() == 1


def test_url_and_key_of_a_channel_are_stored_and_never_shown(editor: APIClient) -> None:
    made = send(editor, "channels")
    address = made["Location"]
    assert made.json()["address"] == "https://hooks.example:443"
    kept = editor.patch(address, {"name": "Pagers"}, format="json")
    channel = Channel.objects.get()
    assert open_channel_secret(channel) == (CHANNEL["url"], CHANNEL["signing_key"])
    moved = editor.patch(address, {"url": "https://hooks.example/T0/elsewhere"}, format="json")
    channel.refresh_from_db()
    assert open_channel_secret(channel) == ("https://hooks.example/T0/elsewhere", CHANNEL["signing_key"])
    # Nothing that is shown has changed, and still who holds the tag from before is told.
    assert moved.json() == kept.json()
    late = editor.patch(address, {"name": "late"}, format="json", headers={"If-Match": kept["ETag"]})
    assert late.status_code == 412
    for answer in (made, kept, moved, editor.get(address), editor.get(f"{V1}/channels")):
        assert not any(secret in answer.content for secret in (b"T0", b"hush", b"0123456789"))


def test_webhook_is_signed_and_a_channel_keeps_its_kind(editor: APIClient) -> None:
    unsigned = {name: value for name, value in CHANNEL.items() if name != "signing_key"}
    assert wrong(editor.post(f"{V1}/channels", unsigned, format="json")) == ["signing_key"]
    address = send(editor, "channels")["Location"]
    assert wrong(editor.patch(address, {"kind": "alertmanager", "reminder_minutes": None}, format="json")) == ["kind"]


def test_superuser_may_set_an_apprise_url(editor: APIClient, reader: User) -> None:
    User.objects.filter(pk=reader.pk).update(is_superuser=True)
    made = send(editor, "channels", kind="apprise", url="slack://hush-hush/b/c", reminder_minutes=None)
    assert (made.status_code, made.json()["address"]) == (201, "slack://…")


def test_channel_is_tried(editor: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.views.channels.deliver_on_commit", lambda: None)
    address = send(editor, "channels")["Location"]
    answer = editor.post(f"{address}/test")
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    notice = Channel.objects.get().notices.get()
    assert (notice.topic, answer.json()["notice"]) == ("test", notice.pk)


def test_what_is_in_use_is_not_deleted(editor: APIClient, plane: ControlPlane) -> None:
    addresses = [send(editor, noun)["Location"] for noun in ("schedules", "policies", "credentials")]
    image = plane.image(
        "ghcr.io/org/app:1",
        schedule=Schedule.objects.get(),
        policy=Policy.objects.get(),
        credential=Credential.objects.get(),
    )
    assert [editor.delete(address).json()["code"] for address in addresses] == ["in_use"] * 3
    assert editor.get(addresses[0]).json()["resources"] == editor.get(addresses[1]).json()["resources"] == 1
    Resource.objects.filter(pk=image.pk).delete()
    assert [editor.delete(address).status_code for address in addresses] == [204] * 3


def test_schedule_that_changes_moves_what_takes_it(editor: APIClient, plane: ControlPlane) -> None:
    address = send(editor, "schedules")["Location"]
    image = plane.image(schedule=Schedule.objects.get())
    editor.patch(address, {"crontab": "", "interval_seconds": 7200}, format="json")
    image.refresh_from_db()
    assert image.every_seconds == 7200


def test_group_takes_a_policy(editor: APIClient) -> None:
    send(editor, "policies")
    group = ResourceGroup.objects.get()
    changed = editor.patch(f"{V1}/groups/{group.pk}", {"policy": "strict"}, format="json")
    assert changed.json()["policy"] == "strict"
    assert editor.get(f"{V1}/policies").json()["results"][0]["groups"] == 1


def test_terms_of_all_are_shown_and_changed(editor: APIClient) -> None:
    before = editor.get(f"{V1}/terms")
    assert set(before.json().values()) == {None}
    changed = editor.patch(f"{V1}/terms", {"failures": 3, "quorum": {"votes": 2}}, format="json")
    assert (changed.status_code, changed.json()["quorum"]) == (200, {"votes": 2, "percent": None})
    late = editor.patch(f"{V1}/terms", {"failures": 4}, format="json", headers={"If-Match": before["ETag"]})
    assert late.status_code == 412
    assert editor.put(f"{V1}/terms", {"recoveries": 2}, format="json").json()["failures"] is None
    assert wrong(editor.patch(f"{V1}/terms", {"x": 1}, format="json")) == ["x"]


@pytest.mark.parametrize(
    ("noun", "query", "count"),
    [
        ("schedules", "search=night", 1),
        ("schedules", "search=day", 0),
        ("policies", "search=STR&ordering=name", 1),
        ("credentials", "registry=ghcr.io&kind=password&search=robot", 1),
        ("credentials", "kind=bearer", 0),
        ("channels", "kind=webhook&is_enabled=true", 1),
        ("channels", "is_enabled=false", 0),
        ("rules", "channel=pager", 1),
    ],
)
def test_filters_narrow_the_lists(editor: APIClient, noun: str, query: str, count: int) -> None:
    send(editor, noun)
    assert len(editor.get(f"{V1}/{noun}?{query}").json()["results"]) == count


@pytest.mark.parametrize(
    ("noun", "many"), [("schedules", 2), ("policies", 2), ("credentials", 2), ("channels", 2), ("rules", 4)]
)
def test_lists_take_the_same_queries_for_many_as_for_few(editor: APIClient, noun: str, many: int) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert editor.get(f"{V1}/{noun}").status_code == 200
        return len(captured)

    send(editor, noun)
    few = queries()
    for number in range(5):
        named = {"name": f"n{number}", "repository_prefix": f"p{number}"}
        send(editor, noun, **{name: value for name, value in named.items() if name in NOUNS[noun]})
    assert queries() == few == many


def test_who_is_limited_to_groups_counts_what_is_theirs(client: APIClient, reader: User, plane: ControlPlane) -> None:
    policy, schedule = (
        Policy.objects.create(name="Strict"),
        Schedule.objects.create(name="Often", interval_seconds=60),
    )
    ours, theirs = (ResourceGroup.objects.create(name=name, policy=policy) for name in ("Ours", "Theirs"))
    for number, group in enumerate((ours, theirs, None)):
        plane.image(f"ghcr.io/org/app:{number}", group=group, policy=policy, schedule=schedule)
    assert [row["resources"] for row in client.get("/api/v1/schedules").json()["results"]] == [3]
    RoleGrant.objects.filter(user=reader).update(group=ours)
    assert [row["resources"] for row in client.get("/api/v1/schedules").json()["results"]] == [1]
    (shown,) = client.get("/api/v1/policies").json()["results"]
    assert (shown["resources"], shown["groups"]) == (1, 1)
