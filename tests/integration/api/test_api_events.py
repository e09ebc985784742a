"""Events, for programs: what happened and is no failure, newest first."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from probes.models import Credential, Event, Registry, Resource
from probes.protocol.outcome import rfc3339
from tests.fakes.control_plane import ControlPlane
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/events"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def event(text: str, hours: int = 0, **values: Any) -> Event:
    fields = {"kind": "tag_moved", "severity": "info", "at": NOON + hours * HOUR, "key": text, "text": text}
    return Event.objects.create(**{**fields, **values})


def listed(client: APIClient, query: str = "") -> list[str]:
    response = client.get(f"{ADDRESS}?{query}")
    assert response.status_code == 200, response.content
    return [row["text"] for row in response.json()["results"]]


@pytest.fixture
def image(plane: ControlPlane) -> Resource:
    return plane.image("ghcr.io/team/app:1", name="the app")


@pytest.fixture
def events(image: Resource, plane: ControlPlane) -> Resource:
    """One of an image, of its registry, of its login, and of another image; an hour apart."""
    login = Credential.objects.create(registry=image.registry, username="robot")
    event("moved", 1, resource=image, region="eu-west", facts={"before": "sha256:a", "after": "sha256:b"})
    event("certificate", 2, registry=image.registry, kind="certificate_expiring", severity="warning")
    event("login", 3, credential=login, kind="credential_expired", severity="critical")
    event("other", 4, resource=plane.image("quay.io/org/other:1"), kind="tag_split", severity="warning")
    return image


def test_event_is_listed_with_what_it_is_about(client: APIClient, events: Resource) -> None:
    *_, login, certificate, moved = client.get(ADDRESS).json()["results"]
    assert moved == {
        "id": Event.objects.get(text="moved").pk,
        "at": rfc3339(NOON + HOUR),
        "kind": "tag_moved",
        "severity": "info",
        "subject": "the app",
        "resource": events.pk,
        "registry": None,
        "credential": None,
        "region": "eu-west",
        "text": "moved",
        "facts": {"before": "sha256:a", "after": "sha256:b"},
    }
    assert (certificate["registry"], certificate["resource"], certificate["region"]) == ("ghcr.io", None, None)
    assert (login["credential"], login["subject"]) == (Credential.objects.get().pk, "robot at ghcr.io")


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("", ["other", "login", "certificate", "moved"]),
        ("resource={image}", ["login", "certificate", "moved"]),
        ("kind=tag_moved&kind=tag_split", ["other", "moved"]),
        ("severity=warning", ["other", "certificate"]),
        ("severity=warning&severity=critical&resource={image}", ["login", "certificate"]),
        ("since=2026-03-01T15:00:00Z", ["other", "login"]),
        ("until=2026-03-01T15:00:00Z", ["certificate", "moved"]),
    ],
)
def test_filters_narrow_the_list(client: APIClient, events: Resource, query: str, texts: list[str]) -> None:
    assert listed(client, query.format(image=events.pk)) == texts


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("kind=outage", "kind"),
        ("severity=high", "severity"),
        ("resource=0", "resource"),
        ("since=noon", "since"),
        ("region=eu-west", "region"),
        ("cursor=x", "cursor"),
        ("page_size=0", "page_size"),
    ],
)
def test_what_cannot_be_asked_is_an_error_by_name(
    client: APIClient, events: Resource, query: str, field: str
) -> None:
    response = client.get(f"{ADDRESS}?{query}")
    assert (response.status_code, wrong(response)) == (400, [field])


def test_pages_follow_on_each_other_though_all_happened_at_once(client: APIClient, image: Resource) -> None:
    for number in range(5):
        event(str(number), resource=image)
    address, seen = f"{ADDRESS}?page_size=2&resource={image.pk}", []
    while address:
        page = client.get(address).json()
        seen += [row["text"] for row in page["results"]]
        address = page["next"]
    assert seen == ["4", "3", "2", "1", "0"]


def test_list_takes_the_same_queries_however_long(client: APIClient, events: Resource) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            listed(client)
        return len(captured)

    few = queries()
    for number in range(40):
        host = f"host-{number}.example"
        login = Credential.objects.create(registry=Registry.objects.create(host=host))
        event(host, credential=login, kind="credential_expired")
    assert queries() == few
