"""The database in which is played is nobody else's."""

from contextlib import suppress

import pytest
from django.db import connection, transaction

from kairos.simulation import scratch
from kairos.simulation.scenario import read_scenario
from kairos.simulation.world import World
from probes.models import Registry

SCENARIO = read_scenario(
    "{title: t, starts: 2026-03-02, lasts: 1m, regions: [r], resources: [{image: a.example/b:1}]}"
)


@pytest.mark.django_db
def test_world_refuses_to_begin_in_another_database() -> None:
    with pytest.raises(scratch.NoScratch):
        World(SCENARIO)


@pytest.mark.django_db
def test_nothing_is_emptied_in_another_database() -> None:
    Registry.objects.create(host="ghcr.io")
    with pytest.raises(scratch.NoScratch):
        scratch.clear()
    assert Registry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_connection_is_the_operators_again_whatever_was_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "call_command", lambda *_, **__: None)  # tables take longer than all the rest
    own, before = connection.settings_dict["NAME"], _databases()
    names: list[str] = []
    with suppress(RuntimeError), scratch.scratch() as name:
        names.append(name)
        assert connection.settings_dict["NAME"] == name
        raise RuntimeError
    assert names[0].startswith(scratch.PREFIX)
    assert connection.settings_dict["NAME"] == own
    assert _databases() == before


@pytest.mark.django_db(transaction=True)
def test_connection_is_the_operators_again_where_tables_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    own, before = connection.settings_dict["NAME"], _databases()
    names: list[str] = []

    def fail(*_: object, **__: object) -> None:
        names.append(connection.settings_dict["NAME"])
        raise RuntimeError

    monkeypatch.setattr(scratch, "call_command", fail)
    with suppress(RuntimeError), scratch.scratch():
        pass
    assert names[0].startswith(scratch.PREFIX)
    assert connection.settings_dict["NAME"] == own
    assert _databases() == before


def test_scratch_within_another_is_the_same(scratch_database: str) -> None:
    with scratch.scratch() as name:
        assert name == scratch_database
    assert connection.settings_dict["NAME"] == scratch_database


@pytest.mark.django_db(transaction=True)
def test_scratch_of_a_role_that_may_make_none_says_what_it_needs() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE clerk NOCREATEDB")
        try:
            cursor.execute("SET ROLE clerk")
            with pytest.raises(scratch.NoScratch, match="CREATEDB"), scratch.scratch():
                pass
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute("DROP ROLE clerk")


@pytest.mark.django_db(transaction=True)
def test_scratch_is_not_made_in_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(scratch.NoScratch), scratch.scratch():
        pass


def _databases() -> list[tuple[str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database ORDER BY datname")
        return list(cursor.fetchall())
