"""Sources over the API: which programs manage what."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from probes.actions import staleness
from probes.models import Resource, ResourceGroup, RoleGrant, Source
from tests.fakes.control_plane import ControlPlane

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/sources"


def test_source_is_made_changed_and_deleted_and_what_it_managed_stays(editor: APIClient, plane: ControlPlane) -> None:
    made = editor.post(ADDRESS, {"name": "Platform's repository"}, format="json")
    assert (made.status_code, made.json()["slug"]) == (201, "platform-s-repository")
    source = Source.objects.get()
    image = plane.image("ghcr.io/org/app:1", managed_by=source)
    changed = editor.patch(made["Location"], {"name": "Platform"}, format="json").json()
    assert (changed["name"], changed["slug"], changed["resources"]) == ("Platform", "platform-s-repository", 1)
    assert editor.delete(made["Location"]).status_code == 204
    image.refresh_from_db()
    assert image.managed_by is None


def test_what_was_stale_is_not_retired_when_nobody_lists_it_any_more(editor: APIClient, plane: ControlPlane) -> None:
    source = Source.objects.create(name="Git")
    stale, retired, others = (plane.image(f"ghcr.io/org/app:{number}", managed_by=source) for number in range(3))
    Resource.objects.filter(pk=others.pk).update(managed_by=Source.objects.create(name="Other"))
    Resource.objects.update(stale_at=plane.now)
    staleness.retire([retired.pk], now=plane.now)
    assert editor.delete(f"{ADDRESS}/{source.pk}").status_code == 204
    staleness.retire_stale(grace=timedelta(0), now=plane.now)
    told = {row.pk: (row.stale_at is not None, row.is_retired) for row in Resource.objects.all()}
    assert told == {stale.pk: (False, False), retired.pk: (True, True), others.pk: (True, True)}


def test_what_is_stale_or_retired_is_counted(
    client: APIClient, plane: ControlPlane, django_assert_num_queries: Any
) -> None:
    source = Source.objects.create(name="Git")
    Source.objects.create(name="Other")
    images = [plane.image(f"ghcr.io/org/app:{number}", managed_by=source) for number in range(4)]
    Resource.objects.filter(pk__in=[image.pk for image in images[:3]]).update(stale_at=plane.now)
    Resource.objects.filter(pk=images[0].pk).update(retired_at=plane.now, paused_at=plane.now)
    client.get(ADDRESS)
    with django_assert_num_queries(2):
        git, other = client.get(ADDRESS).json()["results"]
    assert (git["resources"], git["stale"], git["retired"]) == (4, 2, 1)
    assert (other["resources"], other["stale"], other["retired"]) == (0, 0, 0)
    (found,) = client.get(f"{ADDRESS}?search=OTH&fields=slug").json()["results"]
    assert found == {"slug": "other"}


def test_who_is_limited_to_groups_counts_what_is_theirs(client: APIClient, reader: User, plane: ControlPlane) -> None:
    source, shop = Source.objects.create(name="Git"), ResourceGroup.objects.create(name="Shop")
    plane.image("ghcr.io/org/app:1", managed_by=source, group=shop)
    plane.image("ghcr.io/org/app:2", managed_by=source)
    RoleGrant.objects.filter(user=reader).update(group=shop)
    assert [row["resources"] for row in client.get(ADDRESS).json()["results"]] == [1]
