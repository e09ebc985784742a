"""Endpoints in the admin: set up as a person types them, with what is wrong told beside its field."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from probes.actions import dispatch
from probes.models import Endpoint, Registry, Resource
from tests.fakes.control_plane import ControlPlane
from tests.integration.admin.pages import ADMIN, errors_of, shown, text_of

pytestmark = pytest.mark.django_db

URL = "https://api.example/health?token=hush"
ADD = f"{ADMIN}/resource/add/?kind=http"


def typed(**values: Any) -> dict[str, Any]:
    """Return what the form sends when a person has typed only a URL."""
    fields = {
        "reference": URL,
        "interval_seconds": "300",
        "labels": "",
        "method": "GET",
        "headers": "",
        "body": "",
        "follow_redirects": "on",
        "tls_minimum": "1.2",
        "statuses": "200-299",
        "latency_ms": "0",
        "certificate_days": "0",
        "login_header": "Authorization",
    }
    return {**fields, **values}


def page_of(endpoint: Resource) -> str:
    return f"{ADMIN}/resource/{endpoint.pk}/change/"


def added(client: Client, **values: Any) -> Resource:
    response = client.post(ADD, typed(**values))
    assert response.status_code == 302, errors_of(response)
    return Resource.objects.get()


def test_page_of_a_new_image_leads_to_that_of_an_endpoint(client: Client, plane: ControlPlane) -> None:
    page = client.get(f"{ADMIN}/resource/add/")
    assert 'href="?kind=http"' in page.content.decode()
    assert "Platforms" in text_of(page)
    other = shown(client, ADD)
    assert "Add an HTTP endpoint to check" in other
    assert "What the answer has to be" in other
    assert "Platforms" not in other


def test_new_endpoint_leads_to_its_page_and_is_due_at_once(client: Client, plane: ControlPlane) -> None:
    endpoint = added(
        client,
        method="POST",
        headers="Accept: application/json\nX-From: a=b",
        body='{"deep": true}',
        follow_redirects="",
        contains=" ok ",
        json_path="$.status",
        json_equals='"ok"',
        latency_ms="800",
    )
    detail = endpoint.endpoint
    assert detail.headers == {"Accept": "application/json", "X-From": "a=b"}
    assert (detail.method, detail.body, detail.follow_redirects) == ("POST", '{"deep": true}', False)
    assert (detail.contains, detail.json_path, detail.json_equals, detail.latency_ms) == (
        " ok ",
        "$.status",
        '"ok"',
        800,
    )
    assert (endpoint.kind, endpoint.registry.host) == ("http", "api.example")
    page = client.get(page_of(endpoint))
    assert "Accept: application/json\nX-From: a=b" in page.content.decode()
    assert "was added. Its first check is on the way" in text_of(page)
    assert "hush" not in text_of(page)  # but in the field itself


def test_it_is_changed_and_checked_again(client: Client, plane: ControlPlane) -> None:
    endpoint = added(client)
    Resource.objects.update(next_due_at=timezone.now() + timedelta(hours=1))
    response = client.post(page_of(endpoint), typed(statuses="200,401"))
    assert response.status_code == 302, errors_of(response)
    endpoint.refresh_from_db()
    assert Endpoint.objects.get().statuses == "200,401"
    assert endpoint.next_due_at <= timezone.now()
    assert dispatch.check_now([endpoint.pk], now=timezone.now()).messages == []  # no worker was heard of


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"reference": "api.example/health"}, "reference", "The URL is neither https nor http."),
        ({"reference": ""}, "reference", "This field is required."),
        ({"headers": "Accept"}, "headers", "Line 1: write NAME: VALUE."),
        (
            {"headers": "Authorization: Basic x"},
            "headers",
            "Authorization would be stored in clear: use a credential.",
        ),
        ({"matches": "(a"}, "matches", "Missing ): (a."),
        ({"json_path": "status"}, "json_path", "A path begins with $ (at character 1)."),
        ({"latency_ms": "-1"}, "latency_ms", "Ensure this value is greater than or equal to 0."),
        ({"body": "x"}, "body", "A GET has no body."),
        ({"statuses": ""}, "statuses", "This field is required."),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(
    client: Client, plane: ControlPlane, values: dict[str, str], field: str, message: str
) -> None:
    """H1."""
    errors = errors_of(client.post(ADD, typed(**values)))
    assert errors == {field: [message]}
    assert not Resource.objects.exists()


def test_list_tells_endpoints_from_images_and_shows_no_query_value(client: Client, plane: ControlPlane) -> None:
    """H21."""
    plane.image()
    added_endpoint = client.post(ADD, typed())
    assert added_endpoint.status_code == 302
    page = shown(client, f"{ADMIN}/resource/?kind=http")
    assert "https://api.example/health?token=…" in page
    assert "ghcr.io/org/app" not in page.partition("Filter")[0]
    assert "hush" not in page


def test_whoever_may_only_look_sees_it(client: Client, onlooker: Client, plane: ControlPlane) -> None:
    endpoint = added(client)
    assert "api.example" in shown(onlooker, page_of(endpoint))
    assert onlooker.post(page_of(endpoint), typed(statuses="500")).status_code == 403
    assert Endpoint.objects.get().statuses == "200-299"


def test_settings_of_its_host_are_those_of_a_registry(client: Client, plane: ControlPlane) -> None:
    added(client, reference="http://web/health")
    assert Registry.objects.get().host == "web"
