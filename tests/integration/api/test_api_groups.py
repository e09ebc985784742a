"""Groups and maintenance windows, for programs."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from probes.actions import maintenance, rollups
from probes.models import MaintenanceWindow, Resource, ResourceGroup
from probes.policy.intervals import Interval
from probes.policy.rollup import HOUR
from probes.protocol.outcome import rfc3339
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import finding
from tests.integration.api.asking import wrong
from tests.integration.control.test_rollups import roll_all

pytestmark = pytest.mark.django_db

GROUPS, WINDOWS = "/api/v1/groups", "/api/v1/maintenance-windows"
GONE = dict.fromkeys(SLUGS, finding(Reason.TAG_NOT_FOUND))


def listed(client: APIClient, address: str, query: str = "") -> list[dict[str, Any]]:
    response = client.get(f"{address}?{query}")
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def planned(plane: ControlPlane, **values: Any) -> MaintenanceWindow:
    """Plan work at half past one in Tokyo each night, of the registry of an image of Shop."""
    image = Resource.objects.first() or plane.image(group=ResourceGroup.objects.get_or_create(name="Shop")[0])
    fields: dict[str, Any] = {
        "name": "Nightly work",
        "starts_on": date(2026, 1, 1),
        "starts_at": time(1, 30),
        "zone": "Asia/Tokyo",
        "duration_minutes": 90,
        "rule": "FREQ=DAILY",
        **values,
    }
    return maintenance.save(
        MaintenanceWindow(**fields),
        resources=[image],
        groups=[image.group] if image.group else [],
        registries=[image.registry],
        regions=[plane.region("eu-west")],
        now=timezone.now(),
    )


def test_group_shows_what_it_says_and_how_much_belongs_to_it(client: APIClient, plane: ControlPlane) -> None:
    group = ResourceGroup.objects.create(name="Shop", failures=5, uptime_target_percent="99.9")
    plane.image(group=group)
    ResourceGroup.objects.create(name="Data")
    shop, data = listed(client, GROUPS)
    assert (shop["id"], shop["name"], shop["resources"]) == (group.pk, "Shop", 1)
    assert {name: said for name, said in shop["terms"].items() if said is not None} == {
        "failures": 5,
        "uptime_target_percent": 99.9,
    }
    assert (data["resources"], set(data["terms"].values())) == (0, {None})
    assert client.get(f"{GROUPS}/{group.pk}").json() == shop
    assert [item["name"] for item in listed(client, GROUPS, "search=SHO")] == ["Shop"]


def rolled_hour(plane: ControlPlane) -> Interval:
    """Let the hour end that it is by the plane's clock, and be rolled up."""
    start = plane.now.replace(minute=0, second=0)
    roll_all(start + HOUR + rollups.ROLLED_AFTER)
    return Interval(start, start + HOUR)


def test_uptime_of_a_group_is_that_of_all_that_belonged_to_it(client: APIClient, plane: ControlPlane) -> None:
    plane.now = plane.now.replace(minute=0) - 3 * HOUR
    group = ResourceGroup.objects.create(name="Shop", uptime_target_percent="50")
    good, gone = plane.image(group=group), plane.image("quay.io/org/gone:1", group=group)
    other = plane.image("quay.io/org/other:1")
    plane.check(good, other)
    plane.check(gone, finds=GONE)
    hour = rolled_hour(plane)
    asked = {"range": f"{rfc3339(hour.start)}..{rfc3339(hour.end)}"}
    shown = client.get(f"{GROUPS}/{group.pk}/uptime", asked).json()
    assert (shown["group"], shown["resources"], shown["target_percent"]) == (group.pk, 2, 50.0)
    figures = [
        client.get(f"/api/v1/resources/{image.pk}/uptime", asked).json()["overall"]["seconds"]
        for image in (good, gone)
    ]
    assert shown["overall"]["seconds"] == {name: sum(figure[name] for figure in figures) for name in figures[0]}
    assert shown["overall"]["seconds"]["unavailable"] > 0
    assert shown["overall"]["budget"]["spent_seconds"] == shown["overall"]["seconds"]["unavailable"]

    Resource.objects.filter(pk=gone.pk).update(group=None)
    moved = client.get(f"{GROUPS}/{group.pk}/uptime", {"range": "24h"}).json()
    assert (moved["resources"], moved["overall"]) == (1, shown["overall"])
    assert moved["until"] == rfc3339(hour.end)


def test_uptime_of_a_group_takes_as_many_queries_for_many_as_for_few(client: APIClient, plane: ControlPlane) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"{GROUPS}/{group.pk}/uptime").status_code == 200
        return len(captured)

    group = ResourceGroup.objects.create(name="Shop")
    plane.check(plane.image(group=group))
    few = queries()
    plane.check(*(plane.image(f"quay.io/org/app-{number}:1", group=group) for number in range(12)))
    assert queries() == few <= 12


def test_empty_group_has_no_data(client: APIClient) -> None:
    group = ResourceGroup.objects.create(name="Shop")
    shown = client.get(f"{GROUPS}/{group.pk}/uptime").json()
    assert (shown["resources"], shown["overall"]["availability"], shown["range"]) == (0, None, "30d")
    assert set(shown["overall"]["seconds"].values()) == {0}


def test_group_that_is_not_there_is_not_found(client: APIClient, db: None) -> None:
    assert client.get(f"{GROUPS}/1").status_code == 404
    assert client.get(f"{GROUPS}/1/uptime").status_code == 404


def test_window_shows_what_it_concerns_and_when_it_comes_next(client: APIClient, plane: ControlPlane) -> None:
    window = planned(plane)
    (shown,) = listed(client, WINDOWS)
    assert shown == {
        "id": window.pk,
        "slug": "nightly-work",
        "name": "Nightly work",
        "starts_on": "2026-01-01",
        "starts_at": "01:30:00",
        "zone": "Asia/Tokyo",
        "duration_minutes": 90,
        "rule": "FREQ=DAILY",
        "resources": [Resource.objects.get().slug],
        "groups": ["shop"],
        "registries": ["ghcr.io"],
        "regions": ["eu-west"],
    }
    alone = client.get(f"{WINDOWS}/{window.pk}").json()
    times = alone.pop("next")
    assert alone == shown
    assert len(times) == 5
    for occurrence in times:
        start, end = (datetime.fromisoformat(occurrence[name]) for name in ("starts_at", "ends_at"))
        assert (f"{start:%H:%M}", end - start) == ("16:30", timedelta(minutes=90))


def test_window_that_this_version_cannot_read_has_no_next_time(client: APIClient, plane: ControlPlane) -> None:
    window = planned(plane)
    MaintenanceWindow.objects.update(rule="FREQ=SECONDLY")
    assert client.get(f"{WINDOWS}/{window.pk}").json()["next"] == []


def test_windows_take_the_same_queries_for_many_as_for_few(client: APIClient, plane: ControlPlane) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            listed(client, WINDOWS)
        return len(captured)

    planned(plane)
    few = queries()
    for number in range(5):
        planned(plane, name=f"Work {number}")
    assert queries() == few == 6


@pytest.mark.parametrize("address", [GROUPS, WINDOWS])
def test_filter_that_is_not_known_is_refused(client: APIClient, db: None, address: str) -> None:
    response = client.get(f"{address}?colour=red")
    assert (response.status_code, wrong(response)) == (400, ["colour"])
