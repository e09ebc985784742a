"""`/metrics`: what is told of resources, regions and the control plane, to whom, and in which format."""

import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from pytest_django.fixtures import Settings
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from api.metrics.exposition import Kind
from api.metrics.families import FAMILIES
from probes.actions import dispatch, missed, refusals
from probes.actions import regions as region_actions
from probes.actions import resources as resource_actions
from probes.actions.ingest import ingest
from probes.models import MaintenanceOccurrence, MissedSlots, ResourceGroup
from probes.policy.liveness import RegionCondition
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Outcome
from probes.protocol.taxonomy import Reason, Stage
from probes.selectors import series
from probes.trust.refusal import RefusalCause, Refused
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.fakes.far_region import found as found_by
from tests.fakes.steps import step
from tests.fakes.surroundings import surroundings_of

pytestmark = pytest.mark.django_db

GONE: Final = finding(Reason.TAG_NOT_FOUND)
Samples = dict[frozenset[tuple[str, str]], float]


def scrape(client: Any, address: str = "/metrics", **headers: str) -> str:
    response = client.get(address, **headers)
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode()


def samples(client: Any, name: str, address: str = "/metrics") -> Samples:
    """Return the values of one name by their labels."""
    return {
        frozenset(sample.labels.items()): sample.value
        for family in read_text(scrape(client, address))
        for sample in family.samples
        if sample.name == name
    }


def value(found: Samples, **labels: str) -> float:
    """Return the one value whose labels include these."""
    (only,) = [number for key, number in found.items() if labels.items() <= dict(key).items()]
    return only


def states(found: Samples, label: str = "state", **labels: str) -> list[str]:
    """Return for which states the value is 1, of those whose labels include these."""
    return [dict(key)[label] for key, number in found.items() if number == 1 and labels.items() <= dict(key).items()]


class TestAccess:
    def test_nobody_reads_without_a_token(self, settings: Settings) -> None:
        settings.KAIROS_PUBLIC_DASHBOARD = True
        response = Client().get("/metrics")
        assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")

    @pytest.mark.parametrize("keyword", ["Token", "Bearer"])
    def test_token_of_the_api_reads_in_either_word(self, reader: User, keyword: str) -> None:
        token = Token.objects.create(user=reader)
        assert scrape(APIClient(HTTP_AUTHORIZATION=f"{keyword} {token.key}"))

    def test_session_reads(self, reader: User) -> None:
        browser = Client()
        browser.force_login(reader)
        assert scrape(browser)

    def test_token_for_metrics_reads_them_and_nothing_else(self, settings: Settings) -> None:
        settings.KAIROS_METRICS_TOKEN = "s3cret-of-the-scraper"
        client = Client(HTTP_AUTHORIZATION="Bearer s3cret-of-the-scraper")
        assert scrape(client)
        assert client.get("/api/v1/resources").status_code == 401

    @pytest.mark.parametrize("sent", ["Bearer wrong", "Bearer ", "Bearer", "Basic s3cret", "s3cret", "Token s3cret"])
    def test_anything_else_is_refused(self, settings: Settings, db: None, sent: str) -> None:
        settings.KAIROS_METRICS_TOKEN = "s3cret"
        assert Client(HTTP_AUTHORIZATION=sent).get("/metrics").status_code == 401

    def test_without_a_token_of_its_own_none_is_taken_for_it(self, settings: Settings) -> None:
        settings.KAIROS_METRICS_TOKEN = ""
        assert Client(HTTP_AUTHORIZATION="Bearer ").get("/metrics").status_code == 401

    def test_only_reading_is_offered(self, client: APIClient) -> None:
        assert client.post("/metrics").status_code == 405

    def test_what_cannot_be_asked_is_refused_by_name(self, client: APIClient) -> None:
        assert client.get("/metrics?resources=some").json() == {"resources": ['"some" is not a valid choice.']}
        assert client.get("/metrics?resource=all").status_code == 400


