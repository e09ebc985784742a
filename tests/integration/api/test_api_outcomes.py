"""What checks found, for programs."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from api.serializers.document import (
    CertificateSerializer,
    DocumentSerializer,
    PlatformSerializer,
    RateLimitSerializer,
    StepSerializer,
)
from probes.actions import resources
from probes.models import Outcome
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Certificate, PlatformResult, RateLimit, Step, rfc3339
from probes.protocol.outcome import Outcome as Found
from probes.protocol.plan import Plan
from probes.protocol.taxonomy import Depth, Reason, Stage, Status
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import DIGEST, finding, found
from tests.fakes.steps import step

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/outcomes"


def listed(client: APIClient, query: str = "") -> list[dict[str, Any]]:
    response = client.get(f"{ADDRESS}?{query}")
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def test_stored_outcome_is_the_document_of_the_probe_command(client: APIClient, plane: ControlPlane) -> None:
    image, documents = plane.image(), {}

    def find(plan: CheckPlan) -> Found:
        outcome = everything(plan)
        documents["eu-west"] = outcome.to_json()
        return outcome

    slot = plane.check(image, finds={"eu-west": find})
    (shown,) = listed(client, "region=eu-west")
    names = {name: shown.pop(name) for name in ("id", "resource", "region", "slot", "egress_down")}
    assert shown == documents["eu-west"]
    assert list(shown) == list(documents["eu-west"])
    assert names == {
        "id": Outcome.objects.get(region=plane.region("eu-west")).pk,
        "resource": image.pk,
        "region": "eu-west",
        "slot": rfc3339(slot),
        "egress_down": False,
    }
    assert client.get(f"{ADDRESS}/{names['id']}").json() == {**names, **shown}


def test_outcome_that_tells_nothing_new_is_shown_as_its_summary(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    slot = plane.check(image)
    shown = next(item for item in listed(client, "region=eu-west") if item["slot"] == rfc3339(slot))
    assert Outcome.objects.get(pk=shown["id"]).document is None
    assert (shown["status"], shown["reason"], shown["digest"]) == ("available", "ok", DIGEST)
    assert shown["canonical"] == shown["reference"] == "ghcr.io/org/app:1"
    assert shown["duration_ms"] == 12.0
    assert shown["started_at"].endswith("Z")
    for name in (
        "steps",
        "platforms",
        "warnings",
        "notices",
        "certificates",
        "hint",
        "detail",
        "requests",
        "auth_path",
    ):
        assert shown[name] is None
    assert list(shown) == ["id", "resource", "region", "slot", "egress_down", *found(Plan(reference="a")).to_json()]


def test_document_from_before_there_were_notices_has_none(client: APIClient, plane: ControlPlane) -> None:
    """M26."""
    plane.check(plane.image())
    stored = Outcome.objects.get(region=plane.region("eu-west"))
    stored.document = {name: value for name, value in (stored.document or {}).items() if name != "notices"}
    stored.save()
    (shown,) = listed(client, "region=eu-west")
    assert shown["notices"] == []
    assert list(shown) == ["id", "resource", "region", "slot", "egress_down", *found(Plan(reference="a")).to_json()]


def test_summary_does_not_name_an_image_that_was_not_checked(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    slot = plane.check(image)
    plane.now += timedelta(minutes=1)
    image.reference = "ghcr.io/org/other:2"
    resources.save(image, now=plane.now)
    shown = next(item for item in listed(client, "region=eu-west") if item["slot"] == rfc3339(slot))
    assert (shown["canonical"], shown["reference"]) == (None, None)


@pytest.mark.parametrize(
    ("serializer", "value"),
    [
        (PlatformSerializer, PlatformResult),
        (RateLimitSerializer, RateLimit),
        (CertificateSerializer, Certificate),
        (StepSerializer, Step),
    ],
)
def test_described_parts_are_those_of_the_document(serializer: Any, value: Any) -> None:
    assert list(serializer().fields) == list(value.__dataclass_fields__)


def test_described_document_is_the_document() -> None:
    assert list(DocumentSerializer().fields) == list(found(Plan(reference="a")).to_json())


def test_newest_come_first(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    slots = [plane.check(image) for _ in range(3)]
    shown = [item["slot"] for item in listed(client)]
    assert shown == [rfc3339(slot) for slot in reversed(slots) for _ in range(3)]


NARROWED: Final = {
    "status=unavailable": {"us-east"},
    "status=available": {"ap-south", "eu-west"},
    "status=available&status=unavailable": {"ap-south", "eu-west", "us-east"},
    "reason=tag_not_found": {"us-east"},
    "region=eu-west&region=us-east": {"eu-west", "us-east"},
    "status=degraded": set(),
}


def test_filters_narrow_the_list(client: APIClient, plane: ControlPlane) -> None:
    plane.check(plane.image(), finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    assert {query: {item["region"] for item in listed(client, query)} for query in NARROWED} == NARROWED


def test_resource_filter_takes_an_id(client: APIClient, plane: ControlPlane) -> None:
    one, other = plane.image(), plane.image("quay.io/org/app:2")
    plane.check(one, other)
    assert {item["resource"] for item in listed(client, f"resource={other.pk}")} == {other.pk}


def test_since_includes_its_slot_and_until_does_not(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    first, second, third = (plane.check(image) for _ in range(3))
    shown = {item["slot"] for item in listed(client, f"since={rfc3339(first)}&until={rfc3339(third)}")}
    assert shown == {rfc3339(first), rfc3339(second)}


def test_times_are_taken_in_any_zone(client: APIClient, plane: ControlPlane) -> None:
    slot = plane.check(plane.image())
    assert listed(client, f"since={(slot - timedelta(hours=1)).isoformat().replace('+00:00', '-00:30')}")
    assert not listed(client, f"since={slot.isoformat().replace('+00:00', '-00:30')}")


BAD_FILTERS: Final = (
    ("status=up", "status", '"up" is not a valid choice.'),
    ("reason=because", "reason", '"because" is not a valid choice.'),
    ("region=mars", "region", "There is none called mars."),
    ("region=eu%00west", "region[0]", "Null characters are not allowed."),
    ("resource=99", "resource", "There is none called"),
    ("resource=99999999999999999999", "resource", "There is none called"),
    ("resource=one", "resource", "There is none called"),
    ("resource=%00", "resource", "Write a name"),
    ("since=yesterday", "since", "RFC 3339"),
    ("since=2026-11-23T14:00:00", "since", "with its zone"),
    ("since=2026-11-23", "since", "with its zone"),
    ("until=2026-11-23T14:00:00+00:00", "until", "+ is %2B"),
    ("until=0001-01-01T00:00:00%2B01:00", "until", "RFC 3339"),
    ("cursor=zzz", "cursor", "Not a cursor of this list"),
    ("cursor=WzFd", "cursor", "Not a cursor of this list"),
    ("cursor=WyIyMDI2LTExLTIzIiwgN10", "cursor", "Not a cursor of this list"),
    # a cursor beyond the year 9999
    ("cursor=WyI5OTk5LTEyLTMxVDIzOjU5OjU5LTIzOjAwIiwgNV0", "cursor", "Not a cursor of this list"),
    ("page_size=0", "page_size", "from 1 to 500"),
    ("page_size=501", "page_size", "from 1 to 500"),
    ("page_size=%D9%A3", "page_size", "from 1 to 500"),
    ("%25s=1", "%s", "There is no such parameter here"),
    ("stauts=available", "stauts", "no such parameter here. There are: cursor, fields, page_size, reason"),
)


def test_bad_filter_is_named(client: APIClient, plane: ControlPlane) -> None:
    for query, field, words in BAD_FILTERS:
        response = client.get(f"{ADDRESS}?{query}")
        assert response.status_code == 400, query
        (mistake,) = response.json()["errors"]
        assert (mistake["field"], words in mistake["message"]) == (field, True), query


def test_pages_hold_every_outcome_once_though_they_share_a_slot(client: APIClient, plane: ControlPlane) -> None:
    images = [plane.image(f"ghcr.io/org/app-{number}:1") for number in range(7)]
    slot = plane.check(*images)
    plane.check(*images)
    assert Outcome.objects.filter(slot=slot).count() == 21
    seen: list[int] = []
    page = client.get(ADDRESS, {"page_size": "4"}).json()
    while page["next"]:
        seen += [item["id"] for item in page["results"]]
        assert len(page["results"]) == 4
        assert parse_qs(urlsplit(page["next"]).query)["page_size"] == ["4"]
        page = client.get(page["next"]).json()
    seen += [item["id"] for item in page["results"]]
    newest_first = Outcome.objects.order_by("-slot", "-id").values_list("id", flat=True)
    assert seen == list(newest_first)


def test_page_that_ends_with_the_last_outcome_has_no_next(client: APIClient, plane: ControlPlane) -> None:
    plane.check(plane.image())
    assert client.get(ADDRESS, {"page_size": "3"}).json()["next"] is None


def test_outcome_that_arrives_meanwhile_moves_no_page(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    for _ in range(2):
        plane.check(image)
    first = client.get(ADDRESS, {"page_size": "3"}).json()
    plane.check(image)
    second = client.get(first["next"]).json()
    ids = [item["id"] for page in (first, second) for item in page["results"]]
    assert len(set(ids)) == 6


def test_outcomes_of_a_deleted_resource_are_gone(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    key = Outcome.objects.first()
    assert key is not None
    image.delete()
    assert listed(client) == []
    assert client.get(f"{ADDRESS}/{key.pk}").status_code == 404


def test_list_takes_the_same_queries_for_many_as_for_few_and_counts_nothing(
    client: APIClient, plane: ControlPlane
) -> None:
    def statements(query: str = "status=available&region=eu-west") -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            listed(client, query)
        return [query["sql"] for query in captured]

    plane.check(plane.image())
    few = statements()
    plane.check(*(plane.image(f"quay.io/org/app-{number}:1") for number in range(30)))
    many = statements()
    assert len(few) == len(many) <= 3
    assert not any("COUNT(" in statement for statement in many)
    repeated = "&".join(["status=available", *["region=eu-west", "region=us-east"] * 200])
    assert len(statements(repeated)) == len(few), "a query for each time that a region is named"


def test_hostile_text_stays_text(client: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds={"eu-west": hostile})
    response = client.get(ADDRESS, {"region": "eu-west"})
    assert response["Content-Type"] == "application/json"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert json.loads(response.content)["results"][0]["detail"] == "<script>alert(1)</script>"


def everything(plan: CheckPlan) -> Found:
    """An outcome in which no field is empty."""
    outcome = found(plan, Reason.LAYER_MISSING, Stage.LAYER)
    layer = step(
        stage=Stage.LAYER,
        url="https://ghcr.io/v2/org/app/blobs/sha256:0",
        http_status=404,
        error="blob_unknown",
    )
    platform = PlatformResult(
        platform="linux/amd64", digest=DIGEST, status=Status.UNAVAILABLE, reason=Reason.LAYER_MISSING
    )
    now = datetime.fromisoformat("2026-11-23T14:00:00.250+00:00")
    return replace(
        outcome,
        conclusion=replace(
            outcome.conclusion,
            depth=Depth.PLATFORM,
            digest=DIGEST,
            platforms=(platform,),
            hint="Re-push it.",
            detail="blob unknown",
            retry_at=now,
            auth_path="fresh",
            rate_limit=RateLimit(limit=100, remaining=7, window_seconds=21600, source="203.0.113.9"),
        ),
        certificates=(Certificate(host="ghcr.io", not_after=now, issuer="An issuer"),),
        steps=(layer,),
    )


def hostile(plan: CheckPlan) -> Found:
    outcome = found(plan, Reason.TAG_NOT_FOUND)
    return replace(outcome, conclusion=replace(outcome.conclusion, detail="<script>alert(1)</script>"))
