"""What is written down of a change, whichever way it comes."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from probes.actions import access_tokens, dispatch
from probes.models import (
    AccessToken,
    AuditEntry,
    Channel,
    Credential,
    Endpoint,
    MaintenanceWindow,
    Region,
    Registry,
    Resource,
    ResourceGroup,
    Rule,
)
from probes.models.audited import audits, unsaid
from tests.fakes.control_plane import ControlPlane

pytestmark = pytest.mark.django_db


def entries(model: str, **about: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Return action, object and changes of what was written, the oldest first."""
    found = AuditEntry.objects.filter(model=model, **about).order_by("id")
    return [(entry.action, entry.object_name, entry.changes) for entry in found]


def test_life_of_a_row_is_told_by_what_changed_alone() -> None:
    group = ResourceGroup.objects.create(name="payments")
    group.notes = "On call: 42"
    group.save()
    group.save()  # changes nothing
    group.delete()
    actions = entries("probes.resourcegroup")
    assert [(action, told) for action, told, _ in actions] == [
        ("create", "payments"),
        ("change", "payments"),
        ("delete", "payments"),
    ]
    assert actions[0][2]["name"] == [None, "payments"]
    assert "failures" not in actions[0][2], "of what is empty there is nothing to tell"
    assert actions[1][2] == {"notes": ["", "On call: 42"]}
    assert actions[2][2]["notes"] == ["On call: 42", None]


def test_what_goes_past_signals_does_not_go_past_triggers() -> None:
    ResourceGroup.objects.bulk_create([ResourceGroup(name=name, slug=name) for name in "ab"])
    ResourceGroup.objects.filter(name="a").update(failures=3)
    ResourceGroup.objects.filter(name="b").delete()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE probes_resourcegroup SET notes = 'by hand' WHERE name = 'a'")
    told = entries("probes.resourcegroup")
    assert [action for action, *_ in told] == ["create", "create", "change", "delete", "change"]
    assert told[2][2] == {"failures": [None, 3]}
    assert told[4][2] == {"notes": ["", "by hand"]}


def test_other_rows_are_told_by_name_as_of_then(plane: ControlPlane) -> None:
    image = plane.image()
    group = ResourceGroup.objects.create(name="payments")
    image.group = group
    image.save()
    image.regions.add(Region.objects.get(slug="eu-west"))
    image.regions.clear()
    changed = [
        (told, changes)
        for action, told, changes in entries("probes.resource", object_pk=str(image.pk))
        if action == "change"
    ]
    assert changed == [
        (image.slug, {"group": [None, "payments"]}),
        (image.slug, {"regions": [None, "eu-west"]}),
        (image.slug, {"regions": ["eu-west", None]}),
    ]


def test_deleted_resource_is_told_whole_with_its_parts(plane: ControlPlane) -> None:
    image = plane.image()
    pk = str(image.pk)
    host = image.registry.host
    image.delete()
    action, _, changes = entries("probes.resource", object_pk=pk)[-1]
    assert action == "delete"
    assert changes["registry"] == [host, None]
    assert changes["reference"] == [image.reference, None]


def test_secrets_are_told_as_changed_and_never_shown(plane: ControlPlane) -> None:
    registry = Registry.objects.create(host="secret.example")
    credential = Credential(registry=registry, username="robot")
    credential.save()
    Credential.objects.filter(pk=credential.pk).update(secret_encrypted=b"first", rotated_at=timezone.now())
    Credential.objects.filter(pk=credential.pk).update(secret_encrypted=b"second")
    Credential.objects.filter(pk=credential.pk).update(secret_encrypted=b"", rotated_at=None)
    changes = [changes for action, _, changes in entries("probes.credential") if action == "change"]
    assert changes == [
        {"secret_encrypted": [None, "***"]},
        {"secret_encrypted": ["***", "***"]},
        {"secret_encrypted": ["***", None]},
    ]


def test_nothing_secret_of_an_endpoint_is_told(plane: ControlPlane) -> None:
    endpoint = plane.image()
    Resource.objects.filter(pk=endpoint.pk).update(
        kind="http", reference="https://somebody:word@web.example/health?token=abc#part", tag="", digest=""
    )
    detail = Endpoint.objects.create(resource=endpoint, headers={"X-Key": "abc"}, body="abc", contains="well")
    detail.delete()
    told = entries("probes.resource", object_pk=str(endpoint.pk))
    assert told[-3][2]["reference"][1] == "https://***@web.example/health?***"
    assert told[-2][2]["endpoint.headers"] == [None, "***"]
    assert told[-2][2]["endpoint.body"] == [None, "***"]
    assert told[-2][2]["endpoint.contains"] == [None, "well"]
    assert told[-1][2]["endpoint.headers"] == ["***", None]
    assert "abc" not in str(told)


def test_channel_shows_its_address_and_not_its_url() -> None:
    channel = Channel.objects.create(
        name="chat", kind="webhook", secret_encrypted=b"https://x/T0K3N", address="https://x/…"
    )
    Channel.objects.filter(pk=channel.pk).update(failures=3, last_error="no", quiet_until=timezone.now())
    rule = Rule.objects.create(channel=channel, severity="critical")
    rule.registries.add(Registry.objects.create(host="quay.example"))
    ((_, _, changes),) = entries("probes.channel")
    assert changes["secret_encrypted"] == [None, "***"]
    assert changes["address"] == [None, "https://x/…"]
    assert "T0K3N" not in str(AuditEntry.objects.values_list("changes"))
    assert entries("probes.rule")[-1][2] == {"registries": [None, "quay.example"]}


