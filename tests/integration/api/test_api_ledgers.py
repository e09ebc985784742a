"""What the machinery writes down of its own work, for programs."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from probes.models import (
    Channel,
    Credential,
    HostCertificate,
    MissedSlots,
    Notice,
    QuotaAccount,
    Region,
    Registry,
    ResourceGroup,
    RoleGrant,
)
from probes.policy.access import Role
from probes.policy.delivery import ChannelKind
from tests.fakes.access import token_of
from tests.fakes.control_plane import ControlPlane

pytestmark = pytest.mark.django_db

API = "/api/v1"
ONE = {"first_slot": "2026-11-23T13:10:00Z", "last_slot": "2026-11-23T13:10:00Z", "count": 1}


def listed(client: APIClient, address: str) -> list[dict[str, Any]]:
    response = client.get(f"{API}/{address}")
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


@pytest.fixture
def world(plane: ControlPlane) -> ControlPlane:
    """Two images, of which one is the shop's, and something of each ledger about both."""
    shop = ResourceGroup.objects.create(name="Shop")
    images = [plane.image("ghcr.io/org/app:1", group=shop), plane.image("quay.io/org/app:1")]
    far, near = plane.region("eu-west"), plane.region("us-east")
    for number, image in enumerate(images):
        slot = plane.now - timedelta(minutes=number)
        MissedSlots.objects.create(resource=image, region=far, first_slot=slot, last_slot=slot, cause="shed")
        MissedSlots.objects.create(
            resource=image, first_slot=slot - timedelta(hours=1), last_slot=slot, count=12, cause="downtime"
        )
        for region in (far, near):
            HostCertificate.objects.create(
                registry=image.registry,
                region=region,
                host=image.registry.host,
                not_after=plane.now + timedelta(days=30 + number),
                first_seen_at=plane.now,
                seen_at=plane.now,
            )
    return plane


def limited(reader: User) -> None:
    RoleGrant.objects.filter(user=reader).update(group=ResourceGroup.objects.get(name="Shop"))


def test_missed_slots_are_listed_the_last_first(client: APIClient, world: ControlPlane) -> None:
    rows = listed(client, "missed-slots")
    assert [(row["cause"], row["region"], row["count"]) for row in rows] == [
        ("downtime", None, 12),
        ("shed", "eu-west", 1),
        ("downtime", None, 12),
        ("shed", "eu-west", 1),
    ]
    assert rows[0]["resource"] == rows[1]["resource"]
    assert len(listed(client, f"missed-slots?resource={rows[0]['resource']}")) == 2
    assert len(listed(client, "missed-slots?region=eu-west&cause=shed&cause=lost")) == 2
    assert listed(client, "missed-slots?region=us-east") == []
    at = rows[0]["last_slot"]
    assert len(listed(client, f"missed-slots?since={at}")) == len(listed(client, f"missed-slots?until={at}")) == 2


def test_missed_slots_come_in_pages(client: APIClient, world: ControlPlane) -> None:
    first = client.get(f"{API}/missed-slots?page_size=3").json()
    second = client.get(first["next"]).json()
    ids = [row["id"] for row in first["results"] + second["results"]]
    assert (len(set(ids)), second["next"]) == (4, None)


def test_certificates_are_listed_the_first_to_end_first(client: APIClient, world: ControlPlane) -> None:
    rows = listed(client, "certificates")
    assert [(row["host"], row["region"]) for row in rows] == [
        ("ghcr.io", "eu-west"),
        ("ghcr.io", "us-east"),
        ("quay.io", "eu-west"),
        ("quay.io", "us-east"),
    ]
    assert len(listed(client, "certificates?registry=quay.io&region=eu-west")) == 1
    assert len(listed(client, "certificates?host=ghcr.io")) == 2
    assert len(listed(client, f"certificates?expires_before={rows[2]['not_after']}")) == 2


