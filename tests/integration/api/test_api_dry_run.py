"""Trying terms on the past: what there would have been, beside what there was."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from probes.actions import maintenance
from probes.models import GlobalTerms, Incident, MaintenanceWindow, Policy, Resource, ResourceGroup, Verdict
from probes.policy.access import Role
from probes.protocol.outcome import rfc3339
from probes.protocol.taxonomy import Reason, Stage
from probes.selectors import replays
from tests.fakes.access import grant, token_of
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

LOST = finding(Reason.LAYER_MISSING, Stage.LAYER)
HOUR = timedelta(hours=1)


def tried(client: APIClient, **asked: Any) -> dict[str, Any]:
    response = client.post("/api/v1/policies/dry-run", asked, format="json")
    assert response.status_code == 200, response.content
    shown: dict[str, Any] = response.json()
    return shown


def play(plane: ControlPlane, course: str, *images: Resource) -> None:
    """Let the images be checked once for each sign: by how many regions, of three, they are not to be had."""
    for sign in course:
        plane.check(*images, finds=dict.fromkeys(list(plane.regions)[: int(sign)], LOST))


def recorded(image: Resource) -> list[dict[str, Any]]:
    return [
        {
            "worst": row.worst,
            "began_at": rfc3339(row.began_at),
            "opened_at": rfc3339(row.opened_at),
            "resolved_at": row.resolved_at and rfc3339(row.resolved_at),
            "cause": row.cause or None,
        }
        for row in Incident.objects.filter(resource=image).order_by("opened_at")
    ]


def apart(one: str | None, other: str | None) -> timedelta:
    assert bool(one) is bool(other)
    return abs(datetime.fromisoformat(one) - datetime.fromisoformat(other)) if one and other else timedelta(0)


@pytest.mark.parametrize("course", ["0022200", "00121002300133", "0333", "000111111111100", "0303030303030000000"])
def test_terms_in_force_come_to_the_incidents_that_were(client: APIClient, plane: ControlPlane, course: str) -> None:
    GlobalTerms.objects.update(degraded_after_seconds=240)
    image = plane.image()
    play(plane, course, image)
    shown = tried(client, resource=image.pk)
    (told,) = shown["resources"]
    was = recorded(image)
    assert told["was"]["list"] == was
    assert shown["was"] == {"incidents": len(was), "seconds": told["was"]["seconds"]}
    assert told["would_be"]["incidents"] == told["was"]["incidents"]
    assert abs(told["would_be"]["seconds"] - told["was"]["seconds"]) <= len(was)
    for before, again in zip(was, told["would_be"]["list"], strict=True):
        # A slot is a millisecond after it was asked for here, and what was due between two checks came with the next.
        assert (again["worst"], again["cause"]) == (before["worst"], before["cause"])
        assert apart(again["began_at"], before["began_at"]) <= timedelta(seconds=1)
        assert apart(again["resolved_at"], before["resolved_at"]) <= timedelta(seconds=1)
        assert apart(again["opened_at"], before["opened_at"]) <= timedelta(minutes=1)
    assert shown["outcomes"] == 3 * len(course)
    assert shown["is_complete"] is True


def test_policy_may_have_spared_an_incident_and_changes_nothing(client: APIClient, plane: ControlPlane) -> None:
    policy = Policy.objects.create(name="Patient", failures=3)
    GlobalTerms.objects.update(failures=None)
    image = plane.image()
    play(plane, "0033000", image)
    before = list(Verdict.objects.values())
    for asked in ({"policy": policy.slug}, {"terms": {"failures": 3}}):
        shown = tried(client, resource=image.slug, **asked)
        assert shown["would_be"] == {"incidents": 0, "seconds": 0}
        assert shown["resources"][0]["terms"]["failures"] == 3
    assert shown["was"]["incidents"] == Incident.objects.count()
    assert list(Verdict.objects.values()) == before
    image.failures = 1
    image.save()
    own = tried(client, resource=image.slug, policy=policy.slug)
    assert (own["resources"][0]["terms"]["failures"], own["would_be"]["incidents"]) == (1, 1)


def test_group_and_registry_are_looked_at_as_far_as_there_is_room(
    client: APIClient, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = ResourceGroup.objects.create(name="Shop")
    images = [plane.image(f"ghcr.io/org/app:{number}", group=group) for number in range(3)]
    play(plane, "03300", *images, plane.image("quay.io/org/other:1"))
    over = {"since": rfc3339(plane.now - HOUR), "until": rfc3339(plane.now + timedelta(seconds=1))}
    whole = tried(client, group=group.slug, **over)
    assert [item["resource"] for item in whole["resources"]] == [image.pk for image in images]
    assert whole["would_be"]["incidents"] == 3
    assert tried(client, registry="ghcr.io", **over) == whole
    monkeypatch.setattr(replays, "MOST_OUTCOMES", 2 * 15)
    part = tried(client, group=group.slug, **over)
    assert (len(part["resources"]), part["is_complete"], part["outcomes"]) == (2, False, 30)


def test_range_is_that_which_is_asked_for(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    play(plane, "03300330000", image)
    start = plane.now - 6 * timedelta(minutes=1)
    shown = tried(client, resource=image.pk, since=rfc3339(start), until=rfc3339(plane.now))
    assert (shown["since"], shown["until"]) == (rfc3339(start), rfc3339(plane.now))
    assert shown["would_be"] == shown["was"] == {"incidents": 1, "seconds": 120}


def test_planned_work_is_replayed(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    starts_at = plane.now + timedelta(minutes=2)
    window = MaintenanceWindow(
        name="work",
        starts_on=starts_at.date(),
        starts_at=starts_at.time().replace(second=0, microsecond=0),
        duration_minutes=10,
        zone="UTC",
    )
    maintenance.save(window, resources=[image], now=plane.now)
    play(plane, "00033000", image)
    assert tried(client, resource=image.pk)["would_be"]["incidents"] == Incident.objects.count() == 0


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ({}, ["resource"]),
        ({"group": "shop", "registry": "ghcr.io"}, ["group", "registry"]),
        ({"resource": 99_999}, ["resource"]),
        ({"resource": "nowhere"}, ["resource"]),
        ({"resource": True}, ["resource"]),
        ({"policy": "nowhere"}, ["policy"]),
        ({"policy": "patient", "terms": {}}, ["terms"]),
        ({"terms": {"failures": 0}}, ["terms.failures"]),
        ({"terms": {"nothing": 1}}, ["terms.nothing"]),
        ({"terms": {"quorum": {"votes": 1, "percent": 50}}}, ["terms.quorum"]),
        ({"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}, ["since"]),
        ({"since": "2999-01-01T00:00:00Z"}, ["since"]),
        ({"until": "yesterday"}, ["until"]),
        ({"until": "0001-01-01T00:00:00Z"}, ["until"]),
        ({"more": 1}, ["more"]),
    ],
)
def test_what_cannot_be_tried_is_refused_by_field(
    client: APIClient, plane: ControlPlane, asked: dict[str, Any], fields: list[str]
) -> None:
    Policy.objects.create(name="Patient")
    image = plane.image()
    ResourceGroup.objects.create(name="Shop")
    needs = {} if {"resource", "registry"} & asked.keys() or not asked else {"resource": image.pk}
    response = client.post("/api/v1/policies/dry-run", {**needs, **asked}, format="json")
    assert (response.status_code, sorted(wrong(response))) == (400, sorted(fields))


def test_range_of_more_than_a_week_is_refused(client: APIClient, plane: ControlPlane) -> None:
    since = rfc3339(plane.now - timedelta(days=7, hours=2))
    response = client.post("/api/v1/policies/dry-run", {"resource": plane.image().pk, "since": since}, format="json")
    assert wrong(response) == ["since"]


def test_only_what_is_within_reach_is_tried(plane: ControlPlane) -> None:
    theirs = ResourceGroup.objects.create(name="theirs")
    mine, other = plane.image(group=theirs), plane.image("ghcr.io/org/secret:1")
    play(plane, "0330", mine, other)
    user = User.objects.create(username="theirs")
    grant(user, Role.VIEWER, theirs)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(user)}")
    shown = tried(client, registry="ghcr.io")
    assert [item["resource"] for item in shown["resources"]] == [mine.pk]
    assert "secret" not in str(shown)
    assert client.post("/api/v1/policies/dry-run", {"resource": other.pk}, format="json").status_code == 400
