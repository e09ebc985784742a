"""Hours and days that are rolled up, for programs."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from probes.models import ResourceGroup, RoleGrant
from probes.policy.access import Role
from probes.policy.rollup import HOUR
from probes.protocol.outcome import rfc3339
from tests.fakes.access import grant
from tests.fakes.control_plane import ControlPlane
from tests.integration.api.test_api_compare import an_hour_of

pytestmark = pytest.mark.django_db


def rollups(client: APIClient, address: str, query: str = "") -> list[dict[str, Any]]:
    response = client.get(f"/api/v1/{address}/rollups?{query}")
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["rollups"]
    return found


def test_an_hour_is_told_of_a_resource_a_group_a_registry_and_a_region(
    client: APIClient, plane: ControlPlane
) -> None:
    group = ResourceGroup.objects.create(name="Shop")
    images = [plane.image("ghcr.io/org/app:1", group=group), plane.image("ghcr.io/org/other:1", group=group)]
    elsewhere = plane.image("quay.io/org/app:1")
    an_hour_of(plane, *images, elsewhere)
    start = plane.now.replace(minute=0, second=0)
    for address, count in (
        (f"resources/{images[0].pk}", 1),
        (f"groups/{group.pk}", 2),
        (f"registries/{images[0].registry_id}", 2),
    ):
        for slug, status in (("ap-south", "available"), ("eu-west", "unavailable")):
            (hour,) = [item for item in rollups(client, address, f"region={slug}") if item["outcomes"]]
            assert (hour["starts_at"], hour["outcomes"]) == (rfc3339(start), {status: 3 * count}), address
            assert hour["seconds"][status] > 0
            assert hour["latency"][0]["count"] == 3 * count
        overall = rollups(client, address)[-1]
        assert overall["outcomes"] == {}
        assert overall["seconds"]["degraded"] > 0
    (hour,) = rollups(client, "regions/eu-west")
    assert hour["outcomes"] == {"unavailable": 9}


def test_days_are_listed_where_they_are_asked_for(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    an_hour_of(plane, image)
    assert rollups(client, f"resources/{image.pk}", "unit=day") == []  # today is not over


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("unit=week", "unit"),
        ("since=2026-01-01T00:00:00Z&until=2026-04-01T00:00:00Z", "since"),
        ("since=now", "since"),
        ("unit=day&until=0001-01-02T00:00:00Z", "until"),
        ("region=moon", "region"),
        ("page=2", "page"),
    ],
)
def test_bad_question_is_named(client: APIClient, plane: ControlPlane, query: str, field: str) -> None:
    response = client.get(f"/api/v1/resources/{plane.image().pk}/rollups?{query}")
    assert response.status_code == 400
    assert [item["field"] for item in response.json()["errors"]] == [field]


def test_who_reaches_a_group_sees_no_sums_of_more(client: APIClient, reader: User, plane: ControlPlane) -> None:
    mine, other = ResourceGroup.objects.create(name="Mine"), ResourceGroup.objects.create(name="Other")
    images = [plane.image("ghcr.io/org/app:1", group=mine), plane.image("ghcr.io/org/other:1", group=other)]
    an_hour_of(plane, *images)
    RoleGrant.objects.all().delete()
    grant(reader, Role.VIEWER, mine)
    seen = {
        address: client.get(f"/api/v1/{address}").status_code
        for address in (
            f"resources/{images[0].pk}/rollups",
            f"resources/{images[1].pk}/rollups",
            f"groups/{mine.pk}/rollups",
            f"groups/{other.pk}/rollups",
            f"registries/{images[0].registry_id}/rollups",
            "regions/eu-west/rollups",
            f"compare?resource={images[0].pk}",
            f"compare?resource={images[1].pk}",
            "compare?group=Mine",
            "compare?group=Other",
            "compare?registry=ghcr.io",
        )
    }
    assert list(seen.values()) == [200, 404, 200, 404, 404, 404, 200, 400, 200, 400, 403]


def test_longer_history_takes_no_more_queries(client: APIClient, plane: ControlPlane) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            rollups(client, f"resources/{image.pk}")
        return len(captured)

    image = plane.image()
    few = queries()
    an_hour_of(plane, image)
    plane.now += 2 * HOUR
    assert queries() == few
