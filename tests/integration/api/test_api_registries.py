"""Registries over the API: how they are reached, and as whom they are shown to themselves."""

import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from probes.actions import secrets
from probes.models import Channel, Credential, QuotaAccount, Registry, ResourceGroup, RoleGrant, Rule, Source
from probes.policy.delivery import ChannelKind
from tests.fakes.client_certificates import Pasted
from tests.fakes.control_plane import ControlPlane
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/registries"
GOOD = Pasted()
OTHER = Pasted("other")
OURS = {
    "host": "registry.example.com:5000",
    "name": "Ours",
    "notes": "In the cellar.",
    "api_host": "mirror.internal",
    "plain_http": True,
    "resolve": {"mirror.internal": ["10.20.0.5", "fd00::5"]},
    "allow_cidrs": ["10.20.0.0/16"],
    "allow_hosts": ["blobs.internal:9000"],
    "ca_pem": Pasted().certificate.strip(),
    "trusted_auth_hosts": ["auth.example.org"],
    "quota_share_percent": 30,
    "quota_limit": 5000,
    "quota_window_seconds": 3600,
    "quota_counts": "requests",
}
BY_DEFAULT = {
    "host": "registry.example.com:5000",
    "name": "",
    "notes": "",
    "api_host": "",
    "plain_http": False,
    "resolve": {},
    "allow_cidrs": [],
    "allow_hosts": [],
    "ca_pem": "",
    "trusted_auth_hosts": [],
    "quota_share_percent": 50,
    "quota_limit": None,
    "quota_window_seconds": None,
    "quota_counts": "",
}


def make(client: APIClient, **values: Any) -> Any:
    return client.post(ADDRESS, {"host": "registry.example.com:5000", **values}, format="json")


def pasted(pair: Pasted) -> dict[str, str]:
    return {"certificate": pair.certificate, "key": pair.key}


def hosts(client: APIClient, query: str = "") -> list[str]:
    response = client.get(f"{ADDRESS}?ordering=host&{query}")
    assert response.status_code == 200, response.content
    return [row["host"] for row in response.json()["results"]]


def opened() -> str:
    return secrets.open_identity(Registry.objects.get())


def test_registry_is_made_replaced_changed_and_deleted(editor: APIClient) -> None:
    response = make(editor, **OURS)
    assert response.status_code == 201, response.content
    shown = response.json()
    assert {name: shown[name] for name in OURS} == OURS
    assert (shown["resources"], shown["credentials"], shown["client_certificate"]) == (0, 0, None)
    address = response["Location"]
    changed = editor.patch(address, {"allow_cidrs": ["10.30.0.0/16"]}, format="json").json()
    assert {name: changed[name] for name in OURS} == {**OURS, "allow_cidrs": ["10.30.0.0/16"]}
    replaced = editor.put(address, {"host": OURS["host"]}, format="json").json()
    assert {name: replaced[name] for name in OURS} == BY_DEFAULT
    assert editor.delete(address).status_code == 204
    assert not Registry.objects.exists()


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"host": "Registry.Example.com"}, "host", "not_canonical"),
        ({"host": "registry-1.docker.io"}, "host", "not_canonical"),
        ({"host": ""}, "host", "blank"),
        ({"allow_cidrs": ["10.0.0.0/8", "everywhere"]}, "allow_cidrs[1]", "cidr"),
        ({"allow_cidrs": "10.0.0.0/8"}, "allow_cidrs", "wrong_type"),
        ({"allow_hosts": ["https://x"]}, "allow_hosts[0]", None),
        ({"allow_hosts": ["a.internal"] * 51}, "allow_hosts", "max_length"),
        ({"resolve": {"registry.example.com": ["not-an-address"]}}, "resolve", "resolve"),
        ({"resolve": {"registry.example.com": []}}, "resolve", "resolve"),
        ({"resolve": []}, "resolve", "wrong_type"),
        ({"ca_pem": "swordfish"}, "ca_pem", "pem"),
        ({"quota_share_percent": 0}, "quota_share_percent", "min_value"),
        ({"quota_limit": 100}, "quota_window_seconds", None),
        ({"quota_counts": "pulls"}, "quota_counts", "invalid_choice"),
        ({"client_certificate": {}}, "client_certificate", "read_only"),
        ({"client_key": "x"}, "client_key", "unknown"),
        ({"client_identity": "x"}, "client_identity", "invalid"),
        ({"client_identity": {"key": GOOD.key}}, "client_identity.certificate", "required"),
        ({"client_identity": {"certificate": GOOD.certificate}}, "client_identity.key", "identity"),
        ({"client_identity": {"certificate": "x", "key": GOOD.key}}, "client_identity.certificate", "identity"),
        (
            {"client_identity": {"certificate": GOOD.certificate, "key": OTHER.key}},
            "client_identity.key",
            "identity",
        ),
        ({"client_identity": pasted(Pasted.expired())}, "client_identity.certificate", "identity"),
    ],
)
def test_what_cannot_be_is_named_and_nothing_is_stored(
    editor: APIClient, values: dict[str, Any], field: str, code: str | None
) -> None:
    response = make(editor, **values)
    assert response.status_code == 400, response.content
    assert wrong(response) == [field]
    assert code in (None, response.json()["errors"][0]["code"])
    assert not Registry.objects.exists()


