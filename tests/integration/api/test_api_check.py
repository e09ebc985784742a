"""Asking for a check over the API."""

from typing import Any

import pytest
from celery import current_app
from django.contrib.auth.models import Permission, User
from pytest_django import DjangoCaptureOnCommitCallbacks
from rest_framework.test import APIClient

from api.codes import MEDIA_TYPE
from kairos.embedded import free_port
from probes.models import Batch, KeptAnswer, Resource, ResourceGroup, Run
from probes.policy.access import Role
from probes.protocol.outcome import rfc3339
from tests.fakes.access import grant
from tests.fakes.control_plane import ControlPlane
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

KEY = {"Idempotency-Key": "pipeline-7/gate"}


@pytest.fixture
def operator(client: APIClient, reader: User) -> APIClient:
    reader.user_permissions.add(Permission.objects.get(codename="change_resource"))
    return client


def ask(client: APIClient, image: Resource, order: dict[str, Any] | None = None) -> Any:
    return client.post(f"/api/v1/resources/{image.pk}/check", order, format="json")


def test_check_is_published_once_it_is_committed(
    operator: APIClient,
    plane: ControlPlane,
    broker: str,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    image = plane.image()
    with django_capture_on_commit_callbacks(execute=True) as published:
        response = ask(operator, image)
    assert response.status_code == 202
    assert len(published) == 1
    image.refresh_from_db()
    assert image.asked_slot is not None
    slot = rfc3339(image.asked_slot)
    told = response.json()
    assert {name: told[name] for name in ("resource", "slot", "regions", "outcomes", "kind", "done")} == {
        "resource": image.pk,
        "slot": slot,
        "regions": ["ap-south", "eu-west", "us-east"],
        "outcomes": f"http://testserver/api/v1/outcomes?resource={image.pk}&since={slot.replace(':', '%3A')}",
        "kind": "check",
        "done": False,
    }
    assert response["Location"] == told["url"]
    assert operator.get(response.json()["outcomes"]).json() == {"next": None, "results": []}
    assert Batch.objects.filter(slots=[image.asked_slot]).count() == 3


def test_check_goes_where_and_as_deep_as_told(operator: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    response = ask(operator, image, {"regions": ["eu-west"], "depth": "blobs"})
    told = response.json()
    assert (response.status_code, told["regions"], told["depth"]) == (202, ["eu-west"], "blobs")
    assert Batch.objects.get().region == plane.region("eu-west")


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"regions": ["mars"]}, "regions"),
        ({"regions": []}, "regions"),
        ({"regions": "eu-west"}, "regions"),
        ({"depth": "bottom"}, "depth"),
        ({"deep": True}, "deep"),
    ],
)
def test_bad_order_is_a_field_error_and_nothing_is_sent(
    operator: APIClient, plane: ControlPlane, order: Any, field: str
) -> None:
    response = ask(operator, plane.image(), order)
    assert response.status_code == 400
    assert wrong(response) == [field]
    assert not Batch.objects.exists()


def test_check_takes_the_permission_to_change_resources(client: APIClient, plane: ControlPlane) -> None:
    response = ask(client, plane.image())
    assert (response.status_code, response["Content-Type"]) == (403, MEDIA_TYPE)
    assert response.json()["detail"] == "This takes the role operator."
    assert not Batch.objects.exists()


def test_check_of_nothing_is_not_found(operator: APIClient, plane: ControlPlane) -> None:
    assert operator.post("/api/v1/resources/0/check", {}, format="json").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_check_without_a_broker_says_so(
    operator: APIClient, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = plane.image()
    monkeypatch.setenv("CELERY_BROKER_WRITE_URL", f"redis://127.0.0.1:{free_port()}/0")
    monkeypatch.setattr(current_app.amqp, "_producer_pool", None)
    response = operator.post(f"/api/v1/resources/{image.pk}/check", {}, format="json", headers=KEY)
    problem = response.json()
    assert (response.status_code, problem["code"], problem["detail"]) == (
        503,
        "undelivered",
        "The broker does not answer: the check was not sent.",
    )
    assert not KeptAnswer.objects.exists()  # asked again under its key, it is sent


@pytest.mark.parametrize("way", ["one", "many", "probe"])
def test_order_under_a_key_is_sent_once(operator: APIClient, reader: User, plane: ControlPlane, way: str) -> None:
    image = plane.image()
    grant(reader, Role.OPERATOR, ResourceGroup.objects.create(name="any"))
    orders: dict[str, tuple[str, dict[str, Any]]] = {
        "one": (f"/api/v1/resources/{image.pk}/check", {"regions": ["eu-west"]}),
        "many": ("/api/v1/resources/check", {"resources": [image.pk], "regions": ["eu-west"]}),
        "probe": ("/api/v1/probes", {"reference": "ghcr.io/org/app:1", "regions": ["eu-west"]}),
    }
    address, body = orders[way]
    first, again = (operator.post(address, body, format="json", headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202), first.content
    assert (again.json()["id"], again["Location"], again["Retry-After"], again["Idempotent-Replayed"]) == (
        first.json()["id"],
        first["Location"],
        first["Retry-After"],
        "true",
    )
    assert "Idempotent-Replayed" not in first
    assert (Run.objects.count(), Batch.objects.count()) == (1, 1)
    other = operator.post(address, {**body, "depth": "resolve"}, format="json", headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert Run.objects.count() == 1
