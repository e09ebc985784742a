"""Checking now from an image's page, and evidence to download from it."""

import json
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from dashboard.image import check_views
from probes.actions.ingest import ingest
from probes.models import Region, ResourceGroup, Run
from probes.policy.access import Role
from probes.protocol.egress import CanaryRound
from probes.protocol.outcome import rfc3339
from probes.protocol.taxonomy import Reason
from tests.fakes.access import grant
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.fakes.pulls import pulled, refused_by_storage
from tests.integration.dashboard.reading import Page

if TYPE_CHECKING:
    from probes.actions.plans import Message

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> "list[Message]":
    """What would go to the regions."""
    messages: list[Message] = []
    monkeypatch.setattr(check_views, "publish_on_commit", messages.extend)
    return messages


@pytest.fixture
def operator(django_user_model: Any) -> Client:
    """A browser of an operator of everything."""
    user = django_user_model.objects.create(username="ada")
    grant(user, Role.OPERATOR)
    browser = Client()
    browser.force_login(user)
    return browser


def test_check_is_ordered_and_its_progress_is_shown(
    operator: Client, plane: ControlPlane, sent: "list[Message]"
) -> None:
    image = plane.image()
    page = Page(operator.get(f"/resources/{image.pk}/").content.decode())
    assert page["check-now"].attributes["form"] == "check-form"
    answer = operator.post(f"/resources/{image.pk}/check/", {"regions": ["eu-west", "us-east"], "depth": "blobs"})
    run = Run.objects.get()
    assert (run.regions, run.depth) == (["eu-west", "us-east"], "blobs")
    assert run.asked_by is not None
    assert answer["Location"] == f"/resources/{image.pk}/?run={run.uuid}#run"
    page = Page(operator.get(answer["Location"]).content.decode())
    assert page["run"].attributes["data-run"] == f"/resources/{image.pk}/runs/{run.uuid}/"
    assert page["run"].attributes["data-again-ms"] == "1000"
    assert "0 of 2 regions answered" in page["run"].text
    for message in sent:
        region = plane.regions[message.queue.removeprefix("probe.")]
        find = finding(Reason.TAG_NOT_FOUND) if region.slug == "us-east" else pulled
        ingest(region.report(region.open(message), find), now=timezone.now())
    part = Page(operator.get(page["run"].attributes["data-run"]).content.decode())
    assert "data-run" not in part["run"].attributes
    assert part["run-us-east"].text == "us-east Unavailable: tag not found (manifest, ghcr.io) 12 ms"
    assert part["run-eu-west"].text == "eu-west Available: down to blobs 12 ms"
    assert part["run"].classes == ["run", "is-degraded"]


def test_only_an_operator_of_it_may_check(
    client: Client, plane: ControlPlane, sent: "list[Message]", django_user_model: Any, settings: Settings
) -> None:
    group = ResourceGroup.objects.create(name="Shop")
    own, other = plane.image(group=group), plane.image("ghcr.io/org/other:1")
    url = f"/resources/{other.pk}/check/"
    assert "check-now" not in Page(client.get(f"/resources/{other.pk}/").content.decode())
    assert client.post(url)["Location"] == f"/login/?next=/resources/{other.pk}/"
    user = django_user_model.objects.create(username="ada")
    grant(user, Role.OPERATOR, group)
    client.force_login(user)
    assert client.get(url).status_code == 405
    assert client.post(url).status_code == 403
    assert client.post(f"/resources/{own.pk}/check/").status_code == 302
    assert Run.objects.count() == 1
    settings.KAIROS_PUBLIC_DASHBOARD = False
    assert client.post(url).status_code == 404
    assert client.get(f"/resources/{other.pk}/runs/{Run.objects.get().uuid}/").status_code == 404
    assert client.get(f"/resources/{other.pk}/evidence.json").status_code == 404
    # A run of something else is not told on this page.
    settings.KAIROS_PUBLIC_DASHBOARD = True
    assert client.get(f"/resources/{other.pk}/runs/{Run.objects.get().uuid}/").status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(f"/resources/{own.pk}/check/").status_code == 403


