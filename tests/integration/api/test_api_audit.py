"""The audit log, for programs: administrators alone, newest first."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from probes.models import AccessToken, AuditEntry, ResourceGroup
from probes.policy.access import Role, Scope
from probes.protocol.outcome import rfc3339
from tests.fakes.access import grant, token_of
from tests.fakes.control_plane import ControlPlane
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/audit"


@pytest.fixture
def admin(db: None, django_user_model: Any) -> Any:
    user = django_user_model.objects.create(username="ada")
    grant(user, Role.ADMIN)
    return user


@pytest.fixture
def administrator(admin: Any) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(admin)}")


@pytest.fixture
def payments() -> ResourceGroup:
    """A group that was made, changed twice, and is still there; another one is gone."""
    group = ResourceGroup.objects.create(name="payments")
    ResourceGroup.objects.create(name="search").delete()
    for failures in (2, 3):
        group.failures = failures
        group.save()
    return group


def listed(client: APIClient, query: str) -> list[tuple[str, str, Any]]:
    response = client.get(f"{ADDRESS}?{query}")
    assert response.status_code == 200, response.content
    return [(row["action"], row["object_name"], row["changes"].get("failures")) for row in response.json()["results"]]


def test_entry_is_listed_whole(administrator: APIClient, payments: ResourceGroup) -> None:
    row = administrator.get(f"{ADDRESS}?object=payments").json()["results"][0]
    entry = AuditEntry.objects.filter(object_name="payments").latest("id")
    assert row == {
        "id": entry.pk,
        "at": rfc3339(entry.at),
        "txid": entry.txid,
        "actor_kind": "system",
        "actor": entry.actor,
        "user_id": None,
        "token_id": None,
        "token_name": "",
        "address": "",
        "via": "sql",
        "request_id": "",
        "path": "",
        "model": "probes.resourcegroup",
        "object_pk": str(payments.pk),
        "object_name": "payments",
        "action": "change",
        "changes": {"failures": [2, 3]},
    }


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("model=probes.resourcegroup&action=delete", [("delete", "search", None)]),
        ("object=payments&action=change", [("change", "payments", [2, 3]), ("change", "payments", [None, 2])]),
        ("model=probes.resourcegroup&object_pk={pk}&action=create", [("create", "payments", None)]),
        ("model=probes.resourcegroup&via=admin", []),
        ("actor=nobody", []),
        ("request_id=none", []),
        ("object=payments&until=2020-01-01T00:00:00Z", []),
        ("object=payments&since=2999-01-01T00:00:00Z", []),
    ],
)
def test_filters_narrow_the_list(
    administrator: APIClient, payments: ResourceGroup, query: str, rows: list[tuple[str, str, Any]]
) -> None:
    assert listed(administrator, query.format(pk=payments.pk)) == rows


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("model=probes.outcome", "model"),
        ("action=read", "action"),
        ("via=mail", "via"),
        ("object_pk=1", "object_pk"),
        ("since=noon", "since"),
        ("objects=payments", "objects"),
        ("cursor=x", "cursor"),
    ],
)
def test_what_cannot_be_asked_is_an_error_by_name(administrator: APIClient, query: str, field: str) -> None:
    response = administrator.get(f"{ADDRESS}?{query}")
    assert response.status_code == 400
    assert wrong(response) == [field]


def test_pages_follow_each_other(administrator: APIClient, payments: ResourceGroup) -> None:
    address, seen = f"{ADDRESS}?object=payments&page_size=1", []
    while address:
        page = administrator.get(address).json()
        seen += [row["changes"].get("failures") for row in page["results"]]
        ResourceGroup.objects.create(name=f"other {len(seen)}")  # what comes meanwhile moves no page
        address = page["next"]
    assert seen == [[2, 3], [None, 2], None]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.EDITOR])
def test_log_is_for_administrators(django_user_model: Any, role: Role) -> None:
    user = django_user_model.objects.create(username="somebody")
    grant(user, role)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(user)}")
    assert client.get(ADDRESS).status_code == 403


def test_administrator_of_a_group_does_not_read_it(django_user_model: Any, payments: ResourceGroup) -> None:
    user = django_user_model.objects.create(username="somebody")
    grant(user, Role.ADMIN, payments)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(user)}")
    assert client.get(ADDRESS).status_code == 403


def test_token_without_the_scope_does_not_read_it(admin: Any) -> None:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(admin, Scope.READ, Scope.WRITE)}")
    assert client.get(ADDRESS).status_code == 403


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_writes_it(administrator: APIClient, method: str) -> None:
    assert getattr(administrator, method)(ADDRESS).status_code in {403, 405}


def test_list_takes_as_many_queries_for_a_hundred_as_for_one(
    administrator: APIClient, payments: ResourceGroup
) -> None:
    ResourceGroup.objects.bulk_create(ResourceGroup(name=f"{n}", slug=f"s{n}") for n in range(100))
    counts = []
    administrator.get(ADDRESS)
    for size in (1, 100):
        with CaptureQueriesContext(connection) as asked:
            assert len(administrator.get(f"{ADDRESS}?page_size={size}").json()["results"]) == size
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_order_over_the_api_is_told_with_its_token(admin: Any, plane: ControlPlane) -> None:
    """A token that is used is named: who it is is known only once the view has asked."""
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(admin)}", REMOTE_ADDR="192.0.2.7")
    assert client.post("/api/v1/regions/eu-west/pause", headers={"X-Request-ID": "abc-1"}).status_code == 200
    (row,) = client.get(f"{ADDRESS}?request_id=abc-1").json()["results"]
    assert (row["actor_kind"], row["actor"], row["token_name"]) == ("token", "ada", "of a test")
    assert (row["user_id"], row["token_id"]) == (admin.pk, AccessToken.objects.get().pk)
    assert (row["address"], row["via"], row["path"]) == ("192.0.2.7", "api", "POST /api/v1/regions/eu-west/pause")
    assert (row["object_name"], list(row["changes"])) == ("eu-west", ["paused_at"])
