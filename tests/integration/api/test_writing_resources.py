"""Images and endpoints made, changed and deleted by programs."""

from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from probes.models import (
    Credential,
    Endpoint,
    Policy,
    Registry,
    Resource,
    ResourceGroup,
    RoleGrant,
    Schedule,
)
from probes.policy.access import Role
from tests.fakes.access import token_of
from tests.fakes.control_plane import ControlPlane
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/resources"
IMAGE: dict[str, Any] = {"reference": "ghcr.io/org/app:1.2"}
ENDPOINT: dict[str, Any] = {
    "kind": "http",
    "reference": "https://api.example/health?token=hush",
    "endpoint": {
        "method": "POST",
        "headers": {"X-Key": "hush"},
        "body": "hush",
        "contains": " ok ",
        "latency_ms": 500,
    },
}


@pytest.fixture
def surroundings(plane: ControlPlane) -> ControlPlane:
    """What resources may name: a group, a schedule, a policy, a credential."""
    ResourceGroup.objects.create(name="Shop")
    Schedule.objects.create(name="Nightly", crontab="0 3 * * *", zone="Europe/Berlin")
    Policy.objects.create(name="Strict", failures=1)
    registry = Registry.objects.create(host="ghcr.io")
    Credential.objects.create(registry=registry, label="robot")
    Credential.objects.create(registry=Registry.objects.create(host="quay.io"), label="other")
    return plane


def send(client: APIClient, body: Any, **headers: str) -> Any:
    return client.post(ADDRESS, body, format="json", headers=headers)


ALL: dict[str, Any] = {
    "slug": "the-app",
    "name": "the app",
    "kind": "image",
    "reference": "ghcr.io/org/app:1.2@sha256:" + "0" * 64,
    "platforms": ["linux/amd64", "linux/arm64/v8"],
    "strict_platform": True,
    "depth": "blobs",
    "interval_seconds": 600,
    "schedule": "nightly",
    "manifest_cadence_seconds": 7200,
    "blobs_cadence_seconds": 9000,
    "sample_blobs": True,
    "check_tag": True,
    "is_tag_immutable": True,
    "credential": "robot",
    "regions": ["eu-west", "us-east"],
    "group": "shop",
    "policy": "strict",
    "terms": {
        "quorum": {"votes": 2, "percent": None},
        "minimum_votes": 2,
        "failures": 3,
        "recoveries": 4,
        "fresh_intervals": 5,
        "severity": "critical",
        "degraded_after_seconds": 60,
        "uptime_target_percent": 99.9,
    },
    "labels": {"team": "shop", "empty": ""},
}


def test_image_is_made_with_all_that_can_be_said_of_it(editor: APIClient, surroundings: ControlPlane) -> None:
    response = send(editor, ALL)
    assert response.status_code == 201, response.content
    shown = response.json()
    assert {name: shown[name] for name in ALL} == ALL
    assert (shown["canonical"], shown["registry"]) == (ALL["reference"], "ghcr.io")
    assert (shown["verdict"]["state"], shown["states"], shown["managed_by"]) == ("unknown", [], None)
    assert editor.get(response["Location"]).json() == shown
    # Sent as a whole again, it is as it was.
    replaced = editor.put(response["Location"], ALL, format="json")
    moved = ("updated_at", "next_due_at")
    assert {name: value for name, value in replaced.json().items() if name not in moved} == {
        name: value for name, value in shown.items() if name not in moved
    }


def test_whole_of_an_image_gives_defaults_to_what_is_left_out_and_a_part_does_not(
    editor: APIClient, surroundings: ControlPlane
) -> None:
    address = send(editor, ALL)["Location"]
    patched = editor.patch(address, {"terms": {"failures": 9}, "regions": ["ap-south"]}, format="json").json()
    assert patched["terms"] == {**ALL["terms"], "failures": 9}
    assert (patched["regions"], patched["group"], patched["labels"]) == (["ap-south"], "shop", ALL["labels"])
    whole = editor.put(address, IMAGE, format="json").json()
    usual = {
        "slug": "the-app",
        "name": "",
        "platforms": ["linux/amd64"],
        "depth": None,
        "interval_seconds": 300,
        "schedule": None,
        "credential": None,
        "regions": [],
        "group": None,
        "policy": None,
        "terms": dict.fromkeys(ALL["terms"]),
        "labels": {},
    }
    assert {name: whole[name] for name in usual} == usual


