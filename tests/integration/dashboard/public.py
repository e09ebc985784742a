"""A status page as anybody reads it."""

from django.test import Client

from tests.integration.dashboard.reading import Page


def shown(client: Client, address: str = "/status/registry-status/", status: int = 200) -> Page:
    response = client.get(address)
    assert response.status_code == status, address
    return Page(response.content.decode())
