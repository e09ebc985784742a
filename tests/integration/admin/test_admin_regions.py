"""Regions in the admin: named, paused and looked at."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from probes.actions import regions
from probes.admin.region import RegionAdmin
from probes.models import Region
from probes.protocol.egress import Canary, CanaryRound, Egress, EgressState
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import FarRegion
from tests.integration.admin.pages import ADMIN, messages_of, shown

pytestmark = pytest.mark.django_db

BEAT = timedelta(seconds=10)


def page_of(region: Region) -> str:
    return f"{ADMIN}/region/{region.pk}/change/"


def test_list_tells_who_is_there(client: Client, plane: ControlPlane) -> None:
    now = timezone.now()
    regions.record_heartbeat(plane.regions["eu-west"].heartbeat(), now=now - timedelta(seconds=5))
    regions.record_heartbeat(plane.regions["us-east"].heartbeat(), now=now - timedelta(hours=2))
    regions.note_silence(now=now)
    page = shown(client, f"{ADMIN}/region/")
    assert re.search(
        r"eu-west eu-west ✓ active \S+( s ago)? [5-7] s ago 0\.0 s at least \+[5-7]\.\d s 1 probe\.eu-west", page
    )
    assert re.search(
        r"us-east us-east ! silent \S+( s ago)? 2 h ago 0\.0 s at least \+7\d{3}\.\d s 1 probe\.us-east", page
    )
    assert re.search(r"ap-south ap-south ✓ active \S+( s ago)? — — — 0 probe\.ap-south", page)


def test_page_shows_what_each_worker_last_said(client: Client, plane: ControlPlane) -> None:
    far = plane.regions["eu-west"]
    regions.record_heartbeat(far.heartbeat(in_flight=3, checks_run=41, refused={"expired": 2}), now=timezone.now())
    page = shown(client, page_of(far.row))
    assert far.worker in page
    assert "expired: 2" in page
    assert " 3 — 41 " in page


def test_region_is_renamed_and_keeps_its_keys_and_its_slug(client: Client, plane: ControlPlane) -> None:
    region = plane.region("eu-west")
    values = {"name": "Frankfurt", "latitude": "50.1", "longitude": "8.7", "slug": "mars", "verify_key": "AAAA"}
    client.post(page_of(region), values)
    changed = Region.objects.get(pk=region.pk)
    assert (changed.name, changed.latitude, changed.longitude) == ("Frankfurt", 50.1, 8.7)
    assert (changed.slug, changed.verify_key) == ("eu-west", region.verify_key)


def test_heartbeat_between_reading_and_saving_a_region_s_page_is_not_undone(
    client: Client, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    far, now = plane.regions["eu-west"], timezone.now()
    read = RegionAdmin.get_object

    def read_before_a_heartbeat(*arguments: Any) -> Any:
        region = read(*arguments)
        regions.record_heartbeat(far.heartbeat(), now=now)
        return region

    monkeypatch.setattr(RegionAdmin, "get_object", read_before_a_heartbeat)
    client.post(page_of(plane.region("eu-west")), {"name": "Frankfurt", "latitude": "", "longitude": ""})
    changed = Region.objects.get(slug="eu-west")
    assert (changed.name, changed.last_seen_at) == ("Frankfurt", now)
    assert far.worker in changed.heartbeat["workers"]


def test_half_a_coordinate_is_refused(client: Client, plane: ControlPlane) -> None:
    region = plane.region("eu-west")
    response = client.post(page_of(region), {"name": "Frankfurt", "latitude": "50.1", "longitude": ""})
    assert response.status_code == 200
    assert Region.objects.get(pk=region.pk).latitude is None


def test_regions_are_not_deleted(client: Client, plane: ControlPlane) -> None:
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
    assert messages_of(response)[-1] == "1 retired: keys and accounts have ended. Enrolling brings one back."
    assert not Region.objects.get(slug="eu-west").is_active


def test_onlooker_pauses_nothing(onlooker: Client, plane: ControlPlane) -> None:
    assert "Pause" not in shown(onlooker, f"{ADMIN}/region/")
    onlooker.post(f"{ADMIN}/region/", {"action": "pause", "_selected_action": [plane.region("eu-west").pk]})
    assert not Region.objects.filter(paused_at__isnull=False).exists()


def test_page_tells_the_region_s_clock_canaries_and_last_changes(client: Client, plane: ControlPlane) -> None:
    far, now = plane.regions["eu-west"], timezone.now()
    canaries = CanaryRound(
        number=1,
        ended_at=now,
        canaries=(Canary(url="https://canary.test/<b>", http_status=None, error="dns_temporary", total_ms=12.0),),
        local_address="10.0.0.4",
        public_address="192.0.2.7",
    )
    egress = Egress(state=EgressState.DOWN, since=now)
    for number in (1, 2):
        beat = far.heartbeat(
            number,
            sent_at=now + number * BEAT - timedelta(seconds=300),
            shortest_wait_seconds=-299.5,
            longest_wait_seconds=-280.0,
            seats=100,
            load_per_core=0.25,
            egress=egress,
            canaries=replace(canaries, number=number),
        )
        regions.record_heartbeat(beat, now=now + number * BEAT)
    page = shown(client, page_of(far.row))
    assert "! egress down" in page
    assert "-299.7 s ± 0.3 s" in page or "-299.8 s ± 0.3 s" in page
    assert "20.0 s" in page
    assert "https://canary.test/<b> dns_temporary 12 ms From 10.0.0.4, seen from outside as 192.0.2.7." in page
    assert "active ! egress down no canary answers: https://canary.test/<b> dns_temporary" in page
    assert "announced ✓ active enrolled" in page


def test_page_tells_of_a_worker_that_is_not_as_the_others(client: Client, plane: ControlPlane) -> None:
    fine, now = plane.regions["eu-west"], timezone.now()
    lost = FarRegion(fine.row, fine.keys)
    for number in (1, 2):
        for far, state, ahead_seconds in ((fine, EgressState.OK, 0), (lost, EgressState.DOWN, 300)):
            beat = far.heartbeat(
                number,
                sent_at=now + number * BEAT + timedelta(seconds=ahead_seconds),
                host=f"edge-{ahead_seconds}",
                egress=Egress(state=state, since=now),
                canaries=CanaryRound(number=number, ended_at=now, canaries=()),
            )
            regions.record_heartbeat(beat, now=now + number * BEAT)
    page = shown(client, page_of(fine.row))
    name = f"edge-300 ({lost.worker[:8]})"
    assert f"worker {lost.worker[:8]} active ! egress down {name}: no canary answers" in page
    assert f"{name} {lost.worker}" in page
    assert "at least +300.0 s down, cut off" in page
    assert "More workers are heard than these" not in page
    for _ in range(19):
        regions.record_heartbeat(FarRegion(fine.row, fine.keys).heartbeat(), now=now + 2 * BEAT)
    assert "More workers are heard than these" in shown(client, page_of(fine.row))


def test_chosen_regions_are_drained_and_the_event_says_by_whom(client: Client, plane: ControlPlane) -> None:
    region = plane.region("eu-west")
    response = client.post(f"{ADMIN}/region/", {"action": "drain", "_selected_action": [region.pk]})
    assert messages_of(response)[-1] == "1 draining. What is in flight still arrives."
    assert Region.objects.get(pk=region.pk).condition == "draining"
    newest = region.events.first()
    assert newest
    assert (newest.after, newest.detail[:3]) == ("draining", "by ")