class TestFormat:
    def test_every_family_is_told_once_in_both_formats(self, client: APIClient, plane: ControlPlane) -> None:
        plane.check(plane.image())
        named = {family.name for family in FAMILIES}
        told = scrape(client)
        assert sorted(head(told)) == sorted(named)
        told = scrape(client, HTTP_ACCEPT="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        assert told.endswith("# EOF\n")
        assert len(head(told)) == len(named)
        kinds = {family.name: family.type for family in read_openmetrics(told)}  # type: ignore[no-untyped-call]
        assert {kinds[name(family.name)] for family in FAMILIES if family.kind is Kind.COUNTER} == {"counter"}
        assert kinds["kairos_build"] == "info"

    @pytest.mark.parametrize(
        ("accepted", "answered"),
        [
            ("", "text/plain; version=0.0.4; charset=utf-8"),
            ("text/html", "text/plain; version=0.0.4; charset=utf-8"),
            ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ],
    )
    def test_format_is_what_is_accepted(self, client: APIClient, accepted: str, answered: str) -> None:
        assert client.get("/metrics", HTTP_ACCEPT=accepted)["Content-Type"] == answered

    def test_labels_are_those_that_the_reference_names(self, client: APIClient, plane: ControlPlane) -> None:
        seen = everything_happened(plane)
        declared = {family.name: set(family.labels) for family in FAMILIES}
        for family in read_text(scrape(client)):
            for sample in family.samples:
                known = declared.get(sample.name) or declared.get(family.name, set())
                assert set(sample.labels) - {"le"} == known, sample.name
                seen.discard(sample.name)
        assert seen == set(), "nothing was told of these"

    def test_prometheus_itself_finds_no_fault(self, client: APIClient, plane: ControlPlane) -> None:
        if shutil.which("promtool") is None:
            pytest.skip("no promtool here: Debian has it in the package prometheus")
        everything_happened(plane)
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=scrape(client), capture_output=True, text=True, check=False
        )
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")

    def test_group_with_a_quote_in_its_name_is_told_whole(self, client: APIClient, plane: ControlPlane) -> None:
        group = ResourceGroup.objects.create(name='the "b\\c" team')
        plane.image(group=group)
        assert value(samples(client, "kairos_resource_paused"), group='the "b\\c" team') == 0


