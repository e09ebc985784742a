"""The page of one image: by region what was last found, with its evidence, and what happened lately."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from probes.actions import regions, resources, staleness
from probes.models import MaintenanceOccurrence, MissedSlots, Region, RegionState, Resource, Source
from probes.policy.slots import MissedCause
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Certificate, Outcome, PlatformResult, RateLimit
from probes.protocol.taxonomy import Confidence, Reason, Stage, Status, Warn
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import Find, finding, found
from tests.fakes.steps import step
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db

BLOB = "b" * 64


def read(client: Client, image: Resource) -> Page:
    """Return the whole page, as it is without script."""
    response = client.get(f"/resources/{image.pk}/?whole=1")
    assert response.status_code == 200
    return Page(response.content.decode())


def miss(image: Resource, first: datetime, last: datetime | None = None, **values: Any) -> None:
    MissedSlots.objects.create(resource=image, first_slot=first, last_slot=last or first, **values)


def blocked(**values: Any) -> Find:
    """Return what a check finds whose layers are blocked, with everything that an outcome can hold."""
    steps = (
        step(method="HEAD"),
        step(
            stage=Stage.LAYER,
            url=f"https://blobs.example/v2/sha256:{BLOB}?sig=…",
            host="blobs.example",
            http_status=403,
        ),
    )

    def find(plan: CheckPlan) -> Outcome:
        outcome = found(plan, Reason.POLICY_BLOCKED, Stage.LAYER)
        conclusion = replace(
            outcome.conclusion,
            host="blobs.example",
            hint="Ask the scanner's owner.",
            detail="blocked by policy",
            confidence=Confidence.AMBIGUOUS,
            platforms=(
                PlatformResult(
                    platform="linux/arm64",
                    digest=f"sha256:{BLOB}",
                    status=Status.UNAVAILABLE,
                    reason=Reason.PLATFORM_MISSING,
                ),
            ),
            warnings=(Warn.PULL_QUOTA_LOW,),
            notices=("moving <b>soon</b>", *map(str, range(9))),
            retry_at=datetime.now(UTC) + timedelta(minutes=5),
            attempts=2,
            auth_path="fresh",
            rate_limit=RateLimit(limit=100, remaining=7, window_seconds=21_600, source="header"),
            **values,
        )
        certificates = (
            Certificate(host="ghcr.io", not_after=datetime.now(UTC) + timedelta(days=40, hours=1), issuer="A CA"),
            Certificate(host="old.example", not_after=datetime.now(UTC) - timedelta(days=1), issuer=""),
        )
        return replace(outcome, conclusion=conclusion, steps=steps, certificates=certificates)

    return find


def test_a_region_tells_the_whole_of_its_last_outcome(client: Client, plane: ControlPlane) -> None:
    image = plane.image(depth="blobs")
    plane.check(image, finds={"us-east": blocked()})
    text = read(client, image)["from-us-east"].text
    for part in (
        "Unavailable",
        "policy blocked policy_blocked",
        "ambiguous",
        "Ask the scanner's owner.",
        "blocked by policy",
        "The pull quota of this region's address is nearly used up.",
        "The registry says: moving <b>soon</b>",
        "The registry says: 3",
        "Failed at layer",
        "Host blobs.example",
        "Tries 2",
        "Login fresh token",
        "Pull quota left 7 of 100",
        "Next try not before",
        "linux/arm64 Unavailable platform missing sha256:bbbbbbbbbbbb…",
        "ghcr.io until",
        "(40 d left)",
        "old.example expired on",
    ):
        assert part in text


def test_the_ladder_shows_every_step_and_marks_the_one_that_failed(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds={"us-east": blocked()})
    page = read(client, image)
    text = page["from-us-east-steps"].text
    assert "manifest HEAD /v2/org/app/manifests/1 ghcr.io 192.0.2.7 200 27 ms" in text
    assert "failed: layer GET /v2/sha256:bbbbbbbbbbbb…?sig=… blobs.example" in text
    bars = [element.attributes["aria-label"] for element in page.all("svg", "bar")]
    assert bars == ["27 ms: DNS 12 ms, connect 5.0 ms, TLS 8.0 ms, first byte 1.5 ms, rest 0.2 ms"] * 2
    assert "open" in page["from-us-east-evidence"].attributes
    assert "open" not in page["from-eu-west-evidence"].attributes


def test_the_verdict_is_explained(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds={"us-east": finding(Reason.RATE_LIMITED), "eu-west": finding(Reason.TAG_NOT_FOUND)})
    page = read(client, image)
    assert page["verdict"].text == "Degraded"
    assert page.all("p", "sentence")[0].text.startswith(
        "1 of 2 fresh regions cannot read the manifest: ghcr.io: tag not found since "
    )
    explanation = page.all("p", "explanation")[0].text
    assert explanation.startswith("2 of 3 regions have a vote: 1 good, 1 not.")
    assert "us-east has none: its check could not tell." in explanation


def test_a_strip_shows_the_last_outcomes_and_missed_slots_of_a_region(client: Client, plane: ControlPlane) -> None:
    plane.now -= timedelta(minutes=10)
    image = plane.image()
    for reason in (Reason.TAG_NOT_FOUND, Reason.REGISTRY_ERROR, Reason.OK):
        slot = plane.check(image, finds={"us-east": finding(reason)})
    miss(image, slot + timedelta(minutes=1), region=plane.region("us-east"), cause=MissedCause.LOST)
    miss(image, slot - timedelta(hours=2), slot - timedelta(hours=1), count=13, cause=MissedCause.DOWNTIME)
    page = read(client, image)
    assert "last 4 checks: 1 available, 1 degraded, 1 unavailable, 1 missed" in page["from-us-east"].text
    assert "last 3 checks: 3 available" in page["from-eu-west"].text
    assert "Missed in the last day: 2" in page["from-us-east"].text
    assert "1 check missed, nothing usable came back in time" in page["from-us-east-missed"].text
    assert "13 checks missed, Kairos was down" in page["from-eu-west-missed"].text


def test_missed_slots_of_long_ago_are_history(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    long_ago = datetime.now(UTC) - timedelta(days=1, minutes=1)
    miss(image, long_ago, cause=MissedCause.DOWNTIME)
    assert "Missed in the last day" not in read(client, image).html


def test_outcomes_of_a_former_image_are_not_its_own(client: Client, plane: ControlPlane) -> None:
    plane.now -= timedelta(minutes=5)
    image = plane.image()
    plane.check(image)
    image.reference = "ghcr.io/org/app:2"
    resources.save(image, now=plane.now + timedelta(seconds=1))
    page = read(client, image)
    assert "no checks yet" in page["from-eu-west"].text
    assert "No result has come from here yet." in page["from-eu-west"].text
    assert "ghcr.io/org/app:2" in page.html


def test_one_query_budget_serves_any_history(client: Client, plane: ControlPlane) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            read(client, image)
        return len(captured)

    plane.now -= timedelta(minutes=15)
    image = plane.image()
    plane.check(image)
    few = queries()
    for _ in range(5):
        plane.check(image)
    assert queries() == few


def test_an_image_without_a_result_has_no_verdict_and_no_figure(client: Client, plane: ControlPlane) -> None:
    page = read(client, plane.image(uptime_target_percent="99.9"))
    assert page.all("p", "sentence")[0].text == "No region has reported yet."
    for window in ("24h", "7d", "30d", "90d"):
        assert "No data" in page[f"uptime-{window}"].text
        assert "%" not in page[f"uptime-{window}"].text
        assert "hatched" in page[f"uptime-{window}"].classes


def test_uptime_tells_what_was_left_out_and_what_is_left_of_the_budget(client: Client, plane: ControlPlane) -> None:
    plane.now -= timedelta(minutes=40)
    image = plane.image(uptime_target_percent="50")
    plane.check(image)
    plane.now += timedelta(minutes=9)
    plane.check(image, finds={slug: finding(Reason.TAG_NOT_FOUND) for slug in plane.regions})
    plane.now += timedelta(minutes=9)
    plane.check(image)
    page = read(client, image)
    assert page["uptime"].text == "Uptime promised: 50 %"
    text = page["uptime-24h"].text.replace("\N{NO-BREAK SPACE}", " ")
    assert "10 min down" in text
    assert "Left out: 23 h" in text or "Left out: 1 d" in text
    assert "before it was there" in text
    assert "left of a budget of" in text
    assert "no data" not in page["uptime-regions"].text


def test_a_budget_that_is_overspent_is_said_loudly(client: Client, plane: ControlPlane) -> None:
    plane.now -= timedelta(minutes=10)
    image = plane.image(uptime_target_percent="99.9")
    plane.check(image, finds={slug: finding(Reason.TAG_NOT_FOUND) for slug in plane.regions})
    page = read(client, image)
    assert "overspent by" in page["uptime-24h"].text
    assert page.all("p", "figure-budget")[0].classes == ["figure-budget", "is-unavailable"]
    assert "promised: 99.9 %" in page["uptime"].text


def test_planned_work_is_shown_over_the_verdict(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds={slug: finding(Reason.TAG_NOT_FOUND) for slug in plane.regions})
    now = datetime.now(UTC)
    work = {"starts_at": now - timedelta(hours=1), "ends_at": now + timedelta(hours=1), "name": "<Disks>"}
    occurrence = MaintenanceOccurrence.objects.create(registry_ids=[image.registry_id], **work)
    page = read(client, image)
    assert page["verdict"].text == "Maintenance"
    assert "<Disks>, until" in page["resource"].text
    assert page["beneath"].text == "Unavailable"
    overview = Page(client.get("/").content.decode())
    row = overview[f"verdict-{image.pk}"]
    assert row.attributes["data-look"] == "maintenance"
    assert "beneath it unavailable" in row.text
    assert "The one image is in maintenance." in overview["headline"].text
    assert client.get("/?show=maintenance").status_code == 200
    resources.pause([image.pk], now=now)
    assert read(client, image)["verdict"].text == "Paused"
    MaintenanceOccurrence.objects.filter(pk=occurrence.pk).update(ends_at=now)
    resources.resume([image.pk], now=now)
    assert read(client, image)["verdict"].text != "Maintenance"


def test_what_is_retired_is_not_called_paused(client: Client, plane: ControlPlane) -> None:
    image = plane.image(managed_by=Source.objects.create(name="Platform's files"))
    plane.check(image)
    staleness.mark_stale([image.pk], now=plane.now)
    page = read(client, image)
    assert page["verdict"].text == "Available"
    assert page["unlisted"].text.startswith("Platform's files lists it no more, since")
    assert page["unlisted"].text.endswith("is retired unless it is listed again.")
    staleness.retire([image.pk], now=plane.now - timedelta(seconds=30))
    page = read(client, image)
    assert page["verdict"].text == "Retired"
    assert re.findall(r"[\w ]*paused", page["content"].text.lower()), "the time since counts as one"
    assert not re.findall(r"(?<!retired or )paused", page["content"].text.lower())
    assert page["unlisted"].text.startswith("Platform's files lists it no more, since")


def test_a_vote_that_is_not_what_was_found_is_said(client: Client, plane: ControlPlane) -> None:
    """Three failures in a row turn a vote: one that fails for the first time is still good."""
    image = plane.image(failures=3, recoveries=2)
    plane.check(image)
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    page = read(client, image)
    assert page["verdict"].text == "Available"
    assert "its vote is still good, until 3 failures in a row" in page["from-us-east"].text
    assert "its vote" not in page["from-eu-west"].text
    overview = Page(client.get("/").content.decode())
    told = [element.attributes.get("title", "") for element in overview.elements]
    assert any("Its vote is still good, until 3 failures in a row" in title for title in told)
    assert overview[f"cell-{image.pk}-us-east"].text.endswith("vote still good"), "not in a title alone"
    assert "vote" not in overview[f"cell-{image.pk}-eu-west"].text
    for _ in range(2):
        plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    plane.check(image)
    text = read(client, image)["from-us-east"].text
    assert "its vote is still bad, until 2 good checks in a row" in text


def test_freshness_is_that_of_the_terms(client: Client, plane: ControlPlane) -> None:
    plane.now -= timedelta(minutes=10)
    patient = plane.image("ghcr.io/org/patient:1", interval_seconds=60, fresh_intervals=20)
    usual = plane.image("ghcr.io/org/usual:1", interval_seconds=60)
    plane.check(patient, usual)
    for image, look in ((patient, "available"), (usual, "stale")):
        assert read(client, image)["from-eu-west"].attributes["data-look"] == look
        overview = Page(client.get("/").content.decode())
        assert overview[f"cell-{image.pk}-eu-west"].attributes["data-look"] == look


def test_differing_digests_are_listed_by_region(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds={"us-east": lambda plan: found(plan, digest=f"sha256:{BLOB}")})
    page = read(client, image)
    assert "Digests differ" in page.html
    assert page.html.count(f"sha256:{BLOB}") >= 1
    plane.check(image)
    assert "Digests differ" not in read(client, image).html


def test_a_region_that_checks_it_no_longer_is_still_shown_for_what_it_last_saw(
    client: Client, plane: ControlPlane
) -> None:
    image = plane.image()
    plane.check(image)
    Region.objects.filter(slug="ap-south").update(retired_at=plane.now)
    text = read(client, image)["from-ap-south"].text
    assert "region retired" in text
    assert "was available" in text


@pytest.mark.parametrize(
    "nonsense",
    [{}, {"version": 99}, {"steps": [{"url": "https://[", "stage": "layer"}]}, {"steps": [{"total_ms": "long"}]}],
)
def test_a_document_that_cannot_be_read_does_not_take_the_page_with_it(
    client: Client, plane: ControlPlane, nonsense: dict[str, Any]
) -> None:
    image = plane.image()
    plane.check(image, finds={"us-east": blocked()})
    state = RegionState.objects.get(region__slug="us-east")
    if "steps" in nonsense:
        nonsense = {**state.document, "steps": [{**state.document["steps"][0], **nonsense["steps"][0]}]}
    RegionState.objects.filter(pk=state.pk).update(document=nonsense)
    page = read(client, image)
    assert "written by another version" in page["from-us-east"].text
    assert "all answered" in page["from-eu-west"].text


def test_what_a_registry_says_is_escaped_and_capped(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    hostile = "<script>alert(1)</script>\u202e" + "x" * 2000
    plane.check(image, finds={"us-east": lambda plan: _with_detail(found(plan, Reason.REGISTRY_ERROR), hostile)})
    page = read(client, image)
    assert "<script>alert" not in page.html
    assert "\u202e" not in page.html
    assert len(page.all("blockquote")[0].text) < 500


def test_an_image_that_is_not_there_is_not_found(client: Client, db: None) -> None:
    assert client.get("/resources/1/").status_code == 404
    assert client.get("/resources/1/live/").status_code == 404
    assert client.get("/resources/1/more/").status_code == 404
    assert client.get(f"/resources/{2**80}/").status_code == 404


def test_ids_are_unique(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds={"us-east": blocked()})
    ids = [element.attributes["id"] for element in read(client, image).elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))


def _with_detail(outcome: Outcome, detail: str) -> Outcome:
    return replace(outcome, conclusion=replace(outcome.conclusion, detail=detail))


def test_the_card_of_a_region_tells_how_it_is(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    regions.pause([plane.region("us-east").pk], now=plane.now, detail="by <anna>")
    Region.objects.filter(slug="us-east").update(clock_offset_seconds=-299.6, queue_lag_seconds=12.2)
    page = read(client, image)
    text = page["from-us-east-region"].text
    assert "The region is paused since" in text
    assert "Queue lag 12 s Clock at most 300 s behind" in text
    assert "paused, by <anna>" in text
    assert "The region is active" in page["from-eu-west-region"].text


def test_what_was_found_without_egress_is_told_apart(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    Region.objects.filter(slug="eu-west").update(egress_down_since=plane.now)
    plane.check(image, finds={"eu-west": finding(Reason.CONNECT_UNREACHABLE)})
    page = read(client, image)
    assert "the region reached nothing at all, so it does not count" in page["from-eu-west"].text
    assert "the region reached nothing at all" not in page["from-us-east"].text
    assert "all answered" in page["from-eu-west"].text
    overview = Page(client.get("/").content.decode())
    assert "the region reached nothing, so what it found does not count" in overview.html


def test_page_of_an_endpoint_tells_what_is_expected(client: Client, plane: ControlPlane) -> None:
    """H21: without headers, body and query values."""
    endpoint = plane.endpoint(
        "https://api.example/health?token=hush",
        method="POST",
        headers={"X-Key": "hush"},
        body="hush",
        json_path="$.status",
        json_equals='"ok"',
        latency_ms=1500,
        certificate_days=14,
    )
    plane.hear_workers()
    plane.check(endpoint, finds=dict.fromkeys(plane.regions, finding(Reason.ENDPOINT_JSON)))
    page = read(client, endpoint)
    for said in (
        "https://api.example/health?token=…",
        "Asked by POST",
        "Statuses 200-299",
        'JSON $.status = "ok"',
        "Within 1.50 s",
        "Certificate good for 14 days",
        "another JSON than expected",
    ):
        assert said in page["resource"].text
    assert "Platforms" not in page["content"].text
    assert "hush" not in page.html