def test_endpoint_is_made_and_changed_and_its_secrets_stay_unless_they_are_sent(
    editor: APIClient, plane: ControlPlane
) -> None:
    response = send(editor, ENDPOINT)
    assert response.status_code == 201, response.content
    assert b"hush" not in response.content
    shown = response.json()
    assert (shown["kind"], shown["reference"]) == ("http", "https://api.example/health?token=…")
    assert (shown["endpoint"]["header_names"], shown["endpoint"]["has_body"]) == (["X-Key"], True)
    assert (shown["endpoint"]["contains"], shown["endpoint"]["latency_ms"]) == (" ok ", 500)
    address = response["Location"]
    patched = editor.patch(address, {"endpoint": {"latency_ms": 900}}, format="json").json()
    assert (patched["endpoint"]["latency_ms"], patched["endpoint"]["contains"]) == (900, " ok ")
    # Sent as it is shown, the URL is what it was; and what of the request is left out has its default.
    sent = {"kind": "http", "reference": shown["reference"], "endpoint": {"method": "POST"}}
    replaced = editor.put(address, sent, format="json").json()
    stored = Endpoint.objects.select_related("resource").get()
    assert stored.resource.reference == ENDPOINT["reference"]
    assert (stored.headers, stored.body, stored.latency_ms) == ({"X-Key": "hush"}, "hush", 0)
    assert (replaced["endpoint"]["contains"], replaced["slug"]) == ("", shown["slug"])
    editor.patch(address, {"endpoint": {"headers": {}, "body": "", "method": "GET"}}, format="json")
    stored.refresh_from_db()
    assert (stored.headers, stored.body, stored.method) == ({}, "", "GET")


