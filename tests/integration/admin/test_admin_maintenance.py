"""Maintenance windows in the admin: what happens when, by the clock of the window's own zone."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from probes.models import MaintenanceOccurrence, MaintenanceWindow
from tests.fakes.control_plane import ControlPlane
from tests.integration.admin.pages import ADMIN, errors_of, messages_of, shown

pytestmark = pytest.mark.django_db

ADD = f"{ADMIN}/maintenancewindow/add/"
TOKYO = ZoneInfo("Asia/Tokyo")


def typed(**values: Any) -> dict[str, Any]:
    """Return what the form sends: every day from tomorrow on, at 01:30 in Tokyo."""
    return {
        "name": "Nightly work",
        "starts_on": f"{tomorrow():%Y-%m-%d}",
        "starts_at": "01:30",
        "zone": "Asia/Tokyo",
        "duration_minutes": "90",
        "rule": "FREQ=DAILY",
        **values,
    }


def tomorrow() -> datetime:
    return timezone.now().astimezone(TOKYO) + timedelta(days=1)


def test_new_window_shows_its_next_five_times_by_its_own_clock(client: Client, plane: ControlPlane) -> None:
    response = client.post(ADD, typed(regions=[str(plane.region("eu-west").pk)]))
    window = MaintenanceWindow.objects.get()
    assert response["Location"] == f"{ADMIN}/maintenancewindow/{window.pk}/change/"
    page = shown(client, response["Location"])
    first = tomorrow()
    for number in range(5):
        day = first + timedelta(days=number)
        assert f"{day:%a %d %b %Y} 01:30 JST {day:%a %d %b %Y} 03:00 JST" in page
    assert page.count("01:30 JST") == 5
    assert MaintenanceOccurrence.objects.filter(window=window).count() >= 30


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({}, "__all__", "Choose what is worked on"),
        ({"rule": "FREQ=MINUTELY", "registries": "the registry"}, "rule", "FREQ is one of"),
        ({"rule": "FREQ=DAILY;BYHOUR=1", "registries": "the registry"}, "rule", "time of day is that of the start"),
        ({"zone": "Berlin", "registries": "the registry"}, "zone", "'Berlin' is no time zone"),
        ({"duration_minutes": "1500", "registries": "the registry"}, "duration_minutes", "begin again"),
        ({"starts_on": "2020-01-01", "rule": "", "registries": "the registry"}, "__all__", "lies in the past"),
        ({"starts_on": "", "registries": "the registry"}, "starts_on", "required"),
    ],
)
def test_window_that_makes_no_sense_comes_back_with_the_reason(
    client: Client, plane: ControlPlane, values: dict[str, Any], field: str, words: str
) -> None:
    if "registries" in values:
        values = {**values, "registries": [str(plane.image().registry_id)]}
    errors = errors_of(client.post(ADD, typed(**values)))
    assert list(errors) == [field]
    assert words in errors[field][0]
    assert not MaintenanceWindow.objects.exists()


def test_time_zones_are_offered_by_name(client: Client) -> None:
    page = client.get(ADD).content.decode()
    assert 'list="zone-choices"' in page
    assert '<option value="Europe/Berlin">' in page


def test_windows_are_listed_with_when_they_come_next(client: Client, plane: ControlPlane) -> None:
    client.post(ADD, typed(registries=[str(plane.image().registry_id)]))
    assert f"Nightly work {tomorrow():%a %d %b %Y} 01:30 JST (in " in shown(client, f"{ADMIN}/maintenancewindow/")


def test_window_may_be_renamed_when_it_is_over(client: Client, plane: ControlPlane) -> None:
    target = [str(plane.image().registry_id)]
    client.post(ADD, typed(registries=target, rule=""))
    MaintenanceWindow.objects.update(starts_on="2024-01-01")
    window = MaintenanceWindow.objects.get()
    address = f"{ADMIN}/maintenancewindow/{window.pk}/change/"
    response = client.post(address, typed(registries=target, rule="", starts_on="2024-01-01", name="Past work"))
    assert response.status_code == 302
    assert "over" in shown(client, f"{ADMIN}/maintenancewindow/")
    assert MaintenanceWindow.objects.get().name == "Past work"


def test_window_that_is_deleted_is_called_off(client: Client, plane: ControlPlane) -> None:
    client.post(ADD, typed(registries=[str(plane.image().registry_id)]))
    window = MaintenanceWindow.objects.get()
    response = client.post(f"{ADMIN}/maintenancewindow/{window.pk}/delete/", {"post": "yes"})
    assert messages_of(response)
    assert not MaintenanceOccurrence.objects.exists()


def test_onlooker_sees_the_preview(onlooker: Client, client: Client, plane: ControlPlane) -> None:
    client.post(ADD, typed(registries=[str(plane.image().registry_id)]))
    window = MaintenanceWindow.objects.get()
    assert "01:30 JST" in shown(onlooker, f"{ADMIN}/maintenancewindow/{window.pk}/change/")
