"""`/metrics`: regions and the control plane."""

from datetime import timedelta
from typing import Final

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from probes.actions import beat, dispatch
from probes.actions import regions as region_actions
from probes.policy.liveness import RegionCondition, Unread
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.fakes.scraper import samples, states, value

pytestmark = pytest.mark.django_db

GONE: Final = finding(Reason.TAG_NOT_FOUND)


class TestRegions:
    def test_condition_is_one_of_all(self, client: APIClient, plane: ControlPlane) -> None:
        plane.hear_all()
        region_actions.pause([plane.region("us-east").pk], now=plane.now)
        found = samples(client, "kairos_region_condition")
        assert states(found, "condition", region="eu-west") == [RegionCondition.ACTIVE]
        assert states(found, "condition", region="us-east") == [RegionCondition.PAUSED]
        assert value(samples(client, "kairos_region_votes"), region="us-east") == 0
        assert value(samples(client, "kairos_region_up"), region="us-east") == 1
        region = plane.region("eu-west")
        assert region.last_seen_at
        heard = samples(client, "kairos_region_last_heartbeat_timestamp_seconds")
        assert value(heard, region="eu-west") == region.last_seen_at.timestamp()

    def test_region_that_was_never_heard_is_not_up(self, client: APIClient, plane: ControlPlane) -> None:
        assert set(samples(client, "kairos_region_up").values()) == {0}
        assert samples(client, "kairos_region_last_heartbeat_timestamp_seconds") == {}

    def test_live_workers_are_counted_with_their_load(self, client: APIClient, plane: ControlPlane) -> None:
        heard = plane.regions["eu-west"].heartbeat(in_flight=7, seats=100, spooled_reports=2)
        region_actions.record_heartbeat(heard, now=timezone.now())
        for name, number in (("workers", 1), ("checks_in_flight", 7), ("seats", 100), ("spooled_reports", 2)):
            found = samples(client, f"kairos_region_{name}")
            assert (value(found, region="eu-west"), value(found, region="us-east")) == (number, 0)

    def test_batches_without_an_answer_are_counted(self, client: APIClient, plane: ControlPlane) -> None:
        image = plane.image()
        dispatch.check_now([image.pk], ["eu-west"], now=plane.now)
        found = samples(client, "kairos_region_outstanding_batches")
        assert (value(found, region="eu-west"), value(found, region="us-east")) == (1, 0)
        oldest = samples(client, "kairos_region_oldest_batch_timestamp_seconds")
        assert {dict(key)["region"]: at for key, at in oldest.items()} == {"eu-west": plane.now.timestamp()}


class TestControlPlane:
    def test_ticks_and_what_is_overdue_are_told(self, client: APIClient, plane: ControlPlane) -> None:
        assert samples(client, "kairos_last_tick_timestamp_seconds") == {}
        assert value(samples(client, "kairos_schedule_lag_seconds")) == 0
        plane.hear_all()
        plane.image()
        plane.now -= timedelta(hours=1)
        assert value(samples(client, "kairos_last_tick_timestamp_seconds")) == pytest.approx(
            timezone.now().timestamp(), abs=60
        )
        assert value(samples(client, "kairos_schedule_lag_seconds")) > 50

    def test_queue_is_told_of_since_it_was_first_seen_empty(self, client: APIClient, plane: ControlPlane) -> None:
        plane.hear_all()
        assert samples(client, "kairos_queue_last_empty_timestamp_seconds") == {}
        beat.note_empty(Unread(heartbeats=1), now=plane.now)
        found = samples(client, "kairos_queue_last_empty_timestamp_seconds")
        assert found == {frozenset({("queue", "results")}): plane.now.timestamp()}

    def test_queue_in_which_something_waits_was_last_empty_before(
        self, client: APIClient, plane: ControlPlane
    ) -> None:
        plane.hear_all()
        beat.note_empty(Unread(), now=plane.now)
        beat.note_empty(Unread(reports=1), now=plane.now + timedelta(minutes=5))
        found = samples(client, "kairos_queue_last_empty_timestamp_seconds")
        assert value(found, queue="results") == plane.now.timestamp()
        assert value(found, queue="heartbeats") == plane.now.timestamp() + 300

    def test_open_incidents_are_counted(self, client: APIClient, plane: ControlPlane) -> None:
        image = plane.image()
        plane.check(image, finds=dict.fromkeys(plane.regions, GONE))
        found = samples(client, "kairos_incidents_open")
        assert value(found, level="unavailable", severity="critical") == 1
        assert sum(found.values()) == 1
        assert len(found) == 2 * 3
