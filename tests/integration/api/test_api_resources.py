"""What is checked, for programs."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from api.serializers.resource import ResourceSerializer, StateSerializer
from api.shown_at_once import shown_at_once
from probes.actions import resources, secrets, staleness
from probes.models import Credential, Policy, RegionState, Registry, Resource, ResourceGroup, Schedule, Source
from probes.protocol.outcome import rfc3339
from probes.protocol.taxonomy import Reason
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import DIGEST, finding
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/resources"


def listed(client: APIClient, query: str = "") -> list[dict[str, Any]]:
    response = client.get(f"{ADDRESS}?{query}")
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def test_resource_shows_what_is_checked(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image("Quay.io/org/app:1.2", name="the app", labels={"team": "shop"}, interval_seconds=60)
    image.regions.set([plane.region("us-east"), plane.region("eu-west")])
    shown = client.get(f"{ADDRESS}/{image.pk}").json()
    assert {name: shown[name] for name in ("id", "name", "kind", "reference", "canonical")} == {
        "id": image.pk,
        "name": "the app",
        "kind": "image",
        "reference": "Quay.io/org/app:1.2",
        "canonical": "quay.io/org/app:1.2",
    }
    assert (shown["registry"], shown["repository"], shown["tag"], shown["digest"]) == (
        "quay.io",
        "org/app",
        "1.2",
        None,
    )
    assert (shown["interval_seconds"], shown["labels"], shown["regions"]) == (
        60,
        {"team": "shop"},
        ["eu-west", "us-east"],
    )
    assert (shown["next_due_at"], shown["paused_at"]) == (rfc3339(plane.now), None)


def test_resource_shows_how_it_is_looked_at(client: APIClient, plane: ControlPlane) -> None:
    chosen = plane.image(strict_platform=True, check_tag=True, sample_blobs=True, is_tag_immutable=True)
    usual = plane.image("ghcr.io/org/usual:1")
    names = ("strict_platform", "check_tag", "sample_blobs", "is_tag_immutable")
    shown = [client.get(f"{ADDRESS}/{image.pk}").json() for image in (chosen, usual)]
    assert [[one[name] for name in names] for one in shown] == [[True] * 4, [False] * 4]


def test_resource_without_an_outcome_is_unknown(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    shown = client.get(f"{ADDRESS}/{image.pk}").json()
    assert shown["states"] == []
    assert shown["verdict"] == {"state": "unknown", "since": None, "computed_at": None, "explanation": ""}
    assert shown["group"] is None


def test_resource_shows_its_verdict_and_its_state_from_each_region(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    slot = plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    (shown,) = listed(client, "include=states")
    assert shown["verdict"] == {
        "state": "degraded",
        "since": rfc3339(plane.now),
        "computed_at": rfc3339(plane.now),
        "explanation": "1 of 3 fresh regions cannot read the manifest: ghcr.io: tag not found"
        f" since {slot.astimezone(UTC):%H:%M} UTC",
    }
    states = {state["region"]: state for state in shown["states"]}
    assert list(states) == ["ap-south", "eu-west", "us-east"]
    assert {slug: state["status"] for slug, state in states.items()} == {
        "ap-south": "available",
        "eu-west": "available",
        "us-east": "unavailable",
    }
    bad = states["us-east"]
    assert (bad["reason"], bad["stage"], bad["host"], bad["since"], bad["slot"], bad["digest"]) == (
        "tag_not_found",
        "manifest",
        "ghcr.io",
        rfc3339(slot),
        rfc3339(slot),
        None,
    )
    assert (bad["consecutive_failures"], states["eu-west"]["consecutive_successes"]) == (1, 1)
    assert states["eu-west"]["digest"] == DIGEST


NARROWED: Final = {
    "": ["fine", "gone", "new"],
    "verdict=available": ["fine"],
    "verdict=unavailable": ["gone"],
    "verdict=unknown": ["new"],
    "verdict=unknown&verdict=unavailable": ["gone", "new"],
    "registry=quay.io": ["gone"],
    "paused=true": ["fine"],
    "paused=false": ["gone", "new"],
    "search=FINE": ["fine"],
    "search=quay.io/org": ["gone"],
    "search=100%25": [],
    "search=org+tw": ["gone"],
    "search=two:1": ["gone"],
    "search=wo": [],  # words are found by how they begin
    "search=%27%3A*+%7C": [],
}


def test_filters_narrow_the_list(client: APIClient, plane: ControlPlane) -> None:
    fine = plane.image("ghcr.io/org/one:1", name="fine")
    gone = plane.image("quay.io/org/two:1", name="gone")
    plane.image("ghcr.io/org/three:1", name="new")
    plane.check(fine)
    plane.check(gone, finds=dict.fromkeys(plane.regions, finding(Reason.NOT_FOUND)))
    resources.pause([fine.pk], now=plane.now)
    assert {query: [item["name"] for item in listed(client, query)] for query in NARROWED} == NARROWED


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("verdict=good", "verdict"),
        ("registry=nowhere.example", "registry"),
        ("paused=maybe", "paused"),
        ("search=%00", "search"),
        ("cursor=WyIyMDI2Il0", "cursor"),
        ("cursor=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5XQ", "cursor"),
        ("region=nowhere", "region"),
        ("status=fine", "status"),
        ("group=nowhere", "group"),
        ("schedule=nowhere", "schedule"),
        ("label=" + "x" * 2000, "label[0]"),
        ("ordering=reference", "ordering"),
    ],
)
def test_bad_filter_is_named(client: APIClient, db: None, query: str, field: str) -> None:
    response = client.get(f"{ADDRESS}?{query}")
    assert response.status_code == 400
    assert wrong(response) == [field]


CONFIGURED_AND_SEEN: Final = {
    "group=shop": ["fine"],
    "schedule=hourly": ["gone"],
    "policy=strict": ["new"],
    "managed_by=git": ["gone"],
    "label=team:shop": ["fine", "new"],
    "label=team": ["fine", "gone", "new"],
    "label=team:shop&label=tier:1": ["new"],
    "label=team:": [],
    "region=eu-west": ["fine", "gone"],
    "region=eu-west&status=unavailable": ["gone"],
    "region=us-east&status=unavailable": [],
    "status=available": ["fine", "gone"],
    "reason=not_found": ["gone"],
    "region=us-east&reason=not_found": [],
    "stale=true": ["fine", "new"],
    "stale=false": ["gone"],
    "retired=true": ["new"],
    "retired=false": ["fine", "gone"],
    "group=shop&label=team:other": [],
    "ordering=-name": ["new", "gone", "fine"],
    "ordering=slug": ["fine", "gone", "new"],
    "ordering=-created_at": ["new", "gone", "fine"],
    "ordering=updated_at": ["fine", "gone", "new"],
}


def test_filters_narrow_the_list_by_what_is_configured_and_seen(client: APIClient, plane: ControlPlane) -> None:
    fine = plane.image(
        "ghcr.io/org/one:1", name="fine", group=ResourceGroup.objects.create(name="Shop"), labels={"team": "shop"}
    )
    gone = plane.image(
        "quay.io/org/two:1",
        name="gone",
        schedule=Schedule.objects.create(name="Hourly", interval_seconds=3600),
        managed_by=Source.objects.create(name="Git"),
        labels={"team": "data"},
    )
    new = plane.image(
        "ghcr.io/org/three:1",
        name="new",
        policy=Policy.objects.create(name="Strict"),
        labels={"team": "shop", "tier": "1"},
    )
    plane.check(fine)
    plane.check(gone, finds={"eu-west": finding(Reason.NOT_FOUND)})
    staleness.mark_stale([fine.pk, new.pk], now=plane.now)
    staleness.retire([new.pk], now=plane.now)
    assert {
        query: [item["name"] for item in listed(client, query)] for query in CONFIGURED_AND_SEEN
    } == CONFIGURED_AND_SEEN


def test_words_follow_what_a_resource_is_called_and_never_the_query_of_a_url(
    client: APIClient, plane: ControlPlane
) -> None:
    image = plane.image("ghcr.io/org/app:1", name="shop")
    plane.endpoint("https://api.example/health?token=hush")
    image.name, image.reference = "bar", "ghcr.io/org/other:1"
    resources.save(image, now=plane.now)
    found = {
        word: len(listed(client, f"search={word}")) for word in ("shop", "app", "bar", "other", "health", "hush")
    }
    # What it is called for ever is made of its first name.
    assert found == {"shop": 1, "app": 0, "bar": 1, "other": 1, "health": 1, "hush": 0}


def test_states_are_in_a_list_where_they_are_asked_for(client: APIClient, plane: ControlPlane) -> None:
    plane.check(plane.image())
    (without,) = listed(client)
    (with_them,) = listed(client, "include=states")
    assert "states" not in without
    assert len(with_them["states"]) == 3
    assert {name: with_them[name] for name in without} == without


def test_states_in_a_list_are_as_their_serializer_shows_them(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    odd = RegionState.objects.get(resource=image, region__slug="eu-west")
    odd.warnings = ["tag_moved", 'of "a", b']
    odd.checked_at = datetime(2026, 11, 23, 14, 0, 0, 999_999, tzinfo=UTC)
    odd.save()
    (shown,) = listed(client, "include=states")
    rows = RegionState.objects.filter(resource=image).order_by("region__slug")
    assert shown["states"] == json.loads(json.dumps(StateSerializer(rows, many=True).data))
    assert list(shown["states"][0]) == list(StateSerializer().fields)


def test_what_only_its_serializer_knows_is_not_shown_by_the_database() -> None:
    with pytest.raises(TypeError, match="reference: only _ReferenceField knows"):
        shown_at_once(ResourceSerializer, Resource.objects.all())


def test_pages_hold_every_resource_once(client: APIClient, plane: ControlPlane) -> None:
    made = [plane.image(f"ghcr.io/org/app-{number}:1").pk for number in range(5)]
    first = client.get(ADDRESS, {"page_size": "2", "registry": "ghcr.io"}).json()
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    assert [item["id"] for page in (first, second, third) for item in page["results"]] == made
    assert third["next"] is None


def test_list_takes_the_same_queries_for_many_as_for_few(client: APIClient, plane: ControlPlane) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            listed(client, "include=states")
        assert not any("COUNT(" in query["sql"] for query in captured)
        return len(captured)

    images = [plane.image()]
    plane.check(*images)
    few = queries()
    images += [plane.image(f"quay.io/org/app-{number}:1") for number in range(20)]
    for image in images:
        image.regions.set([plane.region("us-east"), plane.region("eu-west")])
    plane.check(*images)
    assert queries() == few <= 3  # who asks, the page with its states, its regions


def test_no_secret_is_ever_shown(client: APIClient, plane: ControlPlane) -> None:
    registry = Registry.objects.create(host="ghcr.io")
    credential = Credential(registry=registry, username="robot")
    secrets.store_secret(credential, password="a-pass-phrase-to-look-for", now=plane.now)
    image = plane.image(credential=credential)
    plane.check(image)
    plane.now += timedelta(minutes=1)
    shown = [
        client.get(address).content.decode()
        for address in (ADDRESS, f"{ADDRESS}/{image.pk}", "/api/v1/outcomes", "/api/v1/regions")
    ]
    assert client.get(f"{ADDRESS}/{image.pk}").json()["credential"] == credential.slug
    for secret in ("a-pass-phrase-to-look-for", bytes(credential.secret_encrypted).decode(), "robot"):
        assert not any(secret in text for text in shown)


def test_endpoint_shows_what_is_asked_and_expected_and_nothing_that_may_be_secret(
    client: APIClient, plane: ControlPlane
) -> None:
    """H21."""
    endpoint = plane.endpoint(
        "https://api.example/health?token=hush", method="POST", headers={"X-Key": "hush"}, body="hush", contains="ok"
    )
    plane.image()
    (shown,) = listed(client, "kind=http")
    assert (shown["id"], shown["kind"], shown["registry"]) == (endpoint.pk, "http", "api.example")
    assert shown["reference"] == shown["canonical"] == "https://api.example/health?token=…"
    assert shown["endpoint"] == {
        "method": "POST",
        "header_names": ["X-Key"],
        "has_body": True,
        "follow_redirects": True,
        "login_header": "Authorization",
        "tls_minimum": "1.2",
        "statuses": "200-299",
        "contains": "ok",
        "matches": "",
        "json_path": "",
        "json_equals": "",
        "latency_ms": 0,
        "certificate_days": 0,
    }
    assert "hush" not in str(shown)
    (image,) = listed(client, "kind=image")
    assert (image["kind"], image["endpoint"]) == ("image", None)


def test_endpoint_has_a_verdict_and_states_like_an_image(client: APIClient, plane: ControlPlane) -> None:
    endpoint = plane.endpoint()
    plane.hear_workers()
    plane.check(endpoint, finds={"us-east": finding(Reason.ENDPOINT_CONTENT)})
    (shown,) = listed(client, "include=states")
    assert {state["region"]: state["reason"] for state in shown["states"]} == {
        "ap-south": "ok",
        "eu-west": "ok",
        "us-east": "endpoint_content",
    }
    assert shown["verdict"]["state"] == "degraded"
