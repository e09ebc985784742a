"""Registries and the page of one, as those see them who reach everything, and those who reach one group."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from dashboard.registries import views
from probes.models import Credential, HostCertificate, Incident, QuotaAccount, Registry, Resource, ResourceGroup
from probes.policy.access import Role
from probes.policy.incidents import Level
from probes.policy.scopes import Kind
from probes.protocol.taxonomy import Reason
from tests.fakes.access import grant
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import finding
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db

GONE = dict.fromkeys(SLUGS, finding(Reason.TAG_NOT_FOUND))
SECRET = b"gAAAA-not-for-anybody"


def read(client: Client, url: str) -> Page:
    response = client.get(url)
    assert response.status_code == 200, response.status_code
    return Page(response.content.decode())


@pytest.fixture
def company(plane: ControlPlane) -> Any:
    """Two registries: one has a group's image that fails, another that is well, and all that a page tells of."""
    now = datetime.now(UTC)
    web = ResourceGroup.objects.create(name="Web", slug="web")
    app = plane.image("ghcr.io/org/app:1", name="app", group=web)
    other = plane.image("ghcr.io/org/other:1", name="other")
    secret = plane.image("quay.io/secret/thing:1", name="secret thing")
    plane.check(app, other, secret)
    plane.check(app, finds=GONE)
    registry = app.registry
    Credential.objects.create(
        registry=registry,
        slug="robot",
        label="robot <i>one</i>",
        username="robot",
        secret_encrypted=SECRET,
        rotated_at=now - timedelta(days=3),
        expires_at=now + timedelta(days=5),
    )
    for slug in SLUGS[:2]:
        HostCertificate.objects.create(
            registry=registry,
            region=plane.region(slug),
            host="pkg.ghcr.example",
            not_after=now + timedelta(days=3, hours=1),
            issuer="CN=Example <CA>",
            first_seen_at=now,
            seen_at=now,
        )
    QuotaAccount.objects.create(
        registry=registry,
        egress="192.0.2.1",
        regions=["eu-west"],
        limit=100,
        remaining=40,
        window_seconds=21_600,
        read_at=now,
        created_at=now,
    )
    return web


def test_list_counts_what_is_not_well(client: Client, company: Any) -> None:
    page = read(client, "/registries/")
    first, second = [element.text for element in page.all("tr")][1:]
    assert first == "ghcr.io 1 unavailable 1 2 1"
    assert second == "quay.io all well 0 1 0"
    assert [element.text for element in read(client, "/registries/?find=quay").all("tr")][1:] == [second]
    assert "No registry matches." in read(client, "/live/registries/?find=nowhere")["no-registries"].text


def test_without_registries_it_says_how_there_will_be_one(client: Client, db: None) -> None:
    assert "There is no registry yet." in read(client, "/registries/")["registries"].text


def test_page_tells_all_that_is_known_of_a_registry(client: Client, company: Any) -> None:
    page = read(client, "/registries/ghcr.io/")
    text = page["registry"].text
    assert [element.text for element in page.all("a", "incident-name")] == ["app"]
    images = [element for element in page.all("tr") if element.attributes.get("id", "").startswith("image-")]
    assert [element.attributes["data-look"] for element in images] == ["unavailable", "available"]
    assert "3 of 3 fresh regions cannot read the manifest" in images[0].text
    assert page["all-images"].attributes["href"] == "/?registry=ghcr.io"
    assert "pkg.ghcr.example in 3 d" in page["certificates-table"].text
    assert "CN=Example <CA> ap-south and eu-west" in page["certificates-table"].text
    assert "anonymous from 192.0.2.1 eu-west 100 requests in 6 h 40, " in page["quota-table"].text
    assert (
        "robot <i>one</i> user name and password the whole registry all stored 3 d ago" in page["logins-table"].text
    )
    assert page["seen-eu-west"].attributes["data-look"] == "degraded"
    assert "1 fails" in page["seen-eu-west"].text
    assert SECRET.decode() not in page.html
    assert "<i>one" not in page.html
    assert "quay.io" not in text
    assert "secret thing" not in text
    assert client.get("/registries/nowhere.example/").status_code == 404
    assert client.get("/registries/ghcr.io%00/").status_code == 404


def test_what_is_worst_at_a_registry_stands_first_and_what_else_is_open_is_counted(
    client: Client, plane: ControlPlane, company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest stood first: what is degraded since a minute pushed out what cannot be pulled at all."""
    other = Resource.objects.get(name="other")
    plane.check(other, finds=GONE)
    Incident.objects.filter(resource=other).update(level=Level.DEGRADED)
    page = read(client, "/registries/ghcr.io/")
    assert [element.text for element in page.all("a", "incident-name")] == ["app", "other"]
    assert "more incident" not in page["registry"].text
    monkeypatch.setattr(views, "INCIDENTS", 1)
    page = read(client, "/registries/ghcr.io/")
    assert [element.text for element in page.all("a", "incident-name")] == ["app"]
    assert "1 more incident is open. All incidents" in page["registry"].text

    # What explains it is told in its place where that is listed here too, and else it stands for itself.
    monkeypatch.setattr(views, "INCIDENTS", 10)
    child = Incident.objects.get(resource__name="app")
    for kind in Kind:
        name = "ghcr.io" if kind is Kind.REGISTRY else "what is shared"
        child.parent = Incident.objects.create(
            scope_kind=kind,
            scope_name=name,
            registry=child.registry if kind is Kind.REGISTRY else None,
            **{field: getattr(child, field) for field in ("level", "worst", "severity", "began_at", "opened_at")},
        )
        child.save()
        shown = [element.text for element in read(client, "/registries/ghcr.io/").all("a", "incident-name")]
        assert shown == ["registry ghcr.io" if kind is Kind.REGISTRY else "app", "other"], kind
        child.parent.delete()


def test_whoever_reaches_a_group_is_told_of_nothing_else(
    client: Client, company: Any, settings: Settings, django_user_model: Any
) -> None:
    settings.KAIROS_PUBLIC_DASHBOARD = False
    viewer = django_user_model.objects.create_user("viewer")
    grant(viewer, Role.VIEWER, company)
    client.force_login(viewer)
    rows = [element.text for element in read(client, "/registries/").all("tr")][1:]
    assert rows == ["ghcr.io 1 unavailable 1 1 0"]
    page = read(client, "/registries/ghcr.io/")
    assert "other" not in page["images-table"].text
    assert "robot" not in page["registry"].text
    assert "quota-table" not in page
    assert "seen-table" not in page
    assert client.get("/registries/quay.io/").status_code == 404
    for url in ("/incidents/?registry=quay.io", "/events/?registry=quay.io"):
        assert "there is no “quay.io”" in read(client, url).html
        assert 'value="quay.io"></option>' not in read(client, url).html
    refused = read(client, "/compare/?registry=ghcr.io")
    assert "told to those alone who may see all of it" in refused.html
    assert "registry" not in refused
    assert "secret thing" not in read(client, "/compare/?find=secret").html


def test_queries_do_not_grow_with_what_lies_there(client: Client, plane: ControlPlane, company: Any) -> None:
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as caught:
            read(client, "/registries/ghcr.io/")
        counts.append(len(caught))
        images = [plane.image(f"ghcr.io/org/more-{number}-{more}:1") for more in range(4)]
        plane.check(*images, finds=GONE)
    assert counts[0] == counts[1] <= 24
    Registry.objects.create(host="more.example")
    with CaptureQueriesContext(connection) as caught:
        read(client, "/registries/")
    assert len(caught) <= 4