def test_token_is_told_without_its_hash(plane: ControlPlane) -> None:
    owner = User.objects.create(username="ada")
    token = AccessToken(owner=owner, name="pipeline", scopes=["read"])
    made = access_tokens.issue(token, regions=[Region.objects.get(slug="eu-west")], by=owner, now=plane.now)
    access_tokens.note_use(made.token, now=plane.now)
    access_tokens.revoke([made.token.pk], now=plane.now)
    told = entries("probes.accesstoken")
    assert [(action, min(changes)) for action, _, changes in told[1:]] == [
        ("change", "regions"),
        ("change", "revoked_at"),
    ]
    assert told[0][2]["secret_hash"] == [None, "***"]
    assert told[0][2]["owner"] == [None, "ada"]


def test_people_and_what_they_may_are_told() -> None:
    user = User.objects.create(username="ada", password="pbkdf2$1$x", email="ada@example.com")
    user.last_login = timezone.now()
    user.save(update_fields=["last_login"])
    crew = Group.objects.create(name="crew")
    permission = Permission.objects.get(codename="view_region")
    crew.permissions.add(permission)
    user.groups.add(crew)
    User.objects.filter(pk=user.pk).update(is_superuser=True)
    told = entries("auth.user")
    assert told[0][2]["password"] == [None, "***"]
    assert [changes for _, _, changes in told[1:]] == [{"groups": [None, "crew"]}, {"is_superuser": [False, True]}]
    assert entries("auth.group")[-1] == (
        "change",
        "crew",
        {"permissions": [None, f"view_region #{permission.pk}"]},
    )


def test_large_value_is_told_by_its_beginning_and_hash() -> None:
    registry = Registry.objects.create(host="big.example", notes="x" * 5000)
    Registry.objects.filter(pk=registry.pk).update(notes="x" * 4999 + "y")
    (before, after) = entries("probes.registry")[-1][2]["notes"]
    assert before.startswith("x" * 200 + "… (5000 characters, sha256 ")
    assert before != after
    assert len(before) < 400


def test_window_tells_whom_it_concerns() -> None:
    window = MaintenanceWindow.objects.create(
        name="update", starts_on="2027-01-01", starts_at="02:00", duration_minutes=60, planned_until=timezone.now()
    )
    MaintenanceWindow.objects.filter(pk=window.pk).update(planned_until=timezone.now() + timedelta(days=1))
    window.groups.add(ResourceGroup.objects.create(name="payments"))
    assert [action for action, *_ in entries("probes.maintenancewindow")] == ["create", "change"]


def test_tick_does_not_call_the_trigger(plane: ControlPlane) -> None:
    """`EXPLAIN ANALYZE` lists each trigger that a statement has called."""
    image = plane.image()
    with connection.cursor() as cursor:
        statement = f"EXPLAIN (ANALYZE) {dispatch._MOVE_ON}"  # noqa: SLF001 - the very statement of the tick
        cursor.execute(statement, [[image.pk], [timezone.now()]])
        plan = "\n".join(line for (line,) in cursor.fetchall())
        assert "Trigger" not in plan
        cursor.execute("EXPLAIN (ANALYZE) UPDATE probes_resource SET interval_seconds = 600")
        assert "Trigger pgtrigger_audit" in "\n".join(line for (line,) in cursor.fetchall())


def test_a_check_and_a_heartbeat_change_no_configuration(plane: ControlPlane) -> None:
    image = plane.image()
    before = AuditEntry.objects.count()
    plane.check(image)
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE probes_auditentry SET actor = 'nobody'",
        "DELETE FROM probes_auditentry",
        "SET LOCAL pgtrigger.ignore = '{}'; DELETE FROM probes_auditentry",
    ],
)
def test_log_is_only_added_to(statement: str) -> None:
    ResourceGroup.objects.create(name="payments")
    names = ",".join(trigger.get_pgid(AuditEntry) for trigger in AuditEntry._meta.triggers)  # type: ignore[attr-defined]  # noqa: SLF001 - pgtrigger's
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.replace("{}", "{" + names + "}"))
    assert AuditEntry.objects.count() == 1


def test_log_is_not_emptied() -> None:
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE probes_auditentry")


def test_no_setting_keeps_a_change_out_of_the_log() -> None:
    with connection.cursor() as cursor:
        names = ",".join(trigger.get_pgid(ResourceGroup) for trigger in ResourceGroup._meta.triggers)  # type: ignore[attr-defined]  # noqa: SLF001 - pgtrigger's
        cursor.execute(f"SET LOCAL pgtrigger.ignore = '{{{names}}}'")
    ResourceGroup.objects.create(name="payments")
    assert AuditEntry.objects.count() == 1


def test_every_table_and_field_is_spoken_of() -> None:
    """A new field must be said to be told, masked or unwatched; a new table to be audited, or why not."""
    assert list(unsaid()) == []


def test_bytes_and_hashes_are_masked_everywhere() -> None:
    """Whoever adds one and has it told is stopped here."""
    for model, audit in audits().items():
        for name in (*audit.told, *audit.addresses):
            field = model._meta.get_field(name)  # noqa: SLF001 - Django's documented API
            assert field.get_internal_type() != "BinaryField", f"{model.__name__}.{name}"
            assert not {"password", "secret", "hash", "sha256", "encrypted"} & set(name.split("_")), (
                f"{model.__name__}.{name}"
            )


def test_every_audited_table_has_its_trigger() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE 'pgtrigger_audit_%' AND tgenabled = 'O'"
        )
        have = {name.strip('"') for (name,) in cursor.fetchall()}
    assert have == {model._meta.db_table for model in audits()}  # noqa: SLF001 - Django's documented API


def test_a_change_costs_no_statement_more() -> None:
    group = ResourceGroup.objects.create(name="payments")
    with CaptureQueriesContext(connection) as asked:
        ResourceGroup.objects.filter(pk=group.pk).update(failures=2)
    assert len(asked) == 1
