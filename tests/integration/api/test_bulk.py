"""Many rows made, changed and deleted in one request, as groups are."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from api.views.groups import GroupViewSet
from probes.models import KeptAnswer, ResourceGroup
from tests.fakes.at_once import together
from tests.fakes.control_plane import ControlPlane
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/groups/bulk"
KEY = {"Idempotency-Key": "deploy-42"}


@pytest.fixture
def shop(db: None) -> ResourceGroup:
    return ResourceGroup.objects.create(name="Shop", notes="Ours")


def do(client: APIClient, *items: Any, query: str = "", **more: Any) -> Any:
    return client.post(f"{ADDRESS}{query}", {"items": items, **more}, format="json")


def make(name: str, **values: Any) -> dict[str, Any]:
    return {"op": "create", "values": {"name": name, **values}}


def names() -> list[str]:
    return list(ResourceGroup.objects.order_by("name").values_list("name", flat=True))


def test_each_item_is_done_and_told_of(editor: APIClient, shop: ResourceGroup) -> None:
    old = ResourceGroup.objects.create(name="Old")
    response = do(
        editor,
        make("Data"),
        {"op": "update", "name": "shop", "values": {"name": "Shops"}},
        {"op": "delete", "id": old.pk},
        query="?fields=name,notes",
    )
    assert (response.status_code, response.json()) == (
        200,
        {
            "succeeded": 3,
            "failed": 0,
            "results": [
                {"index": 0, "status": 201, "row": {"name": "Data", "notes": ""}, "problem": None},
                {"index": 1, "status": 200, "row": {"name": "Shops", "notes": "Ours"}, "problem": None},
                {"index": 2, "status": 204, "row": None, "problem": None},
            ],
        },
    )
    assert names() == ["Data", "Shops"]


def test_what_cannot_be_done_leaves_the_others(editor: APIClient, shop: ResourceGroup, plane: ControlPlane) -> None:
    plane.image(group=shop)
    response = do(
        editor,
        make("Data"),
        make("Data"),
        make("Bad", terms={"failures": "x"}),
        {"op": "update", "id": 0, "values": {}},
        {"op": "delete", "id": shop.pk},
        {"op": "update", "id": shop.pk, "if_match": '"0-0"', "values": {"notes": "lost"}},
        {"op": "burn", "id": shop.pk},
        make("More"),
    )
    assert response.status_code == 200
    document = response.json()
    assert (document["succeeded"], document["failed"]) == (2, 6)
    found = [(item["status"], item["problem"] and item["problem"]["code"]) for item in document["results"]]
    assert found == [
        (201, None),
        (400, "invalid"),
        (400, "invalid"),
        (404, "not_found"),
        (409, "in_use"),
        (412, "precondition_failed"),
        (400, "invalid"),
        (201, None),
    ]
    fields = [item["problem"]["errors"][0]["field"] for item in document["results"] if item["status"] == 400]
    assert fields == ["items[1].values.name", "items[2].values.terms.failures", "items[6].op"]
    assert names() == ["Data", "More", "Shop"]


def test_all_or_nothing_is_nothing_if_anything_cannot_be(editor: APIClient, shop: ResourceGroup) -> None:
    response = do(editor, make("Data"), make("Shop"), {"op": "delete", "id": shop.pk}, atomic=True)
    problem = response.json()
    assert (response.status_code, problem["code"], response["Content-Type"]) == (
        409,
        "bulk_failed",
        "application/problem+json",
    )
    (failed,) = problem["results"]
    assert (failed["index"], failed["problem"]["errors"][0]["field"]) == (1, "items[1].values.name")
    assert names() == ["Shop"]
    assert do(editor, make("Data"), {"op": "delete", "id": shop.pk}, atomic=True).status_code == 200
    assert names() == ["Data"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": [make(f"g{number}") for number in range(1001)]}, "items"),
        ({"items": ["x"]}, "items[0]"),
        ({"items": {}}, "items"),
        ({"items": [make("x")], "atomic": "yes"}, "atomic"),
        ({"items": [make("x")], "dry": True}, "dry"),
    ],
)
def test_body_that_is_none_is_refused_as_a_whole(editor: APIClient, body: Any, field: str) -> None:
    response = editor.post(ADDRESS, body, format="json")
    assert (response.status_code, wrong(response)) == (400, [field])
    assert not ResourceGroup.objects.exists()


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"op": "create", "id": 1, "values": {}}, "items[0]"),
        ({"op": "update", "values": {}}, "items[0]"),
        ({"op": "update", "id": 1, "name": "shop", "values": {}}, "items[0]"),
        ({"op": "update", "id": 1}, "items[0].values"),
        ({"op": "create"}, "items[0].values"),
        ({"op": "delete", "id": 1, "values": {}}, "items[0].values"),
        ({"op": "delete", "id": "1"}, "items[0].id"),
        ({"op": "create", "values": {"name": "x"}, "colour": "red"}, "items[0].colour"),
        ({}, "items[0].op"),
    ],
)
def test_item_that_is_none_is_named(editor: APIClient, shop: ResourceGroup, item: Any, field: str) -> None:
    (result,) = do(editor, item).json()["results"]
    assert [mistake["field"] for mistake in result["problem"]["errors"]] == [field]
    assert names() == ["Shop"]


def test_it_is_done_once_under_its_key(editor: APIClient) -> None:
    first, again = (
        editor.post(ADDRESS, {"items": [make("Data"), make("Data")]}, format="json", headers=KEY) for _ in range(2)
    )
    assert (first.json()["succeeded"], again.content) == (1, first.content)
    assert KeptAnswer.objects.count() == ResourceGroup.objects.count() == 1


def test_reader_does_nothing(client: APIClient) -> None:
    response = do(client, make("Data"))
    assert (response.status_code, response.json()["code"]) == (403, "missing_role")
    assert not ResourceGroup.objects.exists()


def test_number_of_queries_of_an_item_is_small(editor: APIClient) -> None:
    def queries(count: int, start: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            do(editor, *[make(f"group {start + number}") for number in range(count)])
        return len([query for query in captured if "SAVEPOINT" not in query["sql"]])

    one, eleven = queries(1, 0), queries(11, 100)
    assert (eleven - one) / 10 <= 8


@pytest.fixture
def deadlocks(db: None) -> Callable[[int], None]:
    """Have the database give up the first changes of a group, as it does of two that wait for each other."""

    def given_up(times: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                CREATE SEQUENCE attempts;
                CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF nextval('attempts') <= {times} THEN
                        RAISE EXCEPTION 'a deadlock' USING ERRCODE = '40P01';
                    END IF;
                    RETURN NEW;
                END $$;
                CREATE TRIGGER gives_up BEFORE UPDATE ON probes_resourcegroup FOR EACH ROW EXECUTE FUNCTION give_up();
                """
            )

    return given_up


