"""Incidents, for programs: read by all, acknowledged and commented on by who may."""

from typing import Any, Final

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from probes.actions import incidents as actions
from probes.models import Incident, IncidentEntry, Resource, ResourceGroup
from probes.policy.incidents import Level
from probes.policy.scopes import Kind
from probes.policy.terms import Severity
from probes.protocol.outcome import rfc3339
from probes.protocol.taxonomy import Reason
from probes.selectors import incidents
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import finding
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/incidents"
GONE = dict.fromkeys(SLUGS, finding(Reason.TAG_NOT_FOUND))


def image_of(incident: Incident) -> Resource:
    assert incident.resource is not None
    return incident.resource


@pytest.fixture
def outage(plane: ControlPlane) -> Incident:
    """An image that was good and is gone, of the group Shop."""
    image = plane.image(name="the app", group=ResourceGroup.objects.create(name="Shop"))
    plane.check(image)
    plane.check(image, finds=GONE)
    return Incident.objects.get()


@pytest.fixture
def operator(reader: User) -> User:
    """The token's user, who may change incidents."""
    reader.user_permissions.add(Permission.objects.get(codename="change_incident"))
    return reader


def listed(client: APIClient, query: str = "") -> list[dict[str, Any]]:
    response = client.get(f"{ADDRESS}?{query}")
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def test_incident_is_listed_with_what_it_is_about(client: APIClient, outage: Incident) -> None:
    (shown,) = listed(client)
    assert {name: shown[name] for name in ("id", "resource", "subject", "registry", "group")} == {
        "id": outage.pk,
        "resource": outage.resource_id,
        "subject": "the app",
        "registry": "ghcr.io",
        "group": "shop",
    }
    assert (shown["level"], shown["worst"], shown["severity"]) == ("unavailable", "unavailable", "critical")
    assert (shown["began_at"], shown["opened_at"]) == (rfc3339(outage.began_at), rfc3339(outage.opened_at))
    assert (shown["resolved_at"], shown["cause"], shown["is_flapping"]) == (None, None, False)
    assert shown["explanation"].startswith("3 of 3 fresh regions cannot read the manifest: ghcr.io: tag not found")
    assert (shown["acknowledged_at"], shown["acknowledged_by"]) == (None, None)
    assert "timeline" not in shown


def test_incident_tells_its_story(client: APIClient, outage: Incident, plane: ControlPlane) -> None:
    plane.check(image_of(outage))
    shown = client.get(f"{ADDRESS}/{outage.pk}").json()
    story = [(entry["kind"], entry["region"], entry["before"], entry["after"]) for entry in shown["timeline"]]
    assert story[0] == ("opened", None, None, "unavailable")
    assert ("region", "us-east", "good", "bad") in story
    assert story[-1][0] in {"resolved", "region"}
    assert ("resolved", None, None, None) in story
    assert (shown["cause"], shown["resolved_at"] is None) == ("recovered", False)
    assert shown["has_earlier_entries"] is False


def test_line_of_a_region_names_the_outcome_behind_it(client: APIClient, outage: Incident) -> None:
    story = client.get(f"{ADDRESS}/{outage.pk}").json()["timeline"]
    (line,) = (entry for entry in story if (entry["region"], entry["after"]) == ("us-east", "bad"))
    query = {"resource": outage.resource_id, "region": "us-east", "since": line["slot"]}
    (found,) = client.get("/api/v1/outcomes", query).json()["results"]
    assert (found["slot"], found["reason"], line["text"]) == (line["slot"], "tag_not_found", "tag_not_found")


def test_long_story_is_told_from_its_newest_part(client: APIClient, outage: Incident, plane: ControlPlane) -> None:
    IncidentEntry.objects.bulk_create(
        IncidentEntry(incident=outage, at=plane.now, kind="comment", text=str(number)) for number in range(500)
    )
    shown = client.get(f"{ADDRESS}/{outage.pk}").json()
    assert shown["has_earlier_entries"] is True
    assert [entry["text"] for entry in shown["timeline"]] == [str(number) for number in range(500)]