def test_order_that_cannot_be_is_told(operator: Client, plane: ControlPlane, sent: "list[Message]") -> None:
    image = plane.image()
    answer = operator.post(f"/resources/{image.pk}/check/", {"regions": ["mars\0"]}, follow=True)
    assert "Nothing was checked." in answer.content.decode()
    assert not sent
    assert operator.get(f"/resources/{image.pk}/?run=nonsense").status_code == 200


def test_page_with_all_that_an_operator_sees_has_its_budget_of_queries(operator: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds=dict.fromkeys(plane.regions, pulled))
    with CaptureQueriesContext(connection) as captured:
        operator.get(f"/resources/{image.pk}/")
    assert len(captured) <= 12  # of which three ask who it is and what he may


def test_fragment_holds_no_token_and_the_page_its_form(operator: Client, plane: ControlPlane) -> None:
    image = plane.image()
    for half in ("live", "more"):
        assert "csrf" not in operator.get(f"/resources/{image.pk}/{half}/").content.decode()
    assert 'id="check-form"' in operator.get(f"/resources/{image.pk}/").content.decode()


def test_commands_can_be_copied_and_hold_no_secret(client: Client, plane: ControlPlane) -> None:
    image = plane.image(depth="blobs", platforms=["linux/amd64", "linux/arm64"])
    page = Page(client.get(f"/resources/{image.pk}/").content.decode())
    assert page["command-probe"].text == (
        "manage.py probe --depth blobs --platform linux/amd64 --platform linux/arm64 ghcr.io/org/app:1"
    )
    assert f"http://testserver/api/v1/resources/{image.pk}/check" in page["command-api"].text
    endpoint = plane.endpoint("https://api.example/x?key=hush", headers={"X-Key": "hush"}, contains="it's up")
    page = Page(client.get(f"/resources/{endpoint.pk}/").content.decode())
    assert page["command-probe"].text == "manage.py probe --contains 'it'\"'\"'s up' 'https://api.example/x?key=…'"
    assert "hush" not in page.html
    assert "Add values in the URL's query, headers and a login" in page["commands"].text


def test_evidence_is_downloaded_as_a_text_json_or_both(client: Client, plane: ControlPlane) -> None:
    image = plane.image(name="Shop <web>")
    slot = plane.check(image, finds={"us-east": refused_by_storage, "eu-west": pulled, "ap-south": pulled})
    found = CanaryRound(
        number=1, ended_at=plane.now, canaries=(), local_address="10.9.8.7", public_address="140.82.1.1"
    )
    Region.objects.filter(slug="us-east").update(canaries=found.to_json())
    answer = client.get(f"/resources/{image.pk}/evidence.json")
    assert answer["Content-Disposition"].startswith('attachment; filename="kairos-shop-web-')
    document = json.loads(answer.content)
    assert document["verdict"]["sentence"].startswith("1 of 3 fresh regions cannot read layer 2 of 3")
    regions = {item["region"]: item for item in document["regions"]}
    assert regions["us-east"]["egress_addresses"] == ["140.82.1.1", "[private address]"]
    assert regions["us-east"]["outcome"]["steps"][-1]["http_status"] == 403
    text = client.get(f"/resources/{image.pk}/evidence.txt").content.decode()
    assert "From us-east" in text
    assert "10.9.8.7" not in text
    assert "10.9.8.7" in client.get(f"/resources/{image.pk}/evidence.txt?private=1").content.decode()
    with zipfile.ZipFile(BytesIO(client.get(f"/resources/{image.pk}/evidence.zip").content)) as archive:
        assert sorted(name.rpartition(".")[2] for name in archive.namelist()) == ["json", "txt"]
    past = {"from": "us-east", "slot": rfc3339(slot)}
    one = json.loads(client.get(f"/resources/{image.pk}/evidence.json", past).content)
    assert [item["region"] for item in one["regions"]] == ["us-east"]
    with CaptureQueriesContext(connection) as captured:
        client.get(f"/resources/{image.pk}/evidence.json", past)
    assert len(captured) <= 10
    # Today's evidence is none of another moment.
    for wrong in ({"slot": "yesterday"}, {"from": "nowhere"}, {"slot": ""}):
        assert client.get(f"/resources/{image.pk}/evidence.json", past | wrong).status_code == 404