@pytest.mark.parametrize(("times", "status"), [(2, 200), (3, 503)])
def test_what_is_given_up_for_another_is_done_again_as_a_whole_at_most_twice(
    editor: APIClient, shop: ResourceGroup, deadlocks: Callable[[int], None], times: int, status: int
) -> None:
    deadlocks(times)
    response = do(editor, make("Data"), {"op": "update", "name": "shop", "values": {"name": "Shops"}})
    assert response.status_code == status
    if status == 200:
        assert [result["status"] for result in response.json()["results"]] == [201, 200]
        assert names() == ["Data", "Shops"]
    else:
        assert response.json()["code"] == "unavailable"
        assert names() == ["Shop"]


def test_change_of_one_row_is_done_again_likewise(
    editor: APIClient, shop: ResourceGroup, deadlocks: Callable[[int], None]
) -> None:
    deadlocks(1)
    changed = editor.patch(f"/api/v1/groups/{shop.pk}", {"name": "Shops"}, format="json")
    assert (changed.status_code, changed.json()["name"]) == (200, "Shops")


@pytest.mark.django_db(transaction=True)
def test_two_that_name_the_same_rows_in_another_order_do_not_wait_for_each_other(
    editor: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [ResourceGroup.objects.create(name=f"group {number}") for number in range(2)]
    items = [{"op": "update", "id": row.pk, "values": {"notes": "changed"}} for row in rows]
    meeting, change, calls = threading.Barrier(2), GroupViewSet.change, []

    def meet(view: GroupViewSet, *args: Any, **named: Any) -> Any:
        calls.append(args)
        with suppress(threading.BrokenBarrierError):  # the second does not get here before the first is done
            meeting.wait(0.3)
        return change(view, *args, **named)

    monkeypatch.setattr(GroupViewSet, "change", meet)
    answers = together(lambda: do(editor, *items), lambda: do(editor, *reversed(items)))
    assert [answer.json()["failed"] for answer in answers] == [0, 0]
    assert len(calls) == 4, "nothing was given up and done again"
