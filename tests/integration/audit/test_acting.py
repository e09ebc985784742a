"""Who did it: told with each change, and never with anybody else's."""

import threading
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kairos import actors
from kairos.celery import act, act_no_more
from probes.actions.acting import Actor, acting, begin, coming_by, end
from probes.models import AuditEntry, ResourceGroup
from probes.policy.audit import ActorKind, Via


def actor(name: str) -> Actor:
    return Actor(kind=ActorKind.USER, name=name, via=Via.API)


def change(note: str) -> str:
    """Change something, and return who it was according to the log."""
    ResourceGroup.objects.update(notes=note)
    return AuditEntry.objects.latest("id").actor


@pytest.fixture
def group(db: None) -> ResourceGroup:
    return ResourceGroup.objects.create(name="payments")


@pytest.fixture
def stored(transactional_db: None) -> ResourceGroup:
    """A group that is committed: each statement is its own transaction."""
    return ResourceGroup.objects.create(name="payments")


@pytest.mark.django_db
def test_nobody_is_told_as_the_database_knows_him(group: ResourceGroup) -> None:
    entry = AuditEntry.objects.get()
    assert (entry.actor_kind, entry.via) == ("system", "sql")
    assert entry.actor.endswith(" by kairos")


@pytest.mark.usefixtures("stored")
def test_who_acts_is_told_in_autocommit_and_forgotten_after() -> None:
    with acting(lambda: actor("ada")):
        assert change("1") == "ada"
    assert change("2").endswith(" by kairos")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('kairos.actor', true)")
        assert not cursor.fetchone()[0]


MANY = "UPDATE probes_resourcegroup SET notes = %s"


@pytest.mark.usefixtures("stored")
def test_one_statement_with_many_parameters_is_told_each_time_and_forgotten_after() -> None:
    with acting(lambda: actor("ada")), connection.cursor() as cursor:
        cursor.executemany(MANY, [["1"], ["2"]])
        assert (cursor.rowcount, connection.in_atomic_block) == (2, False)
    with connection.cursor() as cursor:
        cursor.executemany(MANY, [["3"], ["4"]])
    told = [entry.actor for entry in AuditEntry.objects.filter(action="change").order_by("id")]
    assert told[:2] == ["ada", "ada"]
    assert all(name.endswith(" by kairos") for name in told[2:])
    assert len(told) == 4


@pytest.mark.django_db
def test_many_rows_at_once_are_told_each_with_who_acts() -> None:
    with acting(lambda: actor("ada")):
        rows = ResourceGroup.objects.bulk_create(
            ResourceGroup(name=name, slug=name) for name in ("one", "two", "three")
        )
        for row in rows:
            row.notes = "x"
        ResourceGroup.objects.bulk_update(rows, ["notes"], batch_size=2)
        ResourceGroup.objects.filter(pk__in=[row.pk for row in rows]).delete()
    told = AuditEntry.objects.order_by("action").values_list("action", "actor")
    assert list(told) == [(action, "ada") for action in ("change", "create", "delete") for _ in rows]


@pytest.mark.usefixtures("stored")
def test_who_acts_outlives_savepoints_that_are_rolled_back() -> None:
    with acting(lambda: actor("ada")), transaction.atomic():
        with transaction.atomic():
            change("gone")
            transaction.set_rollback(True)
        assert change("1") == "ada"
    assert AuditEntry.objects.exclude(action="create").count() == 1


@pytest.mark.usefixtures("stored")
def test_within_one_transaction_each_change_is_its_own_actors() -> None:
    with transaction.atomic():
        with acting(lambda: actor("ada")):
            assert change("1") == "ada"
            with acting(lambda: actor("bob")):
                assert change("2") == "bob"
            assert change("3") == "ada"
        assert change("4").endswith(" by kairos")


@pytest.mark.usefixtures("stored")
def test_transaction_that_was_rolled_back_leaves_no_actor() -> None:
    with transaction.atomic(), acting(lambda: actor("ada")):
        change("1")
        transaction.set_rollback(True)
    assert change("2").endswith(" by kairos")


@pytest.mark.usefixtures("stored")
def test_other_threads_are_not_this_actor() -> None:
    seen: list[str] = []

    def elsewhere() -> None:
        try:
            seen.append(change("2"))
        finally:
            connections.close_all()

    with acting(lambda: actor("ada")):
        change("1")
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert seen[0].endswith(" by kairos")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["O'Brien", "100%", "%s", 'a"b', "ł\\n", "x'); DROP TABLE probes_resource; --"])
def test_name_of_any_letters_is_told_as_it_is(group: ResourceGroup, name: str) -> None:
    with acting(lambda: actor(name)):
        assert change("1") == name
        with connection.cursor() as cursor:
            cursor.execute("UPDATE probes_resourcegroup SET notes = '100%'")  # without parameters: taken as it stands
        assert AuditEntry.objects.latest("id").changes == {"notes": ["1", "100%"]}


