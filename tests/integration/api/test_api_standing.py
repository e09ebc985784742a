"""How a resource stands and stood, for programs: its verdict explained, and its uptime."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from probes.actions import partitions, resources
from probes.models import (
    ALL_REGIONS,
    GlobalTerms,
    HourRollUp,
    Incident,
    MaintenanceOccurrence,
    Resource,
    ResourceGroup,
    RollUpProgress,
    Verdict,
)
from probes.policy.verdict import Inputs, decide
from probes.protocol.outcome import rfc3339
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import finding
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

GONE = dict.fromkeys(SLUGS, finding(Reason.TAG_NOT_FOUND))
HOUR = timedelta(hours=1)


def verdict(client: APIClient, image: Resource) -> dict[str, Any]:
    response = client.get(f"/api/v1/resources/{image.pk}/verdict")
    assert response.status_code == 200, response.content
    shown: dict[str, Any] = response.json()
    return shown


def uptime(client: APIClient, image: Resource, asked: str = "24h") -> dict[str, Any]:
    response = client.get(f"/api/v1/resources/{image.pk}/uptime", {"range": asked})
    assert response.status_code == 200, response.content
    shown: dict[str, Any] = response.json()
    return shown


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_verdict_is_explained_and_can_be_computed_again(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    plane.check(image, finds={"us-east": finding(Reason.RATE_LIMITED), "eu-west": finding(Reason.TAG_NOT_FOUND)})
    shown = verdict(client, image)
    assert (shown["resource"], shown["state"], shown["shown"]) == (image.pk, "degraded", "degraded")
    assert shown["explanation"].startswith("1 of 2 fresh regions cannot read the manifest: ghcr.io: tag not found")
    assert shown["decision"] == {
        "counted": 2,
        "failing": 1,
        "bad": 1,
        "needed": 2,
        "left_out": {"us-east": "indeterminate"},
        "witnesses": ["us-east"],
    }
    votes = {vote["region"]: vote for vote in shown["inputs"]["votes"]}
    assert {region: vote["stance"] for region, vote in votes.items()} == {
        "ap-south": "good",
        "eu-west": "bad",
        "us-east": "good",
    }
    assert (votes["eu-west"]["reason"], votes["us-east"]["reason"]) == ("tag_not_found", "rate_limited")
    document = shown["inputs"] | {"quorum": {"percent": shown["inputs"]["quorum"]["percent"]}}
    assert decide(Inputs.from_json(document)).state.value == shown["state"]


def test_terms_name_who_settled_each(client: APIClient, plane: ControlPlane) -> None:
    GlobalTerms.objects.update(severity="warning")
    group = ResourceGroup.objects.create(name="Shop", uptime_target_percent="99.95", recoveries=4)
    image = plane.image(group=group, quorum_votes=1, degraded_after_seconds=0)
    shown = verdict(client, image)
    assert shown["terms"] == {
        "quorum": {"votes": 1, "percent": None},
        "minimum_votes": 2,
        "failures": 1,
        "recoveries": 4,
        "fresh_intervals": 3,
        "severity": "warning",
        "degraded_after_seconds": 0,
        "uptime_target_percent": 99.95,
    }
    assert shown["origins"] == {
        "quorum": "resource",
        "minimum_votes": "default",
        "failures": "all",
        "recoveries": "group",
        "fresh_intervals": "default",
        "severity": "all",
        "degraded_after_seconds": "resource",
        "uptime_target_percent": "group",
    }


def test_resource_without_an_outcome_has_nothing_to_explain(client: APIClient, plane: ControlPlane) -> None:
    shown = verdict(client, plane.image())
    nothing = {name: shown[name] for name in ("since", "computed_at", "stale_at", "inputs", "decision", "incident")}
    assert (shown["state"], shown["shown"], shown["explanation"]) == ("unknown", "unknown", "")
    assert set(nothing.values()) == {None}


def test_verdict_that_was_seen_before_anything_was_computed_has_no_inputs(
    client: APIClient, plane: ControlPlane
) -> None:
    image = plane.image()
    Verdict.objects.create(resource=image, since=plane.now, computed_at=plane.now)
    assert verdict(client, image)["inputs"] is None


def test_maintenance_and_pause_are_shown_over_the_verdict(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds=GONE)
    assert verdict(client, image)["incident"] == Incident.objects.get().pk
    now = timezone.now()
    MaintenanceOccurrence.objects.create(
        name="Disks", starts_at=now - HOUR, ends_at=now + HOUR, registry_ids=[image.registry_id]
    )
    shown = verdict(client, image)
    assert (shown["state"], shown["shown"]) == ("unavailable", "maintenance")
    assert shown["maintenance"] == {
        "name": "Disks",
        "starts_at": rfc3339(now - HOUR),
        "ends_at": rfc3339(now + HOUR),
    }
    resources.pause([image.pk], now=now)
    assert verdict(client, image)["shown"] == "paused"


def test_work_as_seen_from_one_region_is_not_shown_over_the_verdict(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    now = timezone.now()
    MaintenanceOccurrence.objects.create(
        starts_at=now - HOUR, ends_at=now + HOUR, resource_ids=[image.pk], region_ids=[plane.region("eu-west").pk]
    )
    assert verdict(client, image)["shown"] == "available"


def test_every_second_of_a_range_is_accounted_for(client: APIClient, plane: ControlPlane) -> None:
    """What nobody knew, what was planned and what was paused is shown, and does not count."""
    image = plane.image(uptime_target_percent="90")
    plane.check(image)
    good_at = plane.now
    plane.now += timedelta(minutes=4)
    plane.check(image, finds=GONE)
    bad_at = plane.now
    plane.now += timedelta(minutes=9)
    plane.check(image)
    good_again_at = plane.now
    work = (good_again_at + timedelta(minutes=5), good_again_at + timedelta(minutes=15))
    MaintenanceOccurrence.objects.create(starts_at=work[0], ends_at=work[1], resource_ids=[image.pk])
    shown = uptime(client, image)
    since, until = instant(shown["since"]), instant(shown["until"])
    assert (since.minute, since.second) == (0, 0)
    assert timedelta(hours=24) <= until - since < timedelta(hours=25)
    seconds = shown["overall"]["seconds"]
    assert seconds["unavailable"] == (good_again_at - bad_at).total_seconds() == 600
    assert (seconds["degraded"], seconds["maintenance"], seconds["paused"]) == (0, 600, 0)
    assert seconds["unknown"] == (good_at - since).total_seconds()
    assert sum(seconds.values()) == int((until - since).total_seconds())
    counted = seconds["available"] + seconds["unavailable"]
    assert shown["overall"]["availability"] == pytest.approx(seconds["available"] / counted)
    assert shown["target_percent"] == 90.0
    assert shown["overall"]["budget"] == {
        "allowed_seconds": pytest.approx(counted * 0.1),
        "spent_seconds": 600,
        "left_seconds": pytest.approx(counted * 0.1 - 600),
        "burn_rate": pytest.approx(600 / (counted * 0.1)),
    }


def test_each_region_has_its_own_figure(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image(interval_seconds=3600)
    plane.check(image)
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    regions = {item["region"]: item for item in uptime(client, image)["regions"]}
    assert list(regions) == ["ap-south", "eu-west", "us-east"]
    assert regions["eu-west"]["availability"] == 1.0
    assert regions["us-east"]["seconds"]["available"] == 60
    assert 0 < regions["us-east"]["availability"] < 0.1
    assert "budget" not in regions["us-east"]


def test_hours_that_were_rolled_up_are_read_and_not_reckoned_again(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    hour = plane.now.replace(minute=0, second=0) - 3 * HOUR
    for table in partitions.ROLL_UPS:
        partitions.ensure(table, [hour.date()])
    RollUpProgress.objects.create(unit="hour", starts_at=hour, finished_at=plane.now)
    for region_id, good in ((ALL_REGIONS, 1800), (plane.region("us-east").pk, 900)):
        HourRollUp.objects.create(
            resource_id=image.pk,
            region_id=region_id,
            starts_at=hour,
            seconds_available=good,
            seconds_unavailable=3600 - good,
        )
    shown = uptime(client, image, f"{rfc3339(hour)}..{rfc3339(hour + HOUR)}")
    assert shown["overall"]["availability"] == 0.5
    assert {item["region"]: item["availability"] for item in shown["regions"]} == {
        "ap-south": None,
        "eu-west": None,
        "us-east": 0.25,
    }


def test_nothing_known_is_no_data_and_not_a_figure(client: APIClient, plane: ControlPlane) -> None:
    shown = uptime(client, plane.image(uptime_target_percent="99.9"), "90d")
    assert shown["overall"]["availability"] is None
    assert shown["overall"]["budget"]["burn_rate"] is None
    assert shown["overall"]["seconds"]["unknown"] == sum(shown["overall"]["seconds"].values())


def test_without_a_target_there_is_no_budget(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    shown = uptime(client, image)
    assert (shown["target_percent"], shown["overall"]["budget"]) == (None, None)


def test_any_range_is_read_in_whole_hours(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    start = plane.now.replace(minute=20, second=0) - timedelta(days=3)
    shown = uptime(client, image, f"{rfc3339(start)}..{rfc3339(start + timedelta(hours=2))}")
    assert instant(shown["since"]) == start.replace(minute=0)
    assert instant(shown["until"]) == start.replace(minute=0) + 3 * HOUR


def test_range_into_the_future_ends_now(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    shown = uptime(client, image, f"{rfc3339(plane.now)}..9999-12-31T23:59:59Z")
    assert instant(shown["until"]) <= timezone.now()


@pytest.mark.parametrize(
    "asked",
    [
        "1y",
        "..",
        "2026-01-01T00:00:00Z",
        "2026-01-01..2026-01-02",
        "2027-01-02T00:00:00Z..2027-01-01T00:00:00Z",
        "9998-01-01T00:00:00Z..9999-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z..0001-01-02T00:00:00Z",
        "x" * 200,
        "24h\0",
    ],
)
def test_range_that_is_none_is_refused_by_name(client: APIClient, plane: ControlPlane, asked: str) -> None:
    response = client.get(f"/api/v1/resources/{plane.image().pk}/uptime", {"range": asked})
    assert (response.status_code, wrong(response)) == (400, ["range"])


def test_parameter_that_is_not_known_is_refused(client: APIClient, plane: ControlPlane) -> None:
    response = client.get(f"/api/v1/resources/{plane.image().pk}/uptime", {"window": "24h"})
    assert (response.status_code, wrong(response)) == (400, ["window"])


@pytest.mark.parametrize("address", ["verdict", "uptime"])
def test_resource_that_is_not_there_is_not_found(client: APIClient, db: None, address: str) -> None:
    for key in ("1", "9223372036854775808"):
        assert client.get(f"/api/v1/resources/{key}/{address}").status_code == 404


def test_figures_cost_the_same_whatever_the_history(client: APIClient, plane: ControlPlane) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            uptime(client, image, "90d")
        return len(captured)

    image = plane.image()
    plane.check(image)
    few = queries()
    for _ in range(5):
        plane.check(image)
    assert queries() == few <= 16
