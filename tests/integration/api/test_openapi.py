"""The API's description: committed, complete, and true."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import Permission, User
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft202012Validator, FormatChecker
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from api import examples
from probes.actions import regions
from probes.broker.address import BrokerAddress
from probes.models import ResourceGroup
from probes.protocol.egress import Canary, CanaryRound
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding, found

COMMITTED = Path(__file__).parents[3] / "docs" / "reference" / "openapi.yaml"


@pytest.fixture(scope="module")
def description() -> str:
    written = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=written)
    return written.getvalue().rstrip("\n") + "\n"


@pytest.fixture(scope="module")
def schema(description: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(description, Loader=yaml.CSafeLoader)
    return loaded


def test_committed_description_is_the_current_one(description: str) -> None:
    current = description == COMMITTED.read_text(encoding="utf-8")
    assert current, "the API is not what docs/reference/openapi.yaml says: run `make openapi` and commit it"


def valid(schema: dict[str, Any], path: str, status: str, value: Any, method: str = "get") -> None:
    """Assert that `value` is what the description says of an answer."""
    answer = schema["paths"][path][method]["responses"][status]
    if "$ref" in answer:
        answer = schema["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    (content,) = answer["content"].values()
    answer = content["schema"]
    root = {**answer, "components": schema["components"]}
    Draft202012Validator(_closed(root), format_checker=FormatChecker()).validate(value)


def _closed(node: Any) -> Any:
    """Return a schema in which an object has the properties that are described, and no others."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {name: _closed(value) for name, value in node.items()}
    is_record = isinstance(node.get("properties"), dict) and node.get("type") == "object"
    return {"additionalProperties": False, **closed} if is_record else closed


@pytest.mark.django_db
def test_answers_are_as_described(client: APIClient, plane: ControlPlane, schema: dict[str, Any]) -> None:
    image = plane.image(platforms=["linux/amd64"], labels={"team": "shop"})
    valid(schema, "/api/v1/resources/{id}", "200", client.get(f"/api/v1/resources/{image.pk}").json())
    for _ in range(2):
        plane.check(image, finds={"us-east": finding(Reason.RATE_LIMITED)})
    canary = Canary(url="https://canary.test/", http_status=None, error="dns_temporary", total_ms=1.0)
    canaries = CanaryRound(number=1, ended_at=plane.now, canaries=(canary,), local_address="10.0.0.4")
    regions.record_heartbeat(plane.regions["eu-west"].heartbeat(canaries=canaries), now=plane.now)
    outcomes = client.get("/api/v1/outcomes", {"page_size": "5"}).json()
    assert outcomes["next"]
    valid(schema, "/api/v1/outcomes", "200", outcomes)
    for outcome in outcomes["results"]:
        shown = client.get(f"/api/v1/outcomes/{outcome['id']}").json()
        valid(schema, "/api/v1/outcomes/{id}", "200", shown)
    valid(schema, "/api/v1/resources", "200", client.get("/api/v1/resources").json())
    valid(schema, "/api/v1/regions", "200", client.get("/api/v1/regions").json())
    events = client.get("/api/v1/regions/eu-west/events").json()
    assert events["results"]
    valid(schema, "/api/v1/regions/{slug}/events", "200", events)
    plane.check(image, finds={"eu-west": lambda plan: found(plan, digest="sha256:" + "b" * 64)})
    moved = client.get("/api/v1/events").json()
    assert moved["results"]
    valid(schema, "/api/v1/events", "200", moved)
    valid(schema, "/api/v1/outcomes", "400", client.get("/api/v1/outcomes?status=up").json())
    valid(schema, "/api/v1/outcomes", "401", APIClient().get("/api/v1/outcomes").json())


