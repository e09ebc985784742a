"""Taking in reports: each once, whole or in part, early or late."""

import copy
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from probes.actions import missed, resources
from probes.actions.ingest import Ingested, ingest
from probes.models import Batch, MessageRefusal, MissedSlots, Outcome, RegionState, Resource, Verdict
from probes.policy.slots import MissedCause
from probes.policy.verdict import Inputs, VerdictState, decide
from probes.protocol.bounds import MAX_ITEMS, MAX_TEXT
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Outcome as WireOutcome
from probes.protocol.taxonomy import Depth, Reason, Stage, Status
from probes.trust.envelope import Kind
from probes.trust.refusal import RefusalCause, Refused
from tests.fakes.far_region import DIGEST, FarRegion, Find, finding, found, images
from tests.fakes.steps import step
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.rounds import GONE, SECOND, batches, check_everywhere, hear_of_all

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def next_due(image: Resource) -> datetime:
    image.refresh_from_db()
    return image.next_due_at


def with_findings(region: FarRegion, envelope: dict[str, Any], change: Callable[[list[Any]], None]) -> dict[str, Any]:
    """Return a report whose findings were changed before it was signed."""
    body = json.loads(envelope["body"])
    change(body["findings"])
    return region.sign(Kind.REPORT, body)


def test_report_becomes_outcomes_states_and_verdict(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images()
    check_everywhere(regions, now)
    assert Outcome.objects.count() == 3
    outcome = Outcome.objects.get(region__slug="eu-west")
    assert (outcome.resource, outcome.slot, outcome.duration_ms) == (image, now, 12)
    assert (outcome.status, outcome.reason, outcome.stage) == ("available", "ok", None)
    assert (outcome.depth, outcome.digest, outcome.confidence) == ("platform", DIGEST, "definite")
    state = RegionState.objects.get(region__slug="eu-west")
    assert (state.status, state.since, state.last_slot, state.digest) == ("available", now, now, DIGEST)
    assert state.document == outcome.document
    assert state.document["steps"] == []
    assert Verdict.objects.get().state == VerdictState.AVAILABLE
    assert set(Batch.objects.values_list("state", "reported_at")) == {(Batch.State.REPORTED, now + SECOND)}


def test_verdict_is_stored_with_what_explains_it(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    make_images()
    check_everywhere(regions, now, us_east=GONE)
    verdict = Verdict.objects.get()
    inputs = Inputs.from_json(verdict.inputs)
    assert {vote.region: vote.reason for vote in inputs.votes} == {
        "ap-south": "ok",
        "eu-west": "ok",
        "us-east": "tag_not_found",
    }
    decision = decide(inputs)
    assert verdict.state == decision.state == VerdictState.DEGRADED
    assert decision.stale_at
    is_an_incident_at = now + timedelta(minutes=15)  # what is degraded for so long
    assert (verdict.stale_at, verdict.computed_at) == (min(decision.stale_at, is_an_incident_at), now + SECOND)


def test_changed_verdicts_are_told_once(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images()
    hear_of_all(now)
    told = [ingest(regions[slug].report(batch), now=now).changes for slug, batch in batches(regions, now).items()]
    assert [[(c.resource_id, c.before, c.after) for c in changes] for changes in told] == [
        [],
        [(image.pk, VerdictState.UNKNOWN, VerdictState.AVAILABLE)],
        [],
    ]


def test_verdict_keeps_since_while_its_state_holds(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images(interval_seconds=60)
    check_everywhere(regions, now)
    second, third = next_due(image), next_due(image) + timedelta(seconds=60)
    check_everywhere(regions, second)
    verdict = Verdict.objects.get()
    assert (verdict.since, verdict.computed_at) == (now + SECOND, second + SECOND)
    check_everywhere(regions, third, GONE)
    verdict.refresh_from_db()
    assert (verdict.state, verdict.since) == (VerdictState.UNAVAILABLE, third + SECOND)


def test_document_is_kept_for_news_only(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images(interval_seconds=60)
    other = "sha256:" + "b" * 64

    def moved(plan: CheckPlan) -> WireOutcome:
        return found(plan, digest=other)

    history: list[Find] = [found, found, moved, moved, GONE, GONE, found]
    for find in history:
        check_everywhere(regions, next_due(image), find)
    kept = Outcome.objects.filter(region__slug="eu-west").order_by("slot").values_list("document", flat=True)
    assert [document is not None for document in kept] == [True, False, True, False, True, True, True]


def test_second_ingest_of_a_report_changes_nothing(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    make_images(3)
    hear_of_all(now)
    report = regions["eu-west"].report(batches(regions, now)["eu-west"])
    assert ingest(report, now=now) == Ingested(stored=3, refused=0, changes=[])
    before = list(RegionState.objects.values())
    with pytest.raises(Refused) as refused:
        ingest(report, now=now + SECOND)
    assert refused.value.cause is RefusalCause.REPLAYED
    assert Outcome.objects.count() == 3
    assert list(RegionState.objects.values()) == before


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_the_same_report_store_it_once(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(20)
    report = regions["eu-west"].report(batches(regions, now)["eu-west"])
    start = threading.Barrier(2)
    results: list[object] = []

    def take_in() -> None:
        try:
            start.wait(30)
            results.append(ingest(report, now=now).stored)
        except Refused as refused:
            results.append(refused.cause)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take_in) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(str, results)) == ["20", "replayed"]
    assert Outcome.objects.count() == 20


@pytest.mark.django_db(transaction=True)
def test_regions_that_report_at_once_agree_on_the_verdict(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(30)
    reports = {slug: regions[slug].report(batch, GONE) for slug, batch in batches(regions, now).items()}
    start = threading.Barrier(3)
    failures: list[BaseException] = []

    def take_in(report: dict[str, Any]) -> None:
        try:
            start.wait(30)
            ingest(report, now=now)
        except BaseException as error:  # noqa: BLE001 - reported by the main thread
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take_in, args=[report]) for report in reports.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    for verdict in Verdict.objects.all():
        votes = Inputs.from_json(verdict.inputs).votes
        assert [vote.status for vote in votes] == [Status.UNAVAILABLE] * 3


def test_bad_findings_are_refused_without_their_neighbours(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(8)
    region = regions["eu-west"]

    def spoil(findings: list[Any]) -> None:
        findings[0]["outcome"]["reason"] = "no_such_reason"
        findings[1]["outcome"].pop("steps")
        findings[2]["outcome"]["host"] = "h" * 300
        findings[2]["outcome"]["reason"] = "tag_not_found"
        findings[3]["slot"] = "2020-01-01T00:00:00.000Z"
        findings[4]["key"] = "999999"
        findings[5]["outcome"]["duration_ms"] = 1e300
        findings.append(copy.deepcopy(findings[6]))
        findings.append("not a finding")

    report = with_findings(region, region.report(batches(regions, now)["eu-west"]), spoil)
    ingested = ingest(report, now=now)
    assert (ingested.stored, ingested.refused) == (2, 8)
    assert dict(MessageRefusal.objects.values_list("cause", "count")) == {
        RefusalCause.MALFORMED: 5,
        RefusalCause.UNSOLICITED: 2,
        RefusalCause.REPLAYED: 1,
    }
    lost = MissedSlots.objects.values_list("cause", "region__slug", "first_slot")
    assert list(lost) == [(MissedCause.LOST, "eu-west", now)] * 6


@pytest.mark.parametrize("total_ms", [-1.0, 1e300])
def test_step_that_took_no_possible_time_is_refused_with_its_finding(
    now: datetime, regions: Regions, make_images: MakeImages, total_ms: float
) -> None:
    """Durations of steps are added up for ever: a few of the longest that a double holds would end that."""
    make_images()
    region = regions["eu-west"]

    def impossible(plan: CheckPlan) -> WireOutcome:
        return replace(found(plan), steps=(step(total_ms=total_ms),))

    ingested = ingest(region.report(batches(regions, now)["eu-west"], impossible), now=now)
    assert (ingested.stored, ingested.refused) == (0, 1)
    assert MessageRefusal.objects.get().cause == RefusalCause.MALFORMED


def test_finding_that_outweighs_any_check_s_is_refused_without_its_neighbours(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(6)
    region = regions["eu-west"]

    def spoil(findings: list[Any]) -> None:
        findings[0]["outcome"]["hint"] = "x" * 7_000_000
        findings[1]["outcome"]["steps"] = [{"stage": "manifest"}] * 50_000
        findings[2]["outcome"]["detail"] = "x" * (MAX_TEXT + 1)
        findings[3]["outcome"]["notices"] = ["x"] * (MAX_ITEMS + 1)
        findings[4]["outcome"]["warnings"] = ["tls_expiring"] * (MAX_ITEMS + 1)

    report = with_findings(region, region.report(batches(regions, now)["eu-west"]), spoil)
    ingested = ingest(report, now=now)
    assert (ingested.stored, ingested.refused) == (1, 5)
    assert dict(MessageRefusal.objects.values_list("cause", "count")) == {
        RefusalCause.OVERSIZED: 2,
        RefusalCause.MALFORMED: 3,
    }
    (document,) = RegionState.objects.values_list("document", flat=True)
    assert len(json.dumps(document)) < 2000


def test_finding_has_its_share_of_a_report_and_no_more(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(60)
    region = regions["eu-west"]

    def fill(findings: list[Any]) -> None:
        for heavy, notices in zip(findings, (100, 200), strict=False):
            heavy["outcome"]["notices"] = ["x" * 1000] * notices

    report = with_findings(region, region.report(batches(regions, now)["eu-west"]), fill)
    assert (ingest(report, now=now).stored, MessageRefusal.objects.get().cause) == (59, RefusalCause.OVERSIZED)


def test_second_report_of_a_batch_is_refused_also_where_it_says_otherwise(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    """Two processes of a region may have been given a copy each: of what they find, the first that comes counts."""
    make_images()
    batch = batches(regions, now)["eu-west"]
    first, second = regions["eu-west"].report(batch), regions["eu-west"].report(batch, GONE)
    assert ingest(first, now=now).stored == 1
    with pytest.raises(Refused) as refused:
        ingest(second, now=now + SECOND)
    assert refused.value.cause is RefusalCause.REPLAYED
    assert Outcome.objects.get().status == Status.AVAILABLE


def test_report_that_leaves_slots_open_has_them_recorded_as_lost(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images(3)
    batch = batches(regions, now)["eu-west"]
    short = replace(batch, plans=batch.plans[:2])
    assert ingest(regions["eu-west"].report(short), now=now).stored == 2
    assert MissedSlots.objects.get().resource_id == int(batch.plans[2].key)


def test_report_of_a_version_that_is_not_spoken_is_refused_as_such(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    report = regions["eu-west"].report(batches(regions, now)["eu-west"])
    for version, cause in ((4, RefusalCause.VERSION), ("2", RefusalCause.MALFORMED)):
        with pytest.raises(Refused) as refused:
            ingest(regions["eu-west"].sign(Kind.REPORT, {**json.loads(report["body"]), "v": version}), now=now)
        assert refused.value.cause is cause
    assert set(Batch.objects.values_list("state", flat=True)) == {Batch.State.SENT}


def test_report_for_another_region_or_no_batch_is_refused(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    batch = batches(regions, now)["eu-west"]
    stolen = regions["us-east"].report(batch)
    invented = regions["eu-west"].report(replace(batch, id="00000000-0000-0000-0000-000000000000"))
    for report in (stolen, invented):
        with pytest.raises(Refused) as refused:
            ingest(report, now=now)
        assert refused.value.cause is RefusalCause.UNSOLICITED
    assert not Outcome.objects.exists()


def test_unsigned_forged_and_misaddressed_reports_are_refused(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    make_images()
    region = regions["eu-west"]
    report = region.report(batches(regions, now)["eu-west"])
    body = {"batch": "x", "region": "eu-west", "findings": []}
    cases: list[tuple[object, RefusalCause]] = [
        ("not an envelope", RefusalCause.MALFORMED),
        ({**report, "signature": ""}, RefusalCause.UNSIGNED),
        ({**report, "body": report["body"].replace("available", "degraded")}, RefusalCause.BAD_SIGNATURE),
        ({**report, "sender": "us-east"}, RefusalCause.BAD_SIGNATURE),
        (region.sign(Kind.REPORT, body, sender="mars"), RefusalCause.UNKNOWN_SENDER),
        (region.sign(Kind.REPORT, body, recipient="us-east"), RefusalCause.WRONG_RECIPIENT),
        (region.heartbeat(), RefusalCause.WRONG_KIND),
        (region.sign(Kind.REPORT, body), RefusalCause.MALFORMED),
        (region.sign(Kind.REPORT, []), RefusalCause.MALFORMED),
        (region.sign(Kind.REPORT, {"batch": "0" * 32, "region": "us-east"}), RefusalCause.WRONG_RECIPIENT),
        (region.sign(Kind.REPORT, {"batch": "0" * 32, "region": "eu-west"}), RefusalCause.MALFORMED),
        (
            region.sign(Kind.REPORT, {"batch": "0" * 32, "region": "eu-west", "findings": [0] * 1001}),
            RefusalCause.OVERSIZED,
        ),
    ]
    for envelope, cause in cases:
        with pytest.raises(Refused) as refused:
            ingest(envelope, now=now)
        assert refused.value.cause is cause
    assert not Outcome.objects.exists()
    assert ingest(report, now=now).stored == 1


def test_late_report_takes_the_lost_slots_back(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    make_images(2, interval_seconds=60)
    late = batches(regions, now)
    gone = now + timedelta(seconds=60 + missed.LOST_AFTER_SECONDS + 1)
    assert missed.reap_batches(now=gone) == missed.Reaped(batches=3, slots=6)
    ingest(regions["eu-west"].report(late["eu-west"]), now=gone)
    assert Batch.objects.get(pk=late["eu-west"].id).state == Batch.State.REPORTED
    assert set(MissedSlots.objects.values_list("region__slug", "count")) == {("ap-south", 1), ("us-east", 1)}


def test_late_outcome_joins_the_history_and_moves_nothing(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    (image,) = make_images(interval_seconds=60)
    region = regions["eu-west"]
    late = batches(regions, now)["eu-west"]
    due = next_due(image)
    ingest(region.report(batches(regions, due)["eu-west"]), now=due)
    before = RegionState.objects.values().get()
    ingest(region.report(late, GONE), now=due + SECOND)
    assert RegionState.objects.values().get() == before
    assert Outcome.objects.get(slot=now).reason == "tag_not_found"


def test_deleted_resource_is_left_out_without_its_neighbours(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    doomed, kept = make_images(2)
    hear_of_all(now)
    batch = batches(regions, now)["eu-west"]
    Resource.objects.filter(pk=doomed.pk).delete()
    assert ingest(regions["eu-west"].report(batch), now=now) == Ingested(stored=1, refused=0, changes=[])
    assert Outcome.objects.get().resource == kept
    assert not MissedSlots.objects.exists()


def test_outcomes_of_a_deleted_image_are_not_read(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    doomed, _ = make_images(2)
    check_everywhere(regions, now)
    doomed.delete()
    assert Outcome.objects.count() == 6
    assert len(Outcome.objects.select_related("resource")) == 3


def test_outcome_of_the_image_before_is_left_out(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images()
    check_everywhere(regions, now)
    due = next_due(image)
    batch = batches(regions, due)["eu-west"]
    image.refresh_from_db()
    image.reference = "ghcr.io/org/other:2"
    resources.save(image, now=due + timedelta(minutes=1))
    assert ingest(regions["eu-west"].report(batch), now=due + timedelta(minutes=2)).stored == 0
    assert not RegionState.objects.exists()


def test_failure_at_a_layer_leads_to_deep_checks(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    (image,) = make_images(interval_seconds=60)
    depths = []
    for find in (found, found, found, finding(Reason.LAYER_MISSING, Stage.LAYER), found, found):
        due = next_due(image)
        batch = batches(regions, due)["eu-west"]
        depths.append(images(batch)[0].depth)
        ingest(regions["eu-west"].report(batch, find), now=due)
    assert depths == [Depth.PLATFORM, Depth.BLOBS, Depth.RESOLVE, Depth.RESOLVE, Depth.BLOBS, Depth.RESOLVE]


def test_ingest_takes_the_same_queries_for_many_as_for_few(
    now: datetime, regions: Regions, make_images: MakeImages
) -> None:
    def queries(count: int, due: datetime) -> tuple[int, int]:
        """Return how many the first report takes, and one that finds all as it was."""
        make_images(count, interval_seconds=60)
        taken = []
        for at in (due, due + HOUR):
            Resource.objects.update(next_due_at=at)
            batch = batches(regions, at)["eu-west"]
            assert len(batch.plans) == count
            report = regions["eu-west"].report(batch)
            with CaptureQueriesContext(connection) as captured:
                ingest(report, now=at)
            taken.append(len(captured))
        Resource.objects.all().delete()
        return taken[0], taken[1]

    first, later = queries(2, now)
    assert queries(97, now + 2 * HOUR) == (first, later)
    assert first <= 25
    assert later <= 20
