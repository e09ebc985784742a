"""What every noun that can be written has in common, as groups have it."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from api.views.groups import GroupViewSet
from probes.actions import kept_answers, retention
from probes.models import KeptAnswer, ResourceGroup, RoleGrant, Verdict
from probes.policy.access import Role
from tests.fakes.access import grant, token_of
from tests.fakes.at_once import together
from tests.fakes.control_plane import ControlPlane
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/groups"
KEY = {"Idempotency-Key": "deploy-42"}
BARE = {
    "quorum": None,
    "minimum_votes": None,
    "failures": None,
    "recoveries": None,
    "fresh_intervals": None,
    "severity": None,
    "degraded_after_seconds": None,
    "uptime_target_percent": None,
}


@pytest.fixture
def shop(db: None) -> ResourceGroup:
    return ResourceGroup.objects.create(name="Shop", notes="Ours", failures=5)


def at(group: ResourceGroup) -> str:
    return f"{ADDRESS}/{group.pk}"


def make(client: APIClient, **values: Any) -> Any:
    return client.post(ADDRESS, {"name": "Data", **values}, format="json", headers=KEY)


class TestRows:
    def test_what_is_made_is_shown_with_its_address(self, editor: APIClient) -> None:
        terms = {"quorum": {"votes": 2}, "severity": "warning", "uptime_target_percent": 99.95}
        response = editor.post(ADDRESS, {"name": " Data ", "terms": terms}, format="json")
        group = ResourceGroup.objects.get()
        assert response.status_code == 201
        assert response["Location"] == f"http://testserver{at(group)}"
        shown = {**BARE, **terms, "quorum": {"votes": 2, "percent": None}}
        assert response.json() == {
            "id": group.pk,
            "slug": "data",
            "name": "Data",
            "notes": "",
            "policy": None,
            "managed_by": None,
            "resources": 0,
            "terms": shown,
        }
        again = editor.get(response["Location"])
        assert (again.json(), again["ETag"]) == (response.json(), response["ETag"])

    def test_put_replaces_all_of_it(self, editor: APIClient, shop: ResourceGroup) -> None:
        response = editor.put(at(shop), {"name": "Shops", "terms": {"recoveries": 3}}, format="json")
        assert response.status_code == 200
        assert (response.json()["name"], response.json()["notes"]) == ("Shops", "")
        assert response.json()["terms"] == {**BARE, "recoveries": 3}
        assert response.json()["slug"] == "shop"
        editor.put(at(shop), {"name": "Shops"}, format="json")
        assert editor.get(at(shop)).json()["terms"] == BARE

    def test_patch_leaves_what_it_does_not_name(self, editor: APIClient, shop: ResourceGroup) -> None:
        response = editor.patch(at(shop), {"terms": {"quorum": {"percent": 50}}}, format="json")
        assert response.status_code == 200
        shop.refresh_from_db()
        assert (shop.name, shop.notes, shop.failures, shop.quorum_percent) == ("Shop", "Ours", 5, 50)
        editor.patch(at(shop), {"terms": {"quorum": None, "failures": None}}, format="json")
        shop.refresh_from_db()
        assert (shop.failures, shop.quorum_percent) == (None, None)

    def test_terms_that_change_are_looked_at_soon(
        self, editor: APIClient, shop: ResourceGroup, plane: ControlPlane
    ) -> None:
        image = plane.image(group=shop)
        plane.check(image)
        before = Verdict.objects.get().stale_at
        editor.patch(at(shop), {"terms": {"failures": 1}}, format="json")
        after = Verdict.objects.get().stale_at
        assert after != before
        assert after is not None

    def test_what_is_in_use_is_not_deleted(self, editor: APIClient, shop: ResourceGroup, plane: ControlPlane) -> None:
        plane.image(group=shop)
        response = editor.delete(at(shop))
        assert (response.status_code, response.json()["code"]) == (409, "in_use")
        assert response.json()["detail"] == "It cannot be deleted: in use by 1 resources."
        assert ResourceGroup.objects.get() == shop

    def test_what_is_deleted_is_gone(self, editor: APIClient, shop: ResourceGroup) -> None:
        response = editor.delete(at(shop))
        assert (response.status_code, response.content) == (204, b"")
        assert editor.delete(at(shop)).status_code == 404

    @pytest.mark.parametrize(
        ("values", "field", "code"),
        [
            ({"name": ""}, "name", "blank"),
            ({"name": None}, "name", "null"),
            ({"name": 7}, "name", "wrong_type"),
            ({"name": "Shop"}, "name", "unique"),
            ({"slug": "shop"}, "slug", "unique"),
            ({"slug": "Two words"}, "slug", "slug"),
            ({"slug": ""}, "slug", "blank"),
            ({"colour": "red"}, "colour", "unknown"),
            ({"id": 7}, "id", "read_only"),
            ({"terms": {"failures": 0}}, "terms.failures", "min_value"),
            ({"terms": {"failures": "3"}}, "terms.failures", "wrong_type"),
            ({"terms": {"losses": 1}}, "terms.losses", "unknown"),
            ({"terms": {"quorum": {"votes": 1, "percent": 5}}}, "terms.quorum.percent", "invalid"),
            ({"terms": {"uptime_target_percent": 0}}, "terms.uptime_target_percent", "min_value"),
            ({"terms": {"severity": "dire"}}, "terms.severity", "invalid_choice"),
            ({"terms": None}, "terms", "null"),
        ],
    )
    def test_what_cannot_be_is_named_and_nothing_is_stored(
        self, editor: APIClient, shop: ResourceGroup, values: dict[str, Any], field: str, code: str
    ) -> None:
        response = editor.post(ADDRESS, {"name": "Data", **values}, format="json")
        assert response.status_code == 400
        assert [(item["field"], item["code"]) for item in response.json()["errors"]] == [(field, code)]
        assert ResourceGroup.objects.count() == 1

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_each_change_takes_the_role_over_everything(
        self, client: APIClient, reader: User, shop: ResourceGroup, method: str
    ) -> None:
        grant(reader, Role.EDITOR, shop)
        response = getattr(client, method)(ADDRESS if method == "post" else at(shop), {"name": "New"}, format="json")
        assert (response.status_code, response.json()["code"]) == (403, "missing_role")
        assert ResourceGroup.objects.get().name == "Shop"

    def test_what_is_out_of_reach_is_not_there(
        self, reader: User, shop: ResourceGroup, django_user_model: Any
    ) -> None:
        other = django_user_model.objects.create(username="other")
        grant(other, Role.ADMIN, ResourceGroup.objects.create(name="Data"))
        theirs = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(other)}")
        assert theirs.get(at(shop)).status_code == 404
        assert [row["name"] for row in theirs.get(ADDRESS).json()["results"]] == ["Data"]

    def test_number_of_queries_is_small(self, editor: APIClient, shop: ResourceGroup) -> None:
        def queries(do: Callable[[], Any]) -> int:
            with CaptureQueriesContext(connection) as captured:
                assert do().status_code < 300
            return len([query for query in captured if "SAVEPOINT" not in query["sql"]])

        assert queries(lambda: editor.get(at(shop))) == 2  # with that for the token
        assert queries(lambda: editor.patch(at(shop), {"notes": "x"}, format="json")) <= 11
        assert queries(lambda: editor.post(ADDRESS, {"name": "Data"}, format="json")) <= 10


class TestTags:
    def test_who_has_seen_the_last_change_may_make_the_next(self, editor: APIClient, shop: ResourceGroup) -> None:
        seen = editor.get(at(shop))["ETag"]
        first = editor.patch(at(shop), {"notes": "mine"}, format="json", headers={"If-Match": seen})
        assert first.status_code == 200
        for method in ("put", "patch", "delete"):
            late = getattr(editor, method)(at(shop), {"name": "Late"}, format="json", headers={"If-Match": seen})
            assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
        shop.refresh_from_db()
        assert (shop.name, shop.notes) == ("Shop", "mine")
        given = f'"another", {first["ETag"]}'
        assert editor.delete(at(shop), headers={"If-Match": given}).status_code == 204

    @pytest.mark.parametrize(
        ("given", "status"), [("*", 200), ('W/"{}"', 412), ("{}", 412), ("junk", 412), ('""', 412)]
    )
    def test_tag_is_held_against_the_row_strongly(
        self, editor: APIClient, shop: ResourceGroup, given: str, status: int
    ) -> None:
        tag = editor.get(at(shop))["ETag"].strip('"')
        response = editor.patch(at(shop), {}, format="json", headers={"If-Match": given.format(tag)})
        assert response.status_code == status

    def test_what_is_no_setting_stands_in_nobodys_way_and_is_read_again(
        self, editor: APIClient, shop: ResourceGroup, plane: ControlPlane
    ) -> None:
        seen = editor.get(at(shop))["ETag"]
        plane.image(group=shop)
        assert editor.get(at(shop), headers={"If-None-Match": seen}).status_code == 200
        assert editor.patch(at(shop), {}, format="json", headers={"If-Match": seen}).status_code == 200

    def test_what_is_known_is_not_sent_again(self, client: APIClient, shop: ResourceGroup) -> None:
        first = client.get(at(shop))
        for given in (first["ETag"], f"W/{first['ETag']}", f'"x", {first["ETag"]}', "*"):
            again = client.get(at(shop), headers={"If-None-Match": given})
            assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
        ResourceGroup.objects.update(notes="changed behind the API")
        assert client.get(at(shop), headers={"If-None-Match": first["ETag"]}).status_code == 200

    @pytest.mark.django_db(transaction=True)
    def test_of_two_who_write_at_once_the_second_is_told(
        self, editor: APIClient, shop: ResourceGroup, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = {"If-Match": editor.get(at(shop))["ETag"]}
        meet_in(monkeypatch, "settings_of")
        answers = together(*[lambda: editor.patch(at(shop), {"notes": "mine"}, format="json", headers=seen)] * 2)
        assert sorted(answer.status_code for answer in answers) == [200, 412]


def meet_in(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Let two requests wait for each other in a method, for a moment: the second should not get there."""
    meeting = threading.Barrier(2)
    original = getattr(GroupViewSet, method)

    def meet(view: GroupViewSet, *args: Any, **named: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            meeting.wait(0.3)
        return original(view, *args, **named)

    monkeypatch.setattr(GroupViewSet, method, meet)


class TestKeys:
    def test_what_is_asked_for_again_is_answered_again_and_done_once(self, editor: APIClient) -> None:
        first, again = make(editor), make(editor)
        assert ("Idempotent-Replayed" in first, again["Idempotent-Replayed"]) == (False, "true")
        for name in ("Content-Type", "Location", "ETag"):
            assert first[name] == again[name]
        assert (first.status_code, first.content) == (again.status_code, again.content)
        assert ResourceGroup.objects.count() == KeptAnswer.objects.count() == 1

    def test_key_is_for_one_request(self, editor: APIClient) -> None:
        make(editor)
        other = make(editor, notes="else")
        assert (other.status_code, other.json()["code"]) == (422, "key_reused")
        elsewhere = editor.post(f"{ADDRESS}?fields=id", {"name": "Data"}, format="json", headers=KEY)
        assert elsewhere.status_code == 422
        spaced = editor.generic("POST", ADDRESS, '{ "name":"Data" }', "application/json", headers=KEY)
        assert spaced.status_code == 201
        assert ResourceGroup.objects.count() == 1

    def test_what_was_refused_may_be_mended_under_its_key(self, editor: APIClient) -> None:
        assert wrong(make(editor, notes=5)) == ["notes"]
        assert not KeptAnswer.objects.exists()
        assert make(editor, notes="5").status_code == 201

    def test_keys_of_others_are_others(self, editor: APIClient, django_user_model: Any) -> None:
        make(editor)
        other = django_user_model.objects.create(username="other")
        grant(other, Role.EDITOR)
        theirs = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(other)}")
        assert wrong(make(theirs)) == ["name"]  # which is taken: it was tried anew
        assert make(theirs, name="Theirs").status_code == 201

    def test_key_is_of_the_token_it_came_with(self, editor: APIClient, reader: User) -> None:
        make(editor)
        another = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(reader)}")
        assert wrong(make(another)) == ["name"]

    def test_who_lost_the_role_is_answered_nothing(self, editor: APIClient, reader: User) -> None:
        make(editor)
        RoleGrant.objects.filter(user=reader).update(role=Role.VIEWER)
        assert make(editor).status_code == 403

    @pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256, "a\tb"])
    def test_key_that_is_none_is_refused(self, editor: APIClient, key: str) -> None:
        response = editor.post(ADDRESS, {"name": "Data"}, format="json", HTTP_IDEMPOTENCY_KEY=key)
        assert wrong(response) == ["Idempotency-Key"]
        assert not ResourceGroup.objects.exists()

    def test_answer_is_kept_for_a_day(self, editor: APIClient) -> None:
        make(editor)
        KeptAnswer.objects.update(kept_at=timezone.now() - timedelta(hours=23, minutes=59))
        assert make(editor).status_code == 201
        KeptAnswer.objects.update(kept_at=timezone.now() - kept_answers.KEPT_FOR)
        assert wrong(make(editor)) == ["name"]
        before = timezone.now() - kept_answers.KEPT_FOR
        assert (retention.drop_kept_answers(before=before), KeptAnswer.objects.count()) == (1, 0)

    def test_answer_that_is_too_large_to_keep_is_not_given(
        self, editor: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(kept_answers, "LARGEST_ANSWER", 20)
        response = make(editor)
        assert (response.status_code, wrong(response)) == (400, ["Idempotency-Key"])
        assert not ResourceGroup.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_of_two_at_once_one_is_done(self, editor: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
        meet_in(monkeypatch, "store")
        answers = together(*[lambda: make(editor)] * 2)
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert "in_progress" in [answer.json().get("code") for answer in answers]
        assert ResourceGroup.objects.count() == 1


class TestLists:
    def test_only_what_is_asked_for_is_shown_and_worked_out(self, client: APIClient, shop: ResourceGroup) -> None:
        with CaptureQueriesContext(connection) as captured:
            response = client.get(f"{ADDRESS}?fields=name,id")
        assert response.json()["results"] == [{"id": shop.pk, "name": "Shop"}]
        assert not any("COUNT" in query["sql"] for query in captured)
        assert client.get(f"{at(shop)}?fields=notes").json() == {"notes": "Ours"}

    @pytest.mark.parametrize("query", ["fields=", "fields=name,", "fields=colour", "fields=name&fields=id"])
    def test_field_that_is_not_known_is_refused(self, client: APIClient, shop: ResourceGroup, query: str) -> None:
        for address in (ADDRESS, at(shop)):
            response = client.get(f"{address}?{query}")
            assert (response.status_code, wrong(response)) == (400, ["fields"])

    def test_row_takes_no_other_parameter(self, editor: APIClient, shop: ResourceGroup) -> None:
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            response = editor.generic(method, f"{at(shop)}?force=true", '{"name": "x"}', "application/json")
            assert (response.status_code, wrong(response)) == (400, ["force"])

    def test_order_holds_over_pages_though_rows_are_added(self, client: APIClient) -> None:
        for name in "dbfa":
            ResourceGroup.objects.create(name=name)
        first = client.get(f"{ADDRESS}?ordering=-name&page_size=2").json()
        ResourceGroup.objects.create(name="e")
        ResourceGroup.objects.create(name="c")
        second = client.get(first["next"]).json()
        assert [[row["name"] for row in page["results"]] for page in (first, second)] == [["f", "d"], ["c", "b"]]
        third = client.get(second["next"]).json()
        assert ([row["name"] for row in third["results"]], third["next"]) == (["a"], None)

    def test_cursor_of_another_order_is_refused(self, client: APIClient) -> None:
        for name in "abc":
            ResourceGroup.objects.create(name=name)
        cursors = {
            order: client.get(f"{ADDRESS}?page_size=1{order}")
            .json()["next"]
            .partition("cursor=")[2]
            .partition("&")[0]
            for order in ("", "&ordering=name", "&ordering=-name", "&ordering=id")
        }
        for order in cursors:
            for other, cursor in cursors.items():
                response = client.get(f"{ADDRESS}?page_size=1{order}&cursor={cursor}")
                assert response.status_code == (200 if order == other else 400), (order, other)

    @pytest.mark.parametrize("order", ["notes", "--name", "", "name,id"])
    def test_order_that_is_not_known_is_refused(self, client: APIClient, db: None, order: str) -> None:
        assert wrong(client.get(f"{ADDRESS}?ordering={order}")) == ["ordering"]