@pytest.mark.django_db
def test_answers_about_verdicts_are_as_described(
    client: APIClient, reader: User, plane: ControlPlane, schema: dict[str, Any]
) -> None:
    reader.user_permissions.add(Permission.objects.get(codename="change_incident"))
    group = ResourceGroup.objects.create(name="Shop", uptime_target_percent="99.9")
    image = plane.image(group=group)
    valid(schema, "/api/v1/resources/{id}/verdict", "200", client.get(f"/api/v1/resources/{image.pk}/verdict").json())
    plane.check(image, finds=dict.fromkeys(plane.regions, finding(Reason.TAG_NOT_FOUND)))
    valid(schema, "/api/v1/resources/{id}/verdict", "200", client.get(f"/api/v1/resources/{image.pk}/verdict").json())
    for kind, key in (("resources", image.pk), ("groups", group.pk)):
        answer = client.get(f"/api/v1/{kind}/{key}/uptime").json()
        valid(schema, f"/api/v1/{kind}/{{id}}/uptime", "200", answer)
        refused = client.get(f"/api/v1/{kind}/{key}/uptime?range=1y").json()
        valid(schema, f"/api/v1/{kind}/{{id}}/uptime", "400", refused)
    valid(schema, "/api/v1/groups", "200", client.get("/api/v1/groups").json())
    for asked in (f"resource={image.pk}", "registry=ghcr.io", "group=Shop"):
        valid(schema, "/api/v1/compare", "200", client.get(f"/api/v1/compare?{asked}").json())
    valid(schema, "/api/v1/compare", "400", client.get("/api/v1/compare").json())
    incidents = client.get("/api/v1/incidents").json()
    valid(schema, "/api/v1/incidents", "200", incidents)
    address = f"/api/v1/incidents/{incidents['results'][0]['id']}"
    valid(schema, "/api/v1/incidents/{id}/acknowledge", "200", client.post(f"{address}/acknowledge").json(), "post")
    valid(schema, "/api/v1/incidents/{id}/acknowledge", "409", client.post(f"{address}/acknowledge").json(), "post")
    comment = client.post(f"{address}/comments", {"text": "A disk"}, format="json").json()
    valid(schema, "/api/v1/incidents/{id}/comments", "201", comment, "post")
    valid(schema, "/api/v1/incidents/{id}", "200", client.get(address).json())


@pytest.mark.django_db
def test_what_is_handed_over_is_as_described(
    client: APIClient, reader: User, plane: ControlPlane, schema: dict[str, Any], settings: Settings
) -> None:
    settings.KAIROS_EDGE_BROKER_URL = "rediss://broker.example.com:6380/0"
    settings.KAIROS_BROKER = BrokerAddress("")  # without accounts
    reader.user_permissions.set(Permission.objects.all())
    enrolled = client.post("/api/v1/regions", examples.enrolment() | {"slug": "berlin"}, format="json")
    valid(schema, "/api/v1/regions", "201", enrolled.json(), method="post")
    rotated = client.post("/api/v1/regions/berlin/rotate", {}, format="json")
    valid(schema, "/api/v1/regions/{slug}/rotate", "200", rotated.json(), method="post")
    again = client.post("/api/v1/regions", {"slug": "berlin"}, format="json")
    valid(schema, "/api/v1/regions", "409", again.json(), method="post")
    retired = client.post("/api/v1/regions/berlin/retire")
    valid(schema, "/api/v1/regions/{slug}/retire", "200", retired.json(), method="post")


def test_description_is_served_to_anybody(description: str) -> None:
    response = Client().get("/api/v1/schema/")
    assert response.status_code == 200
    assert (
        yaml.load(response.content, Loader=yaml.CSafeLoader)["paths"]
        == yaml.load(description, Loader=yaml.CSafeLoader)["paths"]
    )


def test_docs_page_needs_nothing_from_elsewhere_and_nothing_inline() -> None:
    page = Client().get("/api/docs/")
    text = page.content.decode()
    assert page.status_code == 200
    assert "<style" not in text
    assert "<script>" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    files = [part.split('"')[0] for part in text.split("/static/")[1:]]
    assert len(files) >= 4
    assert all(finders.find(name) for name in files)
    script = Client().get("/api/docs/", {"script": ""})
    assert script["Content-Type"].startswith("application/javascript")
    assert "/api/v1/schema/" in script.content.decode()
