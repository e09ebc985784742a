"""In maintenance nothing new is an incident; what fails afterwards is one, as of then."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from probes.actions import maintenance
from probes.models import (
    GlobalTerms,
    Incident,
    IncidentEntry,
    MaintenanceOccurrence,
    MaintenanceWindow,
    Registry,
    Resource,
    ResourceGroup,
    Verdict,
)
from probes.policy.incidents import EntryKind
from probes.protocol.taxonomy import Reason
from probes.selectors.maintenance import Works
from tests.fakes.outage import MINUTE, Watch, failing, from_there, scope_incidents, told
from tests.integration.control.conftest import MakeImages, Regions

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DOWN = failing(Reason.CONNECT_TIMEOUT)


@pytest.fixture
def watch(regions: Regions, make_images: MakeImages, now: datetime) -> Watch:
    """One image, which is well."""
    make_images(interval_seconds=3600, group=ResourceGroup.objects.create(name="Shop"))
    watch = Watch(regions, now)
    watch.round()
    return watch


def plan(watch: Watch, minutes: int = 120, **targets: Any) -> MaintenanceWindow:
    """Plan work that begins at this minute."""
    window = MaintenanceWindow(
        name="Work", starts_on=watch.now.date(), starts_at=watch.now.time(), duration_minutes=minutes
    )
    return maintenance.save(window, **targets, now=watch.now)


def image() -> Resource:
    return Resource.objects.get()


@pytest.mark.parametrize("target", ["resources", "groups", "registries"])
def test_failure_in_maintenance_is_an_incident_when_that_is_over(watch: Watch, target: str) -> None:
    targets: dict[str, Any] = {
        "resources": [image()],
        "groups": [image().group],
        "registries": [image().registry],
    }
    ends_at = watch.now + 2 * HOUR
    chosen: dict[str, Any] = {target: targets[target]}
    plan(watch, **chosen)
    watch.round(DOWN, times=3)
    assert not Incident.objects.exists()
    verdict = Verdict.objects.get()
    assert (verdict.state, verdict.stale_at) == ("unavailable", ends_at)
    watch.infer(ends_at - watch.now)
    incident = Incident.objects.get()
    assert (incident.began_at, incident.opened_at) == (ends_at, ends_at)


def test_what_recovered_in_maintenance_was_never_an_incident(watch: Watch) -> None:
    plan(watch, resources=[image()])
    watch.round(DOWN)
    watch.round()
    watch.infer(3 * HOUR)
    assert not Incident.objects.exists()


def test_incident_that_is_open_stays_and_resolves_by_itself(watch: Watch) -> None:
    watch.round(DOWN)
    plan(watch, resources=[image()])
    watch.round(DOWN)
    incident = Incident.objects.get()
    assert incident.is_open
    watch.round()
    incident.refresh_from_db()
    assert incident.cause == "recovered"


def test_weakness_waits_from_the_end_of_maintenance_on(watch: Watch) -> None:
    ends_at = watch.now + 30 * MINUTE
    plan(watch, 30, resources=[image()])
    watch.round(from_there("eu-west", DOWN))
    watch.infer(ends_at - watch.now)
    assert not Incident.objects.exists()
    assert Verdict.objects.get().stale_at == ends_at + 15 * MINUTE
    watch.infer(15 * MINUTE)
    assert Incident.objects.get().began_at == ends_at


def test_failure_is_an_incident_at_once_when_the_work_is_called_off(watch: Watch) -> None:
    window = plan(watch, resources=[image()])
    watch.round(DOWN)
    maintenance.delete([window.pk], now=watch.now + MINUTE)
    watch.infer(MINUTE)
    assert Incident.objects.get().began_at == watch.now


def test_incident_of_what_failed_in_maintenance_stays_dated_to_its_end(watch: Watch) -> None:
    """The regions failed before, and say so with each report."""
    ends_at = watch.now + 30 * MINUTE
    plan(watch, 30, resources=[image()])
    watch.round(DOWN)
    watch.infer(ends_at - watch.now)
    watch.round(DOWN, times=2)
    assert Incident.objects.get().began_at == ends_at
    assert not IncidentEntry.objects.filter(kind=EntryKind.BACK_DATED).exists()


def test_of_work_that_is_over_the_last_time_is_read_and_no_other(watch: Watch) -> None:
    """An image that fails for a year has 365 nights of it behind it, and so has each of its reports."""
    eu_west = watch.regions["eu-west"].row.pk
    for region_ids in ([], [eu_west]):
        MaintenanceOccurrence.objects.bulk_create(
            MaintenanceOccurrence(
                name="Each night",
                starts_at=watch.now - night * DAY - HOUR,
                ends_at=watch.now - night * DAY,
                resource_ids=[image().pk],
                region_ids=region_ids,
            )
            for night in range(1, 366)
        )
    works = Works.over(since=watch.now - 365 * DAY, now=watch.now)
    assert (len(works.whole), len(works.seen)) == (1, 1)
    assert works.end(image()) == watch.now - DAY
    assert works.ends_by_region(image()) == {eu_west: watch.now - DAY}


def test_image_that_goes_on_failing_asks_no_more_what_was_over_when_it_began(watch: Watch) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            watch.round(DOWN)
        over = '"probes_maintenanceoccurrence"."ends_at" <= '
        return sum(over in query["sql"] for query in captured)

    assert asked()
    assert Incident.objects.get().is_open
    assert not asked()


@pytest.mark.parametrize("of", ["everything", "the registry"])
def test_region_in_maintenance_has_no_vote(watch: Watch, of: str) -> None:
    GlobalTerms.objects.update(degraded_after_seconds=0)
    ends_at = watch.now + 2 * HOUR
    concerned: dict[str, Any] = {"registries": [image().registry]} if of == "the registry" else {}
    plan(watch, regions=[watch.regions["eu-west"].row], **concerned)
    watch.round(from_there("eu-west", DOWN))
    verdict = Verdict.objects.get()
    assert (verdict.state, verdict.inputs["votes"][1]["presence"]) == ("available", "maintenance")
    assert verdict.stale_at == ends_at
    watch.infer(ends_at - watch.now)
    incident = Incident.objects.get()
    assert (incident.level, incident.began_at, incident.opened_at) == ("degraded", ends_at, ends_at)


def test_elsewhere_work_goes_on(watch: Watch) -> None:
    plan(watch, regions=[watch.regions["eu-west"].row], registries=[Registry.objects.create(host="quay.io")])
    watch.round(from_there("eu-west", DOWN))
    assert Verdict.objects.get().state == "degraded"


def test_registry_in_maintenance_is_no_outage(watch: Watch, make_images: MakeImages) -> None:
    """Two of its images failed a moment before."""
    make_images(5, interval_seconds=3600)
    watch.round(failing(Reason.CONNECT_TIMEOUT, only="app-0"))
    ends_at = watch.now + 2 * HOUR
    plan(watch, registries=[image_registry()])
    watch.round(DOWN)
    assert watch.infer() == []
    assert scope_incidents() == []
    assert watch.infer(2 * HOUR) == []
    assert told(watch.infer()) == [("registry ghcr.io", "Open")]
    assert Incident.objects.get(resource=None).began_at == ends_at


def test_outage_that_ends_in_maintenance_is_told_to_nobody(watch: Watch, make_images: MakeImages) -> None:
    make_images(5, interval_seconds=3600, reference="ghcr.io/org/more:1")
    watch.round(DOWN)
    watch.infer()
    plan(watch, registries=[image_registry()])
    watch.round()
    (done,) = watch.infer()
    assert done.is_in_maintenance


def image_registry() -> Registry:
    return Registry.objects.get(host="ghcr.io")
