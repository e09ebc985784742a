"""`/metrics`: to whom it is told, and in which format."""

import gzip
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from api.metrics.exposition import Kind
from api.metrics.families import FAMILIES
from probes.actions import beat, dispatch, missed, refusals
from probes.actions.ingest import ingest
from probes.models import ResourceGroup
from probes.policy.liveness import Unread
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Outcome
from probes.protocol.taxonomy import Stage
from probes.trust.refusal import RefusalCause
from tests.fakes.access import token_of
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import found as found_by
from tests.fakes.scraper import samples, scrape, value
from tests.fakes.steps import step
from tests.fakes.surroundings import surroundings_of
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db


class TestAccess:
    def test_nobody_reads_without_a_token(self, settings: Settings) -> None:
        settings.KAIROS_PUBLIC_DASHBOARD = True
        response = Client().get("/metrics")
        assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")

    @pytest.mark.parametrize("keyword", ["Token", "Bearer"])
    def test_token_of_the_api_reads_in_either_word(self, reader: User, keyword: str) -> None:
        assert scrape(APIClient(HTTP_AUTHORIZATION=f"{keyword} {token_of(reader)}"))

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
        assert wrong(client.get("/metrics?resources=some")) == ["resources"]
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

    @pytest.mark.parametrize(
        ("accepted", "coding"),
        [("", None), ("identity", None), ("gzip", "gzip"), ("deflate, gzip;q=1.0", "gzip"), ("gzip;q=0, *", None)],
    )
    def test_text_is_packed_for_whoever_takes_it_so(
        self, client: APIClient, accepted: str, coding: str | None
    ) -> None:
        response: Any = client.get("/metrics", HTTP_ACCEPT_ENCODING=accepted)
        told = b"".join(response.streaming_content)
        assert response.get("Content-Encoding") == coding
        assert b"# TYPE kairos_build_info gauge\n" in (gzip.decompress(told) if coding else told)
        assert {"Accept", "Accept-Encoding"} <= set(response["Vary"].split(", "))

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


def everything_happened(plane: ControlPlane) -> set[str]:
    """Let something happen of all that is told; return the names of all samples."""
    plane.hear_all()
    beat.note_empty(Unread(), now=plane.now)
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
