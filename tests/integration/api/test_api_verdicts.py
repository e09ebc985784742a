"""Verdicts as they are now and how they changed, for programs."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from probes.models import ResourceGroup
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import finding

pytestmark = pytest.mark.django_db

GONE = dict.fromkeys(SLUGS, finding(Reason.TAG_NOT_FOUND))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [0, 1, 2]),
        ("state=unavailable", [1]),
        ("state=unknown", [2]),
        ("state=unknown&state=available", [0, 2]),
        ("registry=quay.io", [1]),
        ("group=shop", [0]),
    ],
)
def test_verdicts_are_listed_and_narrowed(
    client: APIClient, plane: ControlPlane, query: str, found: list[int]
) -> None:
    group = ResourceGroup.objects.create(name="Shop")
    images = [plane.image(group=group), plane.image("quay.io/org/app:1"), plane.image("ghcr.io/org/new:1")]
    plane.check(images[0])
    plane.check(images[1], finds=GONE)
    response = client.get(f"/api/v1/verdicts?{query}")
    assert response.status_code == 200, response.content
    listed = response.json()["results"]
    assert [item["resource"] for item in listed] == [images[number].pk for number in found]
    assert [item["slug"] for item in listed] == [images[number].slug for number in found]


def test_changes_are_told_newest_first(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    plane.check(image, finds=GONE)
    plane.check(image)
    address = f"/api/v1/resources/{image.pk}/verdict-changes"
    changes = client.get(address).json()["results"]
    assert changes[0]["state"] == "available"
    assert "unavailable" in [item["state"] for item in changes]
    assert [item["before"] for item in changes[:-1]] == [item["state"] for item in changes[1:]]
    first = client.get(address, {"page_size": "1"}).json()
    second = client.get(first["next"]).json()
    assert [page["results"][0]["id"] for page in (first, second)] == [item["id"] for item in changes[:2]]
    assert client.get("/api/v1/resources/0/verdict-changes").status_code == 404


def test_lists_take_the_same_queries_for_many_as_for_few(client: APIClient, plane: ControlPlane) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/api/v1/verdicts")
            client.get(f"/api/v1/resources/{image.pk}/verdict-changes")
        return len(captured)

    image = plane.image()
    few = queries()
    plane.check(image, *(plane.image(f"ghcr.io/org/app-{number}:1") for number in range(9)))
    plane.check(image, finds=GONE)
    assert queries() == few
