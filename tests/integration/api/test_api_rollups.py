"""Hours and days that are rolled up, for programs."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from api import ranges
from probes.actions import resources
from probes.actions import rollups as rollups_done
from probes.models import Resource, ResourceGroup, RoleGrant
from probes.policy.access import Role
from probes.policy.rollup import HOUR
from probes.protocol.outcome import rfc3339
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.access import grant
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import finding
from tests.integration.api.test_api_compare import an_hour_of
from tests.integration.control.test_rollups import roll_all

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


def test_hours_are_listed_for_as_many_days_as_it_says(client: APIClient, plane: ControlPlane) -> None:
    """It said 31 days, refused with 32, and took 32."""
    address, until = f"/api/v1/resources/{plane.image().pk}/rollups", plane.now.replace(minute=30)
    asked = {"until": rfc3339(until), "since": rfc3339(until - timedelta(days=31))}
    assert client.get(address, asked).status_code == 200
    for end, more in ((until, timedelta(seconds=1)), (until.replace(minute=0, second=0), HOUR)):
        asked = {"until": rfc3339(end), "since": rfc3339(end - timedelta(days=31) - more)}
        refused = client.get(address, asked)
        assert "Hours are listed for 31 days at most" in str(refused.json())
    assert "of at most 31 days" in str(ranges.RegionRollUpQuery().fields["unit"].help_text)


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


def of(**seconds: int) -> dict[str, int]:
    """Return the seconds by what they show; of what is not said there are none."""
    return {
        **dict.fromkeys(("available", "degraded", "unavailable", "unknown", "maintenance", "paused"), 0),
        **seconds,
    }


def test_all_faces_tell_the_figures_that_are_reckoned_by_hand(editor: APIClient, plane: ControlPlane) -> None:
    lost = finding(Reason.LAYER_MISSING, Stage.LAYER)
    start = plane.now.replace(minute=0, second=0) - 3 * HOUR
    group = ResourceGroup.objects.create(name="Shop")

    def check(minute: int, *images: Resource, fails_in: Collection[str] = ()) -> datetime:
        plane.now = start + timedelta(minutes=minute - 1)
        return plane.check(*images, finds=dict.fromkeys(fails_in, lost))

    plane.now = start
    first = plane.image("ghcr.io/org/app:1", group=group, interval_seconds=3600)
    check(10, first)
    failed_at = check(20, first, fails_in=["eu-west"])
    plane.now = start + timedelta(minutes=30)
    second = plane.image("ghcr.io/org/app:2", group=group, interval_seconds=3600)
    check(40, first, second)
    resources.pause([first.pk], now=start + timedelta(minutes=50))
    resources.resume([first.pk], now=start + timedelta(minutes=55))
    check(60, first, second, fails_in=SLUGS)  # and that is of the next hour
    roll_all(start + HOUR + rollups_done.ROLLED_AFTER)

    seen = {
        "eu-west": of(unknown=600, available=1500, unavailable=1200, paused=300),
        "us-east": of(unknown=600, available=2700, paused=300),
    }
    overall = of(unknown=600, available=1500, degraded=1200, paused=300)
    of_both = of(unknown=3000, available=2700, degraded=1200, paused=300)
    asked = {"since": rfc3339(start), "until": rfc3339(start + HOUR)}

    def told(**more: Any) -> dict[str, Any]:
        shown: dict[str, Any] = editor.get("/api/v1/compare", {**asked, **more}).json()
        return shown

    alone = told(resource=first.pk)
    by_region = {item["region"]: item for item in alone["regions"]}
    assert {slug: by_region[slug]["seconds"] for slug in seen} == seen
    assert by_region["eu-west"]["availability"] == pytest.approx(1500 / 2700)
    assert by_region["eu-west"]["outcomes"] == {"available": 2, "unavailable": 1}
    assert by_region["eu-west"]["last_failure"]["slot"] == rfc3339(failed_at)
    assert by_region["us-east"]["last_failure"] is None
    assert alone["overall"]["seconds"] == overall
    many = {item["region"]: item for item in told(group="shop")["regions"]}
    assert many["eu-west"]["outcomes"] == {"available": 3, "unavailable": 1}
    assert many["eu-west"]["seconds"] == of(unknown=3000, available=2700, unavailable=1200, paused=300)
    assert told(group="shop")["overall"]["seconds"] == told(registry="ghcr.io")["overall"]["seconds"] == of_both
    over = {"range": f"{asked['since']}..{asked['until']}"}
    assert editor.get(f"/api/v1/resources/{first.pk}/uptime", over).json()["overall"]["seconds"] == overall
    assert editor.get(f"/api/v1/groups/{group.pk}/uptime", over).json()["overall"]["seconds"] == of_both
    query = f"region=eu-west&since={asked['since']}&until={asked['until']}"
    (hour,) = rollups(editor, f"resources/{first.pk}", query)
    assert (hour["starts_at"], hour["seconds"]) == (asked["since"], seen["eu-west"])

    # What a region saw that has no say any more stays in the figures of what belonged together, and in the overall.
    kept = [slug for slug in SLUGS if slug != "eu-west"]
    assert editor.patch(f"/api/v1/resources/{first.pk}", {"regions": kept}, format="json").status_code == 200
    assert [item["region"] for item in told(resource=first.pk)["regions"]] == kept
    assert told(resource=first.pk)["overall"]["seconds"] == overall
    assert {item["region"]: item["outcomes"] for item in told(group="shop")["regions"]}["eu-west"]["unavailable"] == 1
