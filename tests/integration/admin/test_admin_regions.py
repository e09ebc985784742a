"""Regions in the admin: named, paused and looked at."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from probes.actions import regions
from probes.models import Region
from tests.fakes.control_plane import ControlPlane
from tests.integration.admin.pages import ADMIN, messages_of, shown

pytestmark = pytest.mark.django_db


def page_of(region: Region) -> str:
    return f"{ADMIN}/region/{region.pk}/change/"


def test_list_tells_who_is_there(client: Client, plane: ControlPlane) -> None:
    now = timezone.now()
    regions.record_heartbeat(plane.regions["eu-west"].heartbeat(), now=now - timedelta(seconds=5))
    regions.record_heartbeat(plane.regions["us-east"].heartbeat(), now=now - timedelta(hours=2))
    regions.note_silence(now=now)
    page = shown(client, f"{ADMIN}/region/")
    assert "eu-west eu-west ✓ active 5 s ago 1 probe.eu-west" in page or "✓ active 6 s ago" in page
    assert "us-east us-east ! silent 2 h ago 1 probe.us-east" in page
    assert "ap-south ap-south ✓ active — 0 probe.ap-south" in page


def test_page_shows_what_each_worker_last_said(client: Client, plane: ControlPlane) -> None:
    far = plane.regions["eu-west"]
    regions.record_heartbeat(far.heartbeat(in_flight=3, checks_run=41, refused={"expired": 2}), now=timezone.now())
    page = shown(client, page_of(far.row))
    assert far.worker in page
    assert "expired: 2" in page
    assert " 3 41 " in page


def test_region_is_renamed_and_keeps_its_keys_and_its_slug(client: Client, plane: ControlPlane) -> None:
    region = plane.region("eu-west")
    values = {"name": "Frankfurt", "latitude": "50.1", "longitude": "8.7", "slug": "mars", "verify_key": "AAAA"}
    client.post(page_of(region), values)
    changed = Region.objects.get(pk=region.pk)
    assert (changed.name, changed.latitude, changed.longitude) == ("Frankfurt", 50.1, 8.7)
    assert (changed.slug, changed.verify_key) == ("eu-west", region.verify_key)


def test_half_a_coordinate_is_refused(client: Client, plane: ControlPlane) -> None:
    region = plane.region("eu-west")
    response = client.post(page_of(region), {"name": "Frankfurt", "latitude": "50.1", "longitude": ""})
    assert response.status_code == 200
    assert Region.objects.get(pk=region.pk).latitude is None


def test_regions_are_neither_added_nor_deleted(client: Client, plane: ControlPlane) -> None:
    assert client.get(f"{ADMIN}/region/add/").status_code == 403
    assert client.post(f"{ADMIN}/region/{plane.region('eu-west').pk}/delete/", {"post": "yes"}).status_code == 403


def test_chosen_regions_are_paused_and_resumed(client: Client, plane: ControlPlane) -> None:
    chosen = [plane.region(slug).pk for slug in ("eu-west", "us-east")]
    response = client.post(f"{ADMIN}/region/", {"action": "pause", "_selected_action": chosen})
    assert messages_of(response)[-1] == "2 paused. What is on its way still arrives."
    assert Region.objects.filter(paused_at__isnull=False).count() == 2
    response = client.post(f"{ADMIN}/region/", {"action": "resume", "_selected_action": chosen})
    assert messages_of(response)[-1] == "2 resumed. Checks go there from the next tick on."
    assert not Region.objects.filter(paused_at__isnull=False).exists()


def test_chosen_regions_are_retired(client: Client, plane: ControlPlane) -> None:
    response = client.post(f"{ADMIN}/region/", {"action": "retire", "_selected_action": [plane.region("eu-west").pk]})
    assert messages_of(response)[-1] == "1 retired. `manage.py enroll_region SLUG` brings one back."
    assert not Region.objects.get(slug="eu-west").is_active


def test_onlooker_pauses_nothing(onlooker: Client, plane: ControlPlane) -> None:
    assert "Pause" not in shown(onlooker, f"{ADMIN}/region/")
    onlooker.post(f"{ADMIN}/region/", {"action": "pause", "_selected_action": [plane.region("eu-west").pk]})
    assert not Region.objects.filter(paused_at__isnull=False).exists()