class TestResources:
    def test_verdict_is_one_of_all_states(self, client: APIClient, plane: ControlPlane) -> None:
        good, bad, new = (plane.image(f"ghcr.io/org/{name}:1") for name in ("good", "bad", "new"))
        plane.check(good)
        plane.check(bad, finds=dict.fromkeys(plane.regions, GONE))
        found = samples(client, "kairos_resource_verdict")
        assert len(found) == 3 * 4
        assert states(found, id=str(good.pk)) == ["available"]
        assert states(found, id=str(bad.pk)) == ["unavailable"]
        assert states(found, id=str(new.pk)) == ["unknown"]
        since = samples(client, "kairos_resource_verdict_since_timestamp_seconds")
        bad.verdict.refresh_from_db()
        assert value(since, id=str(bad.pk)) == bad.verdict.since.timestamp()

    def test_labels_name_the_image(self, client: APIClient, plane: ControlPlane) -> None:
        image = plane.image("ghcr.io/org/app:1", name="The app", group=ResourceGroup.objects.create(name="core"))
        (labels,) = samples(client, "kairos_resource_info")
        assert dict(labels) == {
            "id": str(image.pk),
            "resource": "ghcr.io/org/app:1",
            "kind": "image",
            "registry": "ghcr.io",
            "group": "core",
            "name": "The app",
            "severity": "critical",
        }

    def test_severity_is_that_of_the_terms(self, client: APIClient, plane: ControlPlane) -> None:
        group = ResourceGroup.objects.create(name="core", severity="info")
        plane.image("ghcr.io/org/one:1", group=group)
        plane.image("ghcr.io/org/two:1", group=group, severity="warning")
        found = {dict(key)["resource"]: dict(key)["severity"] for key in samples(client, "kairos_resource_info")}
        assert found == {"ghcr.io/org/one:1": "info", "ghcr.io/org/two:1": "warning"}

    def test_query_values_of_an_endpoint_stay_hidden(self, client: APIClient, plane: ControlPlane) -> None:
        plane.endpoint("https://api.example/health?key=s3cret")
        told = scrape(client)
        assert "https://api.example/health?key=" in told
        assert "s3cret" not in told

    def test_region_tells_its_stance_and_when_it_could_last_be_had(
        self, client: APIClient, plane: ControlPlane
    ) -> None:
        image = plane.image()
        before = plane.check(image)
        plane.check(image, finds={"eu-west": GONE})
        found = samples(client, "kairos_resource_region_state")
        assert {slug: states(found, region=slug) for slug in plane.regions} == {
            "ap-south": ["good"],
            "eu-west": ["bad"],
            "us-east": ["good"],
        }
        assert value(samples(client, "kairos_resource_last_success_timestamp_seconds"), region="eu-west") == (
            before.timestamp()
        )

    def test_success_that_comes_late_counts(self, client: APIClient, plane: ControlPlane) -> None:
        image, eu_west = plane.image(), plane.regions["eu-west"]
        reports = []
        for find in (GONE, None, GONE):
            plane.now += timedelta(minutes=1)
            asked = dispatch.check_now([image.pk], ["eu-west"], now=plane.now)
            (message,) = asked.messages
            reports.append((eu_west.report(eu_west.open(message), find), asked.slots[image.pk]))
        (first, _), (second, slot), (third, _) = reports
        for report in (first, third, second):
            ingest(report, now=plane.now)
        found = samples(client, "kairos_resource_last_success_timestamp_seconds")
        assert value(found, region="eu-west") == slot.timestamp()

    def test_region_that_checks_it_no_more_is_left_out(self, client: APIClient, plane: ControlPlane) -> None:
        image = plane.image()
        plane.check(image)
        region_actions.retire([plane.region("us-east").pk], now=plane.now)
        resource_actions.save(image, regions=[plane.region("eu-west")], now=plane.now)
        told = samples(client, "kairos_resource_region_state")
        assert {dict(key)["region"] for key in told} == {"eu-west"}

    def test_paused_and_in_maintenance_are_told_apart(self, client: APIClient, plane: ControlPlane) -> None:
        paused, worked_on = plane.image("ghcr.io/org/one:1"), plane.image("quay.io/org/two:1")
        resource_actions.pause([paused.pk], now=plane.now)
        now, hour = timezone.now(), timedelta(hours=1)
        for registry, starts_at in ((worked_on.registry_id, now - hour), (paused.registry_id, now + hour)):
            MaintenanceOccurrence.objects.create(
                name="work", starts_at=starts_at, ends_at=starts_at + 2 * hour, registry_ids=[registry]
            )
        for name, resource in (("paused", paused), ("maintenance", worked_on)):
            found = samples(client, f"kairos_resource_{name}")
            assert {dict(key)["id"]: number for key, number in found.items()} == {
                str(paused.pk): float(resource is paused),
                str(worked_on.pk): float(resource is worked_on),
            }

    def test_those_together_are_counted_by_state(self, client: APIClient, plane: ControlPlane) -> None:
        good, paused = plane.image("ghcr.io/org/one:1"), plane.image("ghcr.io/org/two:1")
        plane.check(good)
        resource_actions.pause([paused.pk], now=plane.now)
        found = samples(client, "kairos_resources")
        counted = {dict(key)["state"]: number for key, number in found.items()}
        assert counted == {"available": 1, "degraded": 0, "unavailable": 0, "unknown": 0, "paused": 1}


