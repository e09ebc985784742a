"""Regions, for programs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from probes.actions import regions
from probes.models import Region
from probes.protocol.egress import Canary, CanaryRound, Egress, EgressState
from probes.protocol.outcome import rfc3339
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import FarRegion

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/regions"


def test_regions_come_in_the_order_of_their_slugs(client: APIClient, plane: ControlPlane) -> None:
    assert [item["slug"] for item in client.get(ADDRESS).json()] == ["ap-south", "eu-west", "us-east"]


def test_region_shows_what_its_worker_last_said(client: APIClient, plane: ControlPlane) -> None:
    far = plane.regions["eu-west"]
    now = timezone.now()
    regions.record_heartbeat(far.heartbeat(in_flight=3, refused={"expired": 2}), now=now)
    shown = next(item for item in client.get(ADDRESS).json() if item["slug"] == "eu-west")
    assert (shown["state"], shown["last_seen_at"]) == ("active", rfc3339(now))
    (worker,) = shown["workers"]
    assert (worker["worker"], worker["received_at"]) == (far.worker, rfc3339(now))
    assert (worker["in_flight"], worker["refused"], worker["queue_length"]) == (3, {"expired": 2}, None)


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, "active"),
        ({"silent_since": timezone.now()}, "silent"),
        ({"silent_since": timezone.now(), "paused_at": timezone.now()}, "paused"),
        ({"verify_key": "", "box_public_key": ""}, "announced"),
        ({"retired_at": timezone.now(), "paused_at": timezone.now()}, "retired"),
        ({"draining_at": timezone.now(), "silent_since": timezone.now()}, "draining"),
        ({"egress_down_since": timezone.now(), "late_since": timezone.now()}, "egress_down"),
        ({"late_since": timezone.now()}, "late"),
    ],
)
def test_region_tells_its_state(
    client: APIClient, plane: ControlPlane, values: dict[str, object], state: str
) -> None:
    Region.objects.filter(slug="us-east").update(**values)
    shown = next(item for item in client.get(ADDRESS).json() if item["slug"] == "us-east")
    assert shown["state"] == state


def test_silence_has_its_time(client: APIClient, plane: ControlPlane) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    regions.record_heartbeat(plane.regions["eu-west"].heartbeat(), now=long_ago)
    regions.note_silence(now=timezone.now())
    shown = next(item for item in client.get(ADDRESS).json() if item["slug"] == "eu-west")
    assert (shown["state"], shown["silent_since"]) == ("silent", rfc3339(long_ago))


def test_list_takes_one_query_and_the_token(client: APIClient, plane: ControlPlane) -> None:
    with CaptureQueriesContext(connection) as captured:
        client.get(ADDRESS)
    assert len(captured) == 2


def test_keys_of_regions_are_not_shown(client: APIClient, plane: ControlPlane) -> None:
    text = client.get(ADDRESS).content.decode()
    assert not any(region.verify_key in text or region.box_public_key in text for region in Region.objects.all())


def test_region_shows_its_clock_its_queue_and_its_way_out(client: APIClient, plane: ControlPlane) -> None:
    now = timezone.now()
    canary = Canary(url="https://canary.test/", http_status=204, error=None, total_ms=12.5)
    round_ = CanaryRound(number=1, ended_at=now, canaries=(canary,), public_address="192.0.2.7")
    regions.record_heartbeat(
        plane.regions["eu-west"].heartbeat(
            sent_at=now + timedelta(seconds=299),
            shortest_wait_seconds=303.0,
            longest_wait_seconds=311.0,
            seats=100,
            load_per_core=0.5,
            host="edge-7",
            egress=Egress(state=EgressState.OK, since=now),
            canaries=round_,
        ),
        now=now,
    )
    shown = next(item for item in client.get(ADDRESS).json() if item["slug"] == "eu-west")
    assert (shown["clock_offset_seconds"], shown["clock_uncertainty_seconds"]) == (
        pytest.approx(301, abs=1e-3),
        pytest.approx(2, abs=1e-3),
    )
    assert shown["queue_lag_seconds"] == pytest.approx(12, abs=1e-2)
    assert shown["last_round"] == {
        "ended_at": rfc3339(now),
        "canaries": [{"url": "https://canary.test/", "http_status": 204, "error": None, "total_ms": 12.5}],
        "local_address": None,
        "public_address": "192.0.2.7",
    }
    (worker,) = shown["workers"]
    assert (worker["seats"], worker["load_per_core"], worker["egress"]) == (100, 0.5, "ok")
    assert (worker["host"], worker["egress_down_since"]) == ("edge-7", None)
    assert worker["clock_offset_seconds"] == pytest.approx(301, abs=1e-3)
    assert worker["clock_uncertainty_seconds"] == pytest.approx(2, abs=1e-3)
    assert shown["has_more_workers"] is False


def test_worker_that_an_earlier_version_stored_is_shown(client: APIClient, plane: ControlPlane) -> None:
    regions.record_heartbeat(plane.regions["eu-west"].heartbeat(), now=timezone.now())
    region = Region.objects.get(slug="eu-west")
    (worker,) = region.heartbeat["workers"].values()
    ours = ("seats", "load_per_core", "queue_lag_seconds", "egress", "canaries", "expired_lately", "host", "clock")
    for name in (*ours, "clock_offset_seconds", "clock_uncertainty_seconds", "egress_down_since"):
        del worker[name]
    region.save()
    (shown,) = next(item for item in client.get(ADDRESS).json() if item["slug"] == "eu-west")["workers"]
    assert (shown["seats"], shown["load_per_core"], shown["egress"]) == (0, None, "unknown")
    assert (shown["host"], shown["egress_down_since"], shown["clock_offset_seconds"]) == ("", None, None)


def test_worker_without_a_way_out_is_shown_and_told_of(client: APIClient, plane: ControlPlane) -> None:
    fine, lost = plane.regions["eu-west"], another_worker(plane.regions["eu-west"])
    for number in (1, 2):
        for far, state in ((fine, EgressState.OK), (lost, EgressState.DOWN)):
            beat = far.heartbeat(
                number,
                host="edge-7",
                egress=Egress(state=state, since=plane.now),
                canaries=CanaryRound(number=number, ended_at=plane.now, canaries=()),
            )
            regions.record_heartbeat(beat, now=plane.now + number * timedelta(seconds=10))
    shown = next(item for item in client.get(ADDRESS).json() if item["slug"] == "eu-west")
    down = {worker["worker"]: worker["egress_down_since"] for worker in shown["workers"]}
    assert down == {fine.worker: None, lost.worker: rfc3339(plane.now + timedelta(seconds=20))}
    assert shown["state"] == "active"
    event = client.get(f"{ADDRESS}/eu-west/events").json()["results"][0]
    assert (event["worker"], event["before"], event["after"]) == (lost.worker, "active", "egress_down")
    assert event["detail"].startswith("edge-7 (")


def another_worker(far: FarRegion) -> FarRegion:
    """Return another worker of the same region."""
    return FarRegion(far.row, far.keys)


def test_more_workers_than_are_listed_are_told_of(client: APIClient, plane: ControlPlane) -> None:
    for _ in range(21):
        regions.record_heartbeat(another_worker(plane.regions["eu-west"]).heartbeat(), now=plane.now)
    shown = next(item for item in client.get(ADDRESS).json() if item["slug"] == "eu-west")
    assert (len(shown["workers"]), shown["has_more_workers"]) == (20, True)


def test_events_of_a_region_come_newest_first_in_pages(client: APIClient, plane: ControlPlane) -> None:
    region = plane.region("eu-west")
    regions.pause([region.pk], now=plane.now, detail="by anna")
    regions.resume([region.pk], now=plane.now)
    first = client.get(f"{ADDRESS}/eu-west/events", {"page_size": 2}).json()
    assert [(item["before"], item["after"], item["detail"]) for item in first["results"]] == [
        ("paused", "active", ""),
        ("active", "paused", "by anna"),
    ]
    assert first["results"][0]["at"] == rfc3339(plane.now)
    rest = client.get(first["next"]).json()
    assert [item["after"] for item in rest["results"]] == ["active"]
    assert rest["next"] is None


def test_region_that_is_not_there_has_no_events(client: APIClient, plane: ControlPlane) -> None:
    assert client.get(f"{ADDRESS}/mars/events").status_code == 404
    assert client.get(f"{ADDRESS}/eu-west/events", {"cursor": "x"}).status_code == 400
    assert APIClient().get(f"{ADDRESS}/eu-west/events").status_code == 401