NARROWED: Final = {
    "": ["limping", "gone", "the app"],
    "open=true": ["limping", "gone"],
    "open=false": ["the app"],
    "level=degraded": ["limping", "the app"],  # which had begun to recover
    "registry=quay.io": ["gone"],
    "group=shop": ["the app"],
    "severity=info": [],
    "severity=warning&severity=critical&group=shop": ["the app"],
    "reason=tag_not_found": ["limping", "gone", "the app"],
    "reason=not_found": [],
    "region=us-east&open=true": ["limping", "gone"],
    "region=eu-west&open=true": ["gone"],  # limping was never bad from there
    "acknowledged=true": [],
    "acknowledged=false": ["limping", "gone", "the app"],
    "search=quay": ["gone"],
    "search=LIMP": ["limping"],
    "search=nothing": [],
    "since={gone}": ["limping", "gone"],
    "until={gone}": ["the app"],
    "resource={image}&open=true": ["gone"],
}


def test_filters_narrow_the_list(client: APIClient, plane: ControlPlane, outage: Incident) -> None:
    plane.check(image_of(outage))
    gone = plane.image("quay.io/org/gone:1", name="gone")
    plane.check(gone, finds=GONE)
    opened_at = rfc3339(Incident.objects.get(resource=gone).opened_at)
    limping = plane.image("gcr.io/org/limping:1", name="limping", degraded_after_seconds=0)
    for _ in range(2):
        plane.check(limping, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    asked = {query: query.format(gone=opened_at, image=gone.pk) for query in NARROWED}
    assert {
        query: [item["subject"] for item in listed(client, filled)] for query, filled in asked.items()
    } == NARROWED


@pytest.mark.parametrize("most", [0, 500])
def test_a_search_finds_incidents_of_few_resources_and_of_many_alike(
    client: APIClient, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(incidents, "MOST_NAMED", most)
    for name in ("one", "other"):
        plane.check(plane.image(f"quay.io/org/{name}:1", name=name), finds=GONE)
    assert {item["subject"] for item in listed(client, "search=quay org")} == {"one", "other"}
    assert [item["subject"] for item in listed(client, "search=oth")] == ["other"]


def test_a_search_finds_scopes_by_the_words_of_their_names(client: APIClient) -> None:
    scope = Incident.objects.create(
        scope_kind=Kind.REPOSITORY,
        scope_name="quay.io/org/app",
        level=Level.UNAVAILABLE,
        worst=Level.UNAVAILABLE,
        severity=Severity.CRITICAL,
        began_at=timezone.now(),
        opened_at=timezone.now(),
    )
    assert [item["id"] for item in listed(client, "search=ORG app")] == [scope.pk]
    assert listed(client, "search=rg") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("open=perhaps", "open"),
        ("level=bad", "level"),
        ("registry=nowhere.example", "registry"),
        ("group=nobody", "group"),
        ("reason=fine", "reason"),
        ("severity=dire", "severity"),
        ("region=mars", "region"),
        ("acknowledged=perhaps", "acknowledged"),
        ("since=yesterday", "since"),
        ("resource=99", "resource"),
        ("cursor=WzFd", "cursor"),
        ("state=open", "state"),
    ],
)
def test_bad_filter_is_named(client: APIClient, db: None, query: str, field: str) -> None:
    response = client.get(f"{ADDRESS}?{query}")
    assert response.status_code == 400
    assert wrong(response) == [field]


def test_pages_hold_every_incident_once(client: APIClient, plane: ControlPlane) -> None:
    """Those that opened at one moment, too."""
    plane.check(*(plane.image(f"host-{number}.example/org/app:1") for number in range(5)), finds=GONE)
    first = client.get(ADDRESS, {"page_size": "2", "open": "true"}).json()
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    pages = [item["id"] for page in (first, second, third) for item in page["results"]]
    assert pages == list(Incident.objects.order_by("-opened_at", "-id").values_list("pk", flat=True))
    assert third["next"] is None


