"""Resources that are created in one request are stored together, and are as if each had been sent by itself."""

from typing import Any, Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from probes.models import AuditEntry, Endpoint, Resource, ResourceGroup, Schedule
from tests.fakes.control_plane import ControlPlane

pytestmark = pytest.mark.django_db

ADDRESS: Final = "/api/v1/resources"
_OF_EACH: Final = {"id", "created_at", "updated_at", "next_due_at"}
IMAGE: Final = {"reference": "ghcr.io/org/app:1"}
BODIES: Final[list[dict[str, Any]]] = [
    IMAGE,
    IMAGE,  # the same name with a number
    {"reference": "ghcr.io/org/app:1", "slug": "ghcr.io-org-app-1-3"},
    IMAGE,  # and with the next
    {"reference": "quay.io/org/app:2", "name": "The app", "labels": {"a": "b"}, "regions": ["eu-west", "us-east"]},
    {"reference": "https://api.example/?key=hush", "kind": "http", "endpoint": {"method": "HEAD", "statuses": "204"}},
    {"reference": "https://api.example/", "kind": "http"},
    {"reference": "ghcr.io/org/b:1", "group": "shop", "schedule": "nightly", "terms": {"failures": 4}},
    {"reference": "ghcr.io/org/c:1", "slug": "taken"},  # by one that is stored
    {"reference": "ghcr.io/org/d:1", "slug": "mine"},
    {"reference": "ghcr.io/org/e:1", "slug": "mine"},  # by the one before
    {"reference": "ghcr.io/UPPER:1"},
    {"reference": "10.0.0.1:5000/app:1"},
    {"reference": "ghcr.io/org/f:1", "group": "nobody"},
    {"reference": "ghcr.io/org/g:1", "depht": "x"},
    {"reference": "ghcr.io/org/h:1", "interval_seconds": 0},
    {"reference": "ghcr.io/org/i:1", "endpoint": {}},
    {"reference": "ghcr.io/org/j:1", "platforms": ["all", "linux/amd64"]},
]


@pytest.fixture
def settings_of_theirs(plane: ControlPlane) -> ControlPlane:
    ResourceGroup.objects.create(name="Shop")
    Schedule.objects.create(name="Nightly", crontab="0 2 * * *", zone="UTC")
    plane.image("ghcr.io/org/taken:1", slug="taken")
    return plane


def items(*bodies: dict[str, Any]) -> dict[str, Any]:
    return {"items": [{"op": "create", "values": body} for body in bodies]}


def told(answer: Any) -> Any:
    """Return a row without what is of it alone, or the fields that are wrong with why."""
    if "errors" in answer:
        return [(item["field"].rpartition("values.")[2], item["code"], item["message"]) for item in answer["errors"]]
    return {name: value for name, value in answer.items() if name not in _OF_EACH}


def test_each_is_as_if_it_had_been_sent_by_itself(editor: APIClient, settings_of_theirs: ControlPlane) -> None:
    before = Resource.objects.get().pk
    alone = [told(editor.post(f"{ADDRESS}?{_all_shown()}", body, format="json").json()) for body in BODIES]
    Resource.objects.exclude(pk=before).delete()

    together = editor.post(f"{ADDRESS}/bulk?{_all_shown()}", items(*BODIES), format="json").json()

    results = [told(result["row"] or result["problem"]) for result in together["results"]]
    assert results == alone
    assert [result["status"] for result in together["results"]].count(201) == together["succeeded"] == 9
    assert [endpoint.method for endpoint in Endpoint.objects.order_by("pk")] == ["HEAD", "GET"]
    made = AuditEntry.objects.filter(model="probes.resource", object_name="the-app").latest("pk")
    assert made.path == f"POST {ADDRESS}/bulk"


def _all_shown() -> str:
    """Return a query that shows of a row what a list shows: the states are of the page of one alone."""
    names = "slug,name,kind,reference,canonical,registry,repository,tag,digest,platforms,depth,interval_seconds"
    return f"fields={names},schedule,every_seconds,endpoint,regions,group,terms,labels,verdict,paused_at"


def test_queries_do_not_grow_with_what_is_created(editor: APIClient, plane: ControlPlane) -> None:
    def queries(count: int, name: str) -> int:
        bodies = [{"reference": f"ghcr.io/org/{name}-{number}:1"} for number in range(count)]
        with CaptureQueriesContext(connection) as captured:
            answer = editor.post(f"{ADDRESS}/bulk", items(*bodies), format="json").json()
        assert answer["succeeded"] == count
        return len(captured)

    queries(2, "first")  # which makes the registry
    assert queries(40, "many") == queries(4, "few") <= 12


def test_what_the_database_refuses_together_is_made_one_by_one(
    editor: APIClient, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Resource, "name_together", classmethod(lambda _cls, rows: rows))  # as if none were looked for
    plane.image("ghcr.io/org/taken:1", slug="taken")
    answer = editor.post(f"{ADDRESS}/bulk", items({**IMAGE, "slug": "taken"}, IMAGE), format="json").json()
    assert [result["status"] for result in answer["results"]] == [400, 201]
    assert answer["results"][0]["problem"]["errors"][0]["code"] == "unique"


def test_order_of_items_is_kept(editor: APIClient, plane: ControlPlane) -> None:
    plane.image("ghcr.io/org/old:1", slug="web")
    answer = editor.post(
        f"{ADDRESS}/bulk",
        {
            "items": [
                {"op": "create", "values": {**IMAGE, "slug": "new"}},
                {"op": "create", "values": {**IMAGE, "slug": "web"}},
                {"op": "delete", "name": "web"},
                {"op": "create", "values": {**IMAGE, "slug": "web"}},
                {"op": "update", "name": "new", "values": {"name": "New"}},
            ]
        },
        format="json",
    ).json()
    assert [result["status"] for result in answer["results"]] == [201, 400, 204, 201, 200]
