"""`/metrics`: what only grows."""

from datetime import timedelta
from typing import Final

import pytest
from rest_framework.test import APIClient

from probes.actions import dispatch, missed, refusals
from probes.actions.ingest import ingest
from probes.models import MissedSlots
from probes.protocol.taxonomy import Reason
from probes.trust.refusal import RefusalCause, Refused
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.fakes.scraper import samples, value

pytestmark = pytest.mark.django_db

GONE: Final = finding(Reason.TAG_NOT_FOUND)


class TestCounters:
    def test_outcomes_and_durations_are_counted_once(self, client: APIClient, plane: ControlPlane) -> None:
        image = plane.image()
        plane.check(image)
        plane.check(image, finds={"eu-west": GONE})
        outcomes = samples(client, "kairos_outcomes_total")
        assert value(outcomes, region="eu-west", registry="ghcr.io", status="available") == 1
        assert value(outcomes, region="eu-west", registry="ghcr.io", status="unavailable") == 1
        buckets = samples(client, "kairos_check_duration_seconds_bucket")
        labels = {"region": "eu-west", "registry": "ghcr.io"}
        assert value(buckets, le="0.008", **labels) == 0
        assert value(buckets, le="0.016", **labels) == value(buckets, le="+Inf", **labels) == 2
        assert value(samples(client, "kairos_check_duration_seconds_sum"), **labels) == pytest.approx(0.025)
        assert value(samples(client, "kairos_reports_total"), region="eu-west") == 2

    def test_report_that_comes_again_counts_nothing(self, client: APIClient, plane: ControlPlane) -> None:
        image, region = plane.image(), plane.regions["eu-west"]
        (message,) = dispatch.check_now([image.pk], ["eu-west"], now=plane.now).messages
        report = region.report(region.open(message))
        ingest(report, now=plane.now)
        before = [samples(client, f"kairos_{name}_total") for name in ("outcomes", "reports")]
        with pytest.raises(Refused):
            ingest(report, now=plane.now)
        assert [samples(client, f"kairos_{name}_total") for name in ("outcomes", "reports")] == before
        assert value(before[0], region="eu-west") == 1

    def test_messages_that_are_refused_are_counted_by_cause(self, client: APIClient, plane: ControlPlane) -> None:
        refusals.count("results", RefusalCause.REPLAYED, "again", now=plane.now, times=3)
        refused = samples(client, "kairos_messages_refused_total")
        assert value(refused, queue="results", cause="replayed") == 3

    def test_slots_are_counted_as_missed_and_as_late_when_they_come(
        self, client: APIClient, plane: ControlPlane
    ) -> None:
        image = plane.image()
        asked = dispatch.check_now([image.pk], now=plane.now)
        later = max(message.expires_at for message in asked.messages) + timedelta(minutes=5)
        missed.reap_batches(now=later)
        found = samples(client, "kairos_slots_missed_total")
        assert {(dict(key)["region"], dict(key)["cause"]): number for key, number in found.items()} == {
            (slug, "expired"): 1 for slug in plane.regions
        }
        (message,) = (item for item in asked.messages if item.queue == "probe.eu-west")
        region = plane.regions["eu-west"]
        ingest(region.report(region.open(message)), now=later)
        assert samples(client, "kairos_slots_missed_total") == found
        late = samples(client, "kairos_slots_late_total")
        assert {dict(key)["region"]: number for key, number in late.items()} == {"eu-west": 1}

    def test_slots_that_are_not_sent_are_counted_by_cause(self, client: APIClient, plane: ControlPlane) -> None:
        plane.image()
        dispatch.claim_due(plane.now + timedelta(hours=1), crowded={"eu-west"})
        found = samples(client, "kairos_slots_missed_total")
        assert value(found, region="eu-west", cause="shed") == 1
        assert value(found, region="", cause="downtime") == MissedSlots.objects.get(cause="downtime").count > 1
