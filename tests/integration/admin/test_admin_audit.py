"""The audit log, for people: a ledger, and the history of each object."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from probes.models import AuditEntry, ResourceGroup
from probes.policy.access import Role
from tests.fakes.access import grant
from tests.fakes.control_plane import ControlPlane
from tests.integration.admin.pages import ADMIN, shown

pytestmark = pytest.mark.django_db

LEDGER = f"{ADMIN}/auditentry/"


@pytest.fixture
def payments(client: Client) -> ResourceGroup:
    """A group that an administrator has made and changed."""
    client.post(f"{ADMIN}/resourcegroup/add/", {"name": "payments"})
    group = ResourceGroup.objects.get()
    client.post(
        f"{ADMIN}/resourcegroup/{group.pk}/change/", {"name": "payments", "slug": "payments", "failures": "4"}
    )
    return group


@pytest.fixture
def editor(django_user_model: Any) -> Client:
    """Somebody of the staff with every one of Django's permissions to look, who is no administrator."""
    from django.contrib.auth.models import Permission  # noqa: PLC0415 - models, once Django is set up

    user = django_user_model.objects.create(username="ed", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    grant(user, Role.EDITOR)
    browser = Client()
    browser.force_login(user)
    return browser


def test_history_of_an_object_is_what_was_changed(client: Client, payments: ResourceGroup) -> None:
    page = shown(client, f"{ADMIN}/resourcegroup/{payments.pk}/history/")
    assert "admin admin, 127.0.0.1 change failures : — → 4" in page
    assert "create name : payments" in page
    assert "All of it in the audit log" in page


def test_history_of_a_person_is_there_too(client: Client, django_user_model: Any) -> None:
    user = django_user_model.objects.create(username="ada", password="pbkdf2$secret")
    page = shown(client, f"/admin/auth/user/{user.pk}/history/")
    assert "password : ***" in page
    assert "secret" not in page
    assert "ada" in shown(client, f"/admin/auth/user/{user.pk}/change/")


def test_history_takes_as_many_queries_for_many_entries_as_for_one(client: Client, payments: ResourceGroup) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get(f"{ADMIN}/resourcegroup/{payments.pk}/history/")
        return len(asked)

    before = queries()
    for failures in range(2, 60):
        ResourceGroup.objects.update(failures=failures)
    assert queries() == before


def test_who_is_no_administrator_sees_none_of_it(editor: Client, payments: ResourceGroup) -> None:
    assert editor.get(LEDGER).status_code == 403
    page = shown(editor, f"{ADMIN}/resourcegroup/{payments.pk}/history/")
    assert "→" not in page
    assert "Audit entries" not in shown(editor, "/admin/")


def test_administrator_by_role_reads_it(django_user_model: Any, payments: ResourceGroup) -> None:
    user = django_user_model.objects.create(username="root", is_staff=True)
    grant(user, Role.ADMIN)
    browser = Client()
    browser.force_login(user)
    assert "payments" in shown(browser, LEDGER)


def test_ledger_lists_what_was_changed(client: Client, payments: ResourceGroup) -> None:
    page = shown(client, LEDGER)
    assert "admin admin change group payments failures" in page


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("?kind=probes.resourcegroup", 2),
        ("?kind=probes.resourcegroup&action__exact=create", 1),
        ("?kind=probes.channel", 0),
        ("?object=probes.resourcegroup:{pk}", 2),
        ("?object=probes.resourcegroup:0", 0),
        ("?object=%00", 0),
        ("?q=payments", 2),
        ("?q=admin&kind=probes.resourcegroup", 2),
        ("?via__exact=admin&kind=probes.resourcegroup", 2),
    ],
)
def test_ledger_is_narrowed(client: Client, payments: ResourceGroup, query: str, count: int) -> None:
    response = client.get(LEDGER + query.format(pk=payments.pk))
    assert response.status_code == 200
    assert len(response.context["cl"].result_list) == count


def test_page_of_an_entry_tells_all_of_it(client: Client, payments: ResourceGroup) -> None:
    entry = AuditEntry.objects.filter(object_name="payments").latest("id")
    page = shown(client, f"{LEDGER}{entry.pk}/change/")
    assert "failures — 4" in page
    assert f"POST /admin/probes/resourcegroup/{payments.pk}/change/" in page
    assert entry.request_id in page


@pytest.mark.parametrize("address", ["add/", "{pk}/delete/"])
def test_nobody_writes_it(client: Client, payments: ResourceGroup, address: str) -> None:
    entry = AuditEntry.objects.latest("id")
    assert client.post(LEDGER + address.format(pk=entry.pk), {"post": "yes"}).status_code == 403
    assert AuditEntry.objects.filter(pk=entry.pk).exists()


def test_ledger_takes_as_many_queries_for_many_as_for_one(client: Client, plane: ControlPlane) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get(LEDGER)
        return len(asked)

    before = queries()
    User.objects.bulk_create(User(username=f"somebody {number}") for number in range(60))
    assert queries() == before


def test_entry_tells_before_and_after_as_people_write_it(client: Client) -> None:
    rows = {
        "create": {
            "labels": [None, {"team": "shop"}],
            "check_tag": [None, False],
            "platforms": [None, ["a/b", "c/d"]],
        },
        "change": {"is_tag_immutable": [False, True], "name": ["", "the <b>app</b>"]},
        "delete": {"interval_seconds": [300, None]},
    }
    told = {}
    for action, changes in rows.items():
        entry = AuditEntry.objects.create(
            at=timezone.now(),
            action=action,
            model="probes.resource",
            object_pk="1",
            object_name="app",
            changes=changes,
            actor="ada",
            actor_kind="user",
            via="admin",
            txid=1,
        )
        told[action] = shown(client, f"{LEDGER}{entry.pk}/change/")
    assert 'Field After check tag no labels {"team": "shop"} platforms a/b, c/d' in told["create"]
    assert "Field Before After is tag immutable no yes name — the <b>app</b>" in told["change"]
    assert "Field Before interval seconds 300" in told["delete"]