def test_list_takes_the_same_queries_for_many_as_for_few(client: APIClient, plane: ControlPlane) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            listed(client)
        assert not any("COUNT(" in query["sql"] for query in captured)
        return len(captured)

    plane.check(plane.image(), finds=GONE)
    few = queries()
    plane.check(*(plane.image(f"host-{number}.example/org/app:1") for number in range(12)), finds=GONE)
    assert queries() == few == 2  # the token, and the page


def test_who_may_acknowledges_once(client: APIClient, operator: User, outage: Incident) -> None:
    response = client.post(f"{ADDRESS}/{outage.pk}/acknowledge")
    assert response.status_code == 200
    assert response.json()["acknowledged_by"] == "reader"
    last = response.json()["timeline"][-1]
    assert (last["kind"], last["by"]) == ("acknowledged", "reader")
    again = client.post(f"{ADDRESS}/{outage.pk}/acknowledge")
    problem = again.json()
    assert (again.status_code, problem["code"], problem["detail"]) == (
        409,
        "conflict",
        "It is over, or somebody is at it already.",
    )


def test_incident_that_is_over_is_not_acknowledged_but_commented_on(
    client: APIClient, operator: User, outage: Incident, plane: ControlPlane
) -> None:
    plane.check(image_of(outage))
    assert client.post(f"{ADDRESS}/{outage.pk}/acknowledge").status_code == 409
    response = client.post(f"{ADDRESS}/{outage.pk}/comments", {"text": " It was a disk. "}, format="json")
    assert response.status_code == 201
    assert {name: response.json()[name] for name in ("kind", "text", "by", "region")} == {
        "kind": "comment",
        "text": "It was a disk.",
        "by": "reader",
        "region": None,
    }
    assert IncidentEntry.objects.latest("id").by == operator


def test_comment_that_is_none_is_refused_and_nothing_is_written(
    client: APIClient, operator: User, outage: Incident
) -> None:
    before = IncidentEntry.objects.count()
    for text in ({}, {"text": " "}, {"text": "x" * 4001}, {"text": "a\0b"}, {"text": ["x"]}):
        response = client.post(f"{ADDRESS}/{outage.pk}/comments", text, format="json")
        assert (response.status_code, wrong(response)) == (400, ["text"]), text
    response = client.post(f"{ADDRESS}/{outage.pk}/comments", {"text": "x", "by": "somebody"}, format="json")
    assert (response.status_code, wrong(response)) == (400, ["by"])
    assert IncidentEntry.objects.count() == before


@pytest.mark.parametrize("order", ["acknowledge", "comments"])
def test_who_may_not_notes_nothing(client: APIClient, outage: Incident, order: str) -> None:
    response = client.post(f"{ADDRESS}/{outage.pk}/{order}", {"text": "x"}, format="json")
    assert response.status_code == 403
    assert APIClient().post(f"{ADDRESS}/{outage.pk}/{order}", {"text": "x"}, format="json").status_code == 401
    assert not IncidentEntry.objects.filter(kind__in=["acknowledged", "comment"]).exists()


@pytest.mark.parametrize("order", ["acknowledge", "comments"])
def test_nothing_is_noted_of_an_incident_that_is_not_there(client: APIClient, operator: User, order: str) -> None:
    assert client.post(f"{ADDRESS}/1/{order}", {"text": "x"}, format="json").status_code == 404


def test_what_a_user_who_is_gone_did_stays(client: APIClient, outage: Incident, django_user_model: Any) -> None:
    somebody = django_user_model.objects.create(username="anna")
    actions.acknowledge(outage.pk, by=somebody, now=outage.opened_at)
    somebody.delete()
    shown = client.get(f"{ADDRESS}/{outage.pk}").json()
    assert (shown["acknowledged_at"], shown["acknowledged_by"]) == (rfc3339(outage.opened_at), None)
    assert shown["timeline"][-1]["by"] is None