def test_second_registry_of_a_host_is_refused(editor: APIClient) -> None:
    make(editor)
    assert wrong(make(editor)) == ["host"]


def test_host_never_changes(editor: APIClient) -> None:
    """Resources and credentials are bound to the name that they were made for."""
    address = make(editor)["Location"]
    response = editor.patch(address, {"host": "ghcr.io"}, format="json")
    assert (response.status_code, wrong(response)) == (400, ["host"])


def test_host_of_an_endpoint_which_no_reference_names_is_changed_too(editor: APIClient) -> None:
    registry = Registry.objects.create(host="web")
    response = editor.put(f"{ADDRESS}/{registry.pk}", {"host": "web", "plain_http": True}, format="json")
    assert (response.status_code, response.json()["plain_http"]) == (200, True)


def test_client_certificate_is_stored_kept_replaced_and_removed(editor: APIClient) -> None:
    response = make(editor, client_identity=pasted(GOOD))
    assert response.status_code == 201, response.content
    address = response["Location"]
    shown = response.json()["client_certificate"]
    assert shown["subject"].startswith("CN=robot")
    assert opened() == GOOD.key + GOOD.certificate
    kept = editor.put(address, {"host": OURS["host"], "notes": "new"}, format="json").json()
    assert (kept["client_certificate"], kept["notes"]) == (shown, "new")
    beside = {"client_identity": {"certificate": OTHER.key + OTHER.certificate}}
    replaced = editor.patch(address, beside, format="json").json()
    assert replaced["client_certificate"]["subject"].startswith("CN=other")
    assert opened() == OTHER.key + OTHER.certificate
    removed = editor.patch(address, {"client_identity": None}, format="json").json()
    assert removed["client_certificate"] is None
    assert (opened(), bytes(Registry.objects.get().client_key_encrypted)) == ("", b"")


def test_another_client_certificate_is_another_tag(editor: APIClient) -> None:
    """Of two that differ in nothing that is read of them but the fingerprint."""
    made = make(editor, client_identity=pasted(GOOD))
    editor.patch(made["Location"], {"client_identity": pasted(Pasted())}, format="json")
    refused = editor.patch(made["Location"], {"notes": "new"}, format="json", headers={"If-Match": made["ETag"]})
    assert refused.status_code == 412
    assert Registry.objects.get().notes == ""


