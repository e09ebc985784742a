"""Regions, for programs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from probes.actions import regions
from probes.models import Region
from probes.protocol.outcome import rfc3339
from tests.fakes.control_plane import ControlPlane

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