def test_secret_of_an_endpoint_that_changes_is_noticed_by_who_holds_an_old_tag(
    editor: APIClient, plane: ControlPlane
) -> None:
    made = send(editor, ENDPOINT)
    address, tag = made["Location"], made["ETag"]
    editor.patch(address, {"endpoint": {"headers": {"X-Key": "other"}}}, format="json")
    late = editor.patch(address, {"name": "late"}, format="json", headers={"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")


def test_verdict_that_turns_is_in_nobodys_way(editor: APIClient, plane: ControlPlane) -> None:
    made = send(editor, IMAGE)
    plane.hear_all()
    plane.check(Resource.objects.get())
    patched = editor.patch(made["Location"], {"name": "app"}, format="json", headers={"If-Match": made["ETag"]})
    assert patched.status_code == 200


LONG = "x" * 5000


NO_IMAGES: Final[tuple[tuple[dict[str, Any], list[str]], ...]] = (
    ({"reference": None}, ["reference"]),
    ({"reference": ""}, ["reference"]),
    ({"reference": "ghcr.io/Org/app:1"}, ["reference"]),
    ({"reference": LONG}, ["reference"]),
    ({"reference": 7}, ["reference"]),
    ({"reference": "10.1.2.3:5000/app:1"}, ["reference"]),
    ({"reference": "localhost:5000/app:1"}, ["reference"]),
    ({"tag": "2"}, ["tag"]),
    ({"state": "fine"}, ["state"]),
    ({"slug": "The App"}, ["slug"]),
    ({"name": LONG}, ["name"]),
    ({"name": "a\0b"}, ["name"]),
    ({"kind": "file"}, ["kind"]),
    ({"platforms": []}, ["platforms"]),
    ({"platforms": ["linux"]}, ["platforms"]),
    ({"platforms": ["all", "linux/amd64"]}, ["platforms"]),
    ({"platforms": "linux/amd64"}, ["platforms"]),
    ({"platforms": [1]}, ["platforms[0]"]),
    ({"strict_platform": "yes"}, ["strict_platform"]),
    ({"depth": "deepest"}, ["depth"]),
    ({"interval_seconds": 0}, ["interval_seconds"]),
    ({"interval_seconds": "300"}, ["interval_seconds"]),
    ({"interval_seconds": 2**40}, ["interval_seconds"]),
    ({"interval_seconds": None}, ["interval_seconds"]),
    ({"manifest_cadence_seconds": -1}, ["manifest_cadence_seconds"]),
    ({"regions": ["eu-west", "mars"]}, ["regions[1]"]),
    ({"regions": "eu-west"}, ["regions"]),
    ({"group": "nowhere"}, ["group"]),
    ({"group": 1}, ["group"]),
    ({"schedule": "never"}, ["schedule"]),
    ({"policy": "none"}, ["policy"]),
    ({"credential": "nobody"}, ["credential"]),
    ({"credential": "other"}, ["credential"]),
    ({"labels": {"team": 1}}, ["labels.team"]),
    ({"labels": []}, ["labels"]),
    ({"labels": {str(number): "" for number in range(100)}}, ["labels"]),
    ({"labels": {"x" * 400: ""}}, ["labels"]),
    ({"terms": {"failures": 0}}, ["terms.failures"]),
    ({"terms": {"quorum": {"votes": 1, "percent": 50}}}, ["terms.quorum.percent"]),
    ({"terms": {"votes": 1}}, ["terms.votes"]),
    ({"terms": {"uptime_target_percent": 100}}, ["terms.uptime_target_percent"]),
    ({"endpoint": {}}, ["endpoint"]),
    ({"paused_at": "2026-11-23T14:00:00Z"}, ["paused_at"]),
)


def test_image_that_cannot_be_is_refused_by_field_and_nothing_is_stored(
    editor: APIClient, surroundings: ControlPlane
) -> None:
    for values, fields in NO_IMAGES:
        response = send(editor, {**IMAGE, **values})
        assert response.status_code == 400, response.content
        assert wrong(response) == fields, values
        assert not Resource.objects.exists(), values
    assert Registry.objects.count() == 2


NO_ENDPOINTS: Final[tuple[tuple[dict[str, Any], Any, list[str]], ...]] = (
    ({"reference": "ftp://api.example/"}, {}, ["reference"]),
    ({"reference": "https://api.example/#x"}, {}, ["reference"]),
    ({"reference": "https://user:pass@api.example/"}, {}, ["reference"]),
    ({"reference": "http://169.254.169.254/latest"}, {}, ["reference"]),
    ({"reference": "https://[::1]/"}, {}, ["reference"]),
    ({"reference": "https://api.example/health?token=…"}, {}, ["reference"]),
    ({}, {"method": "BREW"}, ["endpoint.method"]),
    ({}, {"headers": {"Authorization": "Bearer x"}}, ["endpoint.headers"]),
    ({}, {"headers": {"a b": "x"}}, ["endpoint.headers"]),
    ({}, {"headers": {"X-Key": 1}}, ["endpoint.headers.X-Key"]),
    ({}, {"headers": {"X-Key": "a\r\nb: c"}}, ["endpoint.headers"]),
    ({}, {"method": "GET", "body": "x"}, ["endpoint.body"]),
    ({}, {"statuses": "200-"}, ["endpoint.statuses"]),
    ({}, {"statuses": "2,", "latency_ms": -1}, ["endpoint.latency_ms"]),
    ({}, {"latency_ms": 2**40}, ["endpoint.latency_ms"]),
    ({}, {"matches": "(a"}, ["endpoint.matches"]),
    ({}, {"matches": r"(a)\1"}, ["endpoint.matches"]),
    ({}, {"matches": "(a{1000}){1000}"}, ["endpoint.matches"]),
    ({}, {"json_path": "$["}, ["endpoint.json_path"]),
    ({}, {"json_path": "$.a", "json_equals": "nope"}, ["endpoint.json_equals"]),
    ({}, {"timeout": 3}, ["endpoint.timeout"]),
    ({}, {"header_names": []}, ["endpoint.header_names"]),
    ({"endpoint": "GET"}, None, ["endpoint"]),
    ({"endpoint": [1]}, None, ["endpoint"]),
)


def test_endpoint_that_cannot_be_is_refused_by_field_and_nothing_is_stored(
    editor: APIClient, plane: ControlPlane
) -> None:
    for values, endpoint, fields in NO_ENDPOINTS:
        response = send(editor, {"kind": "http", "reference": "https://api.example/", "endpoint": endpoint, **values})
        assert response.status_code == 400, response.content
        assert sorted(set(wrong(response))) == fields, (values, endpoint)
        assert b"token=" not in response.content
        assert not Resource.objects.exists(), (values, endpoint)


@pytest.mark.parametrize("field", ["group", "schedule", "policy", "credential"])
def test_empty_name_is_not_taken_for_none(editor: APIClient, surroundings: ControlPlane, field: str) -> None:
    address = send(editor, ALL)["Location"]
    refused = editor.patch(address, {field: ""}, format="json")
    assert (refused.status_code, wrong(refused)) == (400, [field])
    assert editor.get(address).json()[field] == ALL[field]


def test_what_a_resource_is_does_not_change(editor: APIClient, plane: ControlPlane) -> None:
    address = send(editor, IMAGE)["Location"]
    changed = editor.patch(address, {"kind": "http", "reference": "https://api.example/"}, format="json")
    assert wrong(changed) == ["kind"]


def test_address_that_is_not_public_is_taken_where_its_registry_opens_it(
    editor: APIClient, plane: ControlPlane
) -> None:
    Registry.objects.create(host="10.1.2.3:5000", allow_cidrs=["10.1.0.0/16"])
    assert send(editor, {"reference": "10.1.2.3:5000/app:1"}).status_code == 201


def test_resource_is_deleted_with_what_is_known_of_it(editor: APIClient, plane: ControlPlane) -> None:
    address = send(editor, IMAGE)["Location"]
    plane.hear_all()
    plane.check(Resource.objects.get())
    assert editor.delete(address).status_code == 204
    assert editor.get(address).status_code == 404


def test_editor_of_a_group_changes_what_belongs_to_it_alone(
    client: APIClient, reader: User, surroundings: ControlPlane
) -> None:
    ResourceGroup.objects.create(name="Data")
    RoleGrant.objects.filter(user=reader).update(role=Role.EDITOR, group=ResourceGroup.objects.get(slug="shop"))
    assert send(client, IMAGE).json()["code"] == "missing_role"
    assert wrong(send(client, {**IMAGE, "group": "data"})) == ["group"]
    assert not Resource.objects.exists()
    mine = send(client, {**IMAGE, "group": "shop", "schedule": "nightly", "policy": "strict"})
    assert mine.status_code == 201, mine.content
    moved = client.patch(mine["Location"], {"group": None}, format="json")
    assert (moved.status_code, moved.json()["code"]) == (403, "missing_role")
    other = surroundings.image("ghcr.io/org/other:1", group=ResourceGroup.objects.get(slug="data"))
    assert client.patch(f"{ADDRESS}/{other.pk}", {"name": "x"}, format="json").status_code == 404


@pytest.mark.parametrize(
    ("before", "sent", "is_taken"),
    [
        (None, ["eu-west"], True),
        (None, ["eu-west", "us-east"], False),
        (None, [], False),
        ([], ["eu-west"], False),
        (["us-east"], ["eu-west"], False),
        (["us-east"], [], False),
        (["eu-west"], [], False),
        (["eu-west"], ["us-east"], False),
        (["eu-west"], ["eu-west"], True),
    ],
)
def test_token_of_one_region_has_checks_from_there_alone(
    editor: APIClient, reader: User, plane: ControlPlane, before: Any, sent: Any, *, is_taken: bool
) -> None:
    limited = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(reader, regions=[plane.region('eu-west')])}")
    if before is None:
        response = send(limited, {**IMAGE, "regions": sent})
    else:
        address = send(editor, {**IMAGE, "regions": before})["Location"]
        response = limited.patch(address, {"regions": sent}, format="json")
    assert (response.status_code in (200, 201)) is is_taken, response.content
    is_told_by_field = before in (None, ["eu-west"])
    if not is_told_by_field:
        assert response.json()["code"] == "beyond_reach"
    elif not is_taken:
        assert wrong(response)[0].startswith("regions")