def test_key_is_shown_nowhere(editor: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = make(editor, client_identity=pasted(GOOD))
    mixed = {"certificate": OTHER.certificate, "key": GOOD.key}
    answers = [
        made,
        editor.get(ADDRESS),
        editor.get(made["Location"]),
        editor.patch(made["Location"], {"client_identity": mixed}, format="json"),
        editor.patch(made["Location"], {"client_identity": {"key": GOOD.key}}, format="json"),
    ]
    everywhere = [answer.content.decode() for answer in answers] + [caplog.text]
    stored = bytes(Registry.objects.get().client_key_encrypted).decode()
    assert not [line for line in (*GOOD.key_lines, stored) if any(line in text for text in everywhere)]


@pytest.mark.parametrize("kind", ["resources", "credentials", "rules"])
def test_registry_in_use_is_not_deleted(
    editor: APIClient, plane: ControlPlane, make_user: dict[str, Any], kind: str
) -> None:
    name = make_user[kind](plane)
    registry = Registry.objects.get(host="ghcr.io")
    response = editor.delete(f"{ADDRESS}/{registry.pk}")
    assert (response.status_code, response.json()["code"]) == (409, "in_use")
    assert f"1 {kind.removesuffix('s')} ({name})" in response.json()["detail"]
    assert Registry.objects.filter(host="ghcr.io").exists()


@pytest.fixture
def make_user() -> dict[str, Any]:
    """Return what makes something that names ghcr.io, and returns its stable name."""

    def registry() -> Registry:
        return Registry.objects.get_or_create(host="ghcr.io")[0]

    def rule(_plane: ControlPlane) -> str:
        made = Rule.objects.create(channel=Channel.objects.create(name="mail", kind=ChannelKind.EMAIL))
        made.registries.set([registry()])
        return str(made.slug)

    return {
        "resources": lambda plane: plane.image("ghcr.io/org/app:1").slug,
        "credentials": lambda _plane: Credential.objects.create(registry=registry()).slug,
        "rules": rule,
    }


def test_what_was_learnt_of_a_registry_goes_with_it(editor: APIClient, plane: ControlPlane) -> None:
    address = make(editor)["Location"]
    registry = Registry.objects.get()
    QuotaAccount.objects.create(registry=registry, egress="eu-west", created_at=plane.now)
    assert editor.delete(address).status_code == 204
    assert not QuotaAccount.objects.exists()


def test_list_is_narrowed_and_ordered(editor: APIClient, db: None) -> None:
    source = Source.objects.create(name="Git")
    Registry.objects.create(host="ghcr.io", name="GitHub", managed_by=source)
    Registry.objects.create(host="docker.io")
    make(editor, client_identity=pasted(GOOD))
    everything = ["docker.io", "ghcr.io", "registry.example.com:5000"]
    assert hosts(editor) == everything
    assert hosts(editor, "host=ghcr.io") == ["ghcr.io"]
    assert hosts(editor, "search=hub") == ["ghcr.io"]
    assert hosts(editor, "search=.io") == ["docker.io", "ghcr.io"]
    assert hosts(editor, "has_client_certificate=true") == ["registry.example.com:5000"]
    assert hosts(editor, "has_client_certificate=false") == ["docker.io", "ghcr.io"]
    assert hosts(editor, "managed_by=git") == ["ghcr.io"]
    assert editor.get(f"{ADDRESS}?managed_by=nothing").status_code == 400
    assert editor.get(f"{ADDRESS}?quota_limit=5").status_code == 400


def test_who_is_limited_sees_what_is_used_and_counts_what_is_theirs(
    client: APIClient, reader: User, plane: ControlPlane
) -> None:
    shop = ResourceGroup.objects.create(name="Shop")
    plane.image("ghcr.io/org/app:1", group=shop)
    plane.image("ghcr.io/org/other:1")
    plane.image("docker.io/library/redis:7")
    RoleGrant.objects.filter(user=reader).update(group=shop)
    (row,) = client.get(ADDRESS).json()["results"]
    assert (row["host"], row["resources"]) == ("ghcr.io", 1)
    other = Registry.objects.get(host="docker.io")
    assert client.get(f"{ADDRESS}/{other.pk}").status_code == 404


def test_reader_changes_nothing(client: APIClient) -> None:
    registry = Registry.objects.create(host="ghcr.io")
    for response in (
        make(client),
        client.patch(f"{ADDRESS}/{registry.pk}", {"plain_http": True}, format="json"),
        client.delete(f"{ADDRESS}/{registry.pk}"),
    ):
        assert (response.status_code, response.json()["code"]) == (403, "missing_role")
    assert Registry.objects.values_list("plain_http", flat=True).get() is False


def test_list_takes_as_many_queries_for_many(
    client: APIClient, plane: ControlPlane, django_assert_num_queries: Any
) -> None:
    plane.image("ghcr.io/org/app:1")
    client.get(ADDRESS)
    with django_assert_num_queries(2):
        client.get(ADDRESS)
    for number in range(5):
        plane.image(f"registry{number}.example.com/app:1")
    with django_assert_num_queries(2):
        assert len(client.get(ADDRESS).json()["results"]) == 6
    one = Registry.objects.first()
    assert one is not None
    with django_assert_num_queries(2):
        client.get(f"{ADDRESS}/{one.pk}")


def test_many_are_changed_by_their_hosts(editor: APIClient) -> None:
    Registry.objects.create(host="ghcr.io")
    items = [
        {"op": "create", "values": {"host": "docker.io"}},
        {"op": "update", "name": "ghcr.io", "values": {"plain_http": True}},
        {"op": "update", "name": "quay.io", "values": {"plain_http": True}},
    ]
    response = editor.post(f"{ADDRESS}/bulk", {"items": items}, format="json")
    assert [result["status"] for result in response.json()["results"]] == [201, 200, 404]
    assert Registry.objects.get(host="ghcr.io").plain_http