@pytest.mark.django_db
def test_statement_that_returns_rows_or_counts_them_still_does(group: ResourceGroup) -> None:
    with acting(lambda: actor("ada")):
        made = ResourceGroup.objects.create(name="search")
        assert made.pk
        assert ResourceGroup.objects.update(notes="x") == 2
        assert ResourceGroup.objects.filter(pk=made.pk).delete()[0] == 1
        with connection.cursor() as cursor:
            cursor.execute("WITH done AS (UPDATE probes_resourcegroup SET notes = %s RETURNING id) TABLE done", ["%"])
            assert cursor.fetchall() == [(group.pk,)]
            cursor.executemany("UPDATE probes_resourcegroup SET notes = %s", [("a",), ("b",)])
    assert set(AuditEntry.objects.exclude(object_pk=group.pk, action="create").values_list("actor", flat=True)) == {
        "ada"
    }


@pytest.mark.django_db
def test_reading_asks_nobody_who_acts(group: ResourceGroup) -> None:
    def nobody() -> Actor:
        raise AssertionError

    with acting(nobody), CaptureQueriesContext(connection) as asked:
        assert list(ResourceGroup.objects.all()) == [group]
    assert len(asked) == 1
    assert "set_config" not in asked[0]["sql"]


@pytest.mark.django_db
def test_changing_costs_no_query_more(group: ResourceGroup) -> None:
    with acting(lambda: actor("ada")), CaptureQueriesContext(connection) as asked:
        group.save()
    assert len(asked) == 1


@pytest.mark.django_db
def test_change_in_the_admin_is_told_whole(group: ResourceGroup, django_user_model: Any) -> None:
    admin = django_user_model.objects.create(username="ada", is_staff=True, is_superuser=True)
    browser = Client(REMOTE_ADDR="192.0.2.7")
    browser.force_login(admin)
    response = browser.post(
        f"/admin/probes/resourcegroup/{group.pk}/change/",
        {"name": "payments", "notes": "changed", "slug": group.slug},
        headers={"X-Request-ID": "abc-1"},
    )
    assert response.status_code == 302
    assert response["X-Request-ID"] == "abc-1"
    entry = AuditEntry.objects.filter(model="probes.resourcegroup").latest("id")
    assert entry.changes == {"notes": ["", "changed"]}
    assert (entry.actor_kind, entry.actor, entry.user_id, entry.via) == ("user", "ada", admin.pk, "admin")
    assert (entry.address, entry.request_id) == ("192.0.2.7", "abc-1")
    assert entry.path == f"POST /admin/probes/resourcegroup/{group.pk}/change/"


@pytest.mark.django_db
@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", "a\u00e9"])
def test_request_without_a_good_id_is_given_one(sent: str) -> None:
    response = Client().get("/healthz", headers={"X-Request-ID": sent} if sent else {})
    assert len(response["X-Request-ID"]) == 36


@pytest.mark.parametrize(
    ("arguments", "path", "via"),
    [
        (["/srv/kairos/manage.py", "region", "add", "--password", "word"], "manage.py region", Via.COMMAND),
        (["manage.py", "apply", "-f", "kairos.yaml"], "manage.py apply", Via.APPLY),
    ],
)
def test_command_is_told_without_its_arguments(
    arguments: list[str], path: str, via: Via, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "ada")
    found = actors.commanding(arguments)
    assert found is not None
    assert (found.kind, found.path, found.via) == (ActorKind.COMMAND, path, via)
    assert found.name.startswith("ada as ")
    assert "word" not in found.setting


@pytest.mark.parametrize("arguments", [[], ["manage.py"], ["/usr/bin/gunicorn", "kairos.wsgi"], ["celery", "-A"]])
def test_what_is_no_command_acts_as_nobody(arguments: list[str]) -> None:
    assert actors.commanding(arguments) is None


@pytest.mark.django_db
def test_task_is_told_by_its_name_till_it_ends(group: ResourceGroup) -> None:
    class Task:
        name = "probes.plan_maintenance"

    act(sender=Task())
    try:
        assert change("1") == "probes.plan_maintenance"
        entry = AuditEntry.objects.latest("id")
        assert (entry.actor_kind, entry.via) == ("system", "task")
    finally:
        act_no_more()
    assert change("2").endswith(" by kairos")


@pytest.mark.django_db
def test_what_comes_by_a_file_is_told_so(group: ResourceGroup) -> None:
    with acting(lambda: actor("ada")), coming_by(Via.APPLY):
        assert change("1") == "ada"
    assert AuditEntry.objects.latest("id").via == "apply"


@pytest.mark.django_db
def test_command_acts_until_the_process_ends(group: ResourceGroup) -> None:
    begin(lambda: actor("root"))
    try:
        assert change("1") == "root"
    finally:
        end()
