"""Who gets in, and how the API says no: always in JSON."""

from itertools import product

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from api.codes import MEDIA_TYPE

pytestmark = pytest.mark.django_db

LISTS = (
    "/api/v1/resources",
    "/api/v1/outcomes",
    "/api/v1/regions",
    "/api/v1/incidents",
    "/api/v1/events",
    "/api/v1/groups",
    "/api/v1/maintenance-windows",
)
ROWS = (
    "/api/v1/resources/1",
    "/api/v1/resources/1/verdict",
    "/api/v1/resources/1/uptime",
    "/api/v1/outcomes/1",
    "/api/v1/incidents/1",
    "/api/v1/groups/1",
    "/api/v1/groups/1/uptime",
    "/api/v1/maintenance-windows/1",
)


@pytest.mark.parametrize("address", [*LISTS, *ROWS])
def test_nobody_reads_without_a_token(address: str) -> None:
    response = Client().get(address)
    assert (response.status_code, response["Content-Type"]) == (401, MEDIA_TYPE)
    assert response["WWW-Authenticate"] == "Bearer"
    problem = response.json()
    assert (problem["code"], problem["detail"]) == (
        "not_authenticated",
        "Authentication credentials were not provided.",
    )


def test_wrong_token_is_refused() -> None:
    response = APIClient(HTTP_AUTHORIZATION="Bearer " + "0" * 40).get("/api/v1/regions")
    problem = response.json()
    assert (response.status_code, problem["code"], problem["detail"]) == (
        401,
        "invalid_token",
        "This token is not in force: it is unknown, expired or revoked.",
    )


def test_inactive_user_is_refused(client: APIClient, reader: User) -> None:
    reader.is_active = False
    reader.save()
    assert client.get("/api/v1/regions").status_code == 401


@pytest.mark.parametrize("address", LISTS)
def test_token_reads(client: APIClient, address: str) -> None:
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("address", LISTS)
def test_session_reads(reader: User, address: str) -> None:
    browser = Client()
    browser.force_login(reader)
    assert browser.get(address).status_code == 200


def test_nothing_is_written_without_a_permission(client: APIClient) -> None:
    for address, method in product([*LISTS, *ROWS], ["post", "put", "patch", "delete"]):
        response = getattr(client, method)(address, {}, format="json")
        assert response.status_code in {403, 405}, (method, address)
        assert response["Content-Type"] == MEDIA_TYPE, (method, address)


@pytest.mark.parametrize("address", ["/api/v1/outcomes/0", "/api/v1/resources/9223372036854775808"])
def test_unknown_row_is_not_found(client: APIClient, address: str) -> None:
    response = client.get(address)
    assert (response.status_code, response["Content-Type"]) == (404, MEDIA_TYPE)


@pytest.mark.parametrize("address", ["/api/v1/nothing", "/api/", "/api/v2/outcomes", "/api/v1/outcomes/latest"])
def test_unknown_address_is_not_found_in_json(address: str) -> None:
    response = Client().get(address)
    assert response.status_code == 404
    problem = response.json()
    assert (problem["code"], "/api/docs/" in problem["detail"]) == ("no_such_address", True)
