"""What regions see of the same thing, side by side, for programs."""

import re
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from probes.actions import partitions, resource_batches, resources, rollups, staleness
from probes.actions.resource_batches import Draft
from probes.models import OwnerKind, Policy, Region, RegionState, Resource, ResourceGroup
from probes.policy.intervals import Interval
from probes.policy.rollup import HOUR
from probes.protocol.outcome import rfc3339
from probes.protocol.taxonomy import Reason, Stage
from probes.selectors import comparison
from tests.fakes.control_plane import SLUGS, ControlPlane
from tests.fakes.far_region import finding, found
from tests.fakes.steps import step
from tests.integration.control.test_rollups import roll_all

pytestmark = pytest.mark.django_db

OTHER = "sha256:" + "b" * 64
LOST = {"eu-west": finding(Reason.LAYER_MISSING, Stage.LAYER)}


def compared(client: APIClient, **asked: Any) -> dict[str, Any]:
    response = client.get("/api/v1/compare", asked)
    assert response.status_code == 200, response.content
    shown: dict[str, Any] = response.json()
    return shown


def by_region(shown: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["region"]: item for item in shown["regions"]}


def an_hour_of(plane: ControlPlane, *images: Resource, checks: int = 3) -> datetime:
    """Let an hour be checked some times, and end, and be rolled up; returns the last slot, which failed somewhere."""
    plane.now = plane.now.replace(minute=0, second=0) - 3 * HOUR
    Resource.objects.update(reference_since=plane.now - HOUR)
    slots = [plane.check(*images, finds=LOST) for _ in range(checks)]
    roll_all(plane.now.replace(minute=0, second=0) + HOUR + rollups.ROLLED_AFTER)
    return slots[-1]