def test_quota_accounts_tell_what_is_left(client: APIClient, world: ControlPlane) -> None:
    registry = Registry.objects.get(host="ghcr.io")
    Registry.objects.filter(pk=registry.pk).update(quota_limit=100, quota_window_seconds=3600, quota_share_percent=50)
    login = Credential.objects.create(registry=registry, username="robot")
    QuotaAccount.objects.create(registry=registry, credential=login, created_at=world.now)
    QuotaAccount.objects.create(
        registry=Registry.objects.get(host="quay.io"),
        egress="203.0.113.7",
        regions=["eu-west"],
        short_since=world.now,
        short_at=world.now,
        created_at=world.now,
    )
    limit, none = listed(client, "quota-accounts")
    assert (limit["credential"], limit["limit"], limit["window_seconds"], limit["budget"]) == (
        login.slug,
        100,
        3600,
        50,
    )
    assert (none["credential"], none["egress"], none["limit"]) == (None, "203.0.113.7", None)
    assert [row["id"] for row in listed(client, "quota-accounts?short=true")] == [none["id"]]
    assert [row["id"] for row in listed(client, "quota-accounts?registry=ghcr.io&short=false")] == [limit["id"]]


@pytest.fixture
def notice(world: ControlPlane) -> Notice:
    channel = Channel.objects.create(name="on call", kind=ChannelKind.EMAIL)
    values = {
        "topic": "expiry",
        "announcement": {"title": "A token ends"},
        "created_at": world.now,
        "due_at": world.now,
    }
    Notice.objects.create(channel=channel, key="a", state="failed", last_error="refused", **values)
    return Notice.objects.create(channel=channel, key="b", **values)


def test_notices_tell_who_was_told_what(editor: APIClient, notice: Notice) -> None:
    waiting, failed = listed(editor, "notices")
    assert (waiting["id"], waiting["channel"], waiting["title"]) == (notice.pk, "on-call", "A token ends")
    assert (failed["state"], failed["last_error"]) == ("failed", "refused")
    assert [row["id"] for row in listed(editor, "notices?state=pending&topic=expiry")] == [waiting["id"]]
    assert len(listed(editor, "notices?channel=on-call")) == 2
    assert listed(editor, "notices?topic=quota") == []
    assert editor.get(f"{API}/notices?channel=nobody").status_code == 400


def test_notices_are_not_for_whoever_only_looks(client: APIClient, notice: Notice) -> None:
    response = client.get(f"{API}/notices")
    assert (response.status_code, response.json()["code"]) == (403, "missing_role")


def test_who_is_limited_to_a_group_sees_what_is_of_it(client: APIClient, reader: User, world: ControlPlane) -> None:
    QuotaAccount.objects.create(registry=Registry.objects.get(host="ghcr.io"), egress="x", created_at=world.now)
    limited(reader)
    assert len({row["resource"] for row in listed(client, "missed-slots")}) == 1
    assert {row["registry"] for row in listed(client, "certificates")} == {"ghcr.io"}
    assert listed(client, "quota-accounts") == []


def test_who_is_limited_to_a_region_sees_what_is_of_it(reader: User, world: ControlPlane) -> None:
    RoleGrant.objects.filter(user=reader).update(role=Role.EDITOR)
    near = Region.objects.get(slug="us-east")
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(reader, regions=[near])}")
    assert {row["region"] for row in listed(client, "missed-slots")} == {None}
    assert {row["region"] for row in listed(client, "certificates")} == {"us-east"}
    assert client.get(f"{API}/missed-slots?region=eu-west").status_code == 400


@pytest.mark.parametrize("noun", ["missed-slots", "certificates", "quota-accounts", "notices"])
def test_list_takes_two_queries(editor: APIClient, notice: Notice, noun: str, django_assert_num_queries: Any) -> None:
    QuotaAccount.objects.create(registry=Registry.objects.get(host="ghcr.io"), egress="a", created_at=notice.due_at)
    QuotaAccount.objects.create(registry=Registry.objects.get(host="quay.io"), egress="b", created_at=notice.due_at)
    editor.get(f"{API}/{noun}")
    with django_assert_num_queries(2):
        assert len(listed(editor, noun)) >= 2
