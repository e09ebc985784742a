"""Status pages, groups on them and announcements, made and changed by programs."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from probes.models import Announcement, AuditEntry, ResourceGroup, RoleGrant, StatusGroup, StatusPage
from probes.policy.access import Role
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

V1 = "/api/v1"
PAGE: dict[str, Any] = {
    "title": "Our registry",
    "slug": "registry",
    "description": "Whether images can be pulled.",
    "visibility": "public",
    "shows_reasons": True,
    "frame_origins": ["https://www.example.com"],
}
GROUP: dict[str, Any] = {"page": "registry", "group": "shop", "public_name": "Payments", "visibility": "public"}
ANNOUNCEMENT: dict[str, Any] = {
    "page": "registry",
    "kind": "work",
    "title": "It moves tonight",
    "text": "Pulls take longer.",
    "starts_at": "2026-11-23T14:00:00.000Z",
}
NOUNS = {"status-pages": PAGE, "status-groups": GROUP, "announcements": ANNOUNCEMENT}


@pytest.fixture(autouse=True)
def group(db: None) -> ResourceGroup:
    return ResourceGroup.objects.create(name="Shop")


def make(client: APIClient, noun: str, **values: Any) -> Any:
    if noun != "status-pages" and not StatusPage.objects.exists():
        client.post(f"{V1}/status-pages", PAGE, format="json")
    return client.post(f"{V1}/{noun}", {**NOUNS[noun], **values}, format="json")


@pytest.mark.parametrize("noun", NOUNS)
def test_row_is_made_shown_replaced_found_by_its_name_and_deleted(
    editor: APIClient, noun: str, django_assert_num_queries: Any
) -> None:
    made = make(editor, noun)
    assert made.status_code == 201, made.content
    shown, address = made.json(), made["Location"]
    assert {name: shown[name] for name in NOUNS[noun]} == NOUNS[noun]
    with django_assert_num_queries(2):  # whose token it is, and the rows
        assert editor.get(f"{V1}/{noun}?ordering=-slug").json()["results"] == [shown]
    again = editor.put(address, NOUNS[noun], format="json", headers={"If-Match": made["ETag"]})
    assert again.status_code == 200, again.content
    # A name that was made once stays, whatever a change says of the words that it was made of.
    words = {"status-pages": "title", "status-groups": "public_name", "announcements": "title"}[noun]
    renamed = editor.patch(address, {words: "Another"}, format="json")
    assert (renamed.json()["slug"], renamed.json()[words]) == (shown["slug"], "Another")
    stale = editor.patch(address, {words: "Third"}, format="json", headers={"If-Match": made["ETag"]})
    assert stale.status_code == 412
    assert editor.get(f"{V1}/{noun}?search=nothing-like-it").json()["results"] == []
    items = {"items": [{"op": "delete", "name": shown["slug"]}], "atomic": True}
    assert editor.post(f"{V1}/{noun}/bulk", items, format="json").json()["succeeded"] == 1
    assert editor.get(address).status_code == 404
    entries = AuditEntry.objects.filter(object_name=shown["slug"]).order_by("id")
    assert [entry.action for entry in entries] == ["create", "change", "delete"]


def test_what_cannot_be_is_refused_by_field_and_nothing_is_stored(editor: APIClient) -> None:
    StatusPage.objects.create(slug="registry", title="Registry")
    refused: list[tuple[str, dict[str, Any], list[str]]] = [
        ("status-pages", {"title": ""}, ["title"]),
        ("status-pages", {"visibility": "everybody"}, ["visibility"]),
        ("status-pages", {"shows_hosts": "yes"}, ["shows_hosts"]),
        ("status-pages", {"frame_origins": ["https://a.example/path"]}, ["frame_origins"]),
        ("status-pages", {"frame_origins": ["https://a.example"] * 21}, ["frame_origins"]),
        ("status-pages", {"description": "x" * 1_001}, ["description"]),
        ("status-pages", {"slug": "Not A Slug"}, ["slug"]),
        ("status-pages", {"slug": "registry"}, ["slug"]),
        ("status-pages", {"uid": "0b0c6a5e-3a53-4c3e-8a51-6f0a3a0c7d52"}, ["uid"]),
        ("status-groups", {"page": "nowhere"}, ["page"]),
        ("status-groups", {"group": "nobody"}, ["group"]),
        ("status-groups", {"naming": "all"}, ["naming"]),
        ("status-groups", {"position": 32_768}, ["position"]),
        ("announcements", {"kind": "alarm"}, ["kind"]),
        ("announcements", {"starts_at": "2026-11-23"}, ["starts_at"]),
        ("announcements", {"text": "x" * 4_001}, ["text"]),
        ("announcements", {"made_by": "somebody"}, ["made_by"]),
    ]
    for noun, values, fields in refused:
        response = make(editor, noun, **({"slug": "other"} | values))
        assert (response.status_code, sorted({field.partition("[")[0] for field in wrong(response)})) == (400, fields)
    early = make(editor, "announcements", expires_at="2026-11-23T13:00:00Z")
    assert (early.status_code, "expires after it starts" in early.content.decode()) == (400, True)
    assert make(editor, "status-groups").status_code == 201
    assert make(editor, "status-groups", public_name="Twice").status_code == 400
    counts = [model.objects.count() for model in (StatusPage, StatusGroup, Announcement)]
    assert counts == [1, 1, 0]


def test_what_a_program_publishes_is_on_the_page(editor: APIClient, reader: User) -> None:
    make(editor, "status-groups")
    now = timezone.now()
    said = make(editor, "announcements", starts_at=(now - timedelta(hours=1)).isoformat()).json()
    assert (said["made_by"], said["slug"], said["expires_at"]) == ("reader", "it-moves-tonight", None)

    shown = Client().get("/status/registry/").content.decode()
    assert "Payments" in shown
    assert "It moves tonight" in shown
    assert "https://www.example.com" in Client().get("/status/registry/widget")["Content-Security-Policy"]

    over = {"expires_at": (now - timedelta(seconds=1)).isoformat()}
    assert editor.patch(f"{V1}/announcements/{said['id']}", over, format="json").status_code == 200
    assert "It moves tonight" not in Client().get("/status/registry/").content.decode()
    assert Announcement.objects.get().made_by == reader


def test_group_that_is_on_a_page_is_not_deleted_before_it_is_taken_off(
    editor: APIClient, group: ResourceGroup
) -> None:
    shown = make(editor, "status-groups")["Location"]
    address = f"{V1}/groups/{group.pk}"
    etag = editor.get(address)["ETag"]
    refused = editor.delete(address, headers={"If-Match": etag})
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert "in use by 1 groups on status pages" in refused.json()["detail"]
    assert editor.delete(shown, headers={"If-Match": editor.get(shown)["ETag"]}).status_code == 204
    assert editor.delete(address, headers={"If-Match": etag}).status_code == 204


def test_operator_announces_and_changes_no_page(editor: APIClient, reader: User, group: ResourceGroup) -> None:
    address = make(editor, "status-pages")["Location"]
    RoleGrant.objects.filter(user=reader).update(role=Role.OPERATOR)
    assert make(editor, "announcements").status_code == 201
    assert editor.patch(address, {"visibility": "hidden"}, format="json").status_code == 403
    assert editor.get(address).status_code == 200

    # Whoever reaches one group learns nothing of what is published of others.
    RoleGrant.objects.filter(user=reader).update(role=Role.EDITOR, group=group)
    for noun in NOUNS:
        assert editor.get(f"{V1}/{noun}").status_code == 403


def test_announcement_is_made_as_the_guide_says_and_ended_by_a_change(editor: APIClient) -> None:
    guide = (Path(__file__).resolve().parents[3] / "docs/how-to/public-status.md").read_text()
    (asked,) = re.findall(r"api/v1/announcements -H .*?-d '(.*?)'", guide, re.DOTALL)
    make(editor, "status-pages")
    made = editor.post(f"{V1}/announcements", json.loads(asked), format="json")
    assert made.status_code == 201, made.content
    assert "The registry moves" in Client().get("/status/registry/").content.decode()
    ended = editor.patch(made["Location"], {"expires_at": timezone.now().isoformat()}, format="json")
    assert ended.status_code == 200, ended.content
    assert ended.json()["expires_at"] is not None
