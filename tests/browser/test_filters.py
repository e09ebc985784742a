"""Filters for which the demonstration has too little: endpoints, events of many kinds, incidents that are over."""

from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page

from probes.models import Event, Incident, ResourceGroup
from probes.protocol.taxonomy import Reason
from tests.browser.filters import Filter, Listing, fields, shown
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import finding

OpenPage = Callable[..., Page]
GONE = dict.fromkeys(SLUGS, finding(Reason.TAG_NOT_FOUND))


def test_overview_is_narrowed_to_a_kind(plane: ControlPlane, open_page: OpenPage) -> None:
    plane.image(name="the app")
    plane.endpoint(name="health of the API")
    page = open_page("/")
    assert "kind" in fields(page)
    names = Listing(path="/", rows=".image-name")
    names.use(page, Filter("Kind", "http", "kind=http", shown("health of the API")))
    names.use(page, Filter("Kind", "image", "kind=image", shown("the app")))


def test_events_are_narrowed_by_each_of_their_fields(plane: ControlPlane, open_page: OpenPage) -> None:
    app, db = plane.image("ghcr.io/org/app:1", name="app"), plane.image("quay.io/org/db:1", name="db")
    at, day_before = plane.now, plane.now - timedelta(days=1)
    happened = (("tag_moved", "info", at, app, "us-east"), ("platform_vanished", "warning", day_before, db, ""))
    for kind, severity, when, image, region in happened:
        Event.objects.create(
            kind=kind, severity=severity, at=when, resource=image, registry=image.registry, region=region, key=kind
        )
    moved, gone = shown("Tag moved."), shown("Platform is gone.")
    between = f"{at - timedelta(hours=6):%Y-%m-%dT%H:%M}"
    filters = [
        Filter("Find", "app", "find=app", moved),
        Filter("Kind", "platform_vanished", "kind=platform_vanished", gone),
        Filter("Severity", "info", "severity=info", moved),
        Filter("Registry", "quay.io", "registry=quay.io", gone),
        Filter("Region", "us-east", "region=us-east", moved),
        Filter("Image's number", str(db.pk), f"resource={db.pk}", gone),
        Filter("Happened from", between, f"since={between}", moved),
        Filter("Happened before", between, f"until={between}", gone),
    ]
    events = Listing(path="/events/", rows=".happening-said b")
    page = open_page("/events/")
    events.lists(page, moved | gone)
    assert fields(page) == {each.name for each in filters}
    for chosen in filters:
        events.use(page, chosen)


def test_incidents_are_narrowed_by_what_is_over_and_how_grave_it_is(plane: ControlPlane, open_page: OpenPage) -> None:
    past = plane.image("ghcr.io/org/past:1", name="past", group=ResourceGroup.objects.create(name="Shop"))
    gone = plane.image("quay.io/org/gone:1", name="gone")
    plane.check(past, gone, finds=GONE)
    plane.check(past)
    days_ago = plane.now - timedelta(days=3)
    Incident.objects.filter(resource=past).update(severity="info", began_at=days_ago, opened_at=days_ago)
    day = f"{plane.now - timedelta(days=2):%Y-%m-%dT00:00}"
    incidents = Listing(path="/incidents/", rows=".incident-name")
    page = open_page("/incidents/")
    incidents.lists(page, shown("past", "gone"))
    for chosen in (
        Filter("State", "open", "state=open", shown("gone")),
        Filter("State", "over", "state=over", shown("past")),
        Filter("Severity", "info", "severity=info", shown("past")),
        Filter("Severity", "critical", "severity=critical", shown("gone")),
        Filter("Group", "shop", "group=shop", shown("past")),
        Filter("Registry", "quay.io", "registry=quay.io", shown("gone")),
        Filter("Opened from", day, f"since={day}", shown("gone")),
        Filter("Opened before", day, f"until={day}", shown("past")),
    ):
        incidents.use(page, chosen)
