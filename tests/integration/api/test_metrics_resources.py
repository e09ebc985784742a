"""`/metrics`: what is told of each resource, and of which resources."""

from datetime import timedelta
from typing import Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from probes.actions import dispatch
from probes.actions import regions as region_actions
from probes.actions import resources as resource_actions
from probes.actions.ingest import ingest
from probes.models import MaintenanceOccurrence, ResourceGroup
from probes.protocol.taxonomy import Reason
from probes.selectors import series
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.fakes.scraper import samples, scrape, states, value

pytestmark = pytest.mark.django_db

GONE: Final = finding(Reason.TAG_NOT_FOUND)


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
        monkeypatch.setattr(series, "ROWS_AT_ONCE", 2)
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