def test_many_are_made_in_one_request(editor: APIClient, surroundings: ControlPlane) -> None:
    items = [
        {"op": "create", "values": {**IMAGE, "slug": "one", "group": "shop"}},
        {"op": "create", "values": {"reference": "ghcr.io/org/app"}},
        {"op": "update", "name": "one", "values": {"labels": {"team": "shop"}}},
    ]
    told = editor.post(f"{ADDRESS}/bulk", {"items": items}, format="json").json()
    assert [result["status"] for result in told["results"]] == [201, 201, 200], told
    assert [row.labels for row in Resource.objects.order_by("pk")] == [{"team": "shop"}, {}]


def test_single_resource_takes_a_bounded_number_of_queries(editor: APIClient, surroundings: ControlPlane) -> None:
    address = send(editor, ALL)["Location"]

    def queries(method: str, body: Any = None) -> int:
        with CaptureQueriesContext(connection) as captured:
            getattr(editor, method)(address, body, format="json")
        return len(captured)

    assert queries("get") == 3  # who asks, the row with its states, its regions
    assert queries("patch", {"name": "other"}) <= 30


@pytest.mark.parametrize(
    ("reference", "is_taken"),
    [
        ("https://api.example/ready", True),
        ("https://elsewhere.example/health", False),
        ("https://api.example:8443/health", False),
    ],
)
def test_what_is_hidden_of_an_endpoint_is_not_taken_to_another_host(
    editor: APIClient, surroundings: ControlPlane, reference: str, *, is_taken: bool
) -> None:
    """Else whoever may change the check reads at a host of his own what the API does not show him."""
    address = send(editor, ENDPOINT)["Location"]
    moved = editor.patch(address, {"reference": reference}, format="json")
    assert moved.status_code == (200 if is_taken else 400)
    if not is_taken:
        assert wrong(moved) == ["endpoint.headers", "endpoint.body"]
        assert Resource.objects.get().reference == ENDPOINT["reference"]
        anew = {"headers": {"X-Key": "another"}, "body": ""}
        whole = {"reference": reference, "endpoint": {**anew, "method": "GET"}}
        assert editor.patch(address, whole, format="json").status_code == 200
        assert Endpoint.objects.get().headers == anew["headers"]