class TestCardinality:
    @pytest.fixture
    def three(self, plane: ControlPlane) -> ControlPlane:
        good, bad, paused = (plane.image(f"{host}/org/app:1") for host in ("ghcr.io", "quay.io", "gcr.io"))
        plane.check(good, bad, paused)
        plane.check(bad, finds={"eu-west": GONE})
        resource_actions.pause([paused.pk], now=plane.now)
        return plane

    @pytest.mark.parametrize(
        ("which", "told"),
        [("all", {"ghcr.io", "quay.io", "gcr.io"}), ("bad", {"quay.io"}), ("none", set())],
    )
    def test_switch_says_of_which_resources_there_are_series(
        self, client: APIClient, settings: Settings, three: ControlPlane, which: str, told: set[str]
    ) -> None:
        settings.KAIROS_METRICS_PER_RESOURCE = which
        for name in ("info", "verdict", "region_state", "last_success_timestamp_seconds"):
            assert {dict(key)["registry"] for key in samples(client, f"kairos_resource_{name}")} == told
        assert sum(samples(client, "kairos_resources").values()) == 3

    def test_scrape_overrules_the_switch(self, client: APIClient, settings: Settings, three: ControlPlane) -> None:
        settings.KAIROS_METRICS_PER_RESOURCE = "all"
        assert samples(client, "kairos_resource_info", "/metrics?resources=none") == {}

    def test_registries_are_summed_where_they_are_not_told_apart(
        self, client: APIClient, settings: Settings, three: ControlPlane
    ) -> None:
        apart = samples(client, "kairos_outcomes_total")
        settings.KAIROS_METRICS_PER_REGISTRY = False
        together = samples(client, "kairos_outcomes_total")
        assert {dict(key)["registry"] for key in together} == {""}
        assert sum(together.values()) == sum(apart.values()) == 12
        assert value(together, region="eu-west", status="available") == 3
        counted = samples(client, "kairos_check_duration_seconds_count")
        assert value(counted, region="eu-west") == 4
        assert {dict(key)["registry"] for key in samples(client, "kairos_resources")} == {""}

    def test_many_are_read_a_part_at_a_time(
        self, client: APIClient, three: ControlPlane, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = [line for line in scrape(client).splitlines() if "kairos_resource" in line]
        monkeypatch.setattr(series, "KEYS_AT_ONCE", 2)
        assert [line for line in scrape(client).splitlines() if "kairos_resource" in line] == whole

    def test_many_take_the_same_queries_as_few(self, client: APIClient, plane: ControlPlane) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                scrape(client)
            return len(captured)

        plane.check(plane.image())
        few = queries()
        plane.check(*(plane.image(f"ghcr.io/org/app-{number}:1") for number in range(30)))
        assert queries() == few


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
        beat = plane.regions["eu-west"].heartbeat(in_flight=7, seats=100, spooled_reports=2)
        region_actions.record_heartbeat(beat, now=timezone.now())
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

    def test_open_incidents_are_counted(self, client: APIClient, plane: ControlPlane) -> None:
        image = plane.image()
        plane.check(image, finds=dict.fromkeys(plane.regions, GONE))
        found = samples(client, "kairos_incidents_open")
        assert value(found, level="unavailable", severity="critical") == 1
        assert sum(found.values()) == 1
        assert len(found) == 2 * 3


def everything_happened(plane: ControlPlane) -> set[str]:
    """Let something happen of all that is told; return the names of all samples."""
    plane.hear_all()
    plane.hear_workers()
    image = plane.image(group=ResourceGroup.objects.create(name="core"))
    plane.check(image, finds=dict.fromkeys(plane.regions, with_steps))
    asked = dispatch.check_now([image.pk], now=plane.now)
    later = max(message.expires_at for message in asked.messages) + timedelta(minutes=5)
    missed.reap_batches(now=later)
    (message, *_) = asked.messages
    region = plane.regions[message.queue.removeprefix("probe.")]
    ingest(region.report(region.open(message)), now=later)
    dispatch.check_now([image.pk], now=plane.now)
    refusals.count("results", RefusalCause.REPLAYED, "again", now=plane.now)
    surroundings_of(image.registry, plane.region("eu-west"), now=plane.now)
    return {sample for family in FAMILIES for sample in family.samples}


def with_steps(plan: CheckPlan) -> Outcome:
    """Find it, by two exchanges."""
    return replace(found_by(plan), steps=(step(stage=Stage.TOKEN, total_ms=30.0), step(total_ms=700.0)))


def head(told: str) -> list[str]:
    """Return the families that are introduced, in the order in which they are."""
    return [line.split()[2] for line in told.splitlines() if line.startswith("# TYPE ")]


def name(family: str) -> str:
    return family.removesuffix("_total")
