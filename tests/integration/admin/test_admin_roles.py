"""What roles mean in the admin site: over everything the matching permissions, over a group none."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from probes.models import ResourceGroup, RoleGrant
from probes.policy.access import Role
from tests.fakes.access import grant

pytestmark = pytest.mark.django_db


@pytest.fixture
def somebody(django_user_model: Any) -> Any:
    return django_user_model.objects.create(username="somebody", is_staff=True)


def statuses(user: Any, *addresses: str) -> list[int]:
    browser = Client()
    browser.force_login(user)
    return [browser.get(f"/admin/probes/{address}/").status_code for address in addresses]


PAGES = ("resource", "resource/add", "credential", "channel/add", "region/add", "rolegrant/add")


@pytest.mark.parametrize(
    ("role", "opened"),
    [
        (Role.VIEWER, [200, 403, 403, 403, 403, 403]),
        (Role.OPERATOR, [200, 403, 403, 403, 403, 403]),
        (Role.EDITOR, [200, 200, 200, 200, 403, 403]),
    ],
)
def test_role_over_everything_opens_the_matching_pages(somebody: Any, role: Role, opened: list[int]) -> None:
    grant(somebody, role)
    assert statuses(somebody, *PAGES) == opened


def test_admin_gives_roles_without_being_a_superuser(somebody: Any) -> None:
    grant(somebody, Role.ADMIN)
    assert statuses(somebody, "resource/add", "credential", "rolegrant/add") == [200, 200, 200]


def test_role_over_a_group_opens_no_page(somebody: Any) -> None:
    grant(somebody, Role.ADMIN, ResourceGroup.objects.create(name="ours"))
    assert set(statuses(somebody, *PAGES)) == {403}


def test_role_of_a_group_of_users_is_that_of_its_members(somebody: Any) -> None:
    team = Group.objects.create(name="team")
    RoleGrant.objects.create(team=team, role=Role.EDITOR)
    assert statuses(somebody, "resource") == [403]
    somebody.groups.add(team)
    somebody.refresh_from_db()
    assert statuses(somebody, "resource", "resource/add") == [200, 200]


def test_role_counts_for_nobody_who_is_no_staff(django_user_model: Any) -> None:
    user = django_user_model.objects.create(username="nobody")
    grant(user, Role.ADMIN)
    assert statuses(user, "resource") == [302]