def test_regions_stand_side_by_side(client: APIClient, plane: ControlPlane) -> None:
    plane.hear_all(behind=timedelta(minutes=3))
    image = plane.image()
    plane.check(image)
    at = plane.check(
        image,
        finds={
            "ap-south": lambda plan: replace(found(plan), steps=(step(),)),
            "eu-west": finding(Reason.LAYER_MISSING, Stage.LAYER),
            "us-east": lambda plan: found(plan, digest=OTHER),
        },
    )
    shown = compared(client, resource=image.pk)
    assert shown["subject"] == {"kind": "resource", "id": image.pk, "name": image.reference}
    assert [item["region"] for item in shown["regions"]] == list(SLUGS)
    regions = by_region(shown)
    assert {slug: item["state"]["status"] for slug, item in regions.items()} == {
        "ap-south": "available",
        "eu-west": "unavailable",
        "us-east": "available",
    }
    assert regions["us-east"]["state"]["digest"] == OTHER
    assert regions["ap-south"]["last_failure"] is None
    assert regions["eu-west"]["last_failure"] == {
        "resource": image.pk,
        "status": "unavailable",
        "reason": "layer_missing",
        "stage": "layer",
        "host": regions["eu-west"]["state"]["host"],
        "slot": rfc3339(at),
    }
    assert regions["ap-south"]["availability"] == 1
    assert regions["eu-west"]["availability"] < 1
    facts = {item["fact"]: item["views"] for item in shown["disagreements"]}
    assert facts["status"] == [
        {"value": "available", "regions": ["ap-south", "us-east"]},
        {"value": "unavailable", "regions": ["eu-west"]},
    ]
    assert {view["value"] for view in facts["digest"]} >= {OTHER}
    (phase,) = regions["ap-south"]["phases"]
    assert phase.keys() >= {"stage", "host", "dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "total_ms"}
    assert regions["us-east"]["phases"] == []


def test_what_is_rolled_up_is_added_up_with_its_latencies(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    failed_at = an_hour_of(plane, image)
    regions = by_region(compared(client, resource=image.pk))
    assert regions["eu-west"]["outcomes"] == {"unavailable": 3}
    assert regions["ap-south"]["outcomes"] == {"available": 3}
    (check,) = [item for item in regions["ap-south"]["latency"] if item["step"] == "check"]
    assert check["count"] == 3
    assert 0 < check["p50_ms"] <= check["p95_ms"] <= check["p99_ms"]
    assert regions["eu-west"]["last_failure"]["slot"] == rfc3339(failed_at)


def test_a_registry_and_a_group_are_the_sums_of_what_belongs_to_them(client: APIClient, plane: ControlPlane) -> None:
    group = ResourceGroup.objects.create(name="Shop")
    images = [plane.image(f"ghcr.io/org/app-{number}:1", group=group if number else None) for number in range(3)]
    elsewhere = plane.image("quay.io/org/app:1")
    an_hour_of(plane, *images, elsewhere)
    plane.hear_all()
    plane.check(*images, elsewhere, finds=LOST)
    alone = by_region(compared(client, resource=images[0].pk))["ap-south"]["seconds"]
    for asked, count in (({"registry": "ghcr.io"}, 3), ({"group": "Shop"}, 2), ({"registry": "quay.io"}, 1)):
        shown = compared(client, **asked)
        regions = by_region(shown)
        assert regions["ap-south"]["outcomes"] == {"available": 3 * count}, asked
        assert regions["eu-west"]["outcomes"] == {"unavailable": 3 * count}
        assert regions["ap-south"]["many"] == {
            **dict.fromkeys(("seen", "looked_at", "fresh"), count),
            **dict.fromkeys(("failing", "lapsed"), 0),
            "is_complete": True,
        }
        assert regions["eu-west"]["many"] == regions["ap-south"]["many"] | {"failing": count}
        assert regions["eu-west"]["last_failure"]["reason"] == "layer_missing"
        assert regions["us-east"]["last_failure"] is None
        assert regions["us-east"]["state"] is None
        assert (regions["eu-west"]["availability"], regions["us-east"]["availability"]) == (0, 1)
        assert regions["ap-south"]["latency"][0]["count"] == 3 * count
        assert shown["disagreements"] == [
            {
                "fact": "failing",
                "views": [
                    {"value": "0", "regions": ["ap-south", "us-east"]},
                    {"value": str(count), "regions": ["eu-west"]},
                ],
            }
        ]
    assert alone["available"]


def test_regions_that_see_more_fail_than_others_do_not_agree(client: APIClient, plane: ControlPlane) -> None:
    """The page of a group said that all agree, where two failed from one region and one from another."""
    plane.hear_all(behind=timedelta(minutes=6))
    first, second = (plane.image(f"ghcr.io/org/app-{number}:1") for number in range(2))
    lost = finding(Reason.LAYER_MISSING, Stage.LAYER)
    for _ in range(3):
        plane.check(first, finds={"eu-west": lost, "us-east": lost})
        plane.check(second, finds={"eu-west": lost})
    shown = compared(client, registry="ghcr.io")
    (found,) = shown["disagreements"]
    assert found["fact"] == "failing"
    assert {"value": "2", "regions": ["eu-west"]} in found["views"]
    assert {"value": "1", "regions": ["us-east"]} in found["views"]
    assert {"value": "0", "regions": ["ap-south"]} in found["views"], "before its first hour is rolled up, too"
    assert shown["split_count"] == 2
    assert sorted(shown["split"], key=lambda item: item["resource"]) == [
        {"resource": first.pk, "failing": ["eu-west", "us-east"], "good": ["ap-south"]},
        {"resource": second.pk, "failing": ["eu-west"], "good": ["ap-south", "us-east"]},
    ]


def test_as_many_that_fail_are_not_the_same_ones(client: APIClient, plane: ControlPlane) -> None:
    plane.hear_all(behind=timedelta(minutes=6))
    first, second = (plane.image(f"ghcr.io/org/app-{number}:1") for number in range(2))
    lost = finding(Reason.LAYER_MISSING, Stage.LAYER)
    for _ in range(3):
        plane.check(first, finds={"eu-west": lost})
        plane.check(second, finds={"us-east": lost})
    shown = compared(client, registry="ghcr.io", regions="eu-west,us-east")
    assert shown["disagreements"] == []
    assert {item["resource"]: item["failing"] for item in shown["split"]} == {
        first.pk: ["eu-west"],
        second.pk: ["us-east"],
    }


def test_what_was_found_too_long_ago_or_by_whoever_has_no_vote_counts_no_more(
    client: APIClient, plane: ControlPlane
) -> None:
    """A region that fell silent was told for ever as one from which something fails, and not from others."""
    first, second = (plane.image(f"ghcr.io/org/app-{number}:1") for number in range(2))
    for image in (first, second):
        image.policy = Policy.objects.get_or_create(name="patient", fresh_intervals=5)[0]
        image.save()
    an_hour_of(plane, first, second)
    plane.hear_all(behind=timedelta(minutes=20))
    for _ in range(2):
        plane.check(first, second, finds=LOST | {"us-east": finding(Reason.TAG_NOT_FOUND)})

    def told() -> tuple[dict[str, tuple[int, int]], list[list[str]], list[list[str]]]:
        shown = compared(client, registry="ghcr.io")
        many = {slug: (item["many"]["failing"], item["many"]["lapsed"]) for slug, item in by_region(shown).items()}
        views = [view["regions"] for found in shown["disagreements"] for view in found["views"]]
        return many, views, [item["failing"] for item in shown["split"]]

    failing = {"ap-south": (0, 0), "eu-west": (2, 0), "us-east": (2, 0)}
    assert told() == (failing, [["eu-west", "us-east"], ["ap-south"]], [["eu-west", "us-east"]] * 2)
    facts = {fact["fact"]: fact["views"] for fact in compared(client, resource=first.pk)["disagreements"]}
    assert [view["regions"] for view in facts["reason"]] == [["eu-west"], ["ap-south"], ["us-east"]]

    Region.objects.filter(slug="us-east").update(silent_since=plane.now)
    assert told() == (
        failing | {"us-east": (0, 2)},
        [["ap-south"], ["eu-west"]],
        [["eu-west"]] * 2,
    )
    facts = {fact["fact"]: fact["views"] for fact in compared(client, resource=first.pk)["disagreements"]}
    assert [view["regions"] for view in facts["reason"]] == [["eu-west"], ["ap-south"]]

    Policy.objects.update(fresh_intervals=3)  # for a quarter of an hour
    assert told() == ({"ap-south": (0, 0), "eu-west": (0, 2), "us-east": (0, 2)}, [], [])
    assert compared(client, resource=first.pk)["disagreements"] == []
    plane.hear_all()
    plane.check(second, finds=LOST)
    assert told()[0]["eu-west"] == (1, 1)
    # Of the first nothing is fresh: whoever found it failing does not tell that none fails, whoever did not does.
    plane.check(second)
    shown = compared(client, registry="ghcr.io")
    many = by_region(shown)["eu-west"]["many"]
    assert [many[name] for name in ("failing", "lapsed", "looked_at", "fresh")] == [0, 1, 2, 1]
    assert shown["disagreements"] == []
    later = plane.now + timedelta(minutes=20)
    found = comparison.of_owner(
        OwnerKind.REGISTRY,
        first.registry_id,
        Interval(plane.now - HOUR, plane.now),
        list(Region.objects.all()),
        now=later,
    )
    assert [item.many and (item.many.looked_at, item.many.fresh) for item in found.regions] == [
        (2, 0),
        (2, 0),
        (0, 0),
    ]
    assert found.disagreements == [], "nobody tells that none fails of what nobody has looked at"


def test_failure_that_is_over_is_the_last_one(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    failed_at = an_hour_of(plane, image)
    plane.check(image)
    for asked in ({"resource": image.pk}, {"registry": "ghcr.io"}):
        region = by_region(compared(client, **asked))["eu-west"]
        assert region["last_failure"]["slot"] == rfc3339(failed_at)
    assert region["many"]["failing"] == 0


def test_where_it_is_checked_no_more_it_fails_no_more(editor: APIClient, plane: ControlPlane) -> None:
    one, many, gone = (plane.image(f"ghcr.io/org/app-{number}:1") for number in range(3))
    an_hour_of(plane, one, many, gone)
    plane.hear_all()
    plane.check(one, many, gone, finds=LOST)
    assert by_region(compared(editor, registry="ghcr.io"))["eu-west"]["many"]["failing"] == 3
    resources.pause([gone.pk], now=plane.now)
    assert by_region(compared(editor, registry="ghcr.io"))["eu-west"]["many"]["failing"] == 2
    assert editor.patch(f"/api/v1/resources/{one.pk}", {"regions": ["ap-south"]}, format="json").status_code == 200
    before = Resource.objects.get(pk=many.pk)
    draft = Draft(row=copy(before), before=before, regions=[plane.region("ap-south")])
    resource_batches.change([draft], now=plane.now)
    staleness.retire([gone.pk], now=plane.now)
    shown = by_region(compared(editor, registry="ghcr.io"))
    assert {slug: item["many"]["failing"] for slug, item in shown.items()} == dict.fromkeys(SLUGS, 0)
    states = editor.get("/api/v1/resources?include=states&retired=false").json()["results"]
    assert [[state["region"] for state in row["states"]] for row in states] == [["ap-south"], ["ap-south"]]
    failing = editor.get("/api/v1/resources?region=eu-west&status=unavailable&retired=false").json()["results"]
    assert failing == []


def test_of_too_much_that_fails_so_many_are_told_at_least(
    client: APIClient, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "MOST_FAILING", 2)
    images = [plane.image(f"ghcr.io/org/app-{number}:1") for number in range(3)]
    an_hour_of(plane, *images)
    plane.hear_all()
    plane.check(*images, finds=LOST)
    many = by_region(compared(client, registry="ghcr.io"))["eu-west"]["many"]
    assert many["is_complete"] is False
    assert (many["seen"], many["failing"], many["lapsed"]) == (3, 2, 0)


def test_the_same_first_ones_are_looked_at_from_each_region(
    client: APIClient, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many were looked for from each region: of a region that checks few of many, all of them were read."""
    images = [plane.image(f"ghcr.io/org/app-{number}:1") for number in range(4)]
    plane.hear_all()
    plane.check(*images)
    resources.pause([images[0].pk], now=plane.now)
    RegionState.objects.filter(resource__in=images[:3], region__slug="eu-west").delete()
    RegionState.objects.filter(resource=images[1], region__slug="us-east").delete()

    def told() -> dict[str, tuple[int, int, bool]]:
        over = Interval(plane.now - HOUR, plane.now)
        found = comparison.of_owner(
            OwnerKind.REGISTRY, images[0].registry_id, over, list(Region.objects.all()), now=plane.now
        )
        assert all(item.many for item in found.regions)
        return {
            item.region.slug: (item.many.looked_at, item.many.fresh, item.many.are_more)
            for item in found.regions
            if item.many
        }

    assert told() == {"ap-south": (3, 3, False), "eu-west": (1, 1, False), "us-east": (2, 2, False)}
    monkeypatch.setattr(comparison, "MOST_LOOKED_AT", 2)
    assert told() == {"ap-south": (2, 2, True), "eu-west": (0, 0, True), "us-east": (1, 1, True)}
    many = {slug: item["many"]["looked_at"] for slug, item in by_region(compared(client, registry="ghcr.io")).items()}
    assert many == {"ap-south": 2, "eu-west": 0, "us-east": 1}


def test_only_the_regions_that_are_asked_for_are_compared(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    for asked in ("us-east,eu-west", ["us-east", "eu-west"]):
        shown = compared(client, resource=image.pk, regions=asked)
        assert [item["region"] for item in shown["regions"]] == ["eu-west", "us-east"]


def test_range_is_told_as_it_was_read(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    an_hour_of(plane, image)
    start = plane.now.replace(minute=0)
    until = start + timedelta(minutes=40)
    shown = compared(client, resource=image.pk, since=rfc3339(start + timedelta(minutes=5)), until=rfc3339(until))
    assert (shown["since"], shown["until"]) == (rfc3339(start), rfc3339(start + HOUR))
    many = compared(client, registry="ghcr.io")
    assert many["until"] == rfc3339(start + HOUR), "no further than what is rolled up"


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("", "resource", "Name one of"),
        ("group=Shop&registry=ghcr.io", "registry", "Name one of"),
        ("resource=999", "resource", "none called"),
        ("registry=nowhere.test", "registry", "none called nowhere.test"),
        ("group=None", "group", "none called None"),
        ("registry=ghcr.io&regions=moon", "regions", "none called moon"),
        ("registry=ghcr.io&regions=%00", "regions", "Null characters"),
        ("registry=ghcr.io&regions=", "regions", "blank"),
        ("registry=ghcr.io&since=yesterday", "since", "RFC 3339"),
        ("registry=ghcr.io&since=2999-01-01T00:00:00Z", "since", "before"),
        ("registry=ghcr.io&since=2001-01-01T00:00:00Z", "since", "kept for 730 days"),
        ("registry=ghcr.io&until=0001-01-01T00:00:00Z", "until", "kept for 730 days"),
        ("registry=ghcr.io&since=0001-01-01T00:00:00Z&until=0001-01-02T00:00:00Z", "since", "kept for 730 days"),
        ("registry=ghcr.io&page=2", "page", "no such parameter"),
    ],
)
def test_bad_question_is_named(client: APIClient, plane: ControlPlane, query: str, field: str, words: str) -> None:
    plane.image(group=ResourceGroup.objects.create(name="Shop"))
    response = client.get(f"/api/v1/compare?{query}")
    assert response.status_code == 400, response.content
    assert field in str(response.json())
    assert words in str(response.json())


def test_region_that_does_not_check_it_is_refused(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    image.regions.set([plane.region("eu-west")])
    response = client.get(f"/api/v1/compare?resource={image.pk}&regions=us-east")
    assert response.status_code == 400
    assert "not checked from us-east" in str(response.json())


def test_comparing_takes_the_same_queries_for_much_as_for_little(client: APIClient, plane: ControlPlane) -> None:
    def queries(**asked: Any) -> int:
        with CaptureQueriesContext(connection) as captured:
            compared(client, **asked)
        return len(captured)

    image = plane.image()
    an_hour_of(plane, image, checks=1)
    few = [queries(resource=image.pk), queries(registry="ghcr.io")]
    an_hour_of(plane, image, *(plane.image(f"ghcr.io/org/app-{number}:1") for number in range(10)))
    assert [queries(resource=image.pk), queries(registry="ghcr.io")] == few


def test_days_that_are_not_asked_for_are_not_opened(client: APIClient, plane: ControlPlane) -> None:
    """The planner opens every partition that a statement does not rule out by its own words, however old."""
    today = plane.now.date()
    partitions.ensure(partitions.OUTCOMES, [today - number * timedelta(days=1) for number in range(10)])
    image = plane.image()
    an_hour_of(plane, image, checks=1)
    with CaptureQueriesContext(connection) as captured:
        compared(client, resource=image.pk, since=rfc3339(plane.now - timedelta(days=1)))
    statements = [query["sql"] for query in captured if "probes_outcome" in query["sql"]]
    assert statements
    for statement in statements:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {statement}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert 1 <= len(set(re.findall(r"on (probes_outcome_\d+)", plan))) <= 2, plan
